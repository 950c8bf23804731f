import { newSecretWord } from '../../shared/domain/ids.ts';
import { priceOf } from '../../shared/domain/prices.ts';
import { requestedChange } from '../../shared/domain/requested-change.ts';
import { isOver, type Subscription } from '../../shared/domain/subscription.ts';
import {
  type ChangeDecision,
  decideChange,
  givesCredit,
  isAsWanted,
  isChangedTo,
  isPreviewCurrent,
  isPreviewValid,
  isUnpaid,
  PREVIEW_VALID_MINUTES,
  type UnchangeableReason,
  type WantedTerms,
} from '../../shared/domain/subscription-change.ts';
import type { Refusal, RequestOf } from '../../shared/http/contract.ts';
import { timestampOrNull } from '../../shared/http/fields.ts';
import { own } from '../../shared/http/own.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { refuseSeats } from '../../shared/http/refuse-seats.ts';
import { WHAT_TO_DO } from '../../shared/http/unchangeable-view.ts';
import type { Billing, ChangeRejected, ItemChange } from '../../shared/ports/billing.ts';
import { LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Records } from '../../shared/ports/records.ts';
import type { Seats } from '../../shared/ports/seats.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';
import { syncSubscription } from '../../shared/use-cases/subscriptions.ts';
import type contract from './contract.ts';
import {
  type Begun,
  claimChange,
  finishChange,
  noteOf,
  type PricedChange,
  withChange,
} from './running-change.ts';

type Change = RequestOf<typeof contract, 'change'>;

/** A change takes a few seconds. */
const RETRY_AFTER_SECONDS = 5;

/** The subscription of a license, as it is at Stripe now: the portal may have changed it a moment ago. */
export async function currentOf(
  licenseId: string,
  standing: Change['standing'],
  billing: Billing,
  deps: Deps,
): Promise<
  | Subscription
  | Refusal<
      | 'LICENSE_NOT_FOUND'
      | 'FORBIDDEN'
      | 'SUBSCRIPTION_NOT_FOUND'
      | 'SUBSCRIPTION_ENDED'
      | 'SUBSCRIPTION_UNCHANGEABLE'
    >
> {
  const license = own(await deps.records.get(LICENSES, licenseId), standing, 'LICENSE_NOT_FOUND');
  if ('problem' in license) return license;
  if (license.subscriptionId === null) return { problem: 'SUBSCRIPTION_NOT_FOUND' };
  const look = await syncSubscription(license.subscriptionId, {}, billing, deps);
  if (look.verdict === 'IGNORED') return { problem: 'SUBSCRIPTION_NOT_FOUND', because: look.because };
  if (isOver(look.subscription)) return { problem: 'SUBSCRIPTION_ENDED' };
  return license.status === 'suspended' ? unchangeable('suspended') : look.subscription;
}

/** Who decides whether a change can be made, beside its subscription. */
interface Judges {
  readonly billing: Billing;
  readonly seats: Pick<Seats, 'listSeats'>;
}

export async function priceChange(
  subscription: Subscription,
  wanted: WantedTerms,
  { billing, seats }: Judges,
  nowMs: number,
): Promise<PricedChange | Refusal<'SUBSCRIPTION_UNCHANGEABLE' | 'PLAN_NOT_FOR_SALE' | 'VALIDATION_FAILED'>> {
  const decision = decideChange(subscription, wanted);
  if (decision.verdict !== 'CHANGE') return refuseDecision(decision);
  const { change } = decision;
  if (change.to.seats < change.from.seats) {
    const counted = await seats.listSeats(subscription.licenseId, { limit: 0 });
    if (counted.verdict === 'OK' && counted.lent > change.to.seats) return unchangeable('lent');
  }
  if (givesCredit(subscription, change)) {
    const invoices = await billing.readInvoices(subscription.subscriptionId);
    if (isUnpaid(invoices, subscription, change.itemId, nowMs)) return unchangeable('unpaid');
  }
  if (change.newPrice === null) return { ...change, priceId: change.price.priceId };
  const { plan, interval } = change.newPrice;
  const price = priceOf(await billing.readPrices(), plan, interval);
  return price ? { ...change, priceId: price.priceId } : { problem: 'PLAN_NOT_FOR_SALE' };
}

/**
 * Names the price also if it stays: should the portal or a payment change the plan at this moment, Stripe still makes this
 * change as it was decided, and no mixture. Stripe rejects a price that is archived, so that one is kept without its name.
 */
export function itemChangeOf(
  { subscriptionId, collection }: Subscription,
  { itemId, priceId, newPrice, price, to }: PricedChange,
  prorationDateMs: number | null,
): ItemChange {
  const named = newPrice === null && !price.isPriceActive ? null : priceId;
  return { subscriptionId, collection, itemId, priceId: named, quantity: to.seats, prorationDateMs };
}

/**
 * Decides, and records who asked for what before Stripe is asked, so that every change at Stripe has an author, and the
 * sweep looks at the subscription soon. Refuses if the decision was made on seats that have changed since, or if another
 * change is running. With an idempotency key, `records` returns what was decided the first time, also if the subscription
 * has changed since.
 */
export async function beginChange(
  subscription: Subscription,
  { body, by }: Pick<Change, 'body' | 'by'>,
  records: Records,
  judges: Judges,
  atMs: number,
): Promise<
  | Begun
  | 'UNCHANGED'
  | Refusal<'SUBSCRIPTION_UNCHANGEABLE' | 'SUBSCRIPTION_CHANGED' | 'PLAN_NOT_FOR_SALE' | 'VALIDATION_FAILED'>
> {
  const priced = isAsWanted(subscription, body)
    ? 'UNCHANGED'
    : (refuseTerms(subscription, body, atMs) ?? (await priceChange(subscription, body, judges, atMs)));
  return records.transact(async (transaction) => {
    if (priced === 'UNCHANGED' || 'problem' in priced) return priced;
    const { subscriptionId } = subscription;
    const known = await transaction.get(SUBSCRIPTIONS, subscriptionId);
    if (!known || !isDecidedAlike(known, subscription, body)) return changedMeanwhile(known ?? subscription);
    const prorationDateMs = body.proration_date === undefined ? null : Date.parse(body.proration_date);
    const ask = itemChangeOf(subscription, priced, prorationDateMs);
    const wanted = { requestId: `change:${newSecretWord()}`, asked: JSON.stringify(ask) };
    const change = requestedChange(known.change, wanted, atMs);
    if (!change) return { ...unchangeable('changing'), retryAfterSeconds: RETRY_AFTER_SECONDS };
    const { requestId } = change;
    const begun = { change: priced, ask: { ...ask, requestId }, by, atMs: change.atMs };
    transaction.set(SUBSCRIPTIONS, subscriptionId, withChange(known, change));
    recordEvent(transaction, noteOf('subscription.change_requested', subscription, begun), atMs);
    return begun;
  });
}

function isDecidedAlike(a: Subscription, b: Subscription, wanted: WantedTerms): boolean {
  return JSON.stringify(decideChange(a, wanted)) === JSON.stringify(decideChange(b, wanted));
}

function refuseTerms(
  subscription: Subscription,
  { expected_seats, proration_date }: Change['body'],
  nowMs: number,
): Refusal<'SUBSCRIPTION_CHANGED' | 'VALIDATION_FAILED'> | undefined {
  if (expected_seats !== undefined && expected_seats !== subscription.seats)
    return changedMeanwhile(subscription);
  if (proration_date === undefined) return undefined;
  const previewedAtMs = Date.parse(proration_date);
  if (!isPreviewValid(subscription, previewedAtMs, nowMs)) {
    const detail = `must be of a preview in this period, at most ${PREVIEW_VALID_MINUTES} minutes old`;
    return refuseFields('VALIDATION_FAILED', [{ at: '/proration_date', detail }]);
  }
  return isPreviewCurrent(subscription, previewedAtMs) ? undefined : changedMeanwhile(subscription);
}

function changedMeanwhile({ seats }: Subscription): Refusal<'SUBSCRIPTION_CHANGED'> {
  return { problem: 'SUBSCRIPTION_CHANGED', members: { seats } };
}

/**
 * Lets Stripe make the change, then applies what Stripe says, so that seats are current when the answer is sent. After a
 * crash in between, Stripe's event or the sweep applies it, whichever comes first. A repeated request is refused if another
 * change has begun since and this one was not made: Stripe would make it on top of the other.
 */
export async function applyChange(
  begun: Begun,
  billing: Billing,
  deps: Deps,
): Promise<
  | Subscription
  | Refusal<
      'SUBSCRIPTION_UNCHANGEABLE' | 'SUBSCRIPTION_CHANGED' | 'SUBSCRIPTION_NOT_FOUND' | 'PAYMENT_REQUIRED'
    >
> {
  const { change, ask, by } = begun;
  const claim = await claimChange(begun, deps);
  const changed = claim === 'MINE' ? await billing.changeItem(ask) : { verdict: claim };
  if (changed.verdict === 'REJECTED') {
    await finishChange(begun, 'refused', deps);
    return refuseRejected(changed);
  }
  const look = await syncSubscription(ask.subscriptionId, { by }, billing, deps);
  if (look.verdict === 'IGNORED') return { problem: 'SUBSCRIPTION_NOT_FOUND', because: look.because };
  const { subscription } = look;
  if (changed.verdict === 'REPLACED') return changedMeanwhile(subscription);
  if (changed.verdict === 'UNPAID' && !isChangedTo(subscription, change)) {
    await finishChange(begun, 'refused', deps);
    const { payUrl, payUntilMs } = changed;
    return {
      problem: 'PAYMENT_REQUIRED',
      members: { pay_url: payUrl, pay_until: timestampOrNull(payUntilMs) },
    };
  }
  await finishChange(begun, 'made', deps);
  return subscription;
}

function refuseDecision(
  decision: Exclude<ChangeDecision, { verdict: 'CHANGE' }>,
): Refusal<'SUBSCRIPTION_UNCHANGEABLE' | 'PLAN_NOT_FOR_SALE' | 'VALIDATION_FAILED'> {
  switch (decision.verdict) {
    case 'UNCHANGEABLE':
      return unchangeable(decision.reason);
    case 'NOT_SOLD':
      return { problem: 'PLAN_NOT_FOR_SALE' };
    case 'OUT_OF_RANGE':
      return refuseSeats(decision.plan);
  }
}

export function refuseRejected({ because }: ChangeRejected): Refusal<'SUBSCRIPTION_UNCHANGEABLE'> {
  return { ...unchangeable('rejected'), because };
}

function unchangeable(reason: UnchangeableReason): Refusal<'SUBSCRIPTION_UNCHANGEABLE'> {
  return { problem: 'SUBSCRIPTION_UNCHANGEABLE', detail: WHAT_TO_DO[reason], members: { reason } };
}
