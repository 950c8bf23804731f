import * as z from 'zod/mini';
import { EVENT_ID, eventIdOf, LICENSE_ID, SESSION_ID, TENANT_ID } from './ids.ts';

export const EVENT_TYPES = [
  'session.acquired',
  'session.borrowed',
  'session.revived',
  'session.expired',
  'session.released',
  'session.evicted',
  'seat.denied',
  'license.created',
  'license.updated',
  'license.key_rotated',
  'subscription.trial_ending',
  'subscription.paid',
  'subscription.payment_failed',
  'subscription.refunded',
  'subscription.disputed',
  'subscription.ended',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

const count = z.int().check(z.gte(0));

/** What an event tells beside what happened to whom. Each type has its own; none holds personal data. */
export const EventDetailSchema = z.strictObject({
  /** Pseudonym of the machine, user or process that holds the seat. */
  holder: z.optional(z.string()),
  /** When the session began: in every event of a session, so that each stands for itself where others were lost. */
  acquiredAtMs: z.optional(z.int()),
  /** Until when the seat is borrowed from now on, or again where it was revived. */
  borrowedUntilMs: z.optional(z.int()),
  /** Seats taken right after it. */
  active: z.optional(count),
  /** Seats of the license then, without overdraft. */
  max: z.optional(count),
  /** Why a session ended, where its type does not say it all. */
  reason: z.optional(z.enum(['lease_ran_out', 'lost'])),
  /** Requests that were refused within the minute that began when the event came true. */
  count: z.optional(count),
  /** Version of the license that the event made. */
  version: z.optional(count),
});
export type EventDetail = z.infer<typeof EventDetailSchema>;

/** `<milliseconds>-<number>`: the id that the outbox stream gave the entry. Larger is later within one shard. */
const POSITION = /^\d{1,16}-\d{1,20}$/;

/** A fact about a license or a session, told once it is true. */
export const SeatEventSchema = z.object({
  eventId: z.string().check(z.regex(EVENT_ID)),
  type: z.enum(EVENT_TYPES),
  tenantId: z.string().check(z.regex(TENANT_ID)),
  licenseId: z.string().check(z.regex(LICENSE_ID)),
  sessionId: z.nullable(z.string().check(z.regex(SESSION_ID))),
  /** When it came true, by Redis' clock: for a lease that ran out, earlier than when that was noticed. */
  atMs: z.int(),
  /** Orders events of one millisecond. */
  position: z.string().check(z.regex(POSITION)),
  detail: EventDetailSchema,
});
export type SeatEvent = z.infer<typeof SeatEventSchema>;

/**
 * An event with its id, which follows from what happened to whom and when, for a loan also until when. How many seats
 * were taken or refused then is no part of it: a Redis that came back from an older copy of itself may tell the same
 * fact with another count.
 */
export function eventOf(told: Omit<SeatEvent, 'eventId'>): SeatEvent {
  const { type, tenantId, licenseId, sessionId, atMs, detail } = told;
  const loan = detail.borrowedUntilMs === undefined ? [] : [detail.borrowedUntilMs];
  const content = [type, tenantId, licenseId, sessionId, atMs, detail.version ?? null, ...loan];
  return { eventId: eventIdOf(licenseId, JSON.stringify(content)), ...told };
}

/** The fields of an event's detail in one order, however it was read. */
export function sortedEntries(detail: EventDetail): [string, string | number][] {
  return Object.entries(detail)
    .flatMap(([field, value]): [string, string | number][] => (value === undefined ? [] : [[field, value]]))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** When the outbox took the entry at `position`, milliseconds: stream ids begin with it. */
export function writtenAtMs(position: string): number {
  return Number(position.split('-')[0]);
}

/** Negative where `a` comes before `b`: by when it came true, then by its place in the outbox. */
export function compareMoments(
  a: { readonly atMs: number; readonly position: string },
  b: { readonly atMs: number; readonly position: string },
): number {
  return a.atMs - b.atMs || comparePositions(a.position, b.position);
}

export function comparePositions(a: string, b: string): number {
  const [aMs = 0n, aNumber = 0n] = a.split('-').map(BigInt);
  const [bMs = 0n, bNumber = 0n] = b.split('-').map(BigInt);
  if (aMs !== bMs) return aMs < bMs ? -1 : 1;
  return aNumber === bNumber ? 0 : aNumber < bNumber ? -1 : 1;
}
