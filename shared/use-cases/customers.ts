import { BILLING_ACCOUNTS } from '../ports/collections.ts';
import type { Records } from '../ports/records.ts';

/** Records that Stripe deleted the tenant's customer: the next purchase creates a new one. */
export function removeCustomer(tenantId: string, customerId: string, records: Records): Promise<void> {
  return records.transact(async (transaction) => {
    const account = await transaction.get(BILLING_ACCOUNTS, tenantId);
    if (account?.customerId !== customerId) return;
    const formerCustomerIds = [...account.formerCustomerIds, customerId];
    transaction.set(BILLING_ACCOUNTS, tenantId, { ...account, customerId: null, formerCustomerIds });
  });
}
