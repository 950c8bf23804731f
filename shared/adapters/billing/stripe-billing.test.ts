import { describe } from 'vitest';
import { startFakeStripe } from '../../local/stripe/server.ts';
import { billingContract } from '../../testing/contracts/billing/suite.ts';
import { openStripe } from './stripe-billing.ts';

describe('payments with Stripe’s own client at the fake Stripe:', () => {
  billingContract(async (nowMs) => {
    const stripe = await startFakeStripe({ nowMs });
    const { apiKey: secretKey, webhookSecret, host, port, close } = stripe;
    const webhookSecrets = ['whsec_of_before', webhookSecret];
    const billing = openStripe({ secretKey, webhookSecrets, server: { host, port } });
    return { billing, stripe, close };
  });
});
