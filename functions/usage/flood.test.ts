import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUsageRecord, usageRecordId } from '../../shared/domain/metering.ts';
import { USAGE_RECORDS } from '../../shared/ports/collections.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { buySeats } from '../testing/purchases.ts';

const CALL_MS = 150;
const HOUR_MS = 3600 * 1000;

let clocked: ClockedSuite;
beforeAll(async () => {
  clocked = await openClockedSuite(
    (deps) => ({ ...deps, billing: deps.billing && { ...deps.billing, recordUsage } }),
    { USAGE_METERS: 'exports' },
  );
});
afterAll(() => clocked.close());

async function recordUsage() {
  clocked.moveClock(CALL_MS);
  return { verdict: 'RECORDED' as const };
}

/** Without the endpoint, which would take minutes. */
async function record({ tenantId, licenseId }: { tenantId: string; licenseId: string }, recordId: string) {
  const use = { tenantId, licenseId, recordId, meter: 'exports', quantity: 1 };
  const made = newUsageRecord(use, clocked.nowMs());
  await clocked.suite.deps.records.create(USAGE_RECORDS, usageRecordId(made), made);
  return async () => (await clocked.suite.deps.records.get(USAGE_RECORDS, usageRecordId(made)))?.state;
}

test('a stolen key that records without pause delays neither the usage of other tenants nor the rest of the sweep', async () => {
  const { suite } = clocked;
  const stolen = await buySeats(suite);
  const honest = await buySeats(suite);
  await suite.sweep();
  clocked.moveClock(2 * HOUR_MS);
  // More than one customer's usage that Stripe accepts in one sweep.
  for (let n = 0; n < 500; n += 1) await record(stolen, `${n}`);
  clocked.moveClock(1);
  const state = await record(honest, '1');
  const { body } = await suite.sweep();
  expect(body.complete).toBe(false);
  expect(await state()).not.toBe('new');
  // The hourly comparison is one of the later steps.
  expect(body.reconciled.copies).toBeGreaterThan(0);
});
