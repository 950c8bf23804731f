import { missing, Refused } from './parameters.ts';
import { periodEnd } from './period.ts';
import {
  type Charge,
  found,
  type Invoice,
  type Item,
  newId,
  PRICES,
  type Price,
  type Session,
  type State,
  type Subscription,
} from './state.ts';
import type { StripeStandIn } from './types.ts';

const DAY_SECONDS = 24 * 3600;

type Card = 'good' | 'declined';
export type Life = ReturnType<typeof lifeOf>;
type Told = Awaited<ReturnType<StripeStandIn['tell']>>;

/**
 * What customers, banks and time do at Stripe, each telling of it by the events that Stripe has for it, in its order. What
 * Stripe credits for seats that were not used to the end, and charges for those that came in between, is not reckoned.
 */
export function lifeOf(state: State, now: () => number, tell: (type: string, object: object) => Told) {
  /** One that has not ended: Stripe changes nothing of the others. */
  function runningAt(id: string): Subscription {
    const subscription = found(state.subscriptions, id, 'subscription');
    if (subscription.ended_at !== null)
      throw new Refused(400, {
        message: 'A canceled subscription can only update its cancellation_details.',
      });
    return subscription;
  }

  function updated(subscription: Subscription): void {
    tell('customer.subscription.updated', subscription);
  }

  /** Makes the invoice of the running period, to be paid now: of nothing while it is a trial. */
  function bill(subscription: Subscription): Invoice {
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
    tell('invoice.created', invoice);
    tell('invoice.finalized', invoice);
    return invoice;
  }

  /** Whether the invoice was paid; one of nothing always is, by no card. */
  function settle(invoice: Invoice, card: Card): boolean {
    if (invoice.amount_due > 0) {
      if (card === 'declined') {
        tell('invoice.payment_failed', invoice);
        return false;
      }
      tell('charge.succeeded', charge(invoice));
    }
    invoice.status = 'paid';
    invoice.amount_paid = invoice.amount_due;
    tell('invoice.paid', invoice);
    return true;
  }

  function charge(invoice: Invoice): Charge {
    const made: Charge = {
      id: newId('ch'),
      object: 'charge',
      amount: invoice.amount_due,
      amount_refunded: 0,
      refunded: false,
      currency: 'usd',
      customer: invoice.customer,
      payment_intent: newId('pi'),
    };
    state.charges[made.id] = made;
    state.paidInvoices[made.payment_intent] = invoice.id;
    return made;
  }

  /** What became of a payment: the subscription says so only where that is news. */
  function setStatus(subscription: Subscription, status: string): void {
    if (subscription.status === status) return;
    subscription.status = status;
    updated(subscription);
  }

  function endNow(subscription: Subscription): void {
    subscription.status = 'canceled';
    subscription.canceled_at ??= now();
    subscription.ended_at = now();
    tell('customer.subscription.deleted', subscription);
  }

  function expire(session: Session): Session {
    session.status = 'expired';
    tell('checkout.session.expired', session);
    return session;
  }

  function expireIfDue(session: Session): void {
    if (session.status === 'open' && session.expires_at <= now()) expire(session);
  }

  return {
    expire,
    expireIfDue,
    /** Whether it was paid, or the card was declined. */
    pay(session: Session, card: Card): boolean {
      expireIfDue(session);
      if (session.status !== 'open')
        throw new Refused(400, { message: 'This session is not open any more.' });
      if (found(state.customers, session.customer, 'customer').deleted)
        throw missing('customer', session.customer);
      if (card === 'declined') {
        tell('payment_intent.payment_failed', { id: newId('pi'), object: 'payment_intent' });
        return false;
      }
      const subscription = begunIn(session, state, now());
      state.subscriptions[subscription.id] = subscription;
      tell('customer.subscription.created', subscription);
      settle(bill(subscription), card);
      if (subscription.status !== 'trialing') setStatus(subscription, 'active');
      session.status = 'complete';
      session.subscription = subscription.id;
      tell('checkout.session.completed', session);
      return true;
    },
    changeSeats(id: string, seats: number): void {
      const subscription = runningAt(id);
      itemOf(subscription).quantity = seats;
      updated(subscription);
    },
    /** Another interval begins at once, and is paid at once (docs.stripe.com/billing/subscriptions/billing-cycle). */
    changePrice(id: string, lookupKey: string): void {
      const subscription = runningAt(id);
      const item = itemOf(subscription);
      const before = item.price.recurring.interval;
      item.price = priceBy((price) => price.lookup_key === lookupKey, lookupKey);
      const { interval } = item.price.recurring;
      const beginsAnew = interval !== before && subscription.status !== 'trialing';
      if (beginsAnew) {
        subscription.billing_cycle_anchor = now();
        item.current_period_start = now();
        item.current_period_end = periodEnd(now(), now(), interval);
      }
      updated(subscription);
      if (beginsAnew) settle(bill(subscription), 'good');
    },
    renew(id: string, card: Card): void {
      const subscription = runningAt(id);
      if (subscription.cancel_at_period_end) {
        endNow(subscription);
        return;
      }
      const item = itemOf(subscription);
      item.current_period_start = item.current_period_end;
      item.current_period_end = periodEnd(
        subscription.billing_cycle_anchor,
        item.current_period_start,
        item.price.recurring.interval,
      );
      if (subscription.status === 'trialing') subscription.status = 'active';
      updated(subscription);
      setStatus(subscription, settle(bill(subscription), card) ? 'active' : 'past_due');
    },
    retryPayment(id: string, card: Card): void {
      const subscription = runningAt(id);
      for (const invoice of Object.values(state.invoices)) {
        const isDue = invoice.status === 'open' && subscriptionOf(invoice) === id;
        if (isDue && !settle(invoice, card)) return;
      }
      setStatus(subscription, 'active');
    },
    giveUp(id: string, how: 'unpaid' | 'canceled'): void {
      const subscription = runningAt(id);
      if (how === 'canceled') endNow(subscription);
      else setStatus(subscription, 'unpaid');
    },
    announceTrialEnd(id: string): void {
      tell('customer.subscription.trial_will_end', runningAt(id));
    },
    pause(id: string): void {
      const subscription = runningAt(id);
      subscription.status = 'paused';
      tell('customer.subscription.paused', subscription);
    },
    resume(id: string): void {
      const subscription = runningAt(id);
      subscription.status = 'active';
      tell('customer.subscription.resumed', subscription);
    },
    cancelAtPeriodEnd(id: string, isEnding: boolean): Subscription {
      const subscription = runningAt(id);
      if (subscription.cancel_at_period_end === isEnding) return subscription;
      subscription.cancel_at_period_end = isEnding;
      subscription.cancel_at = isEnding ? itemOf(subscription).current_period_end : null;
      subscription.canceled_at = isEnding ? now() : null;
      updated(subscription);
      return subscription;
    },
    end(id: string): Subscription {
      const subscription = found(state.subscriptions, id, 'subscription');
      if (subscription.ended_at !== null) throw missing('subscription', id);
      endNow(subscription);
      return subscription;
    },
    refund(chargeId: string, amount?: number): void {
      const given = found(state.charges, chargeId, 'charge');
      given.amount_refunded = Math.min(given.amount, given.amount_refunded + (amount ?? given.amount));
      given.refunded = given.amount_refunded === given.amount;
      tell('charge.refunded', given);
    },
    dispute(chargeId: string): string {
      found(state.charges, chargeId, 'charge');
      const dispute = {
        id: newId('dp'),
        object: 'dispute' as const,
        charge: chargeId,
        status: 'needs_response',
      };
      state.disputes[dispute.id] = dispute;
      tell('charge.dispute.created', dispute);
      return dispute.id;
    },
    closeDispute(id: string, outcome: 'won' | 'lost'): void {
      const dispute = found(state.disputes, id, 'dispute');
      dispute.status = outcome;
      tell('charge.dispute.closed', dispute);
    },
    deleteCustomer(id: string): void {
      const customer = found(state.customers, id, 'customer');
      if (customer.deleted) throw missing('customer', id);
      for (const subscription of Object.values(state.subscriptions))
        if (subscription.customer === id && subscription.ended_at === null) endNow(subscription);
      tell('customer.deleted', customer);
      customer.deleted = true;
    },
  };
}

export function subscriptionOf({ parent }: Invoice): string {
  return parent.subscription_details.subscription;
}

/** The subscription that a session sells, as it is before anything is paid. */
function begunIn(session: Session, { wishes }: State, start: number): Subscription {
  const { price: priceId, quantity, trialDays, metadata } = found(wishes, session.id, 'checkout.session');
  const price = priceBy(({ id }) => id === priceId, priceId);
  const trialEnd = trialDays > 0 ? start + trialDays * DAY_SECONDS : null;
  const anchor = trialEnd ?? start;
  const item: Item = {
    id: newId('si'),
    object: 'subscription_item',
    quantity,
    current_period_start: start,
    current_period_end: trialEnd ?? periodEnd(anchor, start, price.recurring.interval),
    price,
  };
  return {
    id: newId('sub'),
    object: 'subscription',
    customer: session.customer,
    created: start,
    livemode: false,
    metadata,
    status: trialEnd === null ? 'incomplete' : 'trialing',
    billing_cycle_anchor: anchor,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    ended_at: null,
    latest_invoice: null,
    trial_end: trialEnd,
    items: { object: 'list', data: [item] },
  };
}

function priceBy(isIt: (price: Price) => boolean, named: string): Price {
  const price = PRICES.find(isIt);
  if (!price) throw missing('price', named);
  return price;
}

function itemOf(subscription: Subscription): Item {
  const [item] = subscription.items.data;
  if (!item) throw new Error('a subscription without items');
  return item;
}
