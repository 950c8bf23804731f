/** What the checker can find, each with what it means. */
export const FINDING_KINDS = {
  BEYOND_MAX: 'more confirmed leases at a time than the license has seats',
  CUT_SHORT: 'a confirmed lease that the server did not keep to its end',
  UNKNOWN_ANSWER: 'an answer that no fault explains',
  SEAT_TAKEN: 'a seat that is not free though nobody holds it',
  SEAT_TOO_MANY: 'one more client than there are seats, and it was let in',
  NOT_TOLD: 'a confirmed grant or revival that the audit log does not know',
  UNEVEN: 'a session whose beginnings and ends do not take turns',
  WRONG_END: 'a session that ended otherwise, or at another time, than its client knows',
  HISTORY_OPEN: 'a session whose history has no end',
  HISTORY_WRONG: 'a history that does not say what the events of its session say',
  TOLD_TWICE: 'one event under two ids',
  CHAIN_BROKEN: 'an audit chain that is not whole',
  NOT_SEALED: 'an event that is in no chain though all is over',
  NOT_DRAINED: 'an event that has not arrived though all is over',
  FUNCTIONS_DIED: 'the functions ended though nobody killed them',
} as const;
export type FindingKind = keyof typeof FINDING_KINDS;

export interface Finding {
  readonly kind: FindingKind;
  /** Of what: a license, session, tenant or event. */
  readonly of: string;
  readonly detail: string;
}

/**
 * What follows from a second that Redis lost, which `appendfsync everysec` allows: grants, ends and events of it never
 * happened for Redis, though clients and subscribers may have been told of them.
 */
const FOLLOWS_FROM_LOSS: ReadonlySet<FindingKind> = new Set<FindingKind>([
  'BEYOND_MAX',
  'CUT_SHORT',
  'NOT_TOLD',
  'UNEVEN',
  'WRONG_END',
]);

/** Findings that break a promise, and those that are the price of `everysec`. */
export function judge(
  findings: readonly Finding[],
  mayLoseASecond: boolean,
): { breaches: Finding[]; holes: Finding[] } {
  const isHole = ({ kind }: Finding): boolean => mayLoseASecond && FOLLOWS_FROM_LOSS.has(kind);
  return { breaches: findings.filter((one) => !isHole(one)), holes: findings.filter(isHole) };
}
