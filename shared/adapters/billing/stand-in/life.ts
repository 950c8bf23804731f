import { missing, Refused } from './form.ts';
import { type Invoice, newId, PRICES, type Session, type State, type Subscription } from './state.ts';
import type { StripeStandIn } from './types.ts';

const DAY_SECONDS = 24 * 3600;

type Card = 'good' | 'declined';
export type Life = ReturnType<typeof lifeOf>;
type Told = Awaited<ReturnType<StripeStandIn['tell']>>;

/** What customers, banks and time do at Stripe, each telling of it by the events that Stripe has for it, in its order. */
export function lifeOf(state: State, now: () => number, tell: (type: string, object: object) => Told) {
  function subscriptionAt(id: string): Subscription {
    const found = state.subscriptions[id];
    if (!found) throw missing('subscription', id);
    return found;
  }

  function itemOf(subscription: Subscription) {
    const [item] = subscription.items.data;
    if (!item) throw new Error('a subscription without items');
    return item;
  }

  function updated(subscription: Subscription): void {
    tell('customer.subscription.updated', subscription);
  }

  function billPeriod(subscription: Subscription): Invoice {
    const { quantity, price } = itemOf(subscription);
    const invoice: Invoice = {
      id: newId('in'),
      object: 'invoice',
      customer: subscription.customer,
      created: now(),
      currency: 'usd',
      amount_due: quantity * price.unit_amount,
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

  function settle(subscription: Subscription, invoice: Invoice, card: Card): boolean {
    if (card === 'declined') {
      tell('invoice.payment_failed', invoice);
      return false;
    }
    const charge = {
      id: newId('ch'),
      object: 'charge' as const,
      amount: invoice.amount_due,
      amount_refunded: 0,
      refunded: false,
      customer: subscription.customer,
      payment_intent: newId('pi'),
      invoiceId: invoice.id,
    };
    state.charges[charge.id] = charge;
    invoice.status = 'paid';
    invoice.amount_paid = invoice.amount_due;
    tell('charge.succeeded', charge);
    tell('invoice.paid', invoice);
    return true;
  }

  function endNow(subscription: Subscription): void {
    if (subscription.ended_at !== null) return;
    subscription.status = 'canceled';
    subscription.canceled_at ??= now();
    subscription.ended_at = now();
    tell('customer.subscription.deleted', subscription);
  }

  return {
    /** Whether it was paid, or the card was declined. */
    pay(session: Session, card: Card): boolean {
      if (session.status !== 'open')
        throw new Refused(400, { message: 'This session is not open any more.' });
      const { price: priceId, quantity, trialDays, metadata } = session.wish;
      const price = PRICES.find(({ id }) => id === priceId);
      if (!price || state.customers[session.customer]?.deleted !== undefined)
        throw missing('customer', session.customer);
      if (card === 'declined') {
        tell('payment_intent.payment_failed', { id: newId('pi'), object: 'payment_intent' });
        return false;
      }
      const start = now();
      const trialEnd = trialDays > 0 ? start + trialDays * DAY_SECONDS : null;
      const subscription: Subscription = {
        id: newId('sub'),
        object: 'subscription',
        customer: session.customer,
        created: start,
        livemode: false,
        metadata,
        status: trialEnd === null ? 'incomplete' : 'trialing',
        cancel_at: null,
        cancel_at_period_end: false,
        canceled_at: null,
        ended_at: null,
        latest_invoice: null,
        trial_end: trialEnd,
        items: {
          object: 'list',
          data: [
            {
              id: newId('si'),
              object: 'subscription_item',
              quantity,
              current_period_start: start,
              current_period_end: trialEnd ?? after(start, price.recurring.interval),
              price,
            },
          ],
        },
      };
      state.subscriptions[subscription.id] = subscription;
      tell('customer.subscription.created', subscription);
      if (trialEnd === null) {
        settle(subscription, billPeriod(subscription), card);
        subscription.status = 'active';
        updated(subscription);
      }
      session.status = 'complete';
      session.subscription = subscription.id;
      tell('checkout.session.completed', session);
      return true;
    },
    changeSeats(id: string, seats: number): void {
      const subscription = subscriptionAt(id);
      itemOf(subscription).quantity = seats;
      updated(subscription);
    },
    changePrice(id: string, lookupKey: string): void {
      const subscription = subscriptionAt(id);
      const price = PRICES.find(({ lookup_key }) => lookup_key === lookupKey);
      if (!price) throw missing('price', lookupKey);
      itemOf(subscription).price = price;
      updated(subscription);
    },
    renew(id: string, card: Card): void {
      const subscription = subscriptionAt(id);
      if (subscription.cancel_at_period_end) {
        endNow(subscription);
        return;
      }
      const item = itemOf(subscription);
      item.current_period_start = item.current_period_end;
      item.current_period_end = after(item.current_period_start, item.price.recurring.interval);
      const isPaid = settle(subscription, billPeriod(subscription), card);
      subscription.status = isPaid ? 'active' : 'past_due';
      updated(subscription);
    },
    retryPayment(id: string, card: Card): void {
      const subscription = subscriptionAt(id);
      for (const invoice of Object.values(state.invoices)) {
        const isDue = invoice.status === 'open' && subscriptionOf(invoice) === id;
        if (isDue && !settle(subscription, invoice, card)) return;
      }
      subscription.status = 'active';
      updated(subscription);
    },
    giveUp(id: string, how: 'unpaid' | 'canceled'): void {
      const subscription = subscriptionAt(id);
      if (how === 'canceled') {
        endNow(subscription);
        return;
      }
      subscription.status = 'unpaid';
      updated(subscription);
    },
    announceTrialEnd(id: string): void {
      tell('customer.subscription.trial_will_end', subscriptionAt(id));
    },
    pause(id: string): void {
      const subscription = subscriptionAt(id);
      subscription.status = 'paused';
      tell('customer.subscription.paused', subscription);
    },
    resume(id: string): void {
      const subscription = subscriptionAt(id);
      subscription.status = 'active';
      tell('customer.subscription.resumed', subscription);
    },
    cancelAtPeriodEnd(id: string, isEnding: boolean): Subscription {
      const subscription = subscriptionAt(id);
      if (subscription.ended_at !== null)
        throw new Refused(400, {
          message: 'A canceled subscription can only update its cancellation_details.',
        });
      subscription.cancel_at_period_end = isEnding;
      subscription.cancel_at = isEnding ? itemOf(subscription).current_period_end : null;
      subscription.canceled_at = isEnding ? now() : null;
      updated(subscription);
      return subscription;
    },
    end(id: string): Subscription {
      const subscription = subscriptionAt(id);
      if (subscription.ended_at !== null) throw missing('subscription', id);
      endNow(subscription);
      return subscription;
    },
    refund(chargeId: string, amount?: number): void {
      const charge = state.charges[chargeId];
      if (!charge) throw missing('charge', chargeId);
      charge.amount_refunded = Math.min(charge.amount, charge.amount_refunded + (amount ?? charge.amount));
      charge.refunded = charge.amount_refunded === charge.amount;
      tell('charge.refunded', charge);
    },
    dispute(chargeId: string): string {
      if (!state.charges[chargeId]) throw missing('charge', chargeId);
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
      const dispute = state.disputes[id];
      if (!dispute) throw missing('dispute', id);
      dispute.status = outcome;
      tell('charge.dispute.closed', dispute);
    },
    deleteCustomer(id: string): void {
      const customer = state.customers[id];
      if (!customer || customer.deleted) throw missing('customer', id);
      for (const subscription of Object.values(state.subscriptions))
        if (subscription.customer === id) endNow(subscription);
      customer.deleted = true;
      tell('customer.deleted', customer);
    },
  };
}

export function subscriptionOf({ parent }: Invoice): string {
  return parent.subscription_details.subscription;
}

/** The same day of the next month or year, seconds. */
function after(start: number, interval: 'month' | 'year'): number {
  const date = new Date(start * 1000);
  if (interval === 'month') date.setUTCMonth(date.getUTCMonth() + 1);
  else date.setUTCFullYear(date.getUTCFullYear() + 1);
  return Math.floor(date.getTime() / 1000);
}
