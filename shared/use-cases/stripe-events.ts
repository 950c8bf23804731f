import type { StoredEvent } from '../domain/billing-event.ts';
import type { EventType } from '../domain/event.ts';
import type { Billing } from '../ports/billing.ts';
import { BILLING_EVENTS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import { eachDocument } from '../ports/each-document.ts';
import { ACCOUNTS_OF_CUSTOMER, SUBSCRIPTIONS_OF_TENANT } from '../ports/queries.ts';
import { removeCustomer } from './customers.ts';
import { type Look, type LookVerdict, syncSubscription } from './subscriptions.ts';

/** Events that are published themselves; of all others, subscribers see the resulting change of the license. */
const NOTICES: Readonly<Record<string, EventType>> = {
  'customer.subscription.trial_will_end': 'subscription.trial_ending',
  'customer.subscription.deleted': 'subscription.ended',
  'invoice.paid': 'subscription.paid',
  'invoice.payment_failed': 'subscription.payment_failed',
  'charge.refunded': 'subscription.refunded',
  'charge.dispute.created': 'subscription.disputed',
};

/**
 * Processes a Stripe event completely, then marks it as done. Safe to repeat and to run concurrently. If the event had
 * no effect, it returns the reason, for the log.
 */
export async function processStripeEvent(
  event: StoredEvent,
  billing: Billing,
  deps: Deps,
): Promise<string | undefined> {
  const because = await processEvent(event, billing, deps);
  await deps.records.transact(async (transaction) => {
    transaction.set(BILLING_EVENTS, event.eventId, { ...event, isDone: true });
  });
  return because;
}

async function processEvent(event: StoredEvent, billing: Billing, deps: Deps): Promise<string | undefined> {
  const { about } = event;
  const type = NOTICES[event.type];
  const notice = type && { type, atMs: event.createdAtMs };
  switch (about.kind) {
    case 'subscription':
      return reasonOf(await syncSubscription(about.id, { notice }, billing, deps));
    case 'charge':
      return lookAtPayment(about.id, { notice, payment: { chargeId: about.id } }, billing, deps);
    case 'dispute': {
      const dispute = await billing.readDispute(about.id);
      if (!dispute) return 'the dispute does not exist at Stripe';
      const closing =
        event.type === 'charge.dispute.closed' ? { disputeId: about.id, atMs: event.createdAtMs } : undefined;
      const payment = { disputeId: about.id, closing };
      return lookAtPayment(dispute.chargeId, { notice, payment }, billing, deps);
    }
    case 'customer':
      return lookAtCustomer(about.id, billing, deps);
  }
}

function reasonOf(look: LookVerdict): string | undefined {
  return look.verdict === 'IGNORED' ? look.because : undefined;
}

async function lookAtPayment(
  chargeId: string,
  look: Look,
  billing: Billing,
  deps: Deps,
): Promise<string | undefined> {
  const subscriptionId = (await billing.readPayment(chargeId))?.subscriptionId;
  if (subscriptionId == null) return 'the payment was not for a subscription';
  return reasonOf(await syncSubscription(subscriptionId, look, billing, deps));
}

/** When a customer is deleted, Stripe ends their subscriptions. */
async function lookAtCustomer(customerId: string, billing: Billing, deps: Deps): Promise<string | undefined> {
  const { records } = deps;
  const { documents } = await records.query(ACCOUNTS_OF_CUSTOMER, { customerId }, { limit: 1 });
  const [account] = documents;
  if (!account) return 'the customer belongs to no tenant';
  const { tenantId } = account;
  for await (const { subscriptionId } of eachDocument(records, SUBSCRIPTIONS_OF_TENANT, { tenantId })) {
    await syncSubscription(subscriptionId, {}, billing, deps);
  }
  await removeCustomer(tenantId, customerId, records);
  return undefined;
}
