import { expect, test } from 'vitest';
import { newLicenseId, newTenantId } from '../../domain/ids.ts';
import { newUsageRecord, usageRecordId } from '../../domain/metering.ts';
import { openSqliteRecords } from '../../local/sqlite-records.ts';
import type { Billing } from '../../ports/billing.ts';
import { BILLING_ACCOUNTS, USAGE_RECORDS } from '../../ports/collections.ts';
import { emptyMeteringProgress, meterUsage } from './meter-usage.ts';

const NOW_MS = Date.UTC(2026, 10, 25, 12);

/** Two tenants with ten records of each of two meters, and what Stripe is sent. */
async function openWorld() {
  const records = openSqliteRecords(':memory:');
  const tenantIds = [newTenantId(4), newTenantId(4)];
  for (const [n, tenantId] of tenantIds.entries()) {
    const account = { tenantId, customerId: `cus_${n}`, formerCustomerIds: [], createdAtMs: 0 };
    await records.create(BILLING_ACCOUNTS, tenantId, account);
    const licenseId = newLicenseId(tenantId);
    for (let use = 0; use < 20; use += 1) {
      const meter = use % 2 === 0 ? 'exports' : 'calls';
      const record = newUsageRecord({ licenseId, tenantId, recordId: `${use}`, meter, quantity: 1 }, NOW_MS);
      await records.create(USAGE_RECORDS, usageRecordId(record), record);
    }
  }
  const running = new Map<string, number>();
  const most = new Map<string, number>();
  const sent: string[] = [];
  const recordUsage: Billing['recordUsage'] = async ({ customerId, meter }) => {
    const key = `${customerId} ${meter}`;
    const now = (running.get(key) ?? 0) + 1;
    running.set(key, now);
    most.set(key, Math.max(most.get(key) ?? 0, now));
    await new Promise((resolve) => setImmediate(resolve));
    running.set(key, now - 1);
    sent.push(customerId);
    return { verdict: 'RECORDED' };
  };
  const deps = {
    records,
    clock: { nowMs: () => NOW_MS },
    billing: { recordUsage } as Billing,
    usageCaps: { each: 1_000, byMeter: {} },
  };
  const run = {
    progress: emptyMeteringProgress(),
    isTimeUp: () => false,
    callStripe: (step: () => Promise<void>) => step(),
  };
  return { deps, run, most, sent, tenantIds };
}

test('Stripe gets the usage of a customer and meter one by one, and that of others meanwhile', async () => {
  const { deps, run, most, sent } = await openWorld();
  expect(await meterUsage(deps, run)).toBe(true);
  expect(sent).toHaveLength(40);
  expect([...most.values()]).toEqual([1, 1, 1, 1]);
});

test('the usage of one tenant can be sent alone', async () => {
  const { deps, run, sent, tenantIds } = await openWorld();
  expect(await meterUsage(deps, run, tenantIds[1])).toBe(true);
  expect(sent).toEqual(Array(20).fill('cus_1'));
});

test('what is not sent when time is up is sent by the next run', async () => {
  const { deps, run, sent } = await openWorld();
  const isTimeUp = () => sent.length >= 10;
  expect(await meterUsage(deps, { ...run, isTimeUp })).toBe(false);
  expect(sent.length).toBeLessThan(20);
  expect(await meterUsage(deps, run)).toBe(true);
  expect(sent).toHaveLength(40);
});

test('one tenant that records more than Stripe accepts in time does not delay the usage of others', async () => {
  const { deps, run, sent, tenantIds } = await openWorld();
  const [tenantId = ''] = tenantIds;
  const licenseId = newLicenseId(tenantId);
  for (let use = 0; use < 300; use += 1) {
    const flood = { licenseId, tenantId, recordId: `${use}`, meter: 'exports', quantity: 1 };
    const record = newUsageRecord(flood, NOW_MS - 1);
    await deps.records.create(USAGE_RECORDS, usageRecordId(record), record);
  }
  const isTimeUp = () => sent.length >= 100;
  expect(await meterUsage(deps, { ...run, isTimeUp })).toBe(false);
  expect(sent.filter((customerId) => customerId === 'cus_1')).toHaveLength(20);
  expect(await meterUsage(deps, run)).toBe(true);
  expect(sent).toHaveLength(340);
});
