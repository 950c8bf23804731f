import * as z from 'zod/mini';
import { PLAN_NAMES, type PlanPrice } from './plans.ts';
import { type LicensedItem, type PaidFor, planOfItem, sumOf } from './seat-items.ts';

/** What an item becomes once the invoice of the change is paid. */
export interface PendingItem extends PlanPrice {
  readonly itemId: string;
  readonly priceId: string;
  /** `null` if it stays. */
  readonly quantity: number | null;
  /** `null` if Stripe names only the price. */
  readonly interval: LicensedItem['interval'] | null;
}

/** A change that Stripe makes once its invoice is paid (docs.stripe.com/billing/subscriptions/pending-updates). */
export interface PendingUpdate {
  /** Items that it does not name stay. */
  readonly items: readonly PendingItem[];
  /** When Stripe discards it. */
  readonly untilMs: number;
  /** The page on which to pay, if Stripe has one. */
  readonly payUrl: string | null;
}

/** The plan and seats after the change: `null` if they are not recognised, the interval also if it differs by item. */
export const PendingChangeSchema = z.object({
  plan: z.nullable(z.enum(PLAN_NAMES)),
  seats: z.nullable(z.int()),
  interval: z.nullable(z.enum(['day', 'week', 'month', 'year'])),
  untilMs: z.int(),
  payUrl: z.nullable(z.string()),
});
export type PendingChange = z.infer<typeof PendingChangeSchema>;

/** What waits for its payment at `nowMs`, beside what is paid for. */
export function pendingChangeOf(
  pending: PendingUpdate | null,
  { items, planOfPriceId, seatItemIds }: Pick<PaidFor, 'items' | 'planOfPriceId' | 'seatItemIds'>,
  nowMs: number,
): PendingChange | null {
  if (!pending || pending.untilMs <= nowMs) return null;
  const { untilMs, payUrl } = pending;
  const changed = pending.items.map((item) => {
    const before = items.find(({ itemId }) => itemId === item.itemId);
    const { itemId, priceId, quantity, interval } = item;
    const kept = before?.priceId === priceId ? before : undefined;
    return {
      itemId,
      plan: planOfItem(item, planOfPriceId),
      quantity: quantity ?? before?.quantity ?? 0,
      interval: interval ?? kept?.interval ?? null,
    };
  });
  const after = [
    ...items.filter(({ itemId }) => changed.every((each) => each.itemId !== itemId)),
    ...changed,
  ].filter(({ itemId, plan }) => plan !== null || seatItemIds.includes(itemId));
  const [first, ...others] = after;
  if (!first?.plan || others.some(({ plan }) => plan !== first.plan))
    return { plan: null, seats: null, interval: null, untilMs, payUrl };
  const isAlike = others.every(({ interval }) => interval === first.interval);
  return {
    plan: first.plan,
    seats: sumOf(after),
    interval: isAlike ? first.interval : null,
    untilMs,
    payUrl,
  };
}
