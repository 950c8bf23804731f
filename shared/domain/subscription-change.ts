import { paymentHolds } from './payment-holds.ts';
import { BILLING_INTERVALS, type BillingInterval, type Plan, priceKeyOf, seatsOutOfRange } from './plans.ts';
import { isUnderstood, type LicensedItem, seatItemsOf } from './seat-items.ts';
import { isOver, isOverdue, type Subscription } from './subscription.ts';

/** How long the amounts of a preview can be used: they are those of its time, and not of the change. */
export const PREVIEW_VALID_MINUTES = 30;

/** What a customer wants to change. Absent fields stay as they are. */
export interface WantedTerms {
  readonly plan?: Plan | undefined;
  readonly interval?: BillingInterval | undefined;
  readonly seats?: number | undefined;
}

/** What a seat item pays for. */
export interface SeatTerms {
  readonly plan: Plan;
  readonly interval: LicensedItem['interval'];
  readonly seats: number;
}

/**
 * Why a subscription cannot be changed here. `unpaid`: an invoice is not paid; Stripe gives a credit for the rest of its
 * period nevertheless (docs.stripe.com/billing/subscriptions/credit-proration-deferral), which pays for other licenses.
 * `paused`: Stripe sends no invoices. `collection_paused`: they are not collected, so added seats would be free.
 * `scheduled`: the phases of a schedule overwrite the change. `ending`: a cancellation is scheduled. `held`: a dispute or a refund holds the license back, so that
 * added seats could not be used, and Stripe would give a credit for seats that were paid back. `suspended`: the vendor has
 * suspended the license. `lent`: more seats are on loan, which cannot be called back, so that the credit would make them
 * free. `several_items`: several items pay for seats. `not_recognized`: see `REVIEW_REASONS`. `changing`:
 * another change is running. `rejected`: Stripe rejects the change.
 */
export const UNCHANGEABLE_REASONS = [
  'unpaid',
  'paused',
  'collection_paused',
  'scheduled',
  'ending',
  'held',
  'suspended',
  'lent',
  'several_items',
  'not_recognized',
  'changing',
  'rejected',
] as const;
export type UnchangeableReason = (typeof UNCHANGEABLE_REASONS)[number];

/** A change of the only seat item. */
export interface SeatChange {
  readonly itemId: string;
  readonly from: SeatTerms;
  readonly to: SeatTerms;
  /** The price to change to; `null` keeps `price`, which may be one that is no longer sold. */
  readonly newPrice: { readonly plan: Plan; readonly interval: BillingInterval } | null;
  readonly price: Pick<LicensedItem, 'priceId' | 'isPriceActive'>;
}

export type ChangeDecision =
  | { readonly verdict: 'CHANGE'; readonly change: SeatChange }
  | { readonly verdict: 'UNCHANGEABLE'; readonly reason: UnchangeableReason }
  | { readonly verdict: 'NOT_SOLD'; readonly plan: Plan }
  | { readonly verdict: 'OUT_OF_RANGE'; readonly plan: Plan };

/** Decides about a change of a subscription that has not ended. */
export function decideChange(subscription: Subscription, wanted: WantedTerms): ChangeDecision {
  const item = changeableItem(subscription);
  if (typeof item === 'string') return { verdict: 'UNCHANGEABLE', reason: item };
  const { itemId, priceId, isPriceActive } = item;
  const price = { priceId, isPriceActive };
  const from = { plan: item.plan, interval: item.interval, seats: item.quantity };
  const { plan = from.plan, seats = from.seats } = wanted;
  const keepsPrice = hasPriceOf(item, wanted);
  const interval = wanted.interval ?? BILLING_INTERVALS.find((each) => isBilledEach(item, each));
  if (!keepsPrice && (!interval || priceKeyOf(plan, interval) === undefined))
    return { verdict: 'NOT_SOLD', plan };
  if (seatsOutOfRange(plan, seats)) return { verdict: 'OUT_OF_RANGE', plan };
  const newPrice = keepsPrice || !interval ? null : { plan, interval };
  const to = { plan, seats, interval: newPrice?.interval ?? from.interval };
  return { verdict: 'CHANGE', change: { itemId, from, to, newPrice, price } };
}

/** What an invoice bills, and whether it was paid. */
export interface BilledInvoice {
  readonly isPaid: boolean;
  /** Whether it is still to be paid. If not, and if it is not paid, the vendor gave it up. */
  readonly isDue: boolean;
  /** In Stripe's words (`billing_reason`), such as `subscription_cycle`. */
  readonly reason: string | null;
  /** What it bills for items of the subscription. */
  readonly periods: readonly {
    readonly itemId: string;
    readonly endMs: number;
    /** Whether it is a part of a period, such as of added seats. */
    readonly isProration: boolean;
  }[];
}

/** Whether Stripe gives a credit for the rest of the current period. In a trial nothing is prorated. */
export function givesCredit({ status }: Subscription, { newPrice, from, to }: SeatChange): boolean {
  return status !== 'trialing' && (newPrice !== null || to.seats < from.seats);
}

/**
 * Whether the running period of the item, or a change in it, was not paid: its invoice is a draft for an hour, open until
 * its due date, or was given up. A change that Stripe charges automatically is not made before it is paid, so that its
 * open invoice does not matter. Nor does one from before a later period was paid that runs now: the vendor has begun a new
 * billing cycle, or a pause has ended. A payment that was refunded or disputed is none, also if its hold was lifted.
 * `invoices`: the newest first.
 */
export function isUnpaid(
  invoices: readonly BilledInvoice[],
  { collection, payments }: Subscription,
  itemId: string,
  nowMs: number,
): boolean {
  if (paymentHolds(payments).length > 0) return true;
  const runs = ({ periods }: BilledInvoice) =>
    periods.filter((period) => period.itemId === itemId && period.endMs > nowMs);
  const payer = invoices.findIndex(
    (invoice) => invoice.isPaid && runs(invoice).some(({ isProration }) => !isProration),
  );
  return invoices.some((invoice, index) => {
    const { isPaid, isDue, reason } = invoice;
    if (isPaid || reason === 'manual') return false;
    // Its lines can be invoice items, which name no item of the subscription.
    if (reason === 'subscription_update') return isDue && collection === 'invoice';
    return (payer === -1 || index < payer) && runs(invoice).length > 0;
  });
}

/** Whether there is nothing to change. */
export function isAsWanted(subscription: Subscription, wanted: WantedTerms): boolean {
  const [item, ...others] = seatItemsOf(subscription);
  if (!item || others.length > 0) return false;
  return hasPriceOf(item, wanted) && (wanted.seats ?? item.quantity) === item.quantity;
}

/** A customer keeps a price that is no longer sold, unless plan or interval change. */
function hasPriceOf(item: LicensedItem, { plan = item.plan ?? undefined, interval }: WantedTerms): boolean {
  return item.plan === plan && (interval === undefined || isBilledEach(item, interval));
}

/** Whether its period is one `wanted`. */
function isBilledEach({ interval, intervalCount }: LicensedItem, wanted: BillingInterval): boolean {
  return interval === wanted && intervalCount === 1;
}

/**
 * Why `decideChange` refuses any change of it; `undefined` if it does not, or if the subscription has ended. Its license
 * may be suspended, or another change may be running.
 */
export function obstacleTo(subscription: Subscription): UnchangeableReason | undefined {
  const item = changeableItem(subscription);
  return typeof item === 'string' && !isOver(subscription) ? item : undefined;
}

/** The only seat item, or why it cannot be changed. */
function changeableItem(
  subscription: Subscription,
): (LicensedItem & { readonly plan: Plan }) | UnchangeableReason {
  const obstacle = obstacleOf(subscription);
  if (obstacle) return obstacle;
  const [item, ...others] = seatItemsOf(subscription);
  if (!isUnderstood(subscription) || !item?.plan) return 'not_recognized';
  return others.length > 0 ? 'several_items' : { ...item, plan: item.plan };
}

function obstacleOf(subscription: Subscription): UnchangeableReason | undefined {
  const { status, isCollectionPaused, scheduleId, cancelAtMs, hold } = subscription;
  if (status === 'paused') return 'paused';
  if (status !== 'active' && status !== 'trialing') return 'unpaid';
  if (hold === 'payment' || isOverdue(subscription)) return 'unpaid';
  if (isCollectionPaused) return 'collection_paused';
  if (scheduleId !== null) return 'scheduled';
  if (cancelAtMs !== null) return 'ending';
  return hold === null ? undefined : 'held';
}

/** Whether the seats are still those of a preview, whose times are in whole seconds. */
export function isPreviewCurrent({ itemsSinceMs }: Subscription, dateMs: number): boolean {
  return dateMs >= Math.floor(itemsSinceMs / 1000) * 1000;
}

/** Whether a change can be charged as it was previewed at `dateMs`, in the current period. */
export function isPreviewValid({ items }: Subscription, dateMs: number, nowMs: number): boolean {
  const age = nowMs - dateMs;
  const startMs = Math.max(...items.map(({ periodStartMs }) => periodStartMs));
  return age >= 0 && age <= PREVIEW_VALID_MINUTES * 60_000 && dateMs >= startMs;
}

/** Whether the item is as the change makes it. */
export function isChangedTo(
  subscription: Subscription,
  { itemId, priceId, to }: Pick<SeatChange, 'itemId' | 'to'> & { readonly priceId: string },
): boolean {
  const item = subscription.items.find((each) => each.itemId === itemId);
  return item?.quantity === to.seats && item.priceId === priceId;
}
