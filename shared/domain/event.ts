import * as z from 'zod/mini';
import { ActorSchema } from './actor.ts';
import { EVENT_ID, eventIdOf, LICENSE_ID, SESSION_ID, TENANT_ID } from './ids.ts';
import { REVIEW_REASONS } from './seat-items.ts';
import { unknownFieldsOf } from './unknown-fields.ts';

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
  'license.signed',
  'subscription.trial_ending',
  'subscription.paid',
  'subscription.payment_failed',
  'subscription.refunded',
  'subscription.disputed',
  'subscription.ended',
  'subscription.needs_review',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

const count = z.int().check(z.gte(0));

/**
 * The fields that differ by event type. None holds personal data, and only the holder can be removed later: the chain of
 * the audit log hashes all others.
 */
export const EventDetailSchema = z.object({
  /** Pseudonym of the machine, user or process that holds the seat. */
  holder: z.optional(z.string()),
  /**
   * When the session began, or began anew after it had expired: in every event of a session, so that no event depends on
   * another that was lost.
   */
  acquiredAtMs: z.optional(z.int()),
  /** Until when the seat is borrowed. */
  borrowedUntilMs: z.optional(z.int()),
  /** When the program started without the server, by its own clock: at most 90 days before the event, and never after it. */
  offlineSinceMs: z.optional(z.int()),
  /**
   * What became of the seat: the session took it, other sessions had or have it too, or the session was its last. In
   * every event of type `session.*`.
   */
  seat: z.optional(z.enum(['taken', 'kept', 'freed'])),
  /** The exact number of seats in use when the event was written, see `writtenAtMs`. */
  active: z.optional(count),
  /** Seats of the license at that time, without overdraft. */
  max: z.optional(count),
  /** Why a session ended, or why a subscription needs a review, if the event type does not show it. */
  reason: z.optional(z.enum(['lease_ran_out', 'lost', 'seats_reduced', ...REVIEW_REASONS])),
  /** Requests denied within the minute that began at the event's time. */
  count: z.optional(count),
  /** The id of the signed license. */
  jti: z.optional(z.string()),
  /** The license version that the event created. */
  version: z.optional(count),
  /** The fields that an update changed, without their values. */
  fields: z.optional(z.array(z.string())),
  /** The license's plan, the status that its vendor set, and why its subscription holds it back, if the event changed it. */
  plan: z.optional(z.string()),
  status: z.optional(z.enum(['active', 'suspended'])),
  hold: z.optional(z.nullable(z.string())),
  /** At Stripe: the invoice that was paid, not paid, refunded or disputed, and the dispute. */
  invoiceId: z.optional(z.string()),
  disputeId: z.optional(z.string()),
});
export type EventDetail = z.infer<typeof EventDetailSchema>;

/** `<milliseconds>-<number>`: the outbox stream's id of the entry. Within one shard, larger is later. */
const POSITION = /^\d{1,16}-\d{1,20}$/;

/** Something that happened to a license or a session. */
export const SeatEventSchema = z.object({
  eventId: z.string().check(z.regex(EVENT_ID)),
  type: z.enum(EVENT_TYPES),
  tenantId: z.string().check(z.regex(TENANT_ID)),
  licenseId: z.string().check(z.regex(LICENSE_ID)),
  sessionId: z.nullable(z.string().check(z.regex(SESSION_ID))),
  /** When it happened, by Redis' clock: for an expired lease, earlier than when that was noticed. */
  atMs: z.int(),
  /** Orders events of one millisecond. */
  position: z.string().check(z.regex(POSITION)),
  actor: ActorSchema,
  /** The request that caused it; absent for what no request caused. */
  requestId: z.optional(z.string()),
  detail: EventDetailSchema,
});
export type SeatEvent = z.infer<typeof SeatEventSchema>;

/**
 * Adds the event's id. It is derived from type, tenant, license, session and time, from the version of the license, from
 * the end of the loan, and from invoice and dispute: Stripe's times are in whole seconds. Counts of seats and denials are
 * not part of it: a Redis restored from an older copy can report the same fact with another count. The actor and the
 * request are not part of it either: the same fact can be reported by another request.
 */
export function eventOf(fields: Omit<SeatEvent, 'eventId'>): SeatEvent {
  const { type, tenantId, licenseId, sessionId, atMs, detail } = fields;
  const loan = detail.borrowedUntilMs === undefined ? [] : [detail.borrowedUntilMs];
  const paid = [detail.invoiceId, detail.disputeId].filter((id) => id !== undefined);
  const content = [type, tenantId, licenseId, sessionId, atMs, detail.version ?? null, ...loan, ...paid];
  return { eventId: eventIdOf(licenseId, JSON.stringify(content)), ...fields };
}

/** The fields of an event's detail, sorted by name; also those that this release does not know. */
export function sortedEntries(detail: EventDetail): [string, unknown][] {
  return Object.entries({ ...unknownFieldsOf(detail), ...detail })
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** When the entry at `position` was added to the outbox, in milliseconds: stream ids begin with it. */
export function writtenAtMs(position: string): number {
  return Number(position.split('-')[0]);
}

/** Negative if `a` is before `b`: by time, then by position in the outbox. */
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
