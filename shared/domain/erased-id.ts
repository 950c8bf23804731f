import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { isOwnUse } from './audit-chain.ts';
import { type SeatEvent, writtenAtMs } from './event.ts';
import { isUserId } from './ids.ts';

const DAY_MS = 86_400_000;

/**
 * An event that is older than this may arrive after the second round of an erasure, which begins an hour after the first.
 * Younger ones are recorded before it, or name only what began after the erasure.
 */
const LATE_AFTER_MS = 30 * 60_000;

/**
 * How long Pub/Sub can deliver an event: 31 days in a subscription, and 31 more as a dead letter
 * (https://cloud.google.com/pubsub/docs/subscription-properties#message_retention_duration).
 */
const DELIVERABLE_MS = 62 * DAY_MS;

/** That an id was erased. The id itself is not stored: it has 80 random bits or more, so that its hash reveals nothing. */
export const ErasedIdSchema = z.object({ hash: z.string(), untilMs: z.int() });
export type ErasedId = z.infer<typeof ErasedIdSchema>;

export function erasedId(id: string, nowMs: number): ErasedId {
  return { hash: hashOfErased(id), untilMs: nowMs + DELIVERABLE_MS };
}

/** The id of the document. */
export function hashOfErased(id: string): string {
  return createHash('sha256').update(`seatlease erased ${id}`).digest('base64url');
}

/** Whether the event could bring an id back that an erasure has removed. */
export function isLate({ position }: SeatEvent, nowMs: number): boolean {
  return nowMs - writtenAtMs(position) > LATE_AFTER_MS;
}

/** Whether what was erased before the event arrived can be forgotten again. */
export function isTooLate({ position }: SeatEvent, nowMs: number): boolean {
  return nowMs - writtenAtMs(position) > DELIVERABLE_MS;
}

/** The ids of an event that can identify a person: of its session, of its holder and of the user who caused it. */
export function erasableIds({ sessionId, detail: { holder }, actor }: SeatEvent): string[] {
  return [sessionId, holder, isUserId(actor.id) ? actor.id : null].filter((id) => typeof id === 'string');
}

/**
 * The event without the id of an erased actor, and without its holder, if that, its session or the actor whose use it shows
 * was erased: no other event of the session may have arrived before the erasure.
 */
export function withoutErased(event: SeatEvent, isErased: (id: string) => boolean): SeatEvent {
  const { sessionId, actor, detail } = event;
  const { holder, ...rest } = detail;
  const erasedUser = isUserId(actor.id) && isErased(actor.id) ? actor.id : undefined;
  const isHolderErased =
    (erasedUser !== undefined && isOwnUse(event, erasedUser)) ||
    [sessionId, holder].some((id) => typeof id === 'string' && isErased(id));
  return {
    ...event,
    actor: erasedUser !== undefined ? { ...actor, id: null } : actor,
    detail: isHolderErased ? rest : detail,
  };
}
