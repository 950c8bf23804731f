import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  failedEvent,
  isProcessable,
  MOST_TRIES,
  receivedEvent,
  type StoredEvent,
  unreadableEvent,
} from '../../shared/domain/billing-event.ts';
import { type Part, Unavailable } from '../../shared/errors.ts';
import { BILLING_EVENTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { EVENTS_BY_RECORDING } from '../../shared/ports/queries.ts';
import { tryStripeEvent } from '../../shared/use-cases/stripe-events.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { type BoughtLicense, buySeats, withoutStripeEvents } from '../testing/purchases.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';

const PATH = '/api/v1/stripe-events';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let clocked: ClockedSuite;
let suite: TestSuite;
/** Subscriptions that cannot be read, however often Stripe is asked. */
let poisoned: Set<string>;
/** Subscriptions for which Stripe is unavailable. */
let unanswered: Set<string>;
/** What does not answer, when a subscription is read or a seat written. */
let down: Part | undefined;
/** Whether the process ends when a failure is about to be counted. */
let crashesAtCounting: boolean;
let isCrashing = false;

beforeEach(async () => {
  poisoned = new Set();
  unanswered = new Set();
  down = undefined;
  crashesAtCounting = false;
  clocked = await openClockedSuite(withFaults);
  suite = clocked.suite;
});
afterEach(() => clocked.close());

function withFaults(deps: Deps): Deps {
  const { billing, records, seats } = deps;
  if (!billing) throw new Error('billing is not configured');
  const check = (part: Part): void => {
    if (down === part) throw new Unavailable(part, 'down in this test');
  };
  return {
    ...deps,
    billing: {
      ...billing,
      async readSubscription(id) {
        check('billing');
        if (unanswered.has(id)) throw new Unavailable('billing', 'a 500 for this subscription');
        if (poisoned.has(id)) {
          isCrashing = crashesAtCounting;
          throw new TypeError(`ada@example.com has no "price" in ${id}`);
        }
        return billing.readSubscription(id);
      },
    },
    seats: {
      ...seats,
      async putLicense(...given) {
        check('seats');
        return seats.putLicense(...given);
      },
    },
    records: {
      ...records,
      get: (...given) => records.get(...given),
      create: (...given) => records.create(...given),
      query: (...given) => records.query(...given),
      transact(work) {
        if (isCrashing) {
          isCrashing = false;
          throw new Error('the process ends here');
        }
        return records.transact(work);
      },
    },
  };
}

/** A license with more seats at Stripe than here, and the event that reports it, which is not sent. */
async function changed(seats = 5): Promise<{ bought: BoughtLicense; eventId: string }> {
  const bought = await buySeats(suite, { seats: 2 });
  await withoutStripeEvents(suite, () => suite.stripe.changeSeats(bought.subscriptionId, seats));
  const event = suite.stripe.events.at(-1);
  if (event?.type !== 'customer.subscription.updated') throw new Error('no event');
  return { bought, eventId: event.id };
}

async function poison(): Promise<{ bought: BoughtLicense; eventId: string }> {
  const made = await changed();
  poisoned.add(made.bought.subscriptionId);
  return made;
}

const stored = (eventId: string) => suite.deps.records.get(BILLING_EVENTS, eventId);
const list = async (state: string): Promise<Reply['body'][]> =>
  (await suite.operate('GET', `${PATH}?status=${state}`)).body.stripe_events;
const retry = (eventId: string): Promise<Reply> => suite.operate('POST', `${PATH}/${eventId}/retry`, {});
const seatsOf = async ({ licenseId }: BoughtLicense): Promise<number> =>
  (await suite.operate('GET', `/api/v1/licenses/${licenseId}`)).body.max;

/** Sweeps every minute. Each sweep must succeed. */
async function sweepFor(minutes: number): Promise<Reply['body'][]> {
  const swept = [];
  for (let n = 0; n < minutes; n += 1) {
    clocked.moveClock(MINUTE_MS);
    const { status, body, text } = await suite.sweep();
    expect(status, text).toBe(200);
    swept.push(body);
  }
  return swept;
}

const sum = (swept: readonly Reply['body'][], field: string): number =>
  swept.reduce((total, body) => total + body[field], 0);

async function eventsOfType(type: string) {
  const all = await Array.fromAsync(eachDocument(suite.deps.records, EVENTS_BY_RECORDING, {}));
  return all.filter((event) => event.type === type);
}

describe('an event that can never be processed', () => {
  test('is tried again and again, then set aside, while the sweep goes on with the others', async () => {
    const before = await changed();
    const bad = await poison();
    const after = await changed();
    down = 'billing';
    for (const { eventId } of [before, bad, after]) expect(await suite.stripe.send(eventId)).toBe(503);
    down = undefined;

    const [first] = await sweepFor(2);
    expect(sum([first], 'billing_events')).toBe(0);
    expect(await stored(before.eventId)).toMatchObject({ state: 'done', tries: 0 });
    expect(await stored(after.eventId)).toMatchObject({ state: 'done', tries: 0 });
    expect([await seatsOf(before.bought), await seatsOf(after.bought)]).toEqual([5, 5]);
    expect(await stored(bad.eventId)).toMatchObject({ state: 'open', tries: 1 });
    expect(await list('open')).toMatchObject([{ event_id: bad.eventId, tries: 1 }]);

    const swept = await sweepFor(130);
    expect([sum(swept, 'billing_events_failed'), sum(swept, 'billing_events_set_aside')]).toEqual([
      MOST_TRIES - 2,
      1,
    ]);
    expect(await list('set_aside')).toEqual([
      {
        event_id: bad.eventId,
        type: 'customer.subscription.updated',
        status: 'set_aside',
        object_id: bad.bought.subscriptionId,
        tries: MOST_TRIES,
        last_error: `TypeError: … has no "price" in ${bad.bought.subscriptionId}`,
        next_try_at: null,
        created_at: expect.any(String),
        received_at: expect.any(String),
      },
    ]);
    expect(await list('open')).toEqual([]);
    const log = suite.logged.filter(({ message }) => message.includes(bad.eventId));
    expect(log.map(({ message }) => message)).toEqual([
      ...Array(MOST_TRIES - 1).fill(`Stripe event ${bad.eventId} failed`),
      `Stripe event ${bad.eventId} was set aside`,
    ]);
    expect(log[0]).toMatchObject({
      severity: 'ERROR',
      stack_trace: expect.stringContaining('readSubscription'),
    });
  });

  test('is in the audit log of its tenant when it is set aside, once', async () => {
    const { bought, eventId } = await poison();
    for (let n = 0; n < MOST_TRIES + 2; n += 1) {
      clocked.moveClock(1_000);
      await suite.stripe.send(eventId);
    }
    await suite.settle();
    const { body } = await suite.operate(
      'GET',
      `/api/v1/audit?license_id=${bought.licenseId}&type=stripe_event.set_aside`,
    );
    expect(body.events).toMatchObject([
      { tenant_id: bought.tenantId, subject: eventId, actor: { type: 'system', id: 'stripe' } },
    ]);
  });

  test('counts the deliveries of Stripe, which are acknowledged once it is set aside', async () => {
    const { eventId } = await poison();
    const answers = [];
    for (let n = 1; n <= MOST_TRIES + 1; n += 1) answers.push(await suite.stripe.send(eventId));
    expect(answers).toEqual([...Array(MOST_TRIES - 1).fill(500), 200, 200]);
    expect(suite.logged.at(-1)).toMatchObject({
      severity: 'ERROR',
      verdict: 'SET_ASIDE',
      event_id: eventId,
      because: expect.stringMatching(/^set aside after 9 tries: TypeError: … has no "price"/),
    });
    expect(await stored(eventId)).toMatchObject({ state: 'set_aside', tries: MOST_TRIES + 1 });
  });

  test('loses one try if Stripe and the sweep try it at the same time', async () => {
    const { eventId } = await poison();
    await suite.stripe.send(eventId);
    const event = await stored(eventId);
    const { billing } = suite.deps;
    if (!event || !isProcessable(event) || !billing) throw new Error('not stored');
    const tried = await Promise.all([1, 2, 3].map(() => tryStripeEvent(event, billing, suite.deps)));
    expect(tried.map(({ verdict }) => verdict)).toEqual(['FAILED', 'FAILED', 'FAILED']);
    expect((await stored(eventId))?.tries).toBe(2);
  });

  test('stays done if one run fails after another has succeeded', async () => {
    const { bought, eventId } = await poison();
    await suite.stripe.send(eventId);
    const event = await stored(eventId);
    poisoned.clear();
    await suite.stripe.send(eventId);
    poisoned.add(bought.subscriptionId);
    const { billing } = suite.deps;
    if (!event || !isProcessable(event) || !billing) throw new Error('not stored');
    expect(await tryStripeEvent(event, billing, suite.deps)).toEqual({ verdict: 'DONE' });
    expect(await stored(eventId)).toMatchObject({ state: 'done', tries: 1 });
  });

  test('loses no try, and is not lost, if the process ends between a failure and its count', async () => {
    const { eventId } = await poison();
    crashesAtCounting = true;
    expect(await suite.stripe.send(eventId)).toBe(500);
    expect(await stored(eventId)).toMatchObject({ state: 'open', tries: 0 });
    crashesAtCounting = false;
    await sweepFor(2);
    expect(await stored(eventId)).toMatchObject({ state: 'open', tries: 1 });
  });

  test('lets the others be processed within three sweeps, even if one sweep cannot try all of them', async () => {
    const { bought, eventId } = await changed();
    const nowMs = clocked.nowMs();
    await suite.deps.records.transact(async (transaction) => {
      for (let n = 0; n < 60; n += 1) {
        const about = { kind: 'subscription', id: 'sub_poison' } as const;
        const id = `evt_poison${n}`;
        const event = receivedEvent(
          { eventId: id, type: 'invoice.paid', createdAtMs: nowMs, about },
          nowMs - n,
        );
        transaction.set(BILLING_EVENTS, id, event);
      }
    });
    poisoned.add('sub_poison');
    down = 'billing';
    await suite.stripe.send(eventId);
    down = undefined;
    const swept = await sweepFor(3);
    expect(sum(swept, 'billing_events_failed')).toBeGreaterThan(60);
    expect(await seatsOf(bought)).toBe(5);
  });
});

describe('while something is unavailable', () => {
  test.each<Part>(['billing', 'seats'])(
    'no event loses a try, for hours, and all are processed afterwards (%s)',
    async (part) => {
      const events = [await changed(), await changed(7), await changed()];
      down = part;
      for (let hour = 0; hour < 3; hour += 1) {
        for (const { eventId } of events) expect(await suite.stripe.send(eventId)).toBe(503);
        for (let n = 0; n < 20; n += 1) {
          clocked.moveClock(3 * MINUTE_MS);
          expect((await suite.sweep()).body).toMatchObject({ billing_events: 0, complete: false });
        }
      }
      for (const { eventId } of events)
        expect(await stored(eventId)).toMatchObject({ state: 'open', tries: 0, lastError: null });
      down = undefined;
      await sweepFor(6);
      for (const { eventId } of events) expect((await stored(eventId))?.state).toBe('done');
      expect(await Promise.all(events.map(({ bought }) => seatsOf(bought)))).toEqual([5, 7, 5]);
      expect(await eventsOfType('stripe_event.set_aside')).toEqual([]);
    },
  );

  test('events of one object at which Stripe always fails do not block the others', async () => {
    const bad = await changed();
    unanswered.add(bad.bought.subscriptionId);
    const resent = [1, 2, 3].map((seats) => ({ id: bad.bought.subscriptionId, quantity: seats }));
    for (const object of resent) {
      await withoutStripeEvents(suite, () => suite.stripe.addEvent('customer.subscription.updated', object));
      expect(await suite.stripe.send(suite.stripe.events.at(-1)?.id ?? '')).toBe(503);
    }
    const good = await changed();
    down = 'billing';
    await suite.stripe.send(good.eventId);
    down = undefined;
    for (let n = 0; n < 6; n += 1) {
      clocked.moveClock(MINUTE_MS);
      await suite.sweep();
    }
    expect(await stored(good.eventId)).toMatchObject({ state: 'done' });
    for (const { tries } of await list('open')) expect(tries).toBe(0);
  });

  test('a sweep asks Stripe about one event and one subscription, not about all', async () => {
    for (const { eventId } of [await changed(), await changed(), await changed()]) {
      down = 'billing';
      await suite.stripe.send(eventId);
      down = undefined;
    }
    const before = suite.stripe.calls.length;
    suite.stripe.breakApi('status 429');
    clocked.moveClock(2 * MINUTE_MS);
    expect((await suite.sweep()).status).toBe(503);
    suite.stripe.breakApi(undefined);
    const asked = suite.stripe.calls.slice(before).filter((call) => call.includes('/v1/subscriptions/'));
    // The library tries once more.
    expect(asked.length).toBeLessThanOrEqual(2);
  });
});

describe('an operator', () => {
  async function setAside(): Promise<{ bought: BoughtLicense; eventId: string }> {
    const made = await poison();
    for (let n = 0; n < MOST_TRIES; n += 1) await suite.stripe.send(made.eventId);
    return made;
  }

  test('has an event tried again once the cause is fixed', async () => {
    const { bought, eventId } = await setAside();
    poisoned.clear();
    await sweepFor(2);
    expect(await seatsOf(bought)).toBe(2);
    expect((await retry(eventId)).body).toMatchObject({ event_id: eventId, status: 'open', tries: 0 });
    expect(await sweepFor(1)).toMatchObject([{ billing_events: 1 }]);
    expect(await seatsOf(bought)).toBe(5);
    expect((await stored(eventId))?.state).toBe('done');
    expect(await list('set_aside')).toEqual([]);
    expect(await eventsOfType('stripe_event.retried')).toMatchObject([
      { tenantId: 'vendor', subject: eventId, actor: { kind: 'operator', id: 'bootstrap' } },
    ]);
  });

  test('can instead have Stripe send it again', async () => {
    const { bought, eventId } = await setAside();
    poisoned.clear();
    expect(await suite.stripe.send(eventId)).toBe(200);
    expect(await seatsOf(bought)).toBe(5);
    expect((await stored(eventId))?.state).toBe('done');
  });

  test('sees it set aside again, after as many tries, if the cause is not fixed', async () => {
    const { eventId } = await setAside();
    await retry(eventId);
    await sweepFor(140);
    expect(await list('set_aside')).toMatchObject([{ event_id: eventId, tries: MOST_TRIES }]);
    expect(await eventsOfType('stripe_event.set_aside')).toHaveLength(2);
  });

  test('sees what could not be read, and cannot retry it: we did not keep it', async () => {
    const event = await suite.stripe.addBody(
      '{"id":"evt_odd","type":"invoice.paid","email":"ada@example.com"}',
    );
    await suite.stripe.idle();
    expect(await list('unreadable')).toMatchObject([
      { event_id: 'evt_odd', type: 'invoice.paid', object_id: null, created_at: null, tries: 0 },
    ]);
    expect((await list('unreadable'))[0]?.last_error).toMatch(/^it is not an event: object/);
    expect(JSON.stringify(await stored('evt_odd'))).not.toContain('ada@example.com');
    expect((await retry('evt_odd')).body).toMatchObject({ status: 409, code: 'STRIPE_EVENT_NOT_RETRYABLE' });
    expect(event.body).toContain('ada@example.com');
  });

  test('has Stripe send it again once a release can read it', async () => {
    const { bought, eventId } = await changed();
    await suite.deps.records.create(
      BILLING_EVENTS,
      eventId,
      unreadableEvent({ eventId, type: 'customer.subscription.updated', because: 'of a later version' }, 1),
    );
    expect(await suite.stripe.send(eventId)).toBe(200);
    expect(await stored(eventId)).toMatchObject({ state: 'done', about: { id: bought.subscriptionId } });
    expect(await seatsOf(bought)).toBe(5);
  });

  test('gets 404 for unknown events, 409 for events that are done, and one page at a time', async () => {
    const { eventId } = await changed();
    expect((await retry(eventId)).body).toMatchObject({ status: 404, code: 'STRIPE_EVENT_NOT_FOUND' });
    await suite.stripe.send(eventId);
    expect((await retry(eventId)).body).toMatchObject({ status: 409, code: 'STRIPE_EVENT_NOT_RETRYABLE' });

    for (const body of ['1', '2', '3']) {
      clocked.moveClock(1_000);
      await suite.stripe.addBody(`[${body}]`);
      await suite.stripe.idle();
    }
    const page = (await suite.operate('GET', `${PATH}?status=unreadable&limit=2`)).body;
    expect(page.stripe_events).toHaveLength(2);
    const next = `${PATH}?status=unreadable&limit=2&cursor=${page.next_cursor}`;
    expect((await suite.operate('GET', next)).body).toMatchObject({ stripe_events: [{}], next_cursor: null });
    const times = [...page.stripe_events].map(({ received_at }: { received_at: string }) => received_at);
    expect(times).toEqual(times.toSorted().toReversed());
    const other = await suite.operate('GET', `${PATH}?status=open&cursor=${page.next_cursor}`);
    expect(other.body).toMatchObject({ status: 400, code: 'INVALID_CURSOR' });
  });
});

test('kept events are deleted 30 days after their end, and open ones are kept', async () => {
  const nowMs = clocked.nowMs();
  const about = { kind: 'subscription', id: 'sub_poison' } as const;
  const open: StoredEvent = receivedEvent(
    { eventId: 'evt_open', type: 'invoice.paid', createdAtMs: nowMs, about },
    nowMs + 40 * DAY_MS,
  );
  let aside: StoredEvent = { ...open, eventId: 'evt_aside' };
  while (aside.state === 'open') aside = failedEvent(aside, 'Error', nowMs);
  const unreadable = unreadableEvent({ eventId: 'evt_odd', type: null, because: 'of its form' }, nowMs);
  await suite.deps.records.transact(async (transaction) => {
    for (const event of [open, aside, unreadable]) transaction.set(BILLING_EVENTS, event.eventId, event);
  });
  const left = async () =>
    (await Promise.all(['evt_open', 'evt_aside', 'evt_odd'].map(stored))).map((event) => event?.state);
  clocked.moveClock(29 * DAY_MS);
  await suite.settle();
  expect(await left()).toEqual(['open', 'set_aside', 'unreadable']);
  clocked.moveClock(2 * DAY_MS);
  await suite.settle();
  expect(await left()).toEqual(['open', undefined, undefined]);
});

test('a failed check of a subscription does not fail the sweep, and is repeated an hour later', async () => {
  const { subscriptionId } = await buySeats(suite);
  poisoned.add(subscriptionId);
  clocked.moveClock(40 * DAY_MS);
  const failures = () =>
    suite.logged.filter(({ message }) => message === `the check of ${subscriptionId} failed`).length;
  await sweepFor(50);
  expect(failures()).toBe(1);
  await sweepFor(20);
  expect(failures()).toBe(2);
});
