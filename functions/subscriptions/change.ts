import type { By } from '../../shared/domain/actor.ts';
import { newSecretWord } from '../../shared/domain/ids.ts';
import { priceOf } from '../../shared/domain/prices.ts';
import { isOver, type Subscription } from '../../shared/domain/subscription.ts';
import {
  type ChangeDecision,
  decideChange,
  isAsWanted,
  isChangedTo,
  isPreviewValid,
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
import type { Billing, ChangeRejected, ItemChange } from '../../shared/ports/billing.ts';
import { LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Records } from '../../shared/ports/records.ts';
import { recordEvent, recordEventOnce } from '../../shared/use-cases/record-event.ts';
import { syncSubscription } from '../../shared/use-cases/subscriptions.ts';
import type contract from './contract.ts';

type Change = RequestOf<typeof contract, 'change'>;

/** When the sweep looks whether Stripe has made a change, if the function does not: after its time limit. */
const CHECK_AFTER_MS = 2 * 60_000;

/** The subscription of a license, as it is at Stripe now: the portal may have changed it a moment ago. */
export async function currentOf(
  licenseId: string,
  standing: Change['standing'],
  billing: Billing,
  deps: Deps,
): Promise<
  Subscription | Refusal<'LICENSE_NOT_FOUND' | 'FORBIDDEN' | 'SUBSCRIPTION_NOT_FOUND' | 'SUBSCRIPTION_ENDED'>
> {
  const license = own(await deps.records.get(LICENSES, licenseId), standing, 'LICENSE_NOT_FOUND');
  if ('problem' in license) return license;
  if (license.subscriptionId === null) return { problem: 'SUBSCRIPTION_NOT_FOUND' };
  const look = await syncSubscription(license.subscriptionId, {}, billing, deps);
  if (look.verdict === 'IGNORED') return { problem: 'SUBSCRIPTION_NOT_FOUND', because: look.because };
  return isOver(look.subscription) ? { problem: 'SUBSCRIPTION_ENDED' } : look.subscription;
}

/** A decided change, with the ids that Stripe needs. */
export interface PricedChange extends SeatChange {
  readonly priceId: string | null;
}

export async function priceChange(
  subscription: Subscription,
  wanted: WantedTerms,
  billing: Billing,
): Promise<PricedChange | Refusal<'SUBSCRIPTION_UNCHANGEABLE' | 'PLAN_NOT_FOR_SALE' | 'VALIDATION_FAILED'>> {
  const decision = decideChange(subscription, wanted);
  if (decision.verdict !== 'CHANGE') return refuseDecision(decision);
  const { change } = decision;
  if (change.newPrice === null) return { ...change, priceId: null };
  const { plan, interval } = change.newPrice;
  const price = priceOf(await billing.readPrices(), plan, interval);
  return price ? { ...change, priceId: price.priceId } : { problem: 'PLAN_NOT_FOR_SALE' };
}

export function itemChangeOf(
  { subscriptionId, collection }: Subscription,
  { itemId, priceId, to }: PricedChange,
  prorationDateMs: number | null,
): ItemChange {
  return { subscriptionId, collection, itemId, priceId, quantity: to.seats, prorationDateMs };
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
 * sweep looks at the subscription soon. With an idempotency key, `records` returns what was decided the first time, also
 * if the subscription has changed since.
 */
export async function beginChange(
  subscription: Subscription,
  { body, by }: Pick<Change, 'body' | 'by'>,
  records: Records,
  billing: Billing,
  atMs: number,
): Promise<
  | Begun
  | 'UNCHANGED'
  | Refusal<'SUBSCRIPTION_UNCHANGEABLE' | 'SUBSCRIPTION_CHANGED' | 'PLAN_NOT_FOR_SALE' | 'VALIDATION_FAILED'>
> {
  const priced = isAsWanted(subscription, body)
    ? 'UNCHANGED'
    : (refuseTerms(subscription, body, atMs) ?? (await priceChange(subscription, body, billing)));
  return records.transact(async (transaction) => {
    if (priced === 'UNCHANGED' || 'problem' in priced) return priced;
    const prorationDateMs = body.proration_date === undefined ? null : Date.parse(body.proration_date);
    const requestId = `change:${newSecretWord()}`;
    const ask = { ...itemChangeOf(subscription, priced, prorationDateMs), requestId };
    const begun = { change: priced, ask, by, atMs };
    const { subscriptionId } = subscription;
    const known = await transaction.get(SUBSCRIPTIONS, subscriptionId);
    if (known) {
      const checked = { lookAtMs: atMs + CHECK_AFTER_MS, revision: known.revision + 1 };
      transaction.set(SUBSCRIPTIONS, subscriptionId, { ...known, ...checked });
    }
    recordEvent(transaction, noteOf('subscription.change_requested', subscription, begun), atMs);
    return begun;
  });
}

function refuseTerms(
  subscription: Subscription,
  { expected_seats, proration_date }: Change['body'],
  nowMs: number,
): Refusal<'SUBSCRIPTION_CHANGED' | 'VALIDATION_FAILED'> | undefined {
  if (expected_seats !== undefined && expected_seats !== subscription.seats)
    return { problem: 'SUBSCRIPTION_CHANGED', members: { seats: subscription.seats } };
  if (proration_date === undefined || isPreviewValid(subscription, Date.parse(proration_date), nowMs))
    return undefined;
  const detail = `must be of a preview in this period, at most ${PREVIEW_VALID_MINUTES} minutes old`;
  return refuseFields('VALIDATION_FAILED', [{ at: '/proration_date', detail }]);
}

/**
 * Lets Stripe make the change, then applies what Stripe says, so that seats are current when the answer is sent. After a
 * crash in between, Stripe's event or the sweep applies it, whichever comes first.
 */
export async function applyChange(
  { change, ask, by, atMs }: Begun,
  billing: Billing,
  deps: Deps,
): Promise<
  Subscription | Refusal<'SUBSCRIPTION_UNCHANGEABLE' | 'SUBSCRIPTION_NOT_FOUND' | 'PAYMENT_REQUIRED'>
> {
  const changed = await billing.changeItem(ask);
  if (changed.verdict === 'REJECTED') return refuseRejected(changed);
  const look = await syncSubscription(ask.subscriptionId, { by }, billing, deps);
  if (look.verdict === 'IGNORED') return { problem: 'SUBSCRIPTION_NOT_FOUND', because: look.because };
  const { subscription } = look;
  if (isChangedTo(subscription, change)) {
    const note = noteOf('subscription.changed', subscription, { change, by });
    await deps.records.transact((transaction) => recordEventOnce(transaction, note, atMs));
  } else if (changed.verdict === 'UNPAID') {
    const { payUrl, payUntilMs } = changed;
    return {
      problem: 'PAYMENT_REQUIRED',
      members: { pay_url: payUrl, pay_until: timestampOrNull(payUntilMs) },
    };
  }
  return subscription;
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

const WHAT_TO_DO: Readonly<Record<UnchangeableReason, string>> = {
  unpaid: 'An invoice is not paid. Pay it in the billing portal first.',
  paused: 'The subscription is paused. Resume it first.',
  collection_paused: 'The vendor has paused its payments. Contact the vendor.',
  scheduled: 'A schedule already changes this subscription. Contact the vendor.',
  ending: 'A cancellation is scheduled. Undo it first.',
  several_items: 'Several items pay for its seats. Contact the vendor.',
  not_recognized: 'The vendor must look at what it pays for. Contact the vendor.',
  rejected: 'The payment service does not accept this change. Contact the vendor.',
};
