import type { Account } from './account.ts';
import { customerAt } from './customers.ts';
import { Refused } from './parameters.ts';
import { bill, type Card, payInvoice } from './payments.ts';
import { found, newId, type Session } from './state.ts';
import { newSubscription, setStatus } from './subscriptions.ts';

/** The session, after expiring it if it is due. */
export function sessionAt(account: Account, id: string): Session {
  const session = found(account.state.sessions, id, 'checkout.session');
  const isDue = session.status === 'open' && session.expires_at <= account.now();
  return isDue ? expireNow(account, session) : session;
}

/** Throws Stripe's error if the session is not open. */
export function expireSession(account: Account, id: string): Session {
  const session = sessionAt(account, id);
  if (session.status === 'open') return expireNow(account, session);
  const message = `Only Checkout Sessions with a status in ["open"] can be expired. This one is ${session.status}.`;
  throw new Refused(400, { message });
}

function expireNow({ publish }: Account, session: Session): Session {
  session.status = 'expired';
  publish('checkout.session.expired', session);
  return session;
}

/** Returns whether the payment succeeded: `false` for a declined card. */
export function paySession(account: Account, id: string, card: Card): boolean {
  const { state, publish } = account;
  const session = sessionAt(account, id);
  if (session.status !== 'open') throw new Refused(400, { message: 'This session is not open.' });
  customerAt(account, session.customer);
  if (card === 'declined') {
    publish('payment_intent.payment_failed', { id: newId('pi'), object: 'payment_intent' });
    return false;
  }
  const order = found(state.orders, session.id, 'checkout.session');
  const subscription = newSubscription(session.customer, order, account.now());
  state.subscriptions[subscription.id] = subscription;
  publish('customer.subscription.created', subscription);
  payInvoice(account, bill(account, subscription), card);
  if (subscription.status !== 'trialing') setStatus(account, subscription, 'active');
  session.status = 'complete';
  session.subscription = subscription.id;
  publish('checkout.session.completed', session);
  return true;
}
