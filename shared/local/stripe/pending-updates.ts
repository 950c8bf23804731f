import type { Account } from './account.ts';
import { voidNow } from './payments.ts';
import { at, found, type Subscription } from './state.ts';

/** Discards the pending update: it was not paid in time, or another change came first. */
export function expirePendingUpdate(account: Account, subscription: Subscription): void {
  const { state, publish } = account;
  const pending = at(state.pendingUpdates, subscription.id);
  if (!pending) return;
  delete state.pendingUpdates[subscription.id];
  voidNow(account, found(state.invoices, pending.invoice, 'invoice'));
  publish('customer.subscription.pending_update_expired', subscription);
}
