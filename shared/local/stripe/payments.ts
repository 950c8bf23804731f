import type { Account } from './account.ts';
import {
  type Charge,
  type Dispute,
  found,
  type Invoice,
  itemOf,
  newId,
  type State,
  type Subscription,
} from './state.ts';

export type Card = 'good' | 'declined';

export function subscriptionOf({ parent }: Invoice): string {
  return parent.subscription_details.subscription;
}

/** Creates the invoice of the current period, due now. For a trial it amounts to 0. */
export function bill({ state, now, publish }: Account, subscription: Subscription): Invoice {
  const { quantity, price } = itemOf(subscription);
  const invoice: Invoice = {
    id: newId('in'),
    object: 'invoice',
    customer: subscription.customer,
    created: now(),
    currency: 'usd',
    amount_due: subscription.status === 'trialing' ? 0 : quantity * price.unit_amount,
    amount_paid: 0,
    status: 'open',
    parent: {
      type: 'subscription_details',
      subscription_details: { subscription: subscription.id },
    },
  };
  state.invoices[invoice.id] = invoice;
  subscription.latest_invoice = invoice.id;
  publish('invoice.created', invoice);
  publish('invoice.finalized', invoice);
  return invoice;
}

/** Returns whether the invoice was paid. An invoice of 0 is always paid, without a charge. */
export function payInvoice({ state, publish }: Account, invoice: Invoice, card: Card): boolean {
  if (invoice.amount_due > 0) {
    if (card === 'declined') {
      publish('invoice.payment_failed', invoice);
      return false;
    }
    publish('charge.succeeded', newCharge(state, invoice));
  }
  invoice.status = 'paid';
  invoice.amount_paid = invoice.amount_due;
  publish('invoice.paid', invoice);
  return true;
}

function newCharge(state: State, invoice: Invoice): Charge {
  const charge: Charge = {
    id: newId('ch'),
    object: 'charge',
    amount: invoice.amount_due,
    amount_refunded: 0,
    refunded: false,
    currency: 'usd',
    customer: invoice.customer,
    payment_intent: newId('pi'),
  };
  state.charges[charge.id] = charge;
  state.paidInvoices[charge.payment_intent] = invoice.id;
  return charge;
}

export function refund({ state, publish }: Account, chargeId: string, amount?: number): void {
  const charge = found(state.charges, chargeId, 'charge');
  charge.amount_refunded = Math.min(charge.amount, charge.amount_refunded + (amount ?? charge.amount));
  charge.refunded = charge.amount_refunded === charge.amount;
  publish('charge.refunded', charge);
}

export function dispute({ state, publish }: Account, chargeId: string): string {
  found(state.charges, chargeId, 'charge');
  const opened: Dispute = {
    id: newId('dp'),
    object: 'dispute',
    charge: chargeId,
    status: 'needs_response',
  };
  state.disputes[opened.id] = opened;
  publish('charge.dispute.created', opened);
  return opened.id;
}

export function closeDispute({ state, publish }: Account, id: string, outcome: 'won' | 'lost'): void {
  const closed = found(state.disputes, id, 'dispute');
  closed.status = outcome;
  publish('charge.dispute.closed', closed);
}
