import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { beginPurchase } from '../functions/testing/purchases.ts';
import { openTestSuite, type TestSuite } from '../functions/testing/suite.ts';
import { Unavailable } from '../shared/errors.ts';
import { LOG_METRICS, type LogMetric, type LogMetricName, logFilter } from './log-metrics.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterEach(() => void vi.useRealTimers());
afterAll(() => suite.close());

/** The log lines of `work` that the metric matches. */
async function linesFor(name: LogMetricName, work: () => Promise<unknown>) {
  const { lines, field, label }: LogMetric = LOG_METRICS[name];
  const from = suite.logged.length;
  await work();
  return suite.logged
    .slice(from)
    .map((line): Readonly<Record<string, unknown>> => ({ ...line }))
    .filter((line) => Object.entries(lines).every(([of, value]) => line[of] === value))
    .filter((line) => field === undefined || typeof line[field] === 'number')
    .filter((line) => label === undefined || line[label.field] !== undefined);
}

test('a denied seat counts as a denial, and a granted one does not', async () => {
  const license = await suite.createLicense({ max: 1 });
  expect(await linesFor('denials', () => license.acquire('one'))).toEqual([]);
  expect(await linesFor('denials', () => license.acquire('two'))).toHaveLength(1);
});

test('a heartbeat that revives a session counts as a revival, and any other does not', async () => {
  const license = await suite.createLicense();
  const { body } = await license.acquire('one');
  const beat = () => license.heartbeat({ session_id: body.session_id, session_token: body.session_token });
  expect(await linesFor('revivals', beat)).toEqual([]);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(body.expires_at) + 60_000 });
  expect(await linesFor('revivals', beat)).toMatchObject([{ revived: 1 }]);
});

test('a sweep is counted, and logs the age of the oldest waiting event', async () => {
  expect(await linesFor('sweeps', () => suite.settle())).not.toEqual([]);
  const license = await suite.createLicense();
  suite.deps.events.publish = () => Promise.reject(new Error('unavailable for this test'));
  await license.acquire('one');
  const swept = await linesFor('sweep_lag', () => suite.sweep());
  expect(swept).toMatchObject([{ oldest_age_seconds: expect.any(Number) }]);
});

test('a signed delivery of Stripe counts as one, and any other request to the webhook as refused', async () => {
  const pay = async () => {
    const purchase = await beginPurchase(suite, { seats: 1 });
    await purchase.pay();
    await suite.stripe.idle();
  };
  expect(await linesFor('webhook_deliveries', pay)).not.toEqual([]);
  expect(await linesFor('webhook_refusals', pay)).toEqual([]);
  const post = () =>
    suite.call('POST', '/api/v1/webhooks/stripe', {
      headers: { 'stripe-signature': 't=1,v1=forged' },
      body: '{}',
    });
  expect(await linesFor('webhook_deliveries', post)).toEqual([]);
  expect(await linesFor('webhook_refusals', post)).toHaveLength(1);
});

test('what Redis refuses because it is at a limit is counted by the limit', async () => {
  expect(await linesFor('redis_limits', () => suite.sweep())).toEqual([]);
  const { expire } = suite.deps.seatMaintenance;
  suite.deps.seatMaintenance.expire = () =>
    Promise.reject(new Unavailable('seats', 'full', { redisLimit: 'memory' }));
  const lines = await linesFor('redis_limits', () => suite.sweep());
  suite.deps.seatMaintenance.expire = expire;
  expect(lines).toMatchObject([{ function: 'sweep', redis_limit: 'memory' }]);
});

test('the filter of each metric names the fields that its lines must have', () => {
  for (const metric of Object.values(LOG_METRICS)) {
    const { lines, field, label }: LogMetric = metric;
    const filter = logFilter(metric);
    expect(filter).toContain(
      `resource.labels.service_name${lines.function ? `="seatlease-${lines.function}"` : '=~"^seatlease-"'}`,
    );
    for (const [name, value] of Object.entries(lines))
      expect(filter).toContain(`jsonPayload.${name}="${value}"`);
    if (field) expect(filter).toContain(`jsonPayload.${field}>=0`);
    if (label) expect(filter).toContain(`jsonPayload.${label.field}:*`);
  }
});
