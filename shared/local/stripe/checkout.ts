import type { Account } from './account.ts';
import { customerAt } from './customers.ts';
import { bill, type Card, payInvoice } from './payments.ts';
import { missing, Refused } from './refused.ts';
import { at, found, newId, type Session } from './state.ts';
import { newSubscription, setStatus } from './subscriptions.ts';

const DAY_SECONDS = 24 * 3600;

export interface NewSession {
  readonly mode: 'subscription';
  readonly customer: string;
  readonly line_items: readonly { readonly price: string; readonly quantity: number }[];
  readonly success_url: string;
  readonly cancel_url?: string | undefined;
  readonly metadata?: Session['metadata'] | undefined;
  readonly subscription_data?:
    | { readonly metadata?: Session['metadata'] | undefined; readonly trial_period_days?: number | undefined }
    | undefined;
}

export function openSession(account: Account, parameters: NewSession): Session {
  const { state, now, pagesUrl } = account;
  customerAt(account, parameters.customer, 'customer');
  const [line] = parameters.line_items;
  if (!line || !at(state.prices, line.price))
    throw missing('price', line?.price ?? '', 'line_items[0][price]');
  const id = newId('cs_test');
  const session: Session = {
    id,
    object: 'checkout.session',
    mode: parameters.mode,
    customer: parameters.customer,
    url: `${pagesUrl()}/pay/${id}`,
    expires_at: now() + DAY_SECONDS,
    success_url: parameters.success_url,
    cancel_url: parameters.cancel_url ?? parameters.success_url,
    metadata: parameters.metadata ?? {},
    status: 'open',
    subscription: null,
  };
  state.sessions[id] = session;
  state.orders[id] = {
    ...line,
    trialDays: parameters.subscription_data?.trial_period_days ?? 0,
    metadata: parameters.subscription_data?.metadata ?? {},
  };
  return session;
}

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
  const subscription = newSubscription(account, session.customer, order);
  state.subscriptions[subscription.id] = subscription;
  publish('customer.subscription.created', subscription);
  payInvoice(account, bill(account, subscription, 'subscription_create'), card);
  if (subscription.status !== 'trialing') setStatus(account, subscription, 'active');
  session.status = 'complete';
  session.subscription = subscription.id;
  publish('checkout.session.completed', session);
  return true;
}
