import { afterAll, beforeAll, expect, test } from 'vitest';
import { BILLING_EVENTS, LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
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

async function state(): Promise<unknown> {
  const { records, seats } = suite.deps;
  return {
    license: await records.get(LICENSES, licenseId),
    subscription: await records.get(SUBSCRIPTIONS, subscriptionId),
    events: await Promise.all(
      Array.from({ length: n }, (_, i) => records.get(BILLING_EVENTS, `evt_forged${i + 1}`)),
    ).then((found) => found.filter((event) => event !== undefined)),
    pool: await seats.listSeats(licenseId, { limit: 0 }),
  };
}

const now = (): number => Math.floor(Date.now() / 1000);

test.each<[string, () => Promise<Reply>, number, string | undefined]>([
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
  ['another account’s event', () => post(eventBody({ account: 'acct_stranger' })), 200, undefined],
  ['an event of the other mode', () => post(eventBody({ livemode: true })), 200, undefined],
  ['an event of a future type', () => post(eventBody({ type: 'a.type.of.tomorrow' })), 200, undefined],
  ['a body that is not JSON', () => post('seats, please'), 400, 'SIGNATURE_INVALID'],
  ['a body that is not an event', () => post('{"seats": 1000}'), 400, 'SIGNATURE_INVALID'],
  ['a megabyte', () => post(eventBody({ filler: 'x'.repeat(1_000_000) })), 413, 'PAYLOAD_TOO_LARGE'],
  ['300 kB', () => post(eventBody({ filler: 'x'.repeat(300_000) })), 413, 'PAYLOAD_TOO_LARGE'],
  ['another method', () => post('', { method: 'GET' }), 405, 'METHOD_NOT_ALLOWED'],
])('%s changes nothing, and gets the expected answer', async (_, attack, status, code) => {
  const before = await state();
  const reply = await attack();
  expect([reply.status, reply.body?.code], reply.text).toEqual([status, code]);
  if (status === 200) expect(reply.body).toEqual({ received: true, outcome: 'ignored' });
  expect(await state()).toEqual(before);
});

test('does not log the content of a signed event that is not JSON', async () => {
  await post('secret words about a customer');
  expect(suite.logged.at(-1)).toMatchObject({ code: 'SIGNATURE_INVALID', because: 'signed, but not JSON' });
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
