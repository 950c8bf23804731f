import * as z from 'zod/mini';
import { compareMoments, type EventType, type SeatEvent } from './event.ts';
import { withoutUnknownFields } from './unknown-fields.ts';

export const END_REASONS = ['expired', 'released', 'evicted', 'lost'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** A seat taken again or given up. The beginning of a session needs no mark: each of its events contains it. */
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

/** The whole life of a session. It does not depend on the order in which its events arrive. */
export const SessionHistorySchema = z.object({
  sessionId: z.string(),
  licenseId: z.string(),
  tenantId: z.string(),
  holder: z.nullable(z.string()),
  acquiredAtMs: z.int(),
  ...SumSchema.shape,
  isOpen: z.boolean(),
  /** The latest reported loan of its seat. */
  loan: z._default(z.nullable(z.object({ atMs: z.int(), untilMs: z.int() })), null),
  /** Since when the open session is missing from the seat store; `null` if it is not missing. */
  missingSinceMs: z.nullable(z.int()),
  /** The latest marks, in order. */
  marks: z.array(MarkSchema),
  /** The sum of all older marks, so that a session with many ends and revivals stays one small document. */
  settled: z.object({ ...SumSchema.shape, last: z.nullable(MarkSchema) }),
});
export type SessionHistory = z.infer<typeof SessionHistorySchema>;

/** Marks kept: an event can arrive late by this many events of its session and is still inserted in its place. */
export const MAX_MARKS = 32;

const ENDED_BY: Partial<Record<EventType, EndReason>> = {
  'session.expired': 'expired',
  'session.released': 'released',
  'session.evicted': 'evicted',
};

/** The history with one more event added; an event without a session leaves it unchanged. */
export function addToHistory(
  history: SessionHistory | undefined,
  event: SeatEvent,
): SessionHistory | undefined {
  if (event.sessionId === null) return history;
  const before = history ?? beginning(event, event.sessionId);
  const mark = markOf(event);
  const { settled, marks } = settle(before.settled, insert(before, mark));
  const { last: _, ...settledSum } = withoutUnknownFields(settled);
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
  // Of two loans reported in the same millisecond, the longer one is the later: a loan is never shortened.
  const isEarlier = loan !== null && (loan.atMs - atMs || loan.untilMs - borrowedUntilMs) >= 0;
  return isEarlier ? loan : { atMs, untilMs: borrowedUntilMs };
}

/** Until when the seat is borrowed now. A loan ends when its seat is given up. */
export function loanUntilMs({ loan, seatedSinceMs }: SessionHistory, nowMs: number): number | undefined {
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
  const surplus = marks.slice(0, Math.max(0, marks.length - MAX_MARKS));
  const last = surplus.at(-1) ?? settled.last;
  return { settled: { ...surplus.reduce(add, settled), last }, marks: marks.slice(surplus.length) };
}

/** If the event between two marks of the same kind was lost, the first of them counts. */
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
