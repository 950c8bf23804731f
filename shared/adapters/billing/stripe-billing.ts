import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import { priceKeyOf } from '../../domain/plans.ts';
import type { Dispute, Payment } from '../../domain/subscription.ts';
import type {
  Billing,
  BillingEvents,
  CheckoutAsk,
  CheckoutVerdict,
  MeteredUse,
  UsageVerdict,
} from '../../ports/billing.ts';
import { returnAddress } from './return-address.ts';
import { openStripeEvent } from './stripe-events.ts';
import { callStripe, faultOf, refusalOf, unlessMissing } from './stripe-failures.ts';
import { Invoice, idOf, Ref, subscriptionOf } from './stripe-objects.ts';
import { readSubscription, soldAsMetadata } from './stripe-subscription.ts';

export interface StripeOptions {
  /** Secret or restricted key, of live or test mode. */
  readonly secretKey: string;
  /** Address of another server; Stripe's own if absent. */
  readonly server?: { readonly host: string; readonly port: number } | undefined;
}

/** A function's time limit is longer than this, including one retry by the library. */
const ANSWER_WITHIN_MS = 8_000;

const seconds = z.int();

const ChargeAnswer = z.object({ refunded: z.boolean(), payment_intent: Ref });
const PaymentsAnswer = z.array(z.object({ invoice: z.extend(Invoice, { id: z.string() }) }));
const DisputeAnswer = z.object({ id: z.string(), charge: Ref, status: z.string() });
const SessionAnswer = z.object({ id: z.string(), url: z.string(), expires_at: seconds });

/** Disputes in which the vendor keeps the money (docs.stripe.com/api/disputes/object, `status`). */
const WON = new Set(['won', 'prevented', 'warning_closed']);

/** Payments with Stripe. Opening it costs nothing: the library is loaded when it is first used. */
export function openStripe(options: StripeOptions): Billing {
  let client: Promise<Stripe> | undefined;
  const getClient = (): Promise<Stripe> => (client ??= openClient(options));
  return {
    async createCustomer({ tenantId, name, attempt }) {
      const stripe = await getClient();
      const metadata = { seatlease_tenant_id: tenantId };
      const idempotencyKey = `customer:${tenantId}:${attempt}`;
      return callStripe('customers.create', async () => {
        return (await stripe.customers.create({ name, metadata }, { idempotencyKey })).id;
      });
    },
    async deleteCustomer(customerId) {
      const stripe = await getClient();
      await unlessMissing('customers.del', undefined, () => stripe.customers.del(customerId));
    },
    createCheckout: async (ask) => createCheckout(await getClient(), ask),
    expireCheckout: async (sessionId) => expireCheckout(await getClient(), sessionId),
    async createPortal({ customerId, returnUrl }) {
      const stripe = await getClient();
      return callStripe('billingPortal.sessions.create', async () => {
        const page = await stripe.billingPortal.sessions.create({
          customer: customerId,
          return_url: returnUrl,
        });
        return page.url;
      });
    },
    readSubscription: async (subscriptionId) => readSubscription(await getClient(), subscriptionId),
    async endSubscription(subscriptionId, when) {
      const stripe = await getClient();
      try {
        if (when === 'now') await stripe.subscriptions.cancel(subscriptionId);
        else
          await stripe.subscriptions.update(subscriptionId, { cancel_at_period_end: when === 'period_end' });
        return 'DONE';
      } catch (error) {
        refusalOf(error, 'subscriptions');
        const now = await readSubscription(stripe, subscriptionId);
        if (!now || now.endedAtMs !== null) return 'OVER';
        throw faultOf(error, 'subscriptions');
      }
    },
    readPayment: async (chargeId) => readPayment(await getClient(), chargeId),
    readDispute: async (disputeId) => readDispute(await getClient(), disputeId),
    recordUsage: async (use) => recordUsage(await getClient(), use),
  };
}

/**
 * Verifies events with the signing secrets of the webhook endpoint: more than one while the secret is rolled. The mode of
 * the account's key, live or test, is the mode of the events that are accepted.
 */
export function openStripeEvents(
  { secretKey }: StripeOptions,
  webhookSecrets: readonly string[],
): BillingEvents {
  const isLive = /^\w+_live_/.test(secretKey);
  return {
    async open(body, signature, nowMs) {
      const { Stripe } = await import('stripe');
      return openStripeEvent(Stripe, webhookSecrets, isLive, body, signature, nowMs);
    },
  };
}

async function openClient({ secretKey, server }: StripeOptions): Promise<Stripe> {
  const { Stripe } = await import('stripe');
  return new Stripe(secretKey, {
    timeout: ANSWER_WITHIN_MS,
    // Retried with the same idempotency key, so that nothing is created twice.
    maxNetworkRetries: 1,
    telemetry: false,
    ...(server && { ...server, protocol: 'http' }),
  });
}

async function createCheckout(stripe: Stripe, ask: CheckoutAsk): Promise<CheckoutVerdict> {
  const lookupKey = priceKeyOf(ask.plan, ask.interval);
  if (lookupKey === undefined) return { verdict: 'NOT_FOR_SALE' };
  const { data } = await callStripe('prices.list', () =>
    stripe.prices.list({ lookup_keys: [lookupKey], active: true, limit: 1 }),
  );
  const [price] = data;
  if (!price) return { verdict: 'NOT_FOR_SALE' };
  const metadata = soldAsMetadata({ ...ask, price: { priceId: price.id, plan: ask.plan } });
  try {
    const session = await stripe.checkout.sessions.create(
      {
        mode: 'subscription',
        customer: ask.customerId,
        client_reference_id: ask.licenseId,
        line_items: [{ price: price.id, quantity: ask.seats }],
        success_url: returnAddress(ask.returnUrl, 'paid'),
        cancel_url: returnAddress(ask.returnUrl, 'canceled'),
        metadata,
        subscription_data: { metadata, ...(ask.trialDays > 0 && { trial_period_days: ask.trialDays }) },
        ...(ask.automaticTax && {
          automatic_tax: { enabled: true },
          customer_update: { address: 'auto', name: 'auto' },
        }),
        ...(ask.promotionCodes && { allow_promotion_codes: true }),
      },
      { idempotencyKey: ask.requestId },
    );
    const { id, url, expires_at } = z.parse(SessionAnswer, session);
    return { verdict: 'OPEN', sessionId: id, url, expiresAtMs: expires_at * 1000 };
  } catch (error) {
    const { code } = refusalOf(error, 'checkout.sessions.create');
    if (code === 'resource_missing') return { verdict: 'NO_CUSTOMER' };
    throw faultOf(error, 'checkout.sessions.create');
  }
}

async function expireCheckout(stripe: Stripe, sessionId: string): Promise<'EXPIRED' | 'PAID'> {
  const call = 'checkout.sessions.expire';
  try {
    await stripe.checkout.sessions.expire(sessionId);
    return 'EXPIRED';
  } catch (error) {
    // Only an open session can be expired; the session shows whether it was paid or had already expired.
    refusalOf(error, call);
    const session = await unlessMissing(call, undefined, () => stripe.checkout.sessions.retrieve(sessionId));
    if (session?.status === 'open') throw faultOf(error, call);
    return session?.status === 'complete' ? 'PAID' : 'EXPIRED';
  }
}

async function readPayment(stripe: Stripe, chargeId: string): Promise<Payment | undefined> {
  const found = await unlessMissing('charges.retrieve', undefined, () => stripe.charges.retrieve(chargeId));
  if (!found) return undefined;
  const { refunded: isRefunded, payment_intent } = z.parse(ChargeAnswer, found);
  const paymentIntent = idOf(payment_intent);
  if (paymentIntent === null) return { subscriptionId: null, invoiceId: null, isRefunded };
  const { data } = await callStripe('invoicePayments.list', () =>
    stripe.invoicePayments.list({
      payment: { type: 'payment_intent', payment_intent: paymentIntent },
      limit: 1,
      expand: ['data.invoice'],
    }),
  );
  const [payment] = z.parse(PaymentsAnswer, data);
  if (!payment) return { subscriptionId: null, invoiceId: null, isRefunded };
  const { invoice } = payment;
  return { subscriptionId: subscriptionOf(invoice), invoiceId: invoice.id, isRefunded };
}

async function readDispute(stripe: Stripe, disputeId: string): Promise<Dispute | undefined> {
  const found = await unlessMissing('disputes.retrieve', undefined, () =>
    stripe.disputes.retrieve(disputeId),
  );
  if (!found) return undefined;
  const { charge, status } = z.parse(DisputeAnswer, found);
  const standing = WON.has(status) ? 'won' : status === 'lost' ? 'lost' : 'open';
  return { disputeId, chargeId: idOf(charge) ?? '', standing };
}

async function recordUsage(stripe: Stripe, use: MeteredUse): Promise<UsageVerdict> {
  try {
    await stripe.billing.meterEvents.create({
      event_name: use.meter,
      identifier: use.identifier,
      timestamp: Math.floor(use.atMs / 1000),
      payload: { stripe_customer_id: use.customerId, value: String(use.quantity) },
    });
    return { verdict: 'RECORDED' };
  } catch (error) {
    const { code } = refusalOf(error, 'billing.meterEvents.create');
    // Stripe has no error code for a duplicate identifier: it can only be recognised by its message.
    const isKnown = error instanceof Error && /already exists with identifier/i.test(error.message);
    if (isKnown || code === 'duplicate_meter_event') return { verdict: 'ALREADY' };
    return { verdict: 'REFUSED', because: faultOf(error, 'billing.meterEvents.create').message };
  }
}
