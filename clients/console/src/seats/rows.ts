import type { Session } from '../../../sdk/src/api.ts';

/** A seat, with all sessions that share it. */
export interface HeldSeat {
  readonly holder: string;
  /** The oldest first. */
  readonly sessions: readonly [Session, ...Session[]];
}

/** What an admin ends: one session, or the seat with all its sessions. */
export interface Ending {
  readonly scope: 'program' | 'seat';
  readonly session: Session;
  readonly seat: HeldSeat;
}

/**
 * The seats of these sessions that match `search`, the oldest first: new ones are added at the end, so that no row moves
 * under the pointer.
 */
export function seatsIn(sessions: readonly Session[], search: string): HeldSeat[] {
  const byHolder = Map.groupBy(sessions.toSorted(byAge), ({ holder }) => holder);
  return [...byHolder].flatMap(([holder, [first, ...others]]) =>
    first && [first, ...others].some((session) => matches(session, search))
      ? [{ holder, sessions: [first, ...others] }]
      : [],
  );
}

function byAge(a: Session, b: Session): number {
  return Date.parse(a.acquired_at) - Date.parse(b.acquired_at) || (a.session_id < b.session_id ? -1 : 1);
}

/** Whether the session's row contains each word of `search`. */
function matches(session: Session, search: string): boolean {
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

/** The name of the seat: of its machine, or of its user if it has sessions on several. */
export function nameOf({ holder, sessions }: HeldSeat): string {
  const [first] = sessions;
  const isOnOneMachine = sessions.every(({ fingerprint }) => fingerprint === first.fingerprint);
  return isOnOneMachine ? machineOf(first) : (first.user_id ?? holder);
}
