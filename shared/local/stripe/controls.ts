import { type Account, newThinEvent } from './account.ts';
import { paySession, paySessionLater, sessionAt, sessionsOf } from './checkout.ts';
import { deleteCustomer } from './customers.ts';
import {
  createSubscription,
  creditCustomer,
  creditInvoice,
  discount,
  expireFirstPayment,
  invoiceByHand,
  markUncollectible,
  payOutOfBand,
  payPart,
  renameCustomer,
  resetBillingCycle,
  setMetadata,
  setTrialEnd,
  voidInvoice,
} from './dashboard.ts';
import { dispute, moveDispute } from './disputes.ts';
import { cancelSubscription, endAt } from './endings.ts';
import { addItem, changeQuantityOf, removeItem } from './item-changes.ts';
import { payOpenInvoice } from './item-updates.ts';
import { periodEndOf, priceOfItem } from './items.ts';
import { addMeter, archiveMeter, rejectUse, reportMeterErrors } from './meters.ts';
import { advanceDrafts, invoiceAt, resumeIfPaid } from './pauses.ts';
import { type Card, chargeOf } from './payments.ts';
import { expirePendingUpdate } from './pending-updates.ts';
import { addPrice, archivePrice, moveLookupKey, setPriceActive, setPriceMetadata } from './prices.ts';
import { failRefund, refund } from './refunds.ts';
import { publishUpdated, runningAt } from './running.ts';
import { addSchedule } from './schedules.ts';
import { at, type Customer, newId, type State, type Subscription } from './state.ts';
import {
  announceTrialEnd,
  changePrice,
  changeSeats,
  giveUp,
  passDueDate,
  pause,
  pauseCollection,
  prorate,
  renew,
  resume,
  resumeCollection,
  retryPayment,
  sendInvoice,
} from './subscriptions.ts';
import type { FakeStripe, FakeSubscription, RelatedObject, SentEvent, StripeControls } from './types.ts';

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
    payLater: saving(payLater),
    changeSeats: saving(changeSeats),
    changePrice: saving(changePrice),
    prorate: saving(prorate),
    renew: saving(renew),
    retryPayment: saving(retryPayment),
    giveUp: saving(giveUp),
    announceTrialEnd: saving(announceTrialEnd),
    pause: saving(pause),
    resume: saving(resume),
    end: saving(end),
    cancelAt: saving(cancelAt),
    addSchedule: saving(addSchedule),
    setCard: saving(setCard),
    setBillingMode: saving(setBillingMode),
    advanceDrafts: saving(advanceDrafts),
    addItem: saving(addItem),
    removeItem: saving(removeItem),
    changeQuantityOf: saving(changeQuantityOf),
    payInvoice: saving(payInvoiceOn),
    expirePendingUpdate: saving(expirePending),
    addPrice: saving(addPrice),
    moveLookupKey: saving(moveLookupKey),
    archivePrice: saving(archivePrice),
    setPriceMetadata: saving(setPriceMetadata),
    sendInvoice: saving(sendInvoice),
    passDueDate: saving(passDueDate),
    pauseCollection: saving(pauseCollection),
    resumeCollection: saving(resumeCollection),
    refund: saving(refund),
    failRefund: saving(failRefund),
    dispute: saving(dispute),
    moveDispute: saving(moveDispute),
    deleteCustomer: saving(remove),
    addMeter: saving(addMeter),
    archiveMeter: saving(archiveMeter),
    rejectUse: saving(rejectUse),
    reportMeterErrors: saving(reportMeterErrors),
    voidInvoice: saving(voidInvoice),
    markUncollectible: saving(markUncollectible),
    payOutOfBand: saving(payOutOfBand),
    payPart: saving(payPart),
    creditInvoice: saving(creditInvoice),
    creditCustomer: saving(creditCustomer),
    discount: saving(discount),
    setTrialEnd: saving(setTrialEnd),
    resetBillingCycle: saving(resetBillingCycle),
    setMetadata: saving(setMetadata),
    renameCustomer: saving(renameCustomer),
    setPriceActive: saving(setPriceActive),
    createSubscription: saving(createSubscription),
    expireFirstPayment: saving(expireFirstPayment),
    invoiceByHand: saving(invoiceByHand),
    addEvent: saving(addEvent),
    addThinEvent: saving(addThinEvent),
    addBody: saving(addBody),
  };
}

function pay(account: Account, sessionIdOrUrl: string, card: Card = 'good'): void {
  paySession(account, idIn(sessionIdOrUrl), card);
}

function payLater(account: Account, sessionIdOrUrl: string): void {
  paySessionLater(account, idIn(sessionIdOrUrl));
}

export function statusOfSession(account: Account, sessionIdOrUrl: string): string {
  return sessionAt(account, idIn(sessionIdOrUrl)).status;
}

export function openSessionsFor(account: Account, licenseId: string): { id: string; url: string }[] {
  return Object.keys(account.state.customers)
    .flatMap((customer) => sessionsOf(account, customer))
    .filter((session) => session.client_reference_id === licenseId && session.status === 'open')
    .map(({ id, url }) => ({ id, url: url ?? '' }));
}

export function customersOfTenant({ customers }: State, tenantId: string): Customer[] {
  return Object.values(customers).filter(
    ({ metadata, deleted }) => metadata.seatlease_tenant_id === tenantId && !deleted,
  );
}

function end(account: Account, subscriptionId: string): void {
  cancelSubscription(account, subscriptionId, { invoice_now: false, prorate: false });
}

function cancelAt(account: Account, subscriptionId: string, seconds: number | null): void {
  const subscription = runningAt(account, subscriptionId);
  endAt(account, subscription, seconds);
  publishUpdated(account, subscription);
}

function setCard(account: Account, subscriptionId: string, card: State['cards'][string]): void {
  account.state.cards[runningAt(account, subscriptionId).customer] = card;
}

function setBillingMode(account: Account, subscriptionId: string, type: 'classic'): void {
  runningAt(account, subscriptionId).billing_mode = { type, flexible: null };
}

/** What the next invoice of the subscription has to balance. */
export function prorationOf({ prorations }: State, subscriptionId: Subscription['id']): number {
  return at(prorations, subscriptionId) ?? 0;
}

export function creditOf({ customers, subscriptions }: State, subscriptionId: Subscription['id']): number {
  const { customer = '' } = at(subscriptions, subscriptionId) ?? {};
  return Math.max(0, -(at(customers, customer)?.balance ?? 0));
}

function remove(account: Account, customerId: string): void {
  deleteCustomer(account, customerId);
}

function payInvoiceOn(account: Account, invoiceIdOrUrl: string): void {
  payOpenInvoice(account, idIn(invoiceIdOrUrl));
  resumeIfPaid(account, invoiceAt(account, idIn(invoiceIdOrUrl)));
}

function expirePending(account: Account, subscriptionId: string): void {
  expirePendingUpdate(account, runningAt(account, subscriptionId));
}

function addEvent({ emit }: Account, type: string, object: object, apiVersion?: string): SentEvent {
  return emit(type, object, apiVersion);
}

function addThinEvent({ queue, now }: Account, type: string, related?: RelatedObject): SentEvent {
  return queue(newThinEvent(type, related, now()));
}

function addBody({ queue, now }: Account, body: string): SentEvent {
  return queue({ id: newId('evt'), type: 'unknown', created: now(), body });
}

export function subscriptionBoughtIn({ sessions }: State, sessionIdOrUrl: string): string | undefined {
  return at(sessions, idIn(sessionIdOrUrl))?.subscription ?? undefined;
}

export function latestChargeOf(state: State, subscriptionId: string): string | undefined {
  const invoiceId = at(state.subscriptions, subscriptionId)?.latest_invoice;
  return chargeOf(state, invoiceId ?? '')?.id;
}

export function readSubscription(state: State, id: string): FakeSubscription | undefined {
  const known = at(state.subscriptions, id);
  if (!known) return undefined;
  const items = known.items.map((item) => {
    const { lookup_key, recurring } = priceOfItem(state, item);
    return {
      id: item.id,
      priceId: item.price,
      lookupKey: lookup_key,
      usageType: recurring.usage_type,
      quantity: item.quantity,
      periodEnd: item.current_period_end,
    };
  });
  const seats = items.find(({ quantity }) => quantity !== undefined);
  return {
    id,
    status: known.status,
    lookupKey: seats?.lookupKey ?? null,
    seats: seats?.quantity ?? 0,
    periodEnd: periodEndOf(known),
    cancelAt: known.cancel_at,
    endedAt: known.ended_at,
    items,
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
