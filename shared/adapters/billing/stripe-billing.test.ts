import { describe } from 'vitest';
import { startFakeStripe } from '../../local/stripe/server.ts';
import { billingContract } from '../../testing/contracts/billing/suite.ts';
import { openStripe, openStripeEvents } from './stripe-billing.ts';

describe('payments with Stripe’s own client at the fake Stripe:', () => {
  billingContract(async (nowMs) => {
    const stripe = await startFakeStripe({ nowMs });
    const { apiKey: secretKey, webhookSecret, host, port, close } = stripe;
    const options = { secretKey, server: { host, port } };
    const billingEvents = openStripeEvents(options, ['whsec_of_before', webhookSecret]);
    return { billing: openStripe(options), billingEvents, stripe, close };
  });
});
