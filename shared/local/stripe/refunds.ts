import type { Account } from './account.ts';
import { Refused } from './refused.ts';
import { found, newId, type Refund, type State } from './state.ts';

/** Refunds all of a charge that is left, or `amount`. Returns the refund's id. */
export function refund(account: Account, chargeId: string, amount?: number): string {
  const { state, now, publish } = account;
  const charge = found(state.charges, chargeId, 'charge');
  const left = charge.amount - refundedOf(state, chargeId);
  if (left === 0) throw new Refused(400, { code: 'charge_already_refunded', message: 'Already refunded.' });
  const refunded: Refund = {
    id: newId('re'),
    object: 'refund',
    amount: Math.min(left, amount ?? left),
    charge: chargeId,
    created: now(),
    currency: charge.currency,
    customer: charge.customer,
    payment_intent: charge.payment_intent,
    reason: 'requested_by_customer',
    status: 'succeeded',
  };
  state.refunds[refunded.id] = refunded;
  charge.amount_refunded = refundedOf(state, chargeId);
  charge.refunded = charge.amount_refunded === charge.amount;
  publish('refund.created', refunded);
  publish('charge.refunded', charge);
  return refunded.id;
}

/**
 * The bank cannot give the money to the customer, also days after the refund had succeeded
 * (docs.stripe.com/refunds#failed-refunds). No page says that the charge changes with it, so it does not here.
 */
export function failRefund({ state, publish }: Account, id: string): void {
  const failed = found(state.refunds, id, 'refund');
  failed.status = 'failed';
  failed.failure_reason = 'expired_or_canceled_card';
  publish('refund.updated', failed);
  publish('charge.refund.updated', failed);
  publish('refund.failed', failed);
}

/** Newest first. */
export function refundsOf({ refunds }: State, chargeId: string): Refund[] {
  return Object.values(refunds)
    .filter(({ charge }) => charge === chargeId)
    .toReversed();
}

function refundedOf(state: State, chargeId: string): number {
  return refundsOf(state, chargeId)
    .filter(({ status }) => status !== 'failed')
    .reduce((sum, { amount }) => sum + amount, 0);
}
