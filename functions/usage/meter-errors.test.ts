import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { usageRecordId } from '../../shared/domain/metering.ts';
import { recordMeterErrors } from '../../shared/use-cases/metering/meter-errors.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { billedUnits, type MeteredLicense, meteredLicense } from '../testing/metered-license.ts';
import type { TestSuite } from '../testing/suite.ts';

const DAY_MS = 24 * 3_600_000;

let clocked: ClockedSuite;
let suite: TestSuite;
beforeEach(async () => {
  clocked = await openClockedSuite(undefined, { USAGE_METERS: 'exports,api_calls,coffee' });
  suite = clocked.suite;
});
afterEach(() => clocked.close());

/** Has Stripe report what it rejected, and processes each event twice. Returns the errors that the webhook logs. */
async function reported(): Promise<(string | undefined)[]> {
  const { billing } = suite.deps;
  if (!billing) throw new Error('no billing');
  const before = suite.logged.length;
  const events = await suite.stripe.reportMeterErrors();
  await suite.stripe.idle();
  const errors = errorsSince(before);
  for (const { id } of events) await recordMeterErrors(id, billing, suite.deps);
  return errors;
}

function errorsSince(line: number): (string | undefined)[] {
  return suite.logged.slice(line).flatMap(({ severity, because }) => (severity === 'ERROR' ? [because] : []));
}

async function used(records: number): Promise<MeteredLicense> {
  const app = await meteredLicense(suite);
  for (let n = 0; n < records; n += 1) {
    clocked.moveClock(1);
    await app.record(`run ${n}`, 10);
  }
  await suite.sweep();
  return app;
}

async function errors(): Promise<unknown> {
  return (await suite.operate('GET', '/api/v1/usage/errors')).body.errors;
}

describe('usage that Stripe rejects after accepting it', () => {
  test('is refused with the reason of Stripe, and audited once', async () => {
    const app = await used(2);
    const id = usageRecordId({ licenseId: app.licenseId, recordId: 'run 0' });
    await suite.stripe.rejectUse(id, 'meter_event_customer_not_found');
    expect(await reported()).toEqual(['usage of exports: 1 with meter_event_customer_not_found (1 named)']);
    expect((await app.records('state=refused')).records).toMatchObject([
      { id: 'run 0', problem: 'meter_event_customer_not_found', voided: null },
    ]);
    expect((await app.records('state=sent')).records).toMatchObject([{ id: 'run 1' }]);
    const query = `license_id=${app.licenseId}&type=usage.rejected`;
    expect((await suite.operate('GET', `/api/v1/audit?${query}`)).body.events).toMatchObject([
      {
        actor: { type: 'system', id: 'stripe' },
        ...{ subject: 'exports', count: 1, quantity: 10, because: 'meter_event_customer_not_found' },
      },
    ]);
    // The usage counts, even if Stripe does not bill it.
    expect((await app.totals()).meters).toMatchObject([
      { quantity: 20, states: [{ state: 'sent' }, { state: 'refused' }] },
    ]);
  });

  test('is known by counts only, except for the records that Stripe names', async () => {
    const app = await used(8);
    for (const { id } of (await app.records()).records)
      await suite.stripe.rejectUse(usageRecordId({ ...app, recordId: id }), 'timestamp_too_far_in_past');
    await reported();
    expect((await app.records('state=refused')).records).toHaveLength(5);
    expect((await app.records('state=sent')).records).toHaveLength(3);
    expect(await errors()).toMatchObject([
      { meter: 'exports', code: 'timestamp_too_far_in_past', count: 8, named: 5 },
    ]);
  });

  test('of a meter that does not exist at Stripe, or is archived, is refused', async () => {
    const app = await meteredLicense(suite);
    await suite.stripe.archiveMeter('exports');
    await app.record('archived', 3);
    await app.record('unknown', 4, { meter: 'coffee' });
    await suite.sweep();
    expect((await reported()).toSorted()).toEqual([
      'usage of exports: 1 with archived_meter (1 named)',
      'usage of meters that do not exist there: 1 with no_meter (1 named)',
    ]);
    const { records } = await app.records('state=refused');
    expect(records.map(({ problem }: { problem: string }) => problem).toSorted()).toEqual([
      'archived_meter',
      'no_meter',
    ]);
  });

  test('is neither found among the usage of others nor among the documents of others', async () => {
    const app = await used(1);
    const { billing } = suite.deps;
    if (!billing) throw new Error('no billing');
    const samples = [
      '',
      'run 0',
      '../licenses/x',
      `${app.licenseId}:x`,
      usageRecordId({ ...app, recordId: 'x' }),
    ];
    const readMeterErrors = async () => ({ meter: null, errors: [{ code: 'no_meter', count: 9, samples }] });
    const faked = { ...billing, readMeterErrors };
    const before = suite.logged.length;
    expect(await recordMeterErrors('evt_1', faked, suite.deps)).toBeUndefined();
    expect(errorsSince(before)).toEqual([expect.stringContaining('9 with no_meter (5 named)')]);
    expect((await app.records('state=sent')).records).toHaveLength(1);
  });

  test('needs no credit note where it was voided', async () => {
    const app = await used(1);
    clocked.moveClock(DAY_MS);
    expect((await app.void({ ids: ['run 0'] })).body.records[0].at_stripe).toBe('credit_note_needed');
    await suite.stripe.rejectUse(usageRecordId({ ...app, recordId: 'run 0' }), 'archived_meter');
    await reported();
    expect((await app.records()).records[0].voided.at_stripe).toBe('not_billed');
    expect(billedUnits(suite)).toBe(0);
  });

  test('of an event that does not exist says so', async () => {
    const { billing } = suite.deps;
    if (!billing) throw new Error('no billing');
    expect(await recordMeterErrors('evt_test_1', billing, suite.deps)).toMatch('does not exist');
    expect(await errors()).toEqual([]);
  });
});
