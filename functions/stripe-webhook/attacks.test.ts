import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HANDLED_EVENTS, HANDLED_THIN_EVENTS } from '../../shared/adapters/billing/stripe-events.ts';
import { BILLING_EVENTS, LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import { runs } from '../../shared/testing/runs.ts';
import { beginPurchase } from '../testing/purchases.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

const PATH = '/api/v1/webhooks/stripe';

let suite: TestSuite;
let licenseId: string;
let subscriptionId: string;
beforeAll(async () => {
  suite = await openTestSuite();
  const purchase = await beginPurchase(suite, { seats: 2 });
  ({ licenseId } = purchase);
  subscriptionId = await purchase.pay();
  await suite.stripe.idle();
  // At Stripe, the subscription has more seats. Only an event that Stripe signed may update them here.
  suite.stripe.sendEventsTo(undefined);
  await suite.stripe.changeSeats(subscriptionId, 9);
});
afterAll(() => suite.close());

interface Signed {
  readonly secret?: string;
  readonly signedAt?: number;
  readonly signed?: string;
  readonly method?: string;
  readonly type?: string;
}

async function post(body: string, how: Signed = {}): Promise<Reply> {
  const { Stripe } = await import('stripe');
  const { secret = suite.stripe.webhookSecret, signed = body, method = 'POST' } = how;
  const timestamp = how.signedAt ?? Math.floor(Date.now() / 1000);
  const signature = Stripe.webhooks.generateTestHeaderString({ payload: signed, secret, timestamp });
  const headers = { 'stripe-signature': signature, 'content-type': how.type ?? 'application/json' };
  return suite.call(method, PATH, { headers, ...(method === 'POST' ? { body } : {}) });
}

function thinBody(more: Record<string, unknown>): string {
  return JSON.stringify({
    id: 'evt_test_forged',
    object: 'v2.core.event',
    type: 'v1.billing.meter.error_report_triggered',
    created: new Date().toISOString(),
    livemode: false,
    ...more,
  });
}

let n = 0;
function eventBody(more: Record<string, unknown> = {}): string {
  n += 1;
  return JSON.stringify({
    id: `evt_forged${n}`,
    object: 'event',
    type: 'customer.subscription.updated',
    created: Math.floor(Date.now() / 1000),
    livemode: false,
    data: { object: { id: subscriptionId, object: 'subscription', status: 'active' } },
    ...more,
  });
}

async function state() {
  const { records, seats } = suite.deps;
  return {
    license: await records.get(LICENSES, licenseId),
    subscription: await records.get(SUBSCRIPTIONS, subscriptionId),
    events: await Promise.all(
      Array.from({ length: n }, (_, i) => records.get(BILLING_EVENTS, `evt_forged${i + 1}`)),
    ).then((found) => found.filter((event) => event !== undefined && event.state !== 'unreadable')),
    pool: await seats.listSeats(licenseId, { limit: 0 }),
  };
}

const now = (): number => Math.floor(Date.now() / 1000);

test.each<[string, () => Promise<Reply>, number, string]>([
  ['no signature', () => suite.call('POST', PATH, { body: eventBody() }), 400, 'SIGNATURE_INVALID'],
  [
    'a forged signature',
    () => post(eventBody(), { secret: 'whsec_of_another_account' }),
    400,
    'SIGNATURE_INVALID',
  ],
  [
    'the signature of another body',
    () => post(eventBody(), { signed: eventBody() }),
    400,
    'SIGNATURE_INVALID',
  ],
  [
    'a signature from six minutes ago',
    () => post(eventBody(), { signedAt: now() - 360 }),
    400,
    'SIGNATURE_INVALID',
  ],
  [
    'a signature from tomorrow',
    () => post(eventBody(), { signedAt: now() + 86_400 }),
    400,
    'SIGNATURE_INVALID',
  ],
  ['another account’s event', () => post(eventBody({ account: 'acct_stranger' })), 200, 'ignored'],
  ['an event of the other mode', () => post(eventBody({ livemode: true })), 200, 'ignored'],
  ['an event of a future type', () => post(eventBody({ type: 'a.type.of.tomorrow' })), 200, 'ignored'],
  ['a body that is not JSON', () => post('seats, please'), 200, 'unreadable'],
  ['a body that is not an event', () => post('{"seats": 1000}'), 200, 'unreadable'],
  ['a handled type with another object', () => post(eventBody({ data: { object: [] } })), 200, 'unreadable'],
  [
    'a thin event of another type',
    () => post(thinBody({ type: 'v1.customer.subscription.updated' })),
    200,
    'ignored_thin',
  ],
  [
    'a thin event of another account',
    () => post(thinBody({ context: 'acct_stranger' })),
    200,
    'ignored_thin',
  ],
  ['a megabyte', () => post(eventBody({ filler: 'x'.repeat(1_000_000) })), 413, 'PAYLOAD_TOO_LARGE'],
  ['300 kB', () => post(eventBody({ filler: 'x'.repeat(300_000) })), 413, 'PAYLOAD_TOO_LARGE'],
  ['another method', () => post('', { method: 'GET' }), 405, 'METHOD_NOT_ALLOWED'],
])('%s changes no license, and gets the expected answer', async (_, attack, status, word) => {
  const before = await state();
  const reply = await attack();
  expect([reply.status, reply.body.code ?? reply.body.outcome], reply.text).toEqual([status, word]);
  expect(await state()).toEqual(before);
});

test('logs why it cannot read a signed body, and none of its content', async () => {
  await post('secret words about a customer');
  expect(suite.logged.at(-1)).toMatchObject({
    severity: 'ERROR',
    verdict: 'UNREADABLE',
    event_id: expect.stringMatching(/^evt_unreadable_/),
    because: 'signed by Stripe, but it is not JSON',
  });
});

describe('whatever is signed', () => {
  const word = fc.oneof(
    fc.constantFrom('', 'evt_1', 'sub_1', '../v1/customers', '__proto__', 'a@b.example'),
    fc.string(),
  );
  const value = fc.oneof(
    { maxDepth: 3 },
    word,
    fc.integer(),
    fc.double(),
    fc.constantFrom(null, true),
    fc.jsonValue(),
  );
  const id = fc.uuid().map((uuid) => `evt_${uuid.replaceAll('-', '')}`);
  const objectId = fc.oneof(fc.constantFrom('sub_1', 'ch_1', 'du_1', 'cus_1'), word);
  const object = fc.record({ id: objectId, subscription: fc.oneof(objectId, value), parent: value });
  const snapshot = fc.record({
    id,
    object: fc.constant('event'),
    type: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...HANDLED_EVENTS) },
      { weight: 1, arbitrary: word },
    ),
    created: fc.nat(),
    livemode: fc.constant(false),
    api_version: fc.constantFrom(null, '2019-01-01'),
    data: fc.record({ object: fc.oneof({ weight: 4, arbitrary: object }, { weight: 1, arbitrary: value }) }),
  });
  const thin = fc.record({
    id,
    object: fc.constant('v2.core.event'),
    type: fc.constantFrom(...HANDLED_THIN_EVENTS, 'v2.core.account[requirements].updated'),
    created: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    livemode: fc.constant(false),
  });
  const fields = fc.constantFrom('id', 'object', 'type', 'created', 'livemode', 'account', 'context', 'data');
  /** A valid event, or one with one or two wrong fields. */
  const event = fc
    .tuple(fc.oneof(snapshot, thin), fc.dictionary(fields, value, { maxKeys: 2 }))
    .map(([right, odd]) => JSON.stringify({ ...right, ...odd }));
  const body = fc.oneof(
    { weight: 6, arbitrary: event },
    { weight: 1, arbitrary: fc.string({ minLength: 1 }) },
    { weight: 1, arbitrary: value.map((json) => JSON.stringify(json)) },
  );

  test('is acknowledged, changes no license, and is answered alike again', async () => {
    const before = (await state()).license;
    await fc.assert(
      fc.asyncProperty(body, async (junk) => {
        const [first, again] = [await post(junk), await post(junk)];
        expect([first.status, again.status], first.text).toEqual([200, 200]);
        if (first.body.outcome !== 'done') expect(again.body).toEqual(first.body);
      }),
      { numRuns: runs(200, 3_000), seed: 25 },
    );
    expect((await state()).license).toEqual(before);
    // The cases are of all kinds.
    const verdicts = new Set(suite.logged.map(({ verdict }) => verdict));
    for (const verdict of ['DONE', 'IGNORED', 'IGNORED_THIN', 'UNREADABLE'])
      expect(verdicts).toContain(verdict);
  });
});

test('accepts signed events of every size that Stripe sends', async () => {
  const reply = await post(eventBody({ filler: 'x'.repeat(100_000) }));
  expect(reply.body).toEqual({ received: true, outcome: 'done' });
  const pool = await suite.deps.seats.listSeats(licenseId, { limit: 0 });
  expect(pool).toMatchObject({ max: 9 });
});

test('reads the current state from Stripe, instead of trusting the event', async () => {
  const object = { id: subscriptionId, object: 'subscription', items: { data: [{ quantity: 1_000_000 }] } };
  await post(eventBody({ data: { object } }));
  const pool = await suite.deps.seats.listSeats(licenseId, { limit: 0 });
  expect(pool).toMatchObject({ max: 9 });
});

test('limits all other endpoints to 64 KiB', async () => {
  const body = { fingerprint: 'x'.repeat(70_000) };
  const reply = await suite.call('POST', '/api/v1/licenses/acquire', { body });
  expect(reply.status).toBe(413);
});
