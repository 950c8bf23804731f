import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { system } from '../../shared/domain/actor.ts';
import { PLANS, type Plan } from '../../shared/domain/plans.ts';
import type { Caller } from '../../shared/http/contract.ts';
import type { DisputeStatus } from '../../shared/local/stripe/state.ts';
import { LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import { BY } from '../../shared/testing/by.ts';
import { runs } from '../../shared/testing/runs.ts';
import { unlimited } from '../testing/no-limits.ts';
import { beginPurchase } from '../testing/purchases.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';
import handler from './handler.ts';

/** The stand-in and the local records scan what they hold, so each suite gets few lives. */
const LIVES_OF_A_SUITE = 50;
const SUITES = runs(1, 10);
const RUNS = SUITES * LIVES_OF_A_SUITE;
const DAY_MS = 24 * 3600 * 1000;
const NOW_MS = Date.UTC(2026, 10, 25);
/** Time before each step. All steps of a life are within an hour, so that no period ends by itself. */
const STEP_MS = 5 * 60 * 1000;

/** The plan of each price, also of those that have lost their lookup key. */
const planOfPriceId = new Map<string, Plan>([
  ['price_seatlease_pro_month', 'pro'],
  ['price_seatlease_pro_year', 'pro'],
  ['price_seatlease_team_month', 'team'],
]);

let suite: TestSuite;
let tenantId: string;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW_MS });
  suite = await openTestSuite({}, unlimited);
  suite.stripe.sendEventsTo(undefined);
  ({ tenantId } = await suite.createLicense());
});
afterEach(async () => {
  await suite.close();
  vi.useRealTimers();
});

/** What can happen to a subscription. Each step causes events. */
const ACTIONS = [
  'more seats',
  'fewer seats',
  'more seats than are sold',
  'another plan',
  'yearly seats added',
  'added seats removed',
  'add-on added',
  'usage added',
  'lookup key moved',
  'payment fails',
  'payment succeeds',
  'renewed',
  'dispute',
  'inquiry',
  'dispute moves',
  'refund',
  'refund fails',
  'cancel at period end',
  'cancel at a date',
  'undo the cancellation',
  'changed here',
  'change declined here',
  'pending change paid',
  'canceled here at a date',
  'canceled here now',
  'paused here',
  'resumed here',
  'resumption declined here',
  'collection paused',
  'collection resumed',
  'pause',
  'resume',
  'trial ends soon',
  'ended',
] as const;
type Action = (typeof ACTIONS)[number];

/** What rarely happens by chance. */
const COMBINED: readonly Action[][] = [
  ['dispute', 'dispute moves', 'renewed'],
  ['dispute', 'dispute moves', 'dispute moves', 'dispute moves', 'dispute moves'],
  ['change declined here', 'pending change paid'],
  ['paused here', 'resumed here'],
  ['paused here', 'resumption declined here', 'payment succeeds'],
  ['refund', 'refund fails'],
  ['yearly seats added', 'renewed', 'renewed'],
  ['yearly seats added', 'another plan'],
];

/** What the test caused, to compute the expected license. */
interface Life {
  /** Seat items that were added, the newest last. */
  readonly added: string[];
  /** What the items paid for when they last were of one plan. */
  understood: { readonly plan: Plan; readonly max: number };
  readonly disputes: Map<string, { readonly status: DisputeStatus; readonly lostAtMs: number }>;
  /** The last refund of each charge that did not fail. */
  readonly refunds: Map<string, string>;
  /** The charge that paid for the latest period of the seats. */
  lastCharge: string | undefined;
  /** When a period of the seats was last paid. */
  paidAtMs: number;
  readonly paidInvoices: Set<string>;
  /** Where the change that was declined can be paid. */
  payUrl: string | undefined;
  firstUnpaidMs: number | undefined;
}

/** What can follow. */
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

/** Lets the action happen, and keeps what it paid for. */
async function live(action: Action, id: string, licenseId: string, life: Life): Promise<void> {
  vi.setSystemTime(Date.now() + STEP_MS);
  await act(action, id, licenseId, life);
  notePayments(id, life);
}

function notePayments(id: string, life: Life): void {
  const { stripe } = suite;
  const now = stripe.subscription(id);
  const seatItems = (now?.items ?? []).filter(({ priceId }) => planOfPriceId.has(priceId));
  for (const [index, invoice] of stripe.invoicesOf(id).entries()) {
    if (invoice.amountPaid === 0 || life.paidInvoices.has(invoice.id)) continue;
    life.paidInvoices.add(invoice.id);
    if (!seatItems.some((item) => invoice.itemIds.includes(item.id))) continue;
    life.paidAtMs = Date.now();
    if (index === 0) life.lastCharge = stripe.chargeOf(id);
  }
  if (now?.status === 'past_due') life.firstUnpaidMs ??= Date.now();
}

async function act(action: Action, id: string, license_id: string, life: Life): Promise<unknown> {
  const { stripe } = suite;
  const now = stripe.subscription(id);
  const charge = stripe.chargeOf(id);
  if (!now || now.status === 'canceled') return;
  const send = async (method: string, path: string, body: object) => {
    const reply = await suite.operate(method, `/api/v1/subscriptions/${path}`, body);
    expect(reply.status, reply.text).toBeLessThan(500);
    if (reply.status === 200) seen.doneHere += 1;
    return reply;
  };
  switch (action) {
    case 'more seats':
      return stripe.changeSeats(id, now.seats + 3);
    case 'fewer seats':
      return stripe.changeSeats(id, Math.max(1, now.seats - 2));
    case 'more seats than are sold':
      return stripe.changeSeats(id, PLANS.pro.seats.most + 1);
    case 'another plan':
      return stripe.changePrice(id, 'seatlease_team_month');
    case 'yearly seats added':
      return life.added.push(await stripe.addItem(id, { price: 'seatlease_pro_year', quantity: 5 }));
    case 'added seats removed': {
      const item = life.added.pop();
      return item === undefined ? undefined : stripe.removeItem(item);
    }
    case 'add-on added':
      return stripe.addItem(id, { price: await stripe.addPrice(), quantity: 7 });
    case 'usage added':
      return stripe.addItem(id, { price: await stripe.addPrice({ meter: 'api_calls' }) });
    case 'lookup key moved':
      return planOfPriceId.set(await stripe.moveLookupKey('seatlease_pro_month'), 'pro');
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
      const status = action === 'dispute' ? 'needs_response' : 'warning_needs_response';
      life.disputes.set(dispute, { status, lostAtMs: 0 });
      return;
    }
    case 'dispute moves':
      for (const [dispute, { status: before, lostAtMs }] of life.disputes) {
        const status = NEXT[before];
        if (status === undefined) continue;
        await stripe.moveDispute(dispute, status);
        life.disputes.set(dispute, { status, lostAtMs: status === 'lost' ? Date.now() : lostAtMs });
      }
      return;
    case 'refund':
      if (charge !== undefined && !life.refunds.has(charge))
        life.refunds.set(charge, await stripe.refund(charge));
      return;
    case 'refund fails':
      for (const refund of life.refunds.values()) await stripe.failRefund(refund);
      return life.refunds.clear();
    case 'cancel at period end':
      return send('POST', 'cancel', { license_id });
    case 'cancel at a date':
      return stripe.cancelAt(
        id,
        Math.max(now.periodEnd, Math.floor(Date.now() / 1000) + DAY_MS / 1000) - 3600,
      );
    case 'collection paused':
      return stripe.pauseCollection(id, 'keep_as_draft');
    case 'collection resumed':
      return stripe.resumeCollection(id);
    case 'undo the cancellation':
      return send('POST', 'cancel/undo', { license_id });
    case 'changed here':
      return send('PATCH', license_id, { seats: now.seats + 1 });
    case 'change declined here': {
      await stripe.setCard(id, 'declined');
      const { status, body } = await send('PATCH', license_id, { seats: now.seats + 1 });
      if (status === 402) life.payUrl = body.pay_url;
      return stripe.setCard(id, 'good');
    }
    case 'pending change paid': {
      const { payUrl } = life;
      life.payUrl = undefined;
      if (payUrl === undefined) return;
      const isOpen = stripe.invoicesOf(id).some((each) => payUrl.endsWith(each.id) && each.status === 'open');
      if (!isOpen) return;
      seen.paidLater += 1;
      return stripe.payInvoice(payUrl);
    }
    case 'canceled here at a date':
      return send('POST', 'cancel', {
        ...{ license_id, when: 'at' },
        cancel_at: new Date(Date.now() + 10 * DAY_MS).toISOString(),
      });
    case 'canceled here now':
      return send('POST', 'cancel', { license_id, when: 'now' });
    case 'paused here':
      return send('POST', 'pause', { license_id, kind: 'subscription' });
    case 'resumed here':
      return send('POST', 'resume', { license_id });
    case 'resumption declined here':
      await stripe.setCard(id, 'declined');
      await send('POST', 'resume', { license_id });
      return stripe.setCard(id, 'good');
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

/** What the items pay for, if they are of one plan. */
function paidFor(id: string): Life['understood'] | undefined {
  const seatItems = (suite.stripe.subscription(id)?.items ?? []).flatMap(({ priceId, quantity = 0 }) => {
    const plan = planOfPriceId.get(priceId);
    return plan ? [{ plan, quantity }] : [];
  });
  const [first] = seatItems;
  if (!first || seatItems.some(({ plan }) => plan !== first.plan)) return undefined;
  return { plan: first.plan, max: seatItems.reduce((sum, { quantity }) => sum + quantity, 0) };
}

/** The license that follows from the state at Stripe, and from what was paid for when that was last clear. */
function expected(id: string, life: Life) {
  const now = suite.stripe.subscription(id);
  if (!now) throw new Error('no subscription');
  const { plan, max } = paidFor(id) ?? life.understood;
  const graceMs = PLANS[plan].paymentGraceDays * DAY_MS;
  const isDisputed = [...life.disputes.values()].some(
    ({ status, lostAtMs }) => HOLDING.has(status) && (lostAtMs === 0 || life.paidAtMs <= lostAtMs),
  );
  const isRefunded = life.lastCharge !== undefined && life.refunds.has(life.lastCharge);
  const byStatus = now.status === 'paused' ? 'paused' : null;
  const hold = isDisputed ? 'dispute' : isRefunded ? 'refund' : byStatus;
  const seatEnds = now.items.flatMap((item) =>
    planOfPriceId.has(item.priceId) ? [item.periodEnd * 1000] : [],
  );
  const ends = {
    active: Math.max(...seatEnds) + graceMs,
    past_due: (life.firstUnpaidMs ?? 0) + graceMs,
    paused: Math.min(...seatEnds),
    canceled: (now.endedAt ?? 0) * 1000,
  };
  const end = ends[now.status as keyof typeof ends];
  const validUntilMs = now.cancelAt === null ? end : Math.min(end, now.cancelAt * 1000);
  return { plan, max, hold, validUntilMs, status: now.status };
}

/** What can leave a subscription with seats of two plans. */
const MIXES: ReadonlySet<Action> = new Set(['another plan', 'yearly seats added']);

/** Licenses with more seats are not filled. */
const MOST_ACQUIRED = 12;

function acquire(licenseId: string, n: number) {
  const machine = `machine ${n}`;
  return suite.deps.seats.acquire({
    licenseId,
    proof: { kind: 'trusted' },
    by: BY,
    kind: 'machine',
    sessionId: `ses_${licenseId.slice(4)}_${String(n).padStart(16, '0')}`,
    holders: { machine },
    machine,
    facts: { fingerprint: machine },
  });
}

const seen = {
  reordered: 0,
  repeated: 0,
  dropped: 0,
  atOnce: 0,
  doneHere: 0,
  paidLater: 0,
  paidAfterLost: 0,
  withNineOrMore: 0,
  granting: 0,
  held: 0,
  expired: 0,
  withSeveralItems: 0,
  notUnderstood: 0,
  checkedOnTheWay: 0,
  filled: 0,
};

const numbers = Array.from({ length: SUITES }, (_, n) => n);
test.each(numbers)(
  'subscriptions end in the same state as at Stripe, for any order of its events (%i)',
  async (n) => {
    const moves = fc.constantFrom(...ACTIONS.map((action) => [action]), ...COMBINED, ...COMBINED);
    const lives = fc.array(moves, { minLength: 3, maxLength: 6 }).map((each) => each.flat().slice(0, 11));
    const tape = fc.infiniteStream(fc.nat(999));

    await fc.assert(
      fc.asyncProperty(lives, tape, async (actions, choices) => {
        const choose = (n: number): number => Number(choices.next().value) % n;
        const purchase = await beginPurchase(suite, { tenantId, plan: 'pro', seats: 4 });
        const before = suite.stripe.events.length;
        const subscriptionId = await purchase.pay();
        const life: Life = {
          ...{ added: [], understood: { plan: 'pro', max: 4 } },
          ...{ disputes: new Map(), refunds: new Map(), paidInvoices: new Set() },
          ...{ lastCharge: undefined, paidAtMs: 0 },
          ...{ payUrl: undefined, firstUnpaidMs: undefined },
        };
        notePayments(subscriptionId, life);
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
        /** Delivers everything, also what was not accepted before, and compares the license with the state at Stripe. */
        const settle = async (): Promise<ReturnType<typeof expected>> => {
          for (const { id } of suite.stripe.events.slice(known)) waiting.push(id);
          known = suite.stripe.events.length;
          waiting.push(...dropped.splice(0));
          while (waiting.length > 0) await deliver(take());
          const after = expected(subscriptionId, life);
          const { status, validUntilMs, ...license } = after;
          const stored = await suite.deps.records.get(LICENSES, purchase.licenseId);
          expect(stored).toMatchObject(license);
          // The grace begins with the invoice that is unpaid, which may be later than the first one.
          if (status === 'past_due') {
            expect(stored?.validUntilMs).toBeGreaterThanOrEqual(validUntilMs);
            expect(stored?.validUntilMs).toBeLessThanOrEqual(validUntilMs + 20 * STEP_MS);
          } else expect(stored?.validUntilMs).toBe(validUntilMs);
          const subscription = { status, seats: license.max };
          expect(await suite.deps.records.get(SUBSCRIPTIONS, subscriptionId)).toMatchObject(subscription);
          return after;
        };
        await deliverSome();
        for (const action of actions) {
          // What was paid for is remembered only if it was fetched before it became unclear.
          if (MIXES.has(action) || choose(6) === 0) {
            await settle();
            seen.checkedOnTheWay += 1;
          }
          life.understood = paidFor(subscriptionId) ?? life.understood;
          await live(action, subscriptionId, purchase.licenseId, life);
          await deliverSome();
        }
        const { max, hold, status } = await settle();
        if (suite.stripe.events.length - before >= 9) seen.withNineOrMore += 1;
        if ((suite.stripe.subscription(subscriptionId)?.items.length ?? 0) > 1) seen.withSeveralItems += 1;
        if (!paidFor(subscriptionId)) seen.notUnderstood += 1;
        if ([...life.disputes.values()].some(({ lostAtMs }) => lostAtMs > 0 && life.paidAtMs > lostAtMs))
          seen.paidAfterLost += 1;
        const acquired = await acquire(purchase.licenseId, 0);
        if (hold !== null) expect(acquired.verdict).toBe('SUSPENDED');
        else if (status === 'canceled') expect(acquired.verdict).toBe('EXPIRED');
        else expect(acquired).toMatchObject({ verdict: 'GRANTED', max });
        if (acquired.verdict === 'GRANTED' && max <= MOST_ACQUIRED) {
          for (let n = 1; n < max; n += 1)
            expect((await acquire(purchase.licenseId, n)).verdict).toBe('GRANTED');
          expect((await acquire(purchase.licenseId, max)).verdict).toBe('FULL');
          seen.filled += 1;
        }
        if (hold !== null) seen.held += 1;
        else if (status === 'canceled') seen.expired += 1;
        else seen.granting += 1;
      }),
      { numRuns: LIVES_OF_A_SUITE, seed: 20261125 + n, endOnFailure: true },
    );
  },
  240_000,
);

test('in these lives, everything happened that can', () => {
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(RUNS / 25);
});
