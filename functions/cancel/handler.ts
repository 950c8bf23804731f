import type { By } from '../../shared/domain/actor.ts';
import { seatItemsOf } from '../../shared/domain/seat-items.ts';
import {
  isOver,
  isOverdue,
  type Subscription,
  type SubscriptionState,
} from '../../shared/domain/subscription.ts';
import { isUnpaid } from '../../shared/domain/subscription-change.ts';
import {
  type End,
  type EndingObstacle,
  isAcceptedEnd,
  isPausedAs,
  whyNotEnd,
  whyNotPause,
  whyStillEnding,
} from '../../shared/domain/subscription-ending.ts';
import type { HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { own } from '../../shared/http/own.ts';
import { viewOfSubscription } from '../../shared/http/subscription-view.ts';
import type { Billing } from '../../shared/ports/billing.ts';
import { LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { endNow, unbilledOf } from '../../shared/use-cases/ending.ts';
import { flushUsage } from '../../shared/use-cases/metering/flush-usage.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';
import { syncSubscription } from '../../shared/use-cases/subscriptions.ts';
import type contract from './contract.ts';

/**
 * Each handler changes the subscription at Stripe, then applies what Stripe says after, without waiting for its event:
 * seats are current when the answer is sent, and the answer is Stripe's. After a crash in between, the event applies it,
 * and a repeated request is answered by the state that it finds.
 */

async function cancel(
  { body, by, standing, note }: RequestOf<typeof contract, 'cancel'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'cancel'>> {
  const end = endOf(body);
  if (end === undefined)
    return { problem: 'VALIDATION_FAILED', detail: 'Send cancel_at if when is at, and only then.' };
  if (!isAcceptedEnd(end, deps.clock.nowMs())) return { problem: 'TIME_NOT_IN_FUTURE' };
  const found = await find(body.license_id, standing, by, deps);
  if ('problem' in found) return found;
  const { billing, state, owner } = found;
  const obstacle = whyNotEnd(state, end);
  if (obstacle !== null) return unchangeable(obstacle);
  const { ended, usage } =
    end === 'now' ? await endNow(owner, by, billing, deps) : await endLater(owner, end, by, billing, deps);
  if (ended.verdict === 'REJECTED') return unchangeable('rejected', ended.because);
  const unbilled = unbilledOf(usage);
  if (unbilled !== undefined) note(notBilled(owner, unbilled));
  const now = await lookAgain(owner, by, billing, deps);
  if ('problem' in now) return now;
  if (ended.verdict === 'OVER') return refused('SUBSCRIPTION_ENDED');
  const isInvoiced = isOver(now) && now.latestInvoiceId !== state.latestInvoiceId;
  const final = { final_usage: [...usage], final_invoice_id: isInvoiced ? now.latestInvoiceId : null };
  return { answer: 'canceled', body: { ...viewOfSubscription(now), ...final } };
}

function notBilled({ licenseId }: Owner, usage: string) {
  return { severity: 'WARNING', license_id: licenseId, because: `usage is not billed: ${usage}` } as const;
}

function endOf({ when, cancel_at }: RequestOf<typeof contract, 'cancel'>['body']): End | undefined {
  if (when === 'at') return cancel_at === undefined ? undefined : { atMs: Date.parse(cancel_at) };
  return cancel_at === undefined ? (when ?? 'period_end') : undefined;
}

async function endLater(owner: Owner, end: Exclude<End, 'now'>, by: By, billing: Billing, deps: Deps) {
  const ended = await billing.endSubscription({ subscriptionId: owner.subscriptionId, end });
  if (ended.verdict === 'ENDING') await record('subscription.canceled', owner, by, deps);
  return { ended, usage: [] };
}

async function undo(
  { body, by, standing }: RequestOf<typeof contract, 'undo'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'undo'>> {
  const found = await find(body.license_id, standing, by, deps);
  if ('problem' in found) return found;
  const { billing, owner } = found;
  const kept = await billing.keepSubscription(owner.subscriptionId);
  if (kept.verdict === 'KEPT') await record('subscription.kept', owner, by, deps);
  const now = await lookAgain(owner, by, billing, deps);
  if ('problem' in now) return now;
  if (isOver(now)) return refused('SUBSCRIPTION_ENDED');
  if (kept.verdict === 'KEPT' && now.cancelAtMs === null) return shown(now);
  const because = kept.verdict === 'STILL_ENDING' ? kept.because : undefined;
  return { problem: 'SUBSCRIPTION_STILL_ENDING', detail: whyStillEnding(now), because };
}

async function pause(
  { body, by, standing, note }: RequestOf<typeof contract, 'pause'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'pause'>> {
  const { kind, behavior, resumes_at } = body;
  if (kind === 'subscription' && (behavior ?? resumes_at) !== undefined)
    return {
      problem: 'VALIDATION_FAILED',
      detail: 'Send behavior and resumes_at only with kind collection.',
    };
  const resumesAtMs = resumes_at === undefined ? null : Date.parse(resumes_at);
  if (resumesAtMs !== null && resumesAtMs <= deps.clock.nowMs()) return { problem: 'TIME_NOT_IN_FUTURE' };
  const found = await find(body.license_id, standing, by, deps);
  if ('problem' in found) return found;
  const { billing, state, owner } = found;
  const { subscriptionId, tenantId } = owner;
  const obstacle = whyNotPause(state, kind);
  if (obstacle !== null) return unchangeable(obstacle);
  if (kind === 'collection' || !isPausedAs(state, kind)) {
    // A pause invoices the usage so far, like an end.
    if (kind === 'subscription') {
      const unbilled = unbilledOf(await flushUsage(tenantId, deps));
      if (unbilled !== undefined) note(notBilled(owner, unbilled));
    }
    const how = { behavior: behavior ?? 'keep_as_draft', resumesAtMs } as const;
    const paused = await billing.pauseSubscription(
      kind === 'subscription'
        ? { kind, subscriptionId, creditsRest: await isPaid(state, billing, deps) }
        : { kind, subscriptionId, ...how },
    );
    if (paused.verdict === 'REJECTED') return unchangeable('rejected', paused.because);
    if (paused.verdict === 'PAUSED') await record('subscription.paused', owner, by, deps, { pause: kind });
  }
  const now = await lookAgain(owner, by, billing, deps);
  if ('problem' in now) return now;
  return isOver(now) ? refused('SUBSCRIPTION_ENDED') : shown(now);
}

/** Whether all seats of the running period are paid: Stripe also credits what was not. */
async function isPaid(
  state: SubscriptionState,
  billing: Billing,
  { records, clock }: Deps,
): Promise<boolean> {
  const { subscriptionId } = state;
  const known = await records.get(SUBSCRIPTIONS, subscriptionId);
  if (!known || isOverdue(state)) return false;
  const invoices = await billing.readInvoices(subscriptionId);
  return seatItemsOf(known).every(({ itemId }) => !isUnpaid(invoices, known, itemId, clock.nowMs()));
}

async function resume(
  { body, by, standing }: RequestOf<typeof contract, 'resume'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'resume'>> {
  const found = await find(body.license_id, standing, by, deps);
  if ('problem' in found) return found;
  const { billing, state, owner } = found;
  const resumed = await billing.resumeSubscription(owner.subscriptionId);
  if (resumed.verdict === 'REJECTED') return unchangeable('not_charged', resumed.because);
  const wasPaused = isPausedAs(state, 'subscription') || isPausedAs(state, 'collection');
  if (resumed.verdict === 'RESUMED' && wasPaused) await record('subscription.resumed', owner, by, deps);
  const now = await lookAgain(owner, by, billing, deps);
  if ('problem' in now) return now;
  if (resumed.verdict === 'OVER') return refused('SUBSCRIPTION_ENDED');
  return { answer: 'resumed', body: { ...viewOfSubscription(now), pay_url: resumed.payUrl } };
}

/** The subscription that pays for the license, as Stripe has it now. */
async function find(
  licenseId: string,
  standing: RequestOf<typeof contract, 'cancel'>['standing'],
  by: By,
  deps: Deps,
) {
  const { billing, records } = deps;
  if (!billing) return refused('BILLING_NOT_SET_UP');
  const license = own(await records.get(LICENSES, licenseId), standing, 'LICENSE_NOT_FOUND');
  if ('problem' in license) return license;
  const { subscriptionId, tenantId } = license;
  if (subscriptionId === null) return refused('SUBSCRIPTION_NOT_FOUND');
  const state = await billing.readSubscription(subscriptionId);
  if (!state) return refused('SUBSCRIPTION_NOT_FOUND', 'the subscription does not exist at Stripe');
  const owner = { subscriptionId, tenantId, licenseId };
  if (!isOver(state)) return { billing, state, owner };
  const now = await lookAgain(owner, by, billing, deps);
  return 'problem' in now ? now : refused('SUBSCRIPTION_ENDED');
}

type Owner = Pick<Subscription, 'subscriptionId' | 'tenantId' | 'licenseId'>;

async function record(
  type: 'subscription.canceled' | 'subscription.kept' | 'subscription.paused' | 'subscription.resumed',
  { subscriptionId, ...owner }: Owner,
  by: By,
  { records, clock }: Deps,
  detail: { readonly pause?: 'collection' | 'subscription' } = {},
): Promise<void> {
  await records.transact(async (transaction) =>
    recordEvent(transaction, { type, ...owner, subject: subscriptionId, by, detail }, clock.nowMs()),
  );
}

/** The subscription after Stripe's current state was applied. */
async function lookAgain(
  { subscriptionId }: Owner,
  by: By,
  billing: Billing,
  deps: Deps,
): Promise<Subscription | Refusal<'SUBSCRIPTION_NOT_FOUND'>> {
  const look = await syncSubscription(subscriptionId, { by }, billing, deps);
  return look.verdict === 'SEEN' ? look.subscription : refused('SUBSCRIPTION_NOT_FOUND', look.because);
}

function shown(subscription: Subscription) {
  return { answer: 'subscription' as const, body: viewOfSubscription(subscription) };
}

function refused<C extends Refusal['problem']>(problem: C, because?: string): Refusal<C> {
  return { problem, because };
}

function unchangeable(reason: EndingObstacle, because?: string): Refusal<'SUBSCRIPTION_UNCHANGEABLE'> {
  return { problem: 'SUBSCRIPTION_UNCHANGEABLE', detail: WHAT_TO_DO[reason], members: { reason }, because };
}

const WHAT_TO_DO: Readonly<Record<EndingObstacle, string>> = {
  paused: 'Nothing is paid that could run out. End it now, or resume it first.',
  not_begun: 'It was never paid. It can only end now.',
  invoice_sent: 'Its invoices are sent, not charged. Pause the collection instead.',
  trialing: 'It is in its trial.',
  scheduled: 'A schedule at Stripe changes it. Release the schedule first.',
  rejected: 'Stripe does not accept this. The log of the function has its error.',
  not_charged: 'Stripe could not charge for a new period. The customer must set a payment method first.',
};

export default { cancel, undo, pause, resume } satisfies HandlersOf<typeof contract>;
