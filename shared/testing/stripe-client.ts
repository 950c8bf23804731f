import { Stripe } from 'stripe';
import type { FakeStripe } from '../local/stripe/types.ts';

/** Stripe's own client for the fake. It does not retry. */
export function stripeClient({ apiKey, host, port }: FakeStripe): Stripe {
  return new Stripe(apiKey, { host, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });
}

/** Types of the events that `work` causes. */
export async function eventTypesOf({ events }: FakeStripe, work: () => Promise<unknown>): Promise<string[]> {
  const before = events.length;
  await work();
  return events.slice(before).map(({ type }) => type);
}
