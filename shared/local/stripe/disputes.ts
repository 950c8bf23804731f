import type { Account } from './account.ts';
import { Refused } from './refused.ts';
import { type Dispute, type DisputeStatus, found, newId } from './state.ts';

/** Which statuses can follow (docs.stripe.com/disputes/how-disputes-work). Nothing follows the others. */
const NEXT: Readonly<Partial<Record<DisputeStatus, readonly DisputeStatus[]>>> = {
  warning_needs_response: ['warning_under_review', 'warning_closed', 'needs_response'],
  warning_under_review: ['warning_closed', 'needs_response'],
  needs_response: ['under_review', 'won', 'lost', 'prevented'],
  under_review: ['won', 'lost'],
  lost: ['appeal_needs_response'],
  appeal_needs_response: ['appeal_under_review', 'lost'],
  appeal_under_review: ['won', 'lost'],
};
const CLOSED: ReadonlySet<DisputeStatus> = new Set(['warning_closed', 'won', 'lost', 'prevented']);

/** Opens a dispute, or an inquiry, which moves no money (docs.stripe.com/disputes/how-disputes-work#inquiries). */
export function dispute(account: Account, chargeId: string, kind: 'dispute' | 'inquiry' = 'dispute'): string {
  const { state, now, publish } = account;
  const charge = found(state.charges, chargeId, 'charge');
  charge.disputed = true;
  const { amount, currency, payment_intent } = charge;
  const opened: Dispute = {
    id: newId('du'),
    object: 'dispute',
    amount,
    balance_transactions: [],
    charge: chargeId,
    created: now(),
    currency,
    is_charge_refundable: kind === 'inquiry',
    payment_intent,
    status: kind === 'inquiry' ? 'warning_needs_response' : 'needs_response',
  };
  state.disputes[opened.id] = opened;
  publish('charge.dispute.created', opened);
  if (kind === 'dispute') withdraw(account, opened);
  return opened.id;
}

/** The bank, the vendor or time moves a dispute on, with the events that Stripe sends for it. */
export function moveDispute(account: Account, id: string, status: DisputeStatus): void {
  const moving = found(account.state.disputes, id, 'dispute');
  if (!NEXT[moving.status]?.includes(status))
    throw new Refused(400, { message: `A dispute cannot become ${status} after ${moving.status}.` });
  moving.status = status;
  if (status === 'needs_response') withdraw(account, moving);
  account.publish(CLOSED.has(status) ? 'charge.dispute.closed' : 'charge.dispute.updated', moving);
  const isReturned = status === 'won' || status === 'prevented';
  if (isReturned) moveMoney(account, moving, moving.amount, 'charge.dispute.funds_reinstated');
}

function withdraw(account: Account, disputed: Dispute): void {
  disputed.is_charge_refundable = false;
  moveMoney(account, disputed, -disputed.amount, 'charge.dispute.funds_withdrawn');
}

function moveMoney({ now, publish }: Account, disputed: Dispute, amount: number, event: string): void {
  const { id: source, currency } = disputed;
  disputed.balance_transactions.push({
    id: newId('txn'),
    object: 'balance_transaction',
    amount,
    available_on: now(),
    created: now(),
    currency,
    reporting_category: amount < 0 ? 'dispute' : 'dispute_reversal',
    source,
    type: 'adjustment',
  });
  publish(event, disputed);
}
