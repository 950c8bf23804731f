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
  readonly client_reference_id?: string | undefined;
  readonly line_items: readonly { readonly price: string; readonly quantity: number }[];
  readonly success_url: string;
  readonly cancel_url?: string | undefined;
  readonly metadata?: Session['metadata'] | undefined;
  readonly subscription_data?:
    | { readonly metadata?: Session['metadata'] | undefined; readonly trial_period_days?: number | undefined }
    | undefined;
  readonly automatic_tax?: { readonly enabled: boolean } | undefined;
  readonly allow_promotion_codes?: boolean | undefined;
}

export function openSession(account: Account, parameters: NewSession): Session {
  const { state, now, pagesUrl } = account;
  const { customer, line_items, subscription_data: { trial_period_days = 0, ...data } = {} } = parameters;
  customerAt(account, customer, 'customer');
  const [line] = line_items;
  const price = at(state.prices, line?.price ?? '');
  if (!line || !price) throw missing('price', line?.price ?? '', 'line_items[0][price]');
  if (!price.active) {
    const message = 'The price specified is inactive. This field only accepts active prices.';
    throw new Refused(400, { param: 'line_items[0][price]', message });
  }
  const id = newId('cs_test');
  const due = trial_period_days > 0 ? 0 : line.quantity * price.unit_amount;
  const isTaxed = parameters.automatic_tax?.enabled ?? false;
  const session: Session = {
    id,
    object: 'checkout.session',
    created: now(),
    mode: parameters.mode,
    customer,
    currency: price.currency,
    amount_subtotal: due,
    amount_total: due,
    allow_promotion_codes: parameters.allow_promotion_codes ?? null,
    automatic_tax: {
      enabled: isTaxed,
      liability: isTaxed ? { type: 'self' } : null,
      provider: isTaxed ? 'stripe' : null,
      status: isTaxed ? 'requires_location_inputs' : null,
    },
    client_reference_id: parameters.client_reference_id ?? null,
    expires_at: now() + DAY_SECONDS,
    success_url: parameters.success_url,
    cancel_url: parameters.cancel_url ?? null,
    metadata: parameters.metadata ?? {},
    payment_method_types: ['card'],
    url: `${pagesUrl()}/pay/${id}`,
    status: 'open',
    payment_status: 'unpaid',
    subscription: null,
    invoice: null,
  };
  state.sessions[id] = session;
  state.orders[id] = { ...line, trialDays: trial_period_days, metadata: data.metadata ?? {} };
  return session;
}

/** The sessions of a customer, newest first, after expiring those that are due. */
export function sessionsOf(account: Account, customer: string): Session[] {
  return Object.values(account.state.sessions)
    .filter((session) => session.customer === customer)
    .map(({ id }) => sessionAt(account, id))
    .toReversed();
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
  session.url = null;
  publish('checkout.session.expired', session);
  return session;
}

/** Returns whether the payment succeeded: `false` for a declined card. */
export function paySession(account: Account, id: string, card: Card): boolean {
  const session = payableAt(account, id);
  if (card === 'declined') account.publish('payment_intent.payment_failed', failedPayment(account, session));
  else complete(account, session, card);
  return card !== 'declined';
}

/** Completes the session by a payment that takes days. */
export function paySessionLater(account: Account, id: string): void {
  complete(account, payableAt(account, id), undefined);
}

function payableAt(account: Account, id: string): Session {
  const session = sessionAt(account, id);
  if (session.status !== 'open') throw new Refused(400, { message: 'This session is not open.' });
  customerAt(account, session.customer);
  return session;
}

/** Starts the subscription that is bought in the session. Without a card, its payment is on its way. */
function complete(account: Account, session: Session, card: Card | undefined): void {
  const { state, publish } = account;
  const order = found(state.orders, session.id, 'checkout.session');
  const subscription = newSubscription(account, session.customer, order);
  state.subscriptions[subscription.id] = subscription;
  publish('customer.subscription.created', subscription);
  const invoice = bill(account, subscription, 'subscription_create');
  if (card) {
    payInvoice(account, invoice, card);
    if (subscription.status !== 'trialing') setStatus(account, subscription, 'active');
  }
  session.status = 'complete';
  if (card) session.payment_status = session.amount_total > 0 ? 'paid' : 'no_payment_required';
  session.subscription = subscription.id;
  session.invoice = subscription.latest_invoice;
  session.url = null;
  publish('checkout.session.completed', session);
}

function failedPayment({ now }: Account, { amount_total, currency, customer }: Session): object {
  return {
    id: newId('pi'),
    object: 'payment_intent',
    amount: amount_total,
    amount_capturable: 0,
    amount_received: 0,
    capture_method: 'automatic',
    confirmation_method: 'automatic',
    created: now(),
    currency,
    customer,
    payment_method_types: ['card'],
    status: 'requires_payment_method',
  };
}
