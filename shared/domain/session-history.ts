import * as z from 'zod/mini';
import { compareMoments, type EventType, type SeatEvent } from './event.ts';

export const END_REASONS = ['expired', 'released', 'evicted', 'lost'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** A seat taken again, or given up. That a session began needs no mark: each of its events says when. */
const MarkSchema = z.object({
  atMs: z.int(),
  position: z.string(),
  /** `null` for a seat taken again. */
  ended: z.nullable(z.enum(END_REASONS)),
});
type Mark = z.infer<typeof MarkSchema>;

/** What marks add up to. */
const SumSchema = z.object({
  /** `null` while no seat is held. */
  seatedSinceMs: z.nullable(z.int()),
  endedAtMs: z.nullable(z.int()),
  endReason: z.nullable(z.enum(END_REASONS)),
  /** Time with a seat, up to the last end. */
  seatedMs: z.int(),
  /** How often a seat was taken again. */
  revivals: z.int(),
});
type Sum = z.infer<typeof SumSchema>;

/** The whole life of a session. The same whatever order its events arrive in. */
export const SessionHistorySchema = z.object({
  sessionId: z.string(),
  licenseId: z.string(),
  tenantId: z.string(),
  holder: z.nullable(z.string()),
  acquiredAtMs: z.int(),
  ...SumSchema.shape,
  isOpen: z.boolean(),
  /** The loan of its seat that was told of last. */
  loan: z._default(z.nullable(z.object({ atMs: z.int(), untilMs: z.int() })), null),
  /** Since when the seat store knows nothing of the session though no end was told; `null` for all is well. */
  missingSinceMs: z.nullable(z.int()),
  /** The latest marks, in order. */
  marks: z.array(MarkSchema),
  /** The sum of all marks before those, so that a session that comes and goes for a year stays one small document. */
  settled: z.object({ ...SumSchema.shape, last: z.nullable(MarkSchema) }),
});
export type SessionHistory = z.infer<typeof SessionHistorySchema>;

/** Marks kept: how late an event may come, counted in events of its session, and still fall into its place. */
export const MOST_MARKS = 32;

const ENDED_BY: Partial<Record<EventType, EndReason>> = {
  'session.expired': 'expired',
  'session.released': 'released',
  'session.evicted': 'evicted',
};

/** The history with one more event of the session in it; an event of another kind leaves it as it was. */
export function addToHistory(
  history: SessionHistory | undefined,
  event: SeatEvent,
): SessionHistory | undefined {
  if (event.sessionId === null) return history;
  const before = history ?? beginning(event, event.sessionId);
  const mark = markOf(event);
  const { settled, marks } = settle(before.settled, insert(before, mark));
  const { last: _, ...settledSum } = settled;
  const sum: Sum = marks.reduce<Sum>(add, settledSum);
  return {
    ...before,
    ...sum,
    isOpen: sum.seatedSinceMs !== null,
    loan: laterLoan(before.loan, event),
    missingSinceMs: mark === undefined ? before.missingSinceMs : null,
    marks,
    settled,
  };
}

function beginning(event: SeatEvent, sessionId: string): SessionHistory {
  const { licenseId, tenantId, detail, atMs } = event;
  const acquiredAtMs = detail.acquiredAtMs ?? atMs;
  const sum: Sum = {
    seatedSinceMs: acquiredAtMs,
    endedAtMs: null,
    endReason: null,
    seatedMs: 0,
    revivals: 0,
  };
  return {
    sessionId,
    licenseId,
    tenantId,
    holder: detail.holder ?? null,
    acquiredAtMs,
    ...sum,
    isOpen: true,
    loan: null,
    missingSinceMs: null,
    marks: [],
    settled: { ...sum, last: null },
  };
}

function laterLoan(loan: SessionHistory['loan'], { atMs, detail }: SeatEvent): SessionHistory['loan'] {
  const { borrowedUntilMs } = detail;
  if (borrowedUntilMs === undefined) return loan;
  // Of two told in one millisecond the longer one is the later: a loan never gets shorter.
  const isEarlier = loan !== null && (loan.atMs - atMs || loan.untilMs - borrowedUntilMs) >= 0;
  return isEarlier ? loan : { atMs, untilMs: borrowedUntilMs };
}

/** Until when the seat is lent, where it is now: a loan ends with the stay that it was made in. */
export function lentUntilMs({ loan, seatedSinceMs }: SessionHistory, nowMs: number): number | undefined {
  if (loan === null || seatedSinceMs === null) return undefined;
  return loan.atMs >= seatedSinceMs && loan.untilMs > nowMs ? loan.untilMs : undefined;
}

function markOf({ type, atMs, position, detail }: SeatEvent): Mark | undefined {
  if (type === 'session.revived') return { atMs, position, ended: null };
  const reason = detail.reason === 'lost' ? 'lost' : ENDED_BY[type];
  return reason && { atMs, position, ended: reason };
}

function insert({ marks, settled }: SessionHistory, mark: Mark | undefined): Mark[] {
  const isTooLate = settled.last !== null && mark !== undefined && compareMoments(mark, settled.last) < 0;
  return mark === undefined || isTooLate ? marks : [...marks, mark].sort(compareMoments);
}

function settle(
  settled: SessionHistory['settled'],
  marks: readonly Mark[],
): { settled: SessionHistory['settled']; marks: Mark[] } {
  const surplus = marks.slice(0, Math.max(0, marks.length - MOST_MARKS));
  const last = surplus.at(-1) ?? settled.last;
  return { settled: { ...surplus.reduce(add, settled), last }, marks: marks.slice(surplus.length) };
}

/** Where the event between two of a kind was lost, the first of them stands. */
function add<S extends Sum>(sum: S, { atMs, ended }: Mark): S {
  const { seatedSinceMs } = sum;
  if (ended === null) {
    if (seatedSinceMs !== null) return sum;
    return { ...sum, seatedSinceMs: atMs, endedAtMs: null, endReason: null, revivals: sum.revivals + 1 };
  }
  if (seatedSinceMs === null) return sum;
  const seatedMs = sum.seatedMs + Math.max(0, atMs - seatedSinceMs);
  return { ...sum, seatedSinceMs: null, endedAtMs: atMs, endReason: ended, seatedMs };
}
