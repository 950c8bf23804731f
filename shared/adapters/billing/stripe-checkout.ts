import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';
import type { CheckoutAsk, CheckoutEnd, CheckoutVerdict, OpenCheckout } from '../../ports/billing.ts';
import { returnAddress } from './return-address.ts';
import { callStripe, faultOf, isSavedFailure, refusalOf, unlessMissing } from './stripe-failures.ts';
import { idOf, Ref } from './stripe-objects.ts';
import { soldAsMetadata } from './stripe-subscription.ts';

const PAGE = 100;
/** The parameter that names a price which was archived or deleted. */
const OF_PRICE = /^line_items\[\d+\]\[price\]$/;

const SessionAnswer = z.object({
  id: z.string(),
  client_reference_id: z.nullish(z.string()),
  url: z.nullable(z.string()),
  expires_at: z.int(),
  status: z.nullable(z.string()),
  subscription: Ref,
});
type SessionAnswer = z.infer<typeof SessionAnswer>;

/**
 * The key and all parameters of the call depend on the tenant alone. Stripe answers the same key with other parameters
 * by `idempotency_error` (docs.stripe.com/api/idempotent_requests): a tenant that is renamed after a lost answer could
 * not buy for a day (as in getlago/lago-api#1985, dj-stripe/dj-stripe#1157). So the name is set by a call of its own.
 */
export async function createCustomer(
  stripe: Stripe,
  { tenantId, name, attempt }: { readonly tenantId: string; readonly name: string; readonly attempt: number },
): Promise<string> {
  const metadata = { seatlease_tenant_id: tenantId };
  const create = (idempotencyKey: string) => stripe.customers.create({ metadata }, { idempotencyKey });
  const key = `customer:${tenantId}:${attempt}`;
  const { id } = await callStripe('customers.create', async () => {
    try {
      return await create(key);
    } catch (error) {
      if (isSavedFailure(error)) return create(`${key}:again`);
      throw error;
    }
  });
  await unlessMissing('customers.update', undefined, () => stripe.customers.update(id, { name }));
  return id;
}

/**
 * Without an idempotency key of ours: a repeated key would return a page that was paid or has expired since, a saved
 * failure, or `idempotency_error` after any change. The library's own key covers its retry.
 */
export async function createCheckout(stripe: Stripe, ask: CheckoutAsk): Promise<CheckoutVerdict> {
  const { customerId: customer, licenseId, price, seats, returnUrl, trialDays } = ask;
  const metadata = soldAsMetadata(ask);
  const call = 'checkout.sessions.create';
  try {
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      customer,
      client_reference_id: licenseId,
      line_items: [{ price: price.priceId, quantity: seats }],
      success_url: returnAddress(returnUrl, 'paid'),
      cancel_url: returnAddress(returnUrl, 'canceled'),
      metadata,
      subscription_data: { metadata, ...(trialDays > 0 && { trial_period_days: trialDays }) },
      ...(ask.automaticTax && {
        automatic_tax: { enabled: true },
        customer_update: { address: 'auto', name: 'auto' },
      }),
      ...(ask.promotionCodes && { allow_promotion_codes: true }),
    });
    const page = openPage(z.parse(SessionAnswer, session));
    if (!page) throw new Error('Stripe returned a new page that is not open');
    return { verdict: 'OPEN', page };
  } catch (error) {
    const { code, param } = refusalOf(error, call);
    if (param !== undefined && OF_PRICE.test(param)) return { verdict: 'NO_PRICE' };
    if (code === 'resource_missing') return { verdict: 'NO_CUSTOMER' };
    throw faultOf(error, call);
  }
}

/**
 * The open pages of a customer for a license, also one whose creation was never answered, among the newest of the
 * customer. One call, however many pages of other licenses an admin has opened: all calls share one limit at Stripe
 * (docs.stripe.com/rate-limits).
 */
export async function openCheckouts(
  stripe: Stripe,
  { customerId: customer, licenseId }: { readonly customerId: string; readonly licenseId: string },
): Promise<readonly OpenCheckout[]> {
  return unlessMissing('checkout.sessions.list', [], async () => {
    const { data } = await stripe.checkout.sessions.list({ customer, status: 'open', limit: PAGE });
    return data.flatMap((found) => {
      const session = z.parse(SessionAnswer, found);
      return session.client_reference_id === licenseId ? (openPage(session) ?? []) : [];
    });
  });
}

export async function expireCheckout(stripe: Stripe, sessionId: string): Promise<CheckoutEnd> {
  const call = 'checkout.sessions.expire';
  try {
    await stripe.checkout.sessions.expire(sessionId);
    return { verdict: 'EXPIRED' };
  } catch (error) {
    // Only an open session can be expired; the session shows whether it was paid or had already expired.
    refusalOf(error, call);
    const found = await unlessMissing(call, undefined, () => stripe.checkout.sessions.retrieve(sessionId));
    const session = found && z.parse(SessionAnswer, found);
    // A payment that is being confirmed can keep a page from being expired.
    if (session?.status === 'open') throw new Unavailable('billing', `${call}: the page is still open`);
    if (session?.status !== 'complete') return { verdict: 'EXPIRED' };
    return { verdict: 'COMPLETE', subscriptionId: idOf(session.subscription) };
  }
}

function openPage({ id, url, expires_at, status }: SessionAnswer): OpenCheckout | undefined {
  if (status !== 'open' || url === null) return undefined;
  return { sessionId: id, url, expiresAtMs: expires_at * 1000 };
}
