import type { ExamplesOf, World } from '../example.ts';
import type contract from './contract.ts';

export default {
  receive: signedEvent,
} satisfies ExamplesOf<typeof contract>;

/** An event with customer data that is never read. */
function signedEvent({ email, stripeSignature }: World) {
  const body = JSON.stringify({
    id: 'evt_4711',
    object: 'event',
    type: 'customer.subscription.updated',
    created: Math.floor(Date.now() / 1000),
    livemode: false,
    data: { object: { id: 'sub_4711', object: 'subscription', customer_email: email } },
  });
  return { body, headers: { 'stripe-signature': stripeSignature(body) } };
}
