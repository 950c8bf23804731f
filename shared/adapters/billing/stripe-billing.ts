import type { Stripe } from 'stripe';
import type { Billing, BillingEvents } from '../../ports/billing.ts';
import { changeItem, previewChange } from './stripe-changes.ts';
import { checkStripe } from './stripe-check.ts';
import { createCheckout, createCustomer, expireCheckout, openCheckouts } from './stripe-checkout.ts';
import { collectFinalInvoice, endSubscription, keepSubscription } from './stripe-ending.ts';
import { stripeEventOpener } from './stripe-events.ts';
import { callStripe, unlessMissing } from './stripe-failures.ts';
import { readInvoices } from './stripe-invoices.ts';
import { readMeterErrors, recordUsage, voidUsage } from './stripe-meters.ts';
import { pauseSubscription, resumeSubscription } from './stripe-pausing.ts';
import { readDispute, readPaidInvoices, readPayment } from './stripe-payments.ts';
import { cachePrices, readPrices } from './stripe-prices.ts';
import { readSubscription } from './stripe-subscription.ts';

export interface StripeOptions {
  /** Secret or restricted key, of live or test mode. */
  readonly secretKey: string;
  /** Address of another server; Stripe's own if absent. */
  readonly server?: { readonly host: string; readonly port: number } | undefined;
}

/** A function's time limit is longer than this, including one retry by the library. */
const ANSWER_WITHIN_MS = 8_000;

/** Payments with Stripe. Opening it costs nothing: the library is loaded when it is first used. */
export function openStripe(options: StripeOptions, nowMs: () => number = Date.now): Billing {
  let client: Promise<Stripe> | undefined;
  const getClient = (): Promise<Stripe> => (client ??= openClient(options));
  const readCurrentPrices = async () => readPrices(await getClient());
  return {
    readPrices: readCurrentPrices,
    recentPrices: cachePrices(readCurrentPrices, nowMs),
    createCustomer: async (tenant) => createCustomer(await getClient(), tenant),
    async deleteCustomer(customerId) {
      const stripe = await getClient();
      await unlessMissing('customers.del', undefined, () => stripe.customers.del(customerId));
    },
    createCheckout: async (ask) => createCheckout(await getClient(), ask),
    openCheckouts: async (of) => openCheckouts(await getClient(), of),
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
    previewChange: async (change) => previewChange(await getClient(), change),
    changeItem: async (change) => changeItem(await getClient(), change),
    endSubscription: async (ask) => endSubscription(await getClient(), ask),
    keepSubscription: async (subscriptionId) => keepSubscription(await getClient(), subscriptionId),
    collectFinalInvoice: async (invoiceId, when) => collectFinalInvoice(await getClient(), invoiceId, when),
    pauseSubscription: async (ask) => pauseSubscription(await getClient(), ask),
    resumeSubscription: async (subscriptionId) => resumeSubscription(await getClient(), subscriptionId),
    readInvoices: async (subscriptionId) => readInvoices(await getClient(), subscriptionId),
    readPayment: async (chargeId) => readPayment(await getClient(), chargeId),
    readDispute: async (disputeId) => readDispute(await getClient(), disputeId),
    readPaidInvoices: async (subscriptionId) => readPaidInvoices(await getClient(), subscriptionId),
    recordUsage: async (use) => recordUsage(await getClient(), use),
    check: checkStripe(getClient),
    voidUsage: async (use) => voidUsage(await getClient(), use),
    readMeterErrors: async (eventId) => readMeterErrors(await getClient(), eventId),
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
  let opener: Promise<ReturnType<typeof stripeEventOpener>> | undefined;
  const getOpener = () =>
    (opener ??= import('stripe').then(({ Stripe }) => stripeEventOpener(Stripe, webhookSecrets, isLive)));
  return {
    open: async (body, signature, nowMs) => (await getOpener())(body, signature, nowMs),
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
