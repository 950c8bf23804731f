import {
  type Closing,
  dependsOnInvoices,
  type PaymentRecord,
  type PaymentsRead,
  unsettled,
} from '../domain/payment-holds.ts';
import type { Billing } from '../ports/billing.ts';

/** What an event says has changed. */
export interface PaymentNews {
  readonly chargeId?: string | undefined;
  readonly disputeId?: string | undefined;
  readonly closing?: Closing | undefined;
}

/**
 * Reads what an event is about, and again all that the record knows to be unsettled. The invoices are read only if the
 * effect depends on them: most subscriptions have no disputes and refunds, and cost nothing here.
 */
export async function readPayments(
  subscriptionId: string,
  known: PaymentRecord | undefined,
  { chargeId, disputeId }: PaymentNews,
  billing: Billing,
): Promise<PaymentsRead> {
  const { disputeIds, chargeIds } = unsettled(known);
  const [disputes, payments] = await Promise.all([
    readEach([...disputeIds, disputeId], billing.readDispute),
    readEach([...chargeIds, chargeId], billing.readPayment),
  ]);
  const needsInvoices = dependsOnInvoices({ disputes, payments });
  const paidInvoices = needsInvoices ? await billing.readPaidInvoices(subscriptionId) : [];
  return { disputes, payments, paidInvoices };
}

async function readEach<T>(
  ids: readonly (string | undefined)[],
  read: (id: string) => Promise<T>,
): Promise<Map<string, T>> {
  const known = [...new Set(ids)].filter((id) => id !== undefined);
  return new Map(await Promise.all(known.map(async (id) => [id, await read(id)] as const)));
}
