import type { Session } from '../../../sdk/src/api.ts';

/** Oldest session first: new ones are added at the end, so that no row moves under the pointer. */
export function byAge(a: Session, b: Session): number {
  return Date.parse(a.acquired_at) - Date.parse(b.acquired_at) || (a.session_id < b.session_id ? -1 : 1);
}

/** Whether the session's row contains each word of `search`. */
export function matches(session: Session, search: string): boolean {
  const { hostname, fingerprint, user_id, process_id, app_version, holder } = session;
  const text = [hostname, fingerprint, user_id, process_id, app_version, holder].join('\n').toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** The name of the machine in the table. */
export function machineOf({ hostname, fingerprint }: Session): string {
  return hostname ?? fingerprint;
}
