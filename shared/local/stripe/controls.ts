import type { Account } from './account.ts';
import { paySession } from './checkout.ts';
import { deleteCustomer } from './customers.ts';
import { type Card, closeDispute, dispute, refund } from './payments.ts';
import { at, type State } from './state.ts';
import {
  announceTrialEnd,
  changePrice,
  changeSeats,
  endSubscription,
  giveUp,
  pause,
  renew,
  resume,
  retryPayment,
} from './subscriptions.ts';
import type { FakeStripe, FakeSubscription, SentEvent, StripeControls } from './types.ts';

/** Lets tests act as customers, banks and time. `save` stores each change. */
export function openControls(account: Account, save: () => void): StripeControls {
  const saving =
    <A extends unknown[], R>(work: (account: Account, ...args: A) => R) =>
    async (...args: A): Promise<R> => {
      const result = work(account, ...args);
      save();
      return result;
    };
  return {
    pay: saving(pay),
    changeSeats: saving(changeSeats),
    changePrice: saving(changePrice),
    renew: saving(renew),
    retryPayment: saving(retryPayment),
    giveUp: saving(giveUp),
    announceTrialEnd: saving(announceTrialEnd),
    pause: saving(pause),
    resume: saving(resume),
    end: saving(end),
    refund: saving(refund),
    dispute: saving(dispute),
    closeDispute: saving(closeDispute),
    deleteCustomer: saving(deleteCustomer),
    addEvent: saving(addEvent),
  };
}

function pay(account: Account, sessionIdOrUrl: string, card: Card = 'good'): void {
  paySession(account, idIn(sessionIdOrUrl), card);
}

function end(account: Account, subscriptionId: string): void {
  endSubscription(account, subscriptionId);
}

function addEvent({ publish }: Account, type: string, object: object): SentEvent {
  return publish(type, object);
}

export function subscriptionBoughtIn({ sessions }: State, sessionIdOrUrl: string): string | undefined {
  return at(sessions, idIn(sessionIdOrUrl))?.subscription ?? undefined;
}

export function latestChargeOf(state: State, subscriptionId: string): string | undefined {
  const invoiceId = at(state.subscriptions, subscriptionId)?.latest_invoice;
  const charge = Object.values(state.charges).find(
    ({ payment_intent }) => at(state.paidInvoices, payment_intent) === invoiceId,
  );
  return charge?.id;
}

export function readSubscription({ subscriptions }: State, id: string): FakeSubscription | undefined {
  const known = at(subscriptions, id);
  const [item] = known?.items.data ?? [];
  if (!known || !item) return undefined;
  return {
    id,
    status: known.status,
    lookupKey: item.price.lookup_key,
    seats: item.quantity,
    periodEnd: item.current_period_end,
    cancelAt: known.cancel_at,
    endedAt: known.ended_at,
  };
}

export function readMeterEvents({ usage }: State): FakeStripe['meterEvents'] {
  const byName = new Map<string, (typeof usage)[number]>();
  for (const event of usage) {
    let name = event.identifier;
    while (byName.has(name)) name += ' again';
    byName.set(name, event);
  }
  return byName;
}

function idIn(idOrUrl: string): string {
  return idOrUrl.split('/').at(-1) ?? '';
}
