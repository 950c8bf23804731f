import { hasBegun, type SubscriptionState } from './subscription.ts';

/** How far ahead a subscription can be set to end. Stripe names no limit; this one is ours, against wrong dates. */
const MAX_END_AHEAD_MS = 5 * 366 * 24 * 3600 * 1000;

/**
 * Why a subscription cannot be ended, paused or resumed so. `paused`: nothing is paid that could run out. `not_begun`: it
 * was never paid. `invoice_sent`: its invoices are sent, not charged. `trialing`: it is in its trial. `scheduled`: the
 * phases of a schedule would overwrite it. `not_charged`: Stripe could not charge for a new period. `rejected`: Stripe
 * rejects it.
 */
export const ENDING_OBSTACLES = [
  'paused',
  'not_begun',
  'invoice_sent',
  'trialing',
  'scheduled',
  'not_charged',
  'rejected',
] as const;
export type EndingObstacle = (typeof ENDING_OBSTACLES)[number];

/** When a subscription ends. `period_end`: when all that is paid has run out. */
export type End = 'period_end' | 'now' | { readonly atMs: number };

/** Whether it can be set to end then, apart from its state. */
export function isAcceptedEnd(end: End, nowMs: number): boolean {
  return typeof end === 'string' || (end.atMs > nowMs && end.atMs <= nowMs + MAX_END_AHEAD_MS);
}

/** Why a running subscription cannot end then; `null` if it can. */
export function whyNotEnd({ status }: SubscriptionState, end: End): EndingObstacle | null {
  if (end === 'now') return null;
  if (status === 'paused') return 'paused';
  return hasBegun({ status }) ? null : 'not_begun';
}

export type PauseKind = 'collection' | 'subscription';

/**
 * Why a running subscription cannot be paused; `null` if it can, as far as its state shows: Stripe also refuses to pause
 * one in the billing mode `classic`, or with a cadence (docs.stripe.com/billing/subscriptions/pause#limitations).
 */
export function whyNotPause(state: SubscriptionState, kind: PauseKind): EndingObstacle | null {
  if (!hasBegun(state)) return 'not_begun';
  if (kind === 'collection') return null;
  if (state.collection === 'invoice') return 'invoice_sent';
  if (state.status === 'trialing') return 'trialing';
  return state.scheduleId === null ? null : 'scheduled';
}

/** Whether that pause has begun. */
export function isPausedAs({ status, isCollectionPaused }: SubscriptionState, kind: PauseKind): boolean {
  return kind === 'collection' ? isCollectionPaused : status === 'paused';
}

/** Why an end could not be undone. */
export function whyStillEnding({ scheduleId }: Pick<SubscriptionState, 'scheduleId'>): string {
  return scheduleId === null
    ? 'It was set to end again meanwhile.'
    : 'A schedule at Stripe ends it, and only the vendor can change that.';
}

/** What becomes of invoices while their collection is paused. */
export const PAUSED_COLLECTIONS = ['keep_as_draft', 'mark_uncollectible', 'void'] as const;
export type PausedCollection = (typeof PAUSED_COLLECTIONS)[number];
