import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';

const PLANS = '/api/v1/plans';
const MINUTE_MS = 60_000;

let suite: TestSuite;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  suite = await openTestSuite();
});
afterEach(async () => {
  await suite.close();
  vi.useRealTimers();
});

interface PlanView {
  readonly plan: string;
  readonly intervals: readonly string[];
  readonly prices: readonly Record<string, unknown>[] | null;
}

async function plans(): Promise<Map<string, PlanView>> {
  const { status, body } = await suite.call('GET', PLANS);
  expect(status).toBe(200);
  return new Map(body.plans.map((plan: PlanView) => [plan.plan, plan]));
}

function lastLine() {
  return suite.logged.findLast(({ endpoint }) => endpoint === `GET ${PLANS}`);
}

test('shows what a seat of each plan costs in each interval, as Stripe has it', async () => {
  await suite.stripe.moveLookupKey('seatlease_pro_year', { currency: 'jpy', unitAmount: 9_000 });
  await suite.stripe.moveLookupKey('seatlease_team_month', { unitAmount: 1_500.5, taxBehavior: 'inclusive' });
  await suite.stripe.moveLookupKey('seatlease_team_year', { isTiered: true });
  const found = await plans();
  const price = { currency: 'usd', tiers: false, tax_behavior: 'unspecified' };
  const yen = { ...price, currency: 'jpy', unit_amount: 9_000, unit_amount_decimal: '9000' };
  expect(found.get('pro')?.prices).toEqual([
    { ...price, interval: 'month', unit_amount: 900, unit_amount_decimal: '900' },
    { ...yen, interval: 'year' },
  ]);
  const amount = { unit_amount: null, unit_amount_decimal: '1500.5' };
  expect(found.get('team')?.prices).toEqual([
    { ...price, ...amount, interval: 'month', tax_behavior: 'inclusive' },
    { ...price, interval: 'year', unit_amount: null, unit_amount_decimal: null, tiers: true },
  ]);
});

test('does not list what has no active price, and logs a WARNING with the lookup keys', async () => {
  for (const key of ['seatlease_pro_month', 'seatlease_enterprise_year'])
    await suite.stripe.archivePrice(await suite.stripe.moveLookupKey(key));
  const found = await plans();
  expect(found.get('pro')).toMatchObject({ intervals: ['year'], prices: [{ interval: 'year' }] });
  expect(found.has('enterprise')).toBe(false);
  expect(lastLine()).toMatchObject({
    severity: 'WARNING',
    because: expect.stringMatching(/seatlease_pro_month, seatlease_enterprise_year$/),
  });
});

test('shows the last known prices while Stripe is unavailable, and logs a WARNING', async () => {
  const before = await plans();
  suite.stripe.breakApi('status 500');
  vi.setSystemTime(Date.now() + 6 * MINUTE_MS);
  expect(await plans()).toEqual(before);
  expect(lastLine()).toMatchObject({ severity: 'WARNING', because: expect.stringMatching(/prices\.list/) });
});

test('lists all plans without prices if Stripe was never available', async () => {
  suite.stripe.breakApi('reset');
  const found = await plans();
  expect([...found.keys()]).toEqual(['pro', 'team', 'enterprise']);
  expect(found.get('pro')).toMatchObject({ intervals: ['month', 'year'], prices: null });
});

test('asks Stripe once in five minutes, however many callers there are', async () => {
  const asked = () => suite.stripe.calls.filter((call) => call === 'GET /v1/prices').length;
  await Promise.all(Array.from({ length: 20 }, plans));
  expect(asked()).toBe(1);
  vi.setSystemTime(Date.now() + 5 * MINUTE_MS);
  await plans();
  expect(asked()).toBe(2);
});
