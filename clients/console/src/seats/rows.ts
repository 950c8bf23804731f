import type { Session } from '../../../sdk/src/api.ts';

/** The longest held first: whoever comes is added at the end, and no row moves from under the pointer. */
export function byAge(a: Session, b: Session): number {
  return Date.parse(a.acquired_at) - Date.parse(b.acquired_at) || (a.session_id < b.session_id ? -1 : 1);
}

/** Whether what the row shows has all words of `search` in it. */
export function matches(session: Session, search: string): boolean {
  const { hostname, fingerprint, user_id, process_id, app_version, holder } = session;
  const text = [hostname, fingerprint, user_id, process_id, app_version, holder].join('\n').toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** What people call the machine. */
export function machineOf({ hostname, fingerprint }: Session): string {
  return hostname ?? fingerprint;
}
