import * as z from 'zod/mini';
import type { Subscription } from '../domain/subscription.ts';
import { obstacleTo, UNCHANGEABLE_REASONS, type UnchangeableReason } from '../domain/subscription-change.ts';

/** Why seats, plan and interval cannot be changed now: what `SUBSCRIPTION_UNCHANGEABLE` would answer. */
export const UnchangeableView = z.strictObject({
  reason: z.enum(UNCHANGEABLE_REASONS),
  what_to_do: z.string(),
});

export const WHAT_TO_DO: Readonly<Record<UnchangeableReason, string>> = {
  unpaid:
    'An invoice of this period is not paid, or its payment was returned. Pay it in the billing portal first.',
  paused: 'The subscription is paused. Resume it first.',
  collection_paused: 'The vendor has paused its payments. Contact the vendor.',
  scheduled: 'A schedule already changes this subscription. Contact the vendor.',
  ending: 'A cancellation is scheduled. Undo it first.',
  held: 'A dispute or a refund holds the license back. Contact the vendor.',
  suspended: 'The vendor has suspended the license. Contact the vendor.',
  lent: 'More seats are on loan than that. They cannot be called back: wait until loans end, or return them.',
  several_items: 'Several items pay for its seats. Contact the vendor.',
  not_recognized: 'The vendor must look at what it pays for. Contact the vendor.',
  changing: 'Another change is being made. Send the request again in a moment.',
  rejected: 'The payment service does not accept this change. Contact the vendor.',
};

export function viewOfObstacle(subscription: Subscription): z.infer<typeof UnchangeableView> | null {
  const reason = obstacleTo(subscription);
  return reason === undefined ? null : { reason, what_to_do: WHAT_TO_DO[reason] };
}
