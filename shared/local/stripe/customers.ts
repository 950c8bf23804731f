import type { Account } from './account.ts';
import { endNow } from './endings.ts';
import { missing } from './refused.ts';
import { type Customer, found } from './state.ts';

/** Throws Stripe's error for unknown and deleted customers. `param` is the parameter that contains the id. */
export function customerAt({ state }: Account, id: string, param?: string): Customer {
  const customer = found(state.customers, id, 'customer', param);
  if (customer.deleted) throw missing('customer', id, param);
  return customer;
}

export function deleteCustomer(account: Account, id: string): Customer {
  const customer = customerAt(account, id);
  for (const subscription of Object.values(account.state.subscriptions))
    if (subscription.customer === id && subscription.ended_at === null) endNow(account, subscription);
  account.publish('customer.deleted', customer);
  customer.deleted = true;
  return customer;
}
