import { describe, expect, test } from 'vitest';
import { newLicenseId, newTenantId } from '../../domain/ids.ts';
import { startFakeStripe } from '../../local/stripe/server.ts';
import { endingContract } from '../../testing/contracts/billing/ending.ts';
import { billingContract } from '../../testing/contracts/billing/suite.ts';
import { openStripe, openStripeEvents } from './stripe-billing.ts';

describe('payments with Stripe’s own client at the fake Stripe:', () => {
  const open = async (nowMs: () => number) => {
    const stripe = await startFakeStripe({ nowMs });
    const { apiKey: secretKey, webhookSecret, host, port, close } = stripe;
    const options = { secretKey, server: { host, port } };
    const billingEvents = openStripeEvents(options, ['whsec_of_before', webhookSecret]);
    return { billing: openStripe(options), billingEvents, stripe, close };
  };
  billingContract(open);
  endingContract(open);
});

test('a checkout returns to the vendor’s page, which can tell whether it was paid', async () => {
  const stripe = await startFakeStripe();
  try {
    const { apiKey: secretKey, host, port } = stripe;
    const billing = openStripe({ secretKey, server: { host, port } });
    const tenantId = newTenantId(1);
    const checkout = await billing.createCheckout({
      customerId: await billing.createCustomer({ tenantId, name: 'Acme', attempt: 0 }),
      tenantId,
      licenseId: newLicenseId(tenantId),
      price: { priceId: 'price_seatlease_pro_month', plan: 'pro' },
      seats: 3,
      returnUrl: 'https://vendor.example/shop?from=app#seats',
      trialDays: 0,
      automaticTax: false,
      promotionCodes: false,
    });
    const url = checkout.verdict === 'OPEN' ? checkout.page.url : '';
    const page = await (await fetch(url)).text();
    expect(page).toContain('https://vendor.example/shop?from=app&#38;checkout=canceled#seats');
    const paid = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ card: '4242' }),
      redirect: 'manual',
    });
    expect(paid.headers.get('location')).toBe('https://vendor.example/shop?from=app&checkout=paid#seats');
  } finally {
    await stripe.close();
  }
});
