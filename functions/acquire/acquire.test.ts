import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestSuite, type TestSuite } from '../../shared/testing/suite.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

test('grants as many seats as were bought, and then says who may try again when', async () => {
  const license = await suite.createLicense({ max: 2 });
  const first = await license.acquire('machine-a');
  expect(first.status, first.text).toBe(201);
  expect(first.body).toMatchObject({
    license_id: license.licenseId,
    seats: { active: 1, max: 2 },
    ttl: 360,
    heartbeat_interval: 300,
    offline_grace_days: 7,
  });
  expect((await license.acquire('machine-b')).status).toBe(201);

  const refused = await license.acquire('machine-c');
  expect(refused.status).toBe(409);
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(refused.body).toMatchObject({ code: 'SEATS_EXHAUSTED', active: 2, max: 2 });
  expect(refused.body.retry_after).toBeGreaterThan(0);
  expect(refused.body.retry_after).toBeLessThanOrEqual(360);
  expect(refused.headers.get('retry-after')).toBe(String(refused.body.retry_after));
});
