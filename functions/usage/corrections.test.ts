import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { billedUnits, meteredLicense } from '../testing/metered-license.ts';
import type { TestSuite } from '../testing/suite.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

let clocked: ClockedSuite;
let suite: TestSuite;
beforeEach(async () => {
  clocked = await openClockedSuite(undefined, { USAGE_METERS: 'exports,api_calls', USAGE_CAPS: '1000000' });
  suite = clocked.suite;
});
afterEach(() => clocked.close());

function today(): string {
  return new Date(clocked.nowMs()).toISOString().slice(0, 10);
}

describe('a key that records 10^12 units (B14)', () => {
  test('is bounded by the cap, and what it recorded is canceled at Stripe within a day', async () => {
    const app = await meteredLicense(suite);
    for (let n = 0; n < 1_000; n += 1) {
      const { status } = await app.record(`stolen ${n}`, 1_000_000_000);
      expect(status).toBe(409);
      if (n > 2) break;
    }
    await app.record('honest', 5);
    await app.record('stolen', 999_000);
    await suite.sweep();
    expect(billedUnits(suite)).toBe(999_005);

    clocked.moveClock(23 * HOUR_MS);
    const voided = await app.void({ ids: ['stolen', 'nothing'] });
    expect(voided.body).toEqual({
      license_id: app.licenseId,
      records: [
        { id: 'stolen', status: 'voided', at_stripe: 'cancel_pending' },
        { id: 'nothing', status: 'not_found', at_stripe: null },
      ],
      next_cursor: null,
    });
    expect((await suite.sweep()).body).toMatchObject({ usage_canceled: 1, usage_credit_notes: 0 });
    expect(billedUnits(suite)).toBe(5);
    expect((await app.totals()).meters).toEqual([
      {
        ...{ meter: 'exports', quantity: 5, records: 1 },
        states: [
          { state: 'sent', quantity: 5, records: 1 },
          { state: 'voided', quantity: 999_000, records: 1 },
        ],
      },
    ]);
    expect((await app.records('state=voided')).records).toMatchObject([
      { id: 'stolen', voided: { reason: 'stolen key', at_stripe: 'canceled' } },
    ]);
  });

  test('needs a credit note later than a day, and the totals are corrected all the same', async () => {
    const app = await meteredLicense(suite);
    await app.record('stolen', 999_000);
    await suite.sweep();
    clocked.moveClock(DAY_MS);
    expect((await app.void({ ids: ['stolen'] })).body.records).toMatchObject([
      { status: 'voided', at_stripe: 'credit_note_needed' },
    ]);
    await suite.sweep();
    expect(billedUnits(suite)).toBe(999_000);
    expect((await app.totals()).meters).toMatchObject([{ quantity: 0, records: 0 }]);
    expect((await app.records('state=voided')).records[0].voided.at_stripe).toBe('credit_note_needed');
  });
});

describe('a voided record', () => {
  test('is never sent if it was not sent yet', async () => {
    const app = await meteredLicense(suite);
    await app.record('wrong', 7);
    expect((await app.void({ ids: ['wrong'] })).body.records[0].at_stripe).toBe('not_billed');
    expect((await suite.sweep()).body).toMatchObject({ usage_counted: 0, usage_sent: 0 });
    expect(billedUnits(suite)).toBe(0);
  });

  test('cannot be recorded again, by any request', async () => {
    const app = await meteredLicense(suite);
    await app.record('wrong', 7);
    await app.void({ ids: ['wrong'] });
    const same = await app.record('wrong', 7);
    expect([same.status, same.body.code]).toEqual([409, 'USAGE_VOIDED']);
    expect((await app.record('wrong', 8)).body.code).toBe('USAGE_RECORD_CONFLICT');
  });

  test('leaves room below the cap, for a record that was over it too', async () => {
    const app = await meteredLicense(suite);
    await Promise.all([app.record('stolen', 999_000), app.record('honest', 5_000)]);
    await suite.sweep();
    const { records } = await app.records('state=over_cap');
    expect(records).toMatchObject([{ problem: 'over_cap', sent_at: null }]);
    const [{ id }] = records;
    const [counted, over] = id === 'honest' ? [999_000, 5_000] : [5_000, 999_000];
    expect((await app.record(id, over)).body.code).toBe('USAGE_CAP_REACHED');
    await app.void({ ids: [id === 'honest' ? 'stolen' : 'honest'] });
    expect((await app.record(id, over)).status).toBe(200);
    await suite.sweep();
    expect((await app.totals()).meters[0]).toMatchObject({ quantity: over });
    expect(billedUnits(suite)).toBe(over);
    expect(counted + over).toBe(1_004_000);
  });

  test('is voided once, and the audit log says by whom and why', async () => {
    const app = await meteredLicense(suite);
    await app.record('one', 7);
    await app.record('two', 8);
    await suite.sweep();
    await app.void({ ids: ['one', 'two', 'one'] });
    const again = await app.void({ ids: ['one', 'two'], reason: 'another' });
    expect(again.body.records).toMatchObject([{ status: 'already_voided' }, { status: 'already_voided' }]);
    const query = `license_id=${app.licenseId}&type=usage.voided`;
    expect((await suite.operate('GET', `/api/v1/audit?${query}`)).body.events).toMatchObject([
      {
        actor: { type: 'operator', id: 'bootstrap' },
        ...{ subject: 'exports', count: 2, quantity: 15, note: 'stolen key' },
      },
    ]);
    await suite.sweep();
    await suite.sweep();
    expect(suite.stripe.calls.filter((call) => call.endsWith('meter_event_adjustments'))).toHaveLength(2);
  });

  test('that was being sent is canceled after the last moment at which it can arrive', async () => {
    const app = await meteredLicense(suite);
    await app.record('wrong', 7);
    // Stripe has it; the function was ended before it could store that.
    suite.stripe.breakApi('reset after doing');
    await suite.sweep();
    suite.stripe.breakApi(undefined);
    await app.void({ ids: ['wrong'] });
    expect((await suite.sweep()).body).toMatchObject({ usage_canceled: 0, usage_sent: 0 });
    clocked.moveClock(5 * MINUTE_MS);
    expect((await suite.sweep()).body).toMatchObject({ usage_canceled: 1 });
    expect(billedUnits(suite)).toBe(0);
  });

  test('that never reached Stripe is not billed, and nothing is canceled', async () => {
    const app = await meteredLicense(suite);
    await app.record('wrong', 7);
    suite.stripe.breakApi('reset');
    await suite.sweep();
    suite.stripe.breakApi(undefined);
    await app.void({ ids: ['wrong'] });
    clocked.moveClock(5 * MINUTE_MS);
    expect((await suite.sweep()).body).toMatchObject({ usage_canceled: 0, usage_credit_notes: 0 });
    expect((await app.records()).records[0].voided.at_stripe).toBe('not_billed');
  });

  test('is canceled when Stripe is available again, and logged as an error if that is too late', async () => {
    const [app, other] = [await meteredLicense(suite), await meteredLicense(suite)];
    for (const license of [app, other]) await license.record('wrong', 7);
    await suite.sweep();
    suite.stripe.breakApi('status 500');
    await app.void({ ids: ['wrong'] });
    expect((await suite.sweep()).status).toBe(503);
    clocked.moveClock(23 * HOUR_MS);
    suite.stripe.breakApi(undefined);
    expect((await suite.sweep()).body).toMatchObject({ usage_canceled: 1 });

    await other.void({ ids: ['wrong'] });
    clocked.moveClock(HOUR_MS);
    expect((await suite.sweep()).body).toMatchObject({ usage_canceled: 0, usage_credit_notes: 1 });
    expect(suite.logged.at(-1)).toMatchObject({ severity: 'ERROR', licenses_to_credit: [other.licenseId] });
    expect((await suite.sweep()).body).toMatchObject({ usage_credit_notes: 0 });
  });

  test('that Stripe refuses to cancel needs a credit note', async () => {
    const app = await meteredLicense(suite);
    await app.record('wrong', 7);
    await suite.sweep();
    await app.void({ ids: ['wrong'] });
    const { billing } = suite.deps;
    if (!billing) throw new Error('no billing');
    const voidUsage = billing.voidUsage;
    Object.assign(billing, { voidUsage: async () => 'REFUSED' });
    expect((await suite.sweep()).body).toMatchObject({ usage_credit_notes: 1 });
    Object.assign(billing, { voidUsage });
  });
});

describe('a day of a meter', () => {
  test('can be voided as a whole, in pages, and no other usage with it', async () => {
    const [app, other] = [await meteredLicense(suite), await meteredLicense(suite)];
    await Promise.all(Array.from({ length: 130 }, (_, n) => app.record(`run ${n}`, 1)));
    await app.record('calls', 3, { meter: 'api_calls' });
    const timestamp = new Date(clocked.nowMs() - DAY_MS).toISOString();
    await app.record('yesterday', 4, { timestamp });
    await other.record('other', 5);
    await suite.sweep();
    const day = { meter: 'exports', day: today() };
    const first = await app.void(day);
    expect(first.body.records).toHaveLength(100);
    const second = await app.void({ ...day, cursor: first.body.next_cursor });
    expect([second.body.records.length, second.body.next_cursor]).toEqual([30, null]);
    await suite.sweep();
    await suite.sweep();
    expect(billedUnits(suite)).toBe(3 + 4 + 5);
  });

  test.each([
    ['neither', {}],
    ['both', { ids: ['run'], meter: 'exports', day: '2026-11-30' }],
    ['half a day', { meter: 'exports' }],
    ['no date', { meter: 'exports', day: 'today' }],
    ['no reason', { ids: ['run'], reason: '' }],
    ['a blank reason', { ids: ['run'], reason: '  ' }],
    ['a cursor of another list', { meter: 'exports', day: '2026-11-30', cursor: 'x' }, 'INVALID_CURSOR'],
  ])('is refused with %s', async (_, what, code = 'VALIDATION_FAILED') => {
    const app = await meteredLicense(suite, { paying: false });
    const reply = await app.void(what);
    expect([reply.status, reply.body.code]).toEqual([400, code]);
  });
});
