import * as z from 'zod/mini';
import { PLAN_NAMES, type Plan, type PlanPrice, planOfPrice, seatsOutOfRange } from './plans.ts';

/** An item of a subscription, as Stripe has it. */
export interface PricedItem extends PlanPrice {
  readonly itemId: string;
  readonly priceId: string;
  readonly quantity: number;
  /** A price that is archived cannot be sold any more. Items that have it keep it. */
  readonly isPriceActive: boolean;
  /** Metered items bill usage and have no seats. */
  readonly isMetered: boolean;
  readonly interval: 'day' | 'week' | 'month' | 'year';
  /** How many intervals a period has. */
  readonly intervalCount: number;
  /** What one unit costs each period, before discounts and taxes. */
  readonly currency: string;
  /** Decimal, in the smallest unit of the currency; `null` if it depends on the quantity. */
  readonly unitAmount: string | null;
  readonly periodStartMs: number;
  readonly periodEndMs: number;
}

/** An item of a subscription that is paid by quantity: seats, or an add-on. */
export const LicensedItemSchema = z.object({
  itemId: z.string(),
  priceId: z.string(),
  isPriceActive: z.boolean(),
  /** The plan whose seats it pays for; `null` for an add-on or an unknown price. */
  plan: z.nullable(z.enum(PLAN_NAMES)),
  quantity: z.int(),
  interval: z.enum(['day', 'week', 'month', 'year']),
  intervalCount: z.int(),
  currency: z.string(),
  unitAmount: z.nullable(z.string()),
  periodStartMs: z.int(),
  periodEndMs: z.int(),
});
export type LicensedItem = z.infer<typeof LicensedItemSchema>;

/**
 * Why a person of the vendor must look at a paid subscription. `no_plan`: no item has the price of a plan.
 * `several_plans`: items of more than one plan. `price_replaced`: an item that paid for seats has a price of no plan.
 * `too_few_seats`, `too_many_seats`: fewer or more than the plan is sold with. `unknown_status`: Stripe reports a status
 * that this release does not know. `not_at_stripe`: Stripe does not have the subscription.
 */
export const REVIEW_REASONS = [
  'no_plan',
  'several_plans',
  'price_replaced',
  'too_few_seats',
  'too_many_seats',
  'unknown_status',
  'not_at_stripe',
] as const;
export type ReviewReason = (typeof REVIEW_REASONS)[number];

/** What a subscription pays for, as far as its items show it. */
export const PaidForSchema = z.object({
  items: z.array(LicensedItemSchema),
  /** The plan of each price that this subscription ever had: a price can lose its lookup key. */
  planOfPriceId: z.record(z.string(), z.enum(PLAN_NAMES)),
  /** Items that ever paid for seats. */
  seatItemIds: z.array(z.string()),
  /** `null` if it was never understood. */
  plan: z.nullable(z.enum(PLAN_NAMES)),
  /** The sum of the seat items. */
  seats: z.int(),
  review: z.nullable(z.enum(REVIEW_REASONS)),
});
export type PaidFor = z.infer<typeof PaidForSchema>;

/** The price and plan that a subscription was sold with. */
export interface SoldPrice {
  readonly priceId: string;
  readonly plan: Plan;
}

/**
 * What the items pay for. A price is recognised by its lookup key or metadata, or because this subscription was sold with
 * it or had it before: `transfer_lookup_key` takes the key from the price of current subscribers
 * (docs.stripe.com/products-prices/manage-prices#lookup-keys). Items with other prices are add-ons. If the seats cannot
 * be recognised, plan and seats stay as they were.
 */
export function paidFor(
  items: readonly PricedItem[],
  sold: SoldPrice | null,
  before: PaidFor | undefined,
): PaidFor {
  const planOfPriceId: Record<string, Plan> = { ...before?.planOfPriceId };
  if (sold) planOfPriceId[sold.priceId] ??= sold.plan;
  const licensed = items.filter(({ isMetered }) => !isMetered);
  const known = licensed.map((item): LicensedItem => {
    const { lookupKey: _, planName: __, isMetered: ___, ...rest } = item;
    return { ...rest, plan: planOfItem(item, planOfPriceId) };
  });
  const seatItems = known.filter(({ plan }) => plan !== null);
  for (const { priceId, plan } of seatItems) if (plan) planOfPriceId[priceId] = plan;
  const wereSeats = new Set(before?.seatItemIds);
  const seatItemIds = [...new Set([...wereSeats, ...seatItems.map(({ itemId }) => itemId)])].sort();
  const memory = { items: known, planOfPriceId, seatItemIds };
  const asBefore = { plan: before?.plan ?? null, seats: before?.seats ?? 0 };
  const isReplaced = known.some(({ itemId, plan }) => plan === null && wereSeats.has(itemId));
  if (isReplaced) return { ...memory, ...asBefore, review: 'price_replaced' };
  const [first, ...others] = seatItems;
  if (!first?.plan) return { ...memory, ...asBefore, review: 'no_plan' };
  if (others.some(({ plan }) => plan !== first.plan))
    return { ...memory, ...asBefore, review: 'several_plans' };
  const { plan } = first;
  const seats = sumOf(seatItems);
  return { ...memory, plan, seats, review: seatsOutOfRange(plan, seats) };
}

/** The plan that the price shows, or that is remembered of it. */
export function planOfItem(
  item: PlanPrice & { readonly priceId: string },
  planOfPriceId: PaidFor['planOfPriceId'],
): Plan | null {
  const remembered = Object.hasOwn(planOfPriceId, item.priceId) ? planOfPriceId[item.priceId] : undefined;
  return planOfPrice(item) ?? remembered ?? null;
}

/** Whether plan and seats are those of the current items. */
export function isUnderstood({ review }: Pick<PaidFor, 'review'>): boolean {
  return review === null || review === 'too_few_seats' || review === 'too_many_seats';
}

export function seatItemsOf({ items }: Pick<PaidFor, 'items'>): readonly LicensedItem[] {
  return items.filter(({ plan }) => plan !== null);
}

export function sumOf(items: readonly Pick<LicensedItem, 'quantity'>[]): number {
  return items.reduce((sum, { quantity }) => sum + quantity, 0);
}

/** Whether the same items pay for the same seats at the same prices. */
export function isSameSeats(a: Pick<PaidFor, 'items'>, b: Pick<PaidFor, 'items'>): boolean {
  const seatsOf = (paid: Pick<PaidFor, 'items'>) =>
    JSON.stringify(seatItemsOf(paid).map(({ itemId, priceId, quantity }) => [itemId, priceId, quantity]));
  return seatsOf(a) === seatsOf(b);
}
