import * as z from 'zod/mini';
import { compareMoments, type EventType, type SeatEvent } from './event.ts';
import { withoutUnknownFields } from './unknown-fields.ts';

export const END_REASONS = ['expired', 'released', 'evicted', 'lost', 'seats_reduced'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** A seat taken, taken again, or given up. */
const MarkSchema = z.object({
  atMs: z.int(),
  position: z.string(),
  /** `null` for a seat taken. */
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
  /** The earliest that any of its events reports. */
  acquiredAtMs: z.int(),
  ...SumSchema.shape,
  isOpen: z.boolean(),
  /** Of a loan, its latest end: a loan is never shortened. `null` for other sessions. */
  borrowedUntilMs: z.nullable(z.int()),
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

/**
 * The history with one more event added; other events than those of the session's seat leave it unchanged. A session can
 * end and take a seat again many times, also as `session.acquired`: after an hour, the seat store has forgotten it.
 */
export function addToHistory(
  history: SessionHistory | undefined,
  event: SeatEvent,
): SessionHistory | undefined {
  if (event.sessionId === null || !event.type.startsWith('session.')) return history;
  const before = beginAt(event.detail.acquiredAtMs, history ?? beginning(event, event.sessionId));
  const mark = markOf(event);
  const { settled, marks } = settle(before.settled, insert(before, mark));
  const { last: _, ...settledSum } = withoutUnknownFields(settled);
  const sum: Sum = marks.reduce<Sum>(add, settledSum);
  return {
    ...before,
    ...sum,
    isOpen: sum.seatedSinceMs !== null,
    borrowedUntilMs: latest(before.borrowedUntilMs, event.detail.borrowedUntilMs),
    missingSinceMs: mark === undefined ? before.missingSinceMs : null,
    marks,
    settled,
  };
}

function beginning({ licenseId, tenantId, detail, atMs }: SeatEvent, sessionId: string): SessionHistory {
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
    borrowedUntilMs: null,
    missingSinceMs: null,
    marks: [],
    settled: { ...sum, last: null },
  };
}

/** If marks are settled, their sum keeps the beginning that it was made with. */
function beginAt(acquiredAtMs: number | undefined, history: SessionHistory): SessionHistory {
  if (acquiredAtMs === undefined || acquiredAtMs >= history.acquiredAtMs) return history;
  const { settled } = history;
  return {
    ...history,
    acquiredAtMs,
    settled: settled.last === null ? { ...settled, seatedSinceMs: acquiredAtMs } : settled,
  };
}

function latest(known: number | null, reported: number | undefined): number | null {
  return reported === undefined ? known : Math.max(reported, known ?? reported);
}

/**
 * How the session ended, if no token and no record can give it its seat again. It is the last that was reported, also if
 * the session counted as ended before: the event in between may still be on its way.
 */
export function finalEndOf({ marks }: SessionHistory): 'released' | 'evicted' | undefined {
  const ended = marks.at(-1)?.ended;
  return ended === 'released' || ended === 'evicted' ? ended : undefined;
}

function markOf({ type, atMs, position, detail }: SeatEvent): Mark | undefined {
  if (type === 'session.acquired' || type === 'session.revived') return { atMs, position, ended: null };
  const special = detail.reason === 'lost' || detail.reason === 'seats_reduced' ? detail.reason : undefined;
  const reason = special ?? ENDED_BY[type];
  return reason && { atMs, position, ended: reason };
}

/** An end that is reported twice, by the caller who evicted it and by the event, is one mark. */
function insert({ marks, settled }: SessionHistory, mark: Mark | undefined): Mark[] {
  const isTooLate = settled.last !== null && mark !== undefined && compareMoments(mark, settled.last) < 0;
  if (mark === undefined || isTooLate) return marks;
  const isSameEnd = ({ atMs, ended }: Mark) => ended !== null && atMs === mark.atMs && ended === mark.ended;
  const twin = marks.find(isSameEnd);
  if (twin && compareMoments(twin, mark) >= 0) return marks;
  return [...marks.filter((known) => known !== twin), mark].sort(compareMoments);
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
