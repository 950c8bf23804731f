import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unlimited } from '../../functions/testing/no-limits.ts';
import { type BoughtLicense, buySeats } from '../../functions/testing/purchases.ts';
import { openTestSuite, type TestSuite } from '../../functions/testing/suite.ts';

/** Sends each call to a subscription in each state, as the table in clients/docs/billing.md has them. */
const [HEADER = [], ...ROWS] = tableOf(readFileSync('clients/docs/billing.md', 'utf8'), '| State |');

function tableOf(page: string, start: string): string[][] {
  const lines = page.split('\n');
  const from = lines.findIndex((line) => line.startsWith(start));
  const table = lines.slice(from, lines.indexOf('', from)).filter((line) => !line.startsWith('| ---'));
  return table.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({}, unlimited);
});
afterAll(() => suite.close());

const NOTHING = async (): Promise<void> => undefined;

/** Brings a new subscription into the state. */
const STATES: Readonly<Record<string, (bought: BoughtLicense) => Promise<void>>> = {
  '`active`': NOTHING,
  '`trialing`': NOTHING,
  '`past_due`': ({ subscriptionId }) => suite.stripe.renew(subscriptionId, 'declined'),
  '`unpaid`': async ({ subscriptionId }) => {
    await suite.stripe.renew(subscriptionId, 'declined');
    await suite.stripe.giveUp(subscriptionId, 'unpaid');
  },
  '`paused`': ({ subscriptionId }) => suite.stripe.pause(subscriptionId),
  '`canceled`': ({ subscriptionId }) => suite.stripe.end(subscriptionId),
  'its customer was deleted': ({ customerId }) => suite.stripe.deleteCustomer(customerId),
};

const cancel_at = new Date(Date.now() + 86_400_000).toISOString();
const CALLS: Readonly<Record<string, readonly (readonly [path: string, body: object])[]>> = {
  'cancel, `period_end` or `at`': [
    ['cancel', {}],
    ['cancel', { when: 'at', cancel_at }],
  ],
  'cancel, `now`': [['cancel', { when: 'now' }]],
  undo: [['cancel/undo', {}]],
  'pause, `collection`': [['pause', { kind: 'collection' }]],
  'pause, `subscription`': [['pause', { kind: 'subscription' }]],
  resume: [['resume', {}]],
};

const ANSWERS: Readonly<Record<string, readonly [status: number, code: string | undefined]>> = {
  200: [200, undefined],
  ended: [409, 'SUBSCRIPTION_ENDED'],
  unchangeable: [409, 'SUBSCRIPTION_UNCHANGEABLE'],
};

test('the table names every state and call that is tested here', () => {
  expect(HEADER.slice(1)).toEqual(Object.keys(CALLS));
  expect(ROWS.map(([state]) => state)).toEqual(Object.keys(STATES));
});

test.each(
  ROWS.flatMap(([state = '', ...cells]) => cells.map((cell, n) => [HEADER[n + 1] ?? '', state, cell])),
)('%s, state %s: %s, also if it is repeated', async (call, state, cell) => {
  for (const [path, body] of CALLS[call] ?? []) {
    const bought = await buySeats(suite, state === '`trialing`' ? { trialDays: 14 } : {});
    await STATES[state]?.(bought);
    await suite.stripe.idle();
    const send = () =>
      suite.operate('POST', `/api/v1/subscriptions/${path}`, { license_id: bought.licenseId, ...body });
    const { status, body: answer, text } = await send();
    expect([status, answer.code], text).toEqual(ANSWERS[cell]);
    const again = await send();
    const hasEnded = answer.status === 'canceled';
    expect([again.status, again.body.code], again.text).toEqual(ANSWERS[hasEnded ? 'ended' : cell]);
  }
});
