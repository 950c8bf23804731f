import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { system } from '../../shared/domain/actor.ts';
import { PLANS, planOfPrice } from '../../shared/domain/plans.ts';
import type { Caller } from '../../shared/http/contract.ts';
import type { DisputeStatus } from '../../shared/local/stripe/state.ts';
import { LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import { BY } from '../../shared/testing/by.ts';
import { runs } from '../../shared/testing/runs.ts';
import { beginPurchase } from '../testing/purchases.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';
import handler from './handler.ts';

const RUNS = runs(50, 500);
const DAY_MS = 24 * 3600 * 1000;
const NOW_MS = Date.UTC(2026, 10, 25);

let suite: TestSuite;
let tenantId: string;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW_MS });
  suite = await openTestSuite();
  suite.stripe.sendEventsTo(undefined);
  ({ tenantId } = await suite.createLicense());
});
afterAll(async () => {
  await suite.close();
  vi.useRealTimers();
});

/** What can happen to a subscription. Each step causes events. */
const ACTIONS = [
  'more seats',
  'fewer seats',
  'another plan',
  'payment fails',
  'payment succeeds',
  'renewed',
  'dispute',
  'inquiry',
  'dispute moves',
  'refund',
  'refund fails',
  'cancel at period end',
  'undo the cancellation',
  'pause',
  'resume',
  'trial ends soon',
  'ended',
] as const;
type Action = (typeof ACTIONS)[number];

/** Disputes and refunds that the test caused, to compute the expected hold. */
interface Money {
  /** The status of each dispute. */
  readonly disputes: Map<string, DisputeStatus>;
  /** The last refund of each charge that did not fail. */
  readonly refunds: Map<string, string>;
  /** The last charge that paid for a period. */
  lastCharge: string | undefined;
}

/** What can follow; the clock stands still, so that no payment is later than a lost dispute. */
const NEXT: Readonly<Partial<Record<DisputeStatus, DisputeStatus>>> = {
  warning_needs_response: 'needs_response',
  needs_response: 'lost',
  lost: 'appeal_needs_response',
  appeal_needs_response: 'appeal_under_review',
  appeal_under_review: 'won',
};
const HOLDING: ReadonlySet<DisputeStatus> = new Set([
  ...(['needs_response', 'lost', 'appeal_needs_response', 'appeal_under_review'] as const),
]);

async function act(action: Action, id: string, money: Money): Promise<void> {
  const { stripe } = suite;
  const now = stripe.subscription(id);
  const charge = stripe.chargeOf(id);
  if (!now || now.status === 'canceled') return;
  switch (action) {
    case 'more seats':
      return stripe.changeSeats(id, now.seats + 3);
    case 'fewer seats':
      return stripe.changeSeats(id, Math.max(1, now.seats - 2));
    case 'another plan':
      return stripe.changePrice(id, 'seatlease_team_month');
    case 'payment fails':
      return stripe.renew(id, 'declined');
    case 'payment succeeds':
      return stripe.retryPayment(id);
    case 'renewed':
      return stripe.renew(id);
    case 'dispute':
    case 'inquiry': {
      if (charge === undefined) return;
      const dispute = await stripe.dispute(charge, action);
      money.disputes.set(dispute, action === 'dispute' ? 'needs_response' : 'warning_needs_response');
      return;
    }
    case 'dispute moves':
      for (const [dispute, status] of money.disputes) {
        const next = NEXT[status];
        if (next === undefined) continue;
        await stripe.moveDispute(dispute, next);
        money.disputes.set(dispute, next);
      }
      return;
    case 'refund':
      if (charge !== undefined && !money.refunds.has(charge))
        money.refunds.set(charge, await stripe.refund(charge));
      return;
    case 'refund fails':
      for (const refund of money.refunds.values()) await stripe.failRefund(refund);
      return money.refunds.clear();
    case 'cancel at period end':
      await suite.deps.billing?.endSubscription(id, 'period_end');
      return;
    case 'undo the cancellation':
      await suite.deps.billing?.endSubscription(id, 'never');
      return;
    case 'pause':
      return stripe.pause(id);
    case 'resume':
      return stripe.resume(id);
    case 'trial ends soon':
      return stripe.announceTrialEnd(id);
    case 'ended':
      return stripe.end(id);
  }
}

/** Handles an event as the webhook does, without HTTP. */
async function deliver(eventId: string): Promise<void> {
  const { billingEvents, clock } = suite.deps;
  const event = suite.stripe.events.find(({ id }) => id === eventId);
  if (!billingEvents || !event) throw new Error('no such event');
  const { Stripe } = await import('stripe');
  const { webhookSecret: secret } = suite.stripe;
  const nowMs = clock.nowMs();
  const timestamp = Math.floor(nowMs / 1000);
  const signature = Stripe.webhooks.generateTestHeaderString({ payload: event.body, secret, timestamp });
  const opened = await billingEvents.open(Buffer.from(event.body), signature, nowMs);
  if (opened.verdict !== 'EVENT') throw new Error(opened.verdict);
  const caller: Extract<Caller, { kind: 'stripe' }> = { kind: 'stripe', delivery: opened };
  const given = { params: undefined, query: undefined, body: undefined, cookie: undefined };
  const answer = await handler.receive(
    {
      ...given,
      caller,
      idempotencyKey: undefined,
      by: { actor: system('stripe-webhook') },
      standing: () => 'STRANGER',
      note: () => {},
    },
    suite.deps,
  );
  expect(answer).toHaveProperty('answer', 'received');
}

/** The license that follows from the final state at Stripe alone. */
function expected(id: string, money: Money) {
  const now = suite.stripe.subscription(id);
  if (!now) throw new Error('no subscription');
  const plan = planOfPrice({ lookupKey: now.lookupKey, planName: null });
  if (!plan) throw new Error('no plan');
  const graceMs = PLANS[plan].paymentGraceDays * DAY_MS;
  const isDisputed = [...money.disputes.values()].some((status) => HOLDING.has(status));
  const isRefunded = money.lastCharge !== undefined && money.refunds.has(money.lastCharge);
  const byStatus = now.status === 'paused' ? 'paused' : null;
  const hold = isDisputed ? 'dispute' : isRefunded ? 'refund' : byStatus;
  const ends = {
    active: now.periodEnd * 1000 + graceMs,
    past_due: NOW_MS + graceMs,
    paused: now.periodEnd * 1000,
    canceled: NOW_MS,
  };
  const end = ends[now.status as keyof typeof ends];
  const validUntilMs = now.cancelAt === null ? end : Math.min(end, now.cancelAt * 1000);
  return { plan, max: now.seats, hold, validUntilMs, status: now.status };
}

test(`${RUNS} subscriptions end in the same state as at Stripe, for any order of its events`, async () => {
  const seen = {
    reordered: 0,
    repeated: 0,
    dropped: 0,
    atOnce: 0,
    withNineOrMore: 0,
    granting: 0,
    held: 0,
    expired: 0,
  };
  const life = fc.array(
    fc.constantFrom(...ACTIONS, 'renewed' as const, 'dispute moves' as const, 'refund fails' as const),
    { minLength: 4, maxLength: 7 },
  );
  const tape = fc.infiniteStream(fc.nat(999));

  await fc.assert(
    fc.asyncProperty(life, tape, async (actions, choices) => {
      const choose = (n: number): number => Number(choices.next().value) % n;
      const purchase = await beginPurchase(suite, { tenantId, plan: 'pro', seats: 4 });
      const before = suite.stripe.events.length;
      const subscriptionId = await purchase.pay();
      const money: Money = { disputes: new Map(), refunds: new Map(), lastCharge: undefined };
      const waiting: string[] = [];
      const dropped: string[] = [];
      let known = before;
      const take = (): string => waiting.splice(choose(waiting.length), 1)[0] ?? '';
      const deliverSome = async (): Promise<void> => {
        for (const { id } of suite.stripe.events.slice(known)) waiting.push(id);
        known = suite.stripe.events.length;
        for (let n = choose(3); n > 0 && waiting.length > 0; n -= 1) {
          const oldest = waiting[0];
          const event = take();
          if (event !== oldest) seen.reordered += 1;
          switch (choose(5)) {
            case 0:
              dropped.push(event);
              seen.dropped += 1;
              break;
            case 1:
              waiting.push(event);
              seen.repeated += 1;
              await deliver(event);
              break;
            case 2: {
              const other = waiting.length > 0 ? take() : event;
              seen.atOnce += 1;
              await Promise.all([deliver(event), deliver(other)]);
              break;
            }
            default:
              await deliver(event);
          }
        }
      };
      await deliverSome();
      for (const action of actions) {
        money.lastCharge = suite.stripe.chargeOf(subscriptionId) ?? money.lastCharge;
        await act(action, subscriptionId, money);
        await deliverSome();
      }
      for (const { id } of suite.stripe.events.slice(known)) waiting.push(id);
      // Stripe resends events that were not accepted, also in any order.
      waiting.push(...dropped);
      while (waiting.length > 0) await deliver(take());
      if (suite.stripe.events.length - before >= 9) seen.withNineOrMore += 1;

      money.lastCharge = suite.stripe.chargeOf(subscriptionId) ?? money.lastCharge;
      const { plan, max, hold, validUntilMs, status } = expected(subscriptionId, money);
      const { records, seats } = suite.deps;
      expect(await records.get(LICENSES, purchase.licenseId)).toMatchObject({
        plan,
        max,
        hold,
        validUntilMs,
      });
      expect(await records.get(SUBSCRIPTIONS, subscriptionId)).toMatchObject({ status, seats: max });
      const acquired = await seats.acquire({
        licenseId: purchase.licenseId,
        proof: { kind: 'trusted' },
        by: BY,
        kind: 'machine',
        sessionId: `ses_${purchase.licenseId.slice(4)}_0000000000000000`,
        holders: { machine: 'machine' },
        machine: 'machine',
        facts: { fingerprint: 'machine' },
      });
      if (hold !== null) expect(acquired.verdict).toBe('SUSPENDED');
      else if (status === 'canceled') expect(acquired.verdict).toBe('EXPIRED');
      else expect(acquired).toMatchObject({ verdict: 'GRANTED', max });
      if (hold !== null) seen.held += 1;
      else if (status === 'canceled') seen.expired += 1;
      else seen.granting += 1;
    }),
    { numRuns: RUNS, seed: 20261125, endOnFailure: true },
  );
  // Every branch must have been reached.
  for (const [what, n] of Object.entries(seen)) expect(n, what).toBeGreaterThan(RUNS / 10);
}, 240_000);
