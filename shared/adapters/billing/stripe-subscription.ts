import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import { LICENSE_ID, shardOf, TENANT_ID } from '../../domain/ids.ts';
import type { PendingItem, PendingUpdate } from '../../domain/pending-change.ts';
import { PLAN_METADATA_KEY, PLAN_NAMES } from '../../domain/plans.ts';
import type { PricedItem, SoldPrice } from '../../domain/seat-items.ts';
import type { SubscriptionState } from '../../domain/subscription.ts';
import { callStripe, readAll, unlessMissing } from './stripe-failures.ts';
import { meteredPricesOf } from './stripe-meters.ts';
import { AmountFields, amountOf, ItemLine, idOf, Ref } from './stripe-objects.ts';

/** How many of the newest invoices of one subscription are read: enough for years. */
const MAX_INVOICES = 100;
/** Stripe's limit (docs.stripe.com/billing/subscriptions/quantities) is 20 items. The page is larger, for safety. */
const ITEMS_PAGE = 100;

/** Keys of a subscription's metadata, set at checkout. */
const METADATA = {
  tenantId: 'seatlease_tenant_id',
  licenseId: 'seatlease_license_id',
  priceId: 'seatlease_price_id',
  plan: PLAN_METADATA_KEY,
} as const;

type Metadata = Readonly<Record<string, string>>;

const seconds = z.int();
const metadata = z.record(z.string(), z.string());

const ItemAnswer = z.object({
  id: z.string(),
  quantity: z.optional(z.int()),
  current_period_start: seconds,
  current_period_end: seconds,
  price: z.object({
    id: z.string(),
    active: z.boolean(),
    lookup_key: z.nullable(z.string()),
    metadata,
    ...AmountFields,
    recurring: z.object({
      usage_type: z.string(),
      meter: z.nullish(z.string()),
      interval: z.enum(['day', 'week', 'month', 'year']),
      interval_count: z.int(),
    }),
  }),
});
type ItemAnswer = z.infer<typeof ItemAnswer>;

/** An item of a pending update. In Stripe's documentation its price is only an id. */
const PendingItemAnswer = z.object({
  id: z.string(),
  quantity: z.nullish(z.int()),
  price: z.union([z.string(), ItemAnswer.shape.price]),
});

/** Expanded, to show where to pay for a pending update. */
const LatestInvoice = z.nullish(
  z.union([
    z.string(),
    z.object({
      id: z.string(),
      status: z.nullable(z.string()),
      hosted_invoice_url: z.nullish(z.string()),
    }),
  ]),
);

const SubscriptionAnswer = z.object({
  id: z.string(),
  status: z.string(),
  customer: Ref,
  created: seconds,
  collection_method: z.string(),
  pause_collection: z.nullish(z.object({})),
  schedule: Ref,
  cancel_at: z.nullish(seconds),
  cancel_at_period_end: z.boolean(),
  ended_at: z.nullish(seconds),
  latest_invoice: LatestInvoice,
  pending_update: z.nullish(
    z.object({ expires_at: seconds, subscription_items: z.nullish(z.array(PendingItemAnswer)) }),
  ),
  metadata,
  items: z.object({ data: z.array(ItemAnswer), has_more: z.boolean() }),
});
type SubscriptionAnswer = z.infer<typeof SubscriptionAnswer>;

const InvoicesAnswer = z.array(
  z.object({
    id: z.string(),
    created: seconds,
    /** `null` for an invoice that is charged automatically. */
    due_date: z.nullish(seconds),
    status: z.nullable(z.string()),
    status_details: z.nullish(
      z.object({ uncollectible: z.nullish(z.object({ reason: z.nullish(z.string()) })) }),
    ),
    billing_reason: z.nullable(z.string()),
    lines: z.object({ data: z.array(ItemLine), has_more: z.boolean() }),
  }),
);

/**
 * Why an invoice was written off on purpose. The other reasons (`max_payment_attempts`, `payment_not_received`, and an
 * invoice from before Stripe named reasons) say that it was not paid
 * (docs.stripe.com/changelog/endive/2026-09-30/invoice-uncollectible-status-detail).
 */
const GIVEN_AWAY: readonly unknown[] = ['user_forgiven', 'subscription_paused', 'subscription_canceled'];

/** The metadata of a subscription that is sold with `price`. */
export function soldAsMetadata({
  tenantId,
  licenseId,
  price,
}: NonNullable<SubscriptionState['soldAs']> & { readonly price: SoldPrice }): Record<string, string> {
  return {
    [METADATA.tenantId]: tenantId,
    [METADATA.licenseId]: licenseId,
    [METADATA.priceId]: price.priceId,
    [METADATA.plan]: price.plan,
  };
}

export async function readSubscription(stripe: Stripe, id: string): Promise<SubscriptionState | undefined> {
  const found = await unlessMissing('subscriptions.retrieve', undefined, () =>
    stripe.subscriptions.retrieve(id, { expand: ['latest_invoice'] }),
  );
  return found && stateOf(z.parse(SubscriptionAnswer, found), stripe);
}

async function stateOf(subscription: SubscriptionAnswer, stripe: Stripe): Promise<SubscriptionState> {
  const { id, status, cancel_at, cancel_at_period_end, ended_at } = subscription;
  const items = await allItems(subscription, stripe);
  if (items.length === 0) throw new Error(`${id} has no items`);
  const firstEnd = Math.min(...items.map((item) => item.current_period_end));
  const firstStart = Math.min(...items.map((item) => item.current_period_start));
  const collection = subscription.collection_method === 'send_invoice' ? 'invoice' : 'automatic';
  const isOverdue = status === 'past_due' || status === 'unpaid';
  // A subscription stays active while an invoice that was sent is open, and while a payment is on its way.
  const isOpenUnpaid = isOverdue || collection === 'invoice';
  const unpaid =
    ended_at == null ? await unpaidInvoices(subscription, items, isOpenUnpaid, stripe) : NOTHING_UNPAID;
  const since = unpaid.oldest?.atSeconds ?? (isOverdue ? firstStart : null);
  const cancelAt = cancel_at ?? (cancel_at_period_end ? firstEnd : null);
  return {
    subscriptionId: id,
    customerId: idOf(subscription.customer) ?? '',
    status,
    items: items.map(itemOf),
    meteredPrices: await meteredPricesOf(stripe, items),
    createdAtMs: subscription.created * 1000,
    collection,
    isCollectionPaused: subscription.pause_collection != null,
    scheduleId: idOf(subscription.schedule),
    cancelAtMs: cancelAt === null ? null : cancelAt * 1000,
    endedAtMs: ended_at == null ? null : ended_at * 1000,
    latestInvoiceId: idOf(subscription.latest_invoice),
    unpaidSinceMs: since === null ? null : since * 1000,
    unpaidInvoiceId: unpaid.oldest?.id ?? null,
    unpaidItemIds: unpaid.itemIds,
    isNeverPaid: collection === 'automatic' && unpaid.oldest?.reason === 'subscription_create',
    pendingUpdate: pendingUpdateOf(subscription),
    soldAs: soldAs(subscription.metadata),
  };
}

/** While one waits, the latest invoice is its own (docs.stripe.com/billing/subscriptions/pending-updates-reference). */
function pendingUpdateOf({ pending_update, latest_invoice }: SubscriptionAnswer): PendingUpdate | null {
  if (!pending_update) return null;
  const isOpen = typeof latest_invoice === 'object' && latest_invoice?.status === 'open';
  return {
    items: (pending_update.subscription_items ?? []).flatMap(pendingItemsOf),
    untilMs: pending_update.expires_at * 1000,
    payUrl: isOpen ? (latest_invoice.hosted_invoice_url ?? null) : null,
  };
}

/** None for a metered item. */
function pendingItemsOf({ id, quantity = null, price }: z.infer<typeof PendingItemAnswer>): PendingItem[] {
  const item = { itemId: id, quantity };
  if (typeof price === 'string')
    return [{ ...item, priceId: price, lookupKey: null, planName: null, interval: null }];
  if (price.recurring.usage_type === 'metered') return [];
  const { lookup_key: lookupKey, metadata, recurring } = price;
  const planName = metadata[PLAN_METADATA_KEY] ?? null;
  return [{ ...item, priceId: price.id, lookupKey, planName, interval: recurring.interval }];
}

/** Stripe returns the first items with the subscription, and the others in pages. */
async function allItems({ id, items }: SubscriptionAnswer, stripe: Stripe): Promise<readonly ItemAnswer[]> {
  if (!items.has_more) return items.data;
  return readAll('subscriptionItems.list', ItemAnswer, () =>
    stripe.subscriptionItems.list({ subscription: id, limit: ITEMS_PAGE }),
  );
}

function itemOf({ id, quantity, price, ...period }: ItemAnswer): PricedItem {
  const { recurring } = price;
  return {
    itemId: id,
    priceId: price.id,
    isPriceActive: price.active,
    lookupKey: price.lookup_key,
    planName: price.metadata[PLAN_METADATA_KEY] ?? null,
    // A metered item has no quantity.
    quantity: quantity ?? 0,
    isMetered: recurring.usage_type === 'metered',
    interval: recurring.interval,
    intervalCount: recurring.interval_count,
    ...amountOf(price),
    periodStartMs: period.current_period_start * 1000,
    periodEndMs: period.current_period_end * 1000,
  };
}

interface UnpaidInvoices {
  /** The one that was due first. An invoice without a due date was due when it was created. */
  readonly oldest:
    | { readonly id: string; readonly atSeconds: number; readonly reason: string | null }
    | undefined;
  /** The items that they bill. */
  readonly itemIds: string[];
}
const NOTHING_UNPAID: UnpaidInvoices = { oldest: undefined, itemIds: [] };

/**
 * The invoices that are not paid and still matter: open ones, and those that Stripe wrote off after the last retry, as an
 * account can be set up to do. Writing off makes the subscription `active` again
 * (https://docs.stripe.com/billing/subscriptions/overview), and such an invoice can still be paid (dj-stripe/dj-stripe#1870).
 * One from before a later period of its items was paid or given away does not matter: the newest invoice decides the
 * status of the subscription, and void ones never do. Nor does a written off one whose items are gone since, or that bills
 * invoice items, after any later period was. Those that were made by hand do not affect the subscription
 * (https://docs.stripe.com/api/invoices/create, `subscription`).
 */
async function unpaidInvoices(
  { id: subscription }: SubscriptionAnswer,
  items: readonly ItemAnswer[],
  isOpenUnpaid: boolean,
  stripe: Stripe,
): Promise<UnpaidInvoices> {
  const { data } = await callStripe('invoices.list', () =>
    stripe.invoices.list({ subscription, limit: MAX_INVOICES }),
  );
  const current = new Set(items.map(({ id }) => id));
  const settled = new Set<string>();
  // Newest first.
  const unpaid = z
    .parse(InvoicesAnswer, data)
    .flatMap(({ id, status, status_details, billing_reason, lines, ...invoice }) => {
      const details = lines.data.flatMap(({ parent }) => parent?.subscription_item_details ?? []);
      const itemIds = details.map(({ subscription_item }) => subscription_item);
      const isWrittenOff = status === 'uncollectible';
      const isGivenAway = isWrittenOff && GIVEN_AWAY.includes(status_details?.uncollectible?.reason);
      if (status === 'paid' || isGivenAway)
        for (const { subscription_item, proration } of details)
          if (!proration) settled.add(subscription_item);
      const left = itemIds.filter((itemId) => !settled.has(itemId));
      const isGone = isWrittenOff && settled.size > 0 && left.every((itemId) => !current.has(itemId));
      const isSettled = isGone || (itemIds.length > 0 && left.length === 0);
      const isUnpaid = (isWrittenOff && !isGivenAway) || (status === 'open' && isOpenUnpaid);
      if (!isUnpaid || billing_reason === 'manual' || isSettled) return [];
      return [
        {
          id,
          reason: billing_reason,
          atSeconds: invoice.due_date ?? invoice.created,
          itemIds: left,
          isWhole: !lines.has_more,
        },
      ];
    });
  const itemIds = unpaid.flatMap((invoice) => invoice.itemIds);
  return {
    oldest: unpaid.toSorted((a, b) => a.atSeconds - b.atSeconds)[0],
    // If not all lines are known, no item counts as paid.
    itemIds: unpaid.every(({ isWhole }) => isWhole) ? [...new Set(itemIds)].sort() : [],
  };
}

/** As set at checkout; anything else in the metadata is ignored. */
function soldAs(data: Metadata): SubscriptionState['soldAs'] {
  const tenantId = data[METADATA.tenantId] ?? '';
  const licenseId = data[METADATA.licenseId] ?? '';
  const isOurs =
    TENANT_ID.test(tenantId) && LICENSE_ID.test(licenseId) && shardOf(tenantId) === shardOf(licenseId);
  if (!isOurs) return null;
  const priceId = data[METADATA.priceId];
  const plan = PLAN_NAMES.find((name) => name === data[METADATA.plan]);
  return { tenantId, licenseId, price: priceId !== undefined && plan ? { priceId, plan } : null };
}
