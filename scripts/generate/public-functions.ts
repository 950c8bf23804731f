import type { EndpointContract } from '../../shared/http/contract.ts';

/** Whether a client would call it. Stripe's webhook is public too, but its form is Stripe's. */
export function isForClients({ auth }: EndpointContract): boolean {
  return !auth.some((grant) => grant === 'scheduler' || grant === 'pubsub' || grant === 'stripe');
}
