/** What the checker can find, with the meaning of each. */
export const FINDING_KINDS = {
  BEYOND_MAX: 'more confirmed leases at a time than the license has seats',
  CUT_SHORT: 'a lease that ended before its confirmed end',
  UNEXPECTED_RESPONSE: 'a response that no fault explains',
  SEAT_TAKEN: 'a seat that is not free though no client holds it',
  SEAT_TOO_MANY: 'one more client than the license has seats was not refused',
  EVENT_MISSING: 'a confirmed grant or revival without an event in the audit log',
  EVENTS_UNPAIRED: 'a session whose beginnings and ends do not alternate',
  WRONG_END: 'a session whose end contradicts its client',
  HISTORY_OPEN: 'a session history without an end',
  HISTORY_WRONG: 'a session history that contradicts the events of its session',
  EVENT_DUPLICATED: 'one event with two ids',
  CHAIN_BROKEN: 'an audit chain that fails verification',
  NOT_SEALED: 'an event that is in no chain at the end of the run',
  NOT_DRAINED: 'an event that has not been recorded at the end of the run',
  FUNCTIONS_DIED: 'the functions ended without being killed',
} as const;
export type FindingKind = keyof typeof FINDING_KINDS;

export interface Finding {
  readonly kind: FindingKind;
  /** The license, session, tenant, event or client that it is about. */
  readonly of: string;
  readonly detail: string;
}

/**
 * Findings that follow if Redis loses a second of writes, which `appendfsync everysec` allows: the grants, ends and
 * events of that second never happened for Redis, though clients and subscribers may have received them.
 */
const FOLLOWS_FROM_LOSS: ReadonlySet<FindingKind> = new Set<FindingKind>([
  'BEYOND_MAX',
  'CUT_SHORT',
  'EVENT_MISSING',
  'EVENTS_UNPAIRED',
  'WRONG_END',
]);

/** Separates findings that break a promise from those that `everysec` allows. */
export function judge(
  findings: readonly Finding[],
  mayLoseASecond: boolean,
): { breaches: Finding[]; holes: Finding[] } {
  const isHole = ({ kind }: Finding): boolean => mayLoseASecond && FOLLOWS_FROM_LOSS.has(kind);
  return { breaches: findings.filter((one) => !isHole(one)), holes: findings.filter(isHole) };
}
