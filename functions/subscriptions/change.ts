import type { By } from '../../shared/domain/actor.ts';
import { newSecretWord } from '../../shared/domain/ids.ts';
import { priceOf } from '../../shared/domain/prices.ts';
import {
  CHANGE_MAX_MS,
  type RequestedChange,
  requestedChange,
} from '../../shared/domain/requested-change.ts';
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
  type SeatChange,
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
import { isRecorded, recordEvent } from '../../shared/use-cases/record-event.ts';
import { syncSubscription } from '../../shared/use-cases/subscriptions.ts';
import type contract from './contract.ts';

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

/** A decided change, with the ids that Stripe needs. */
export interface PricedChange extends SeatChange {
  readonly priceId: string;
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

/** What was asked for once, by whom, with the key under which Stripe makes the change once. */
interface Begun {
  readonly change: PricedChange;
  readonly ask: ItemChange & { readonly requestId: string };
  readonly by: By;
  readonly atMs: number;
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

/** The sweep looks whether Stripe has made the change, if the function does not. */
function withChange(known: Subscription, change: RequestedChange): Subscription {
  const lookAtMs = change.state === 'running' ? change.untilMs : known.lookAtMs;
  return { ...known, change, lookAtMs, revision: known.revision + 1 };
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

/** `MINE`: Stripe can be asked for it, for the first time or again. `CHANGED`: it was made. */
function claimChange(
  { change, ask, by, atMs }: Begun,
  { records, clock }: Deps,
): Promise<'MINE' | 'CHANGED' | 'REPLACED'> {
  return records.transact(async (transaction) => {
    const known = await transaction.get(SUBSCRIPTIONS, ask.subscriptionId);
    const last = known?.change;
    if (!known || last?.requestId !== ask.requestId) {
      const made = known && noteOf('subscription.changed', known, { change, by });
      return made && (await isRecorded(transaction, made, atMs)) ? 'CHANGED' : 'REPLACED';
    }
    if (last.state === 'running') {
      const untilMs = clock.nowMs() + CHANGE_MAX_MS;
      transaction.set(SUBSCRIPTIONS, ask.subscriptionId, withChange(known, { ...last, untilMs }));
    }
    return last.state === 'made' ? 'CHANGED' : 'MINE';
  });
}

/**
 * Records that it was made, and lets the next change begin. Of several requests for it, the first does both: what another
 * change has followed was finished.
 */
function finishChange(
  { change, ask, by, atMs }: Begun,
  state: 'made' | 'refused',
  { records }: Deps,
): Promise<void> {
  return records.transact(async (transaction) => {
    const known = await transaction.get(SUBSCRIPTIONS, ask.subscriptionId);
    const last = known?.change;
    if (!known || last?.requestId !== ask.requestId || last.state === state) return;
    transaction.set(SUBSCRIPTIONS, ask.subscriptionId, withChange(known, { ...last, state }));
    if (state === 'made')
      recordEvent(transaction, noteOf('subscription.changed', known, { change, by }), atMs);
  });
}

function noteOf(
  type: 'subscription.change_requested' | 'subscription.changed',
  { tenantId, licenseId, subscriptionId }: Subscription,
  { change: { from, to }, by }: Pick<Begun, 'change' | 'by'>,
) {
  const detail = {
    plan: to.plan,
    previousPlan: from.plan,
    seats: to.seats,
    previousSeats: from.seats,
    interval: to.interval,
    previousInterval: from.interval,
  };
  return { type, tenantId, licenseId, subject: subscriptionId, by, detail };
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
