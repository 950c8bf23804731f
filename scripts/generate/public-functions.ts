import type { EndpointContract, FunctionContract } from '../../shared/http/contract.ts';

/** Whether the cloud itself calls it, so that no path of it is for anybody outside. */
export function isInternal({ endpoints }: FunctionContract): boolean {
  return Object.values(endpoints).every(({ auth }) => auth.includes('scheduler') || auth.includes('pubsub'));
}

/** Whether a client would call it. Stripe's webhook is public too, but its form is Stripe's. */
export function isForClients({ auth }: EndpointContract): boolean {
  return !auth.some((grant) => grant === 'scheduler' || grant === 'pubsub' || grant === 'stripe');
}
