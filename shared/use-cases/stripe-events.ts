import * as z from 'zod/mini';
import { type By, system } from '../domain/actor.ts';
import { VENDOR } from '../domain/audit-event.ts';
import {
  type About,
  doneEvent,
  failedEvent,
  isProcessable,
  type ProcessableEvent,
  postponedEvent,
  receivedEvent,
  reopenedEvent,
  type StoredEvent,
  unreadableEvent,
} from '../domain/billing-event.ts';
import type { EventType } from '../domain/event.ts';
import { placesOf } from '../domain/mismatch.ts';
import { isOver } from '../domain/subscription.ts';
import { Unavailable } from '../errors.ts';
import type { Billing, SignedEvent } from '../ports/billing.ts';
import { BILLING_EVENTS, SUBSCRIPTIONS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import { eachDocument } from '../ports/each-document.ts';
import { ACCOUNTS_OF_CUSTOMER, SUBSCRIPTIONS_OF_TENANT } from '../ports/queries.ts';
import { removeCustomer } from './customers.ts';
import { recordMeterErrors } from './metering/meter-errors.ts';
import { recordEvent } from './record-event.ts';
import { type Look, type LookVerdict, syncSubscription } from './subscriptions.ts';

/** Events that are published themselves; of all others, subscribers see the resulting change of the license. */
const NOTICES: Readonly<Record<string, EventType>> = {
  'customer.subscription.trial_will_end': 'subscription.trial_ending',
  'customer.subscription.deleted': 'subscription.ended',
  'invoice.paid': 'subscription.paid',
  'invoice.payment_failed': 'subscription.payment_failed',
  'charge.refunded': 'subscription.refunded',
  // Not when it is created: an inquiry moves no money.
  'charge.dispute.funds_withdrawn': 'subscription.disputed',
};

/**
 * Stores what Stripe has sent, and returns it as stored; `undefined` if it does not concern seats. An event that an earlier
 * release could not read is processed when Stripe sends it again.
 */
export async function storeStripeEvent(
  delivery: SignedEvent,
  { records, clock }: Deps,
): Promise<StoredEvent | undefined> {
  const nowMs = clock.nowMs();
  const { eventId } = delivery.event;
  const received = receivedAs(delivery, nowMs);
  if (!received) return undefined;
  if ((await records.create(BILLING_EVENTS, eventId, received)) === 'CREATED') return received;
  const known = await records.get(BILLING_EVENTS, eventId);
  if (known?.state !== 'unreadable' || received.state === 'unreadable') return known;
  return records.transact(async (transaction) => {
    const stored = await transaction.get(BILLING_EVENTS, eventId);
    if (stored?.state !== 'unreadable') return stored;
    const next = { ...stored, ...received };
    transaction.set(BILLING_EVENTS, eventId, next);
    return next;
  });
}

function receivedAs(delivery: SignedEvent, nowMs: number): StoredEvent | undefined {
  if (delivery.verdict === 'UNREADABLE') return unreadableEvent(delivery.event, nowMs);
  const { about, ...event } = delivery.event;
  return about === null ? undefined : receivedEvent({ ...event, about }, nowMs);
}

export type Tried =
  /** Processed completely. If the event had no effect, `because` is the reason, for the log. */
  | { readonly verdict: 'DONE'; readonly because?: string | undefined }
  /** It is tried again. */
  | { readonly verdict: 'FAILED'; readonly fault: unknown }
  /** It has failed too often. `because` is without personal data. */
  | {
      readonly verdict: 'SET_ASIDE';
      readonly fault: unknown;
      readonly tries: number;
      readonly because: string;
    };

/**
 * Processes a Stripe event completely and marks it as done, or counts the failure. Safe to repeat and to run concurrently.
 * If a dependency is unavailable, it throws `Unavailable`, and nothing is counted: in an outage every event would fail.
 */
export async function tryStripeEvent(event: ProcessableEvent, billing: Billing, deps: Deps): Promise<Tried> {
  let because: string | undefined;
  try {
    because = await processEvent(event, billing, deps);
  } catch (fault) {
    if (fault instanceof Unavailable) throw fault;
    // If that fails too, the try is not counted. The cause matters more.
    return countFailure(event, fault, deps).catch(() => ({ verdict: 'FAILED', fault }) as const);
  }
  await deps.records.transact(async (transaction) => {
    const current = (await transaction.get(BILLING_EVENTS, event.eventId)) ?? event;
    transaction.set(BILLING_EVENTS, event.eventId, doneEvent(current, deps.clock.nowMs()));
  });
  return { verdict: 'DONE', because };
}

/** Counts concurrent failures as one. Records the event's end in the audit log of its tenant, or of the vendor. */
async function countFailure(event: ProcessableEvent, fault: unknown, deps: Deps): Promise<Tried> {
  const owner = await ownerOf(event.about, deps);
  return deps.records.transact(async (transaction): Promise<Tried> => {
    const current = await transaction.get(BILLING_EVENTS, event.eventId);
    if (!current || current.state === 'done') return { verdict: 'DONE' };
    const nowMs = deps.clock.nowMs();
    const isCounted = current.tries !== event.tries;
    const because = textOf(fault);
    const next = isCounted ? current : failedEvent(current, because, nowMs);
    if (!isCounted) transaction.set(BILLING_EVENTS, event.eventId, next);
    if (next.state !== 'set_aside') return { verdict: 'FAILED', fault };
    if (current.state !== 'set_aside') {
      const by = { actor: system('stripe') };
      const note = { type: 'stripe_event.set_aside', ...owner, subject: event.eventId, by } as const;
      recordEvent(transaction, note, nowMs);
    }
    return { verdict: 'SET_ASIDE', fault, tries: next.tries, because };
  });
}

/** Has the sweep try other events first: Stripe was unavailable for this one. */
export async function postponeStripeEvent({ eventId, tries }: StoredEvent, deps: Deps): Promise<void> {
  await deps.records.transact(async (transaction) => {
    const current = await transaction.get(BILLING_EVENTS, eventId);
    if (current?.state !== 'open' || current.tries !== tries) return;
    transaction.set(BILLING_EVENTS, eventId, postponedEvent(current, deps.clock.nowMs()));
  });
}

/** Has the next sweep try an event again, with all its tries. */
export async function reopenStripeEvent(
  eventId: string,
  by: By,
  { records, clock }: Pick<Deps, 'records' | 'clock'>,
): Promise<StoredEvent | 'UNKNOWN' | 'CLOSED'> {
  return records.transact(async (transaction) => {
    const event = await transaction.get(BILLING_EVENTS, eventId);
    if (!event) return 'UNKNOWN';
    if (!isProcessable(event) || event.state === 'done') return 'CLOSED';
    const nowMs = clock.nowMs();
    const next = reopenedEvent(event, nowMs);
    transaction.set(BILLING_EVENTS, eventId, next);
    const note = { type: 'stripe_event.retried', tenantId: VENDOR, subject: eventId, by } as const;
    recordEvent(transaction, note, nowMs);
    return next;
  });
}

interface Owner {
  readonly tenantId: string;
  readonly licenseId?: string;
}

/** As far as our records show it: Stripe may be what the event fails at. */
async function ownerOf(about: About, { records }: Deps): Promise<Owner> {
  const subscription = about.kind === 'subscription' ? await records.get(SUBSCRIPTIONS, about.id) : undefined;
  if (subscription) return { tenantId: subscription.tenantId, licenseId: subscription.licenseId };
  if (about.kind !== 'customer') return { tenantId: VENDOR };
  const { documents } = await records.query(ACCOUNTS_OF_CUSTOMER, { customerId: about.id }, { limit: 1 });
  return { tenantId: documents[0]?.tenantId ?? VENDOR };
}

const LONGEST_ERROR = 300;

/**
 * An error in a few words, for operators. A message of a parser quotes what it parsed, and any message could name an
 * address.
 */
function textOf(fault: unknown): string {
  if (fault instanceof z.core.$ZodError)
    return `an answer has an unknown form: ${placesOf(fault, 'all of it')}`;
  if (!(fault instanceof Error)) return 'not an error';
  if (fault instanceof SyntaxError) return fault.name;
  const [message = ''] = fault.message.split('\n', 1);
  return `${fault.name}: ${message.replaceAll(/\S*@\S*/g, '…')}`.slice(0, LONGEST_ERROR);
}

async function processEvent(
  event: ProcessableEvent,
  billing: Billing,
  deps: Deps,
): Promise<string | undefined> {
  const { about } = event;
  const type = NOTICES[event.type];
  const { invoiceId } = about;
  const detail = invoiceId === undefined ? {} : { invoiceId };
  const notice = type && { type, atMs: event.createdAtMs, detail };
  switch (about.kind) {
    case 'subscription': {
      const look = await syncSubscription(about.id, { notice }, billing, deps);
      return reasonOf(look) ?? paidTooLate(event, look);
    }
    case 'charge':
      return lookAtPayment(about.id, { notice, payment: { chargeId: about.id } }, billing, deps);
    case 'dispute': {
      const dispute = await billing.readDispute(about.id);
      if (!dispute) return 'the dispute does not exist at Stripe';
      const closing =
        event.type === 'charge.dispute.closed' ? { disputeId: about.id, atMs: event.createdAtMs } : undefined;
      const payment = { disputeId: about.id, closing };
      return lookAtPayment(dispute.chargeId, { notice, payment }, billing, deps);
    }
    case 'customer':
      return lookAtCustomer(about.id, billing, deps);
    case 'meter_errors':
      return recordMeterErrors(about.id, billing, deps);
  }
}

/** A final invoice is collected about an hour after the end (docs.stripe.com/billing/subscriptions/cancel). */
const FINAL_INVOICE_MS = 2 * 3600 * 1000;

/**
 * An invoice that was left open can be paid after its subscription has ended, with the link that Stripe sent before
 * (docs.stripe.com/billing/subscriptions/cancel): Stripe reactivates nothing, and the customer has no seats for it.
 */
function paidTooLate({ type, createdAtMs }: ProcessableEvent, look: LookVerdict): string | undefined {
  if (type !== 'invoice.paid' || look.verdict !== 'SEEN' || !isOver(look.subscription)) return undefined;
  const { subscriptionId, licenseId, endedAtMs } = look.subscription;
  if (endedAtMs === null || createdAtMs < endedAtMs + FINAL_INVOICE_MS) return undefined;
  return `an invoice of ${subscriptionId} was paid after its end, and ${licenseId} gets no seats for it: refund it if it bills seats`;
}

function reasonOf(look: LookVerdict): string | undefined {
  return look.verdict === 'IGNORED' ? look.because : undefined;
}

async function lookAtPayment(
  chargeId: string,
  look: Look,
  billing: Billing,
  deps: Deps,
): Promise<string | undefined> {
  const paid = await billing.readPayment(chargeId);
  if (paid?.subscriptionId == null) return 'the payment was not for a subscription';
  const { subscriptionId, invoiceId } = paid;
  const { disputeId } = look.payment ?? {};
  const detail = { ...(invoiceId !== null && { invoiceId }), ...(disputeId !== undefined && { disputeId }) };
  const notice = look.notice && { ...look.notice, detail };
  return reasonOf(await syncSubscription(subscriptionId, { ...look, notice }, billing, deps));
}

/** When a customer is deleted, Stripe ends their subscriptions. */
async function lookAtCustomer(customerId: string, billing: Billing, deps: Deps): Promise<string | undefined> {
  const { records } = deps;
  const { documents } = await records.query(ACCOUNTS_OF_CUSTOMER, { customerId }, { limit: 1 });
  const [account] = documents;
  if (!account) return 'the customer belongs to no tenant';
  const { tenantId } = account;
  for await (const { subscriptionId } of eachDocument(records, SUBSCRIPTIONS_OF_TENANT, { tenantId })) {
    await syncSubscription(subscriptionId, {}, billing, deps);
  }
  await removeCustomer(tenantId, customerId, records);
  return undefined;
}
