import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newLicenseId, newTenantId } from '../../domain/ids.ts';
import { draftLicense } from '../../domain/license.ts';
import {
  type MeteredDay,
  newUsageRecord,
  remainingOf,
  reopened,
  type UsageRecord,
  usageRecordId,
} from '../../domain/metering.ts';
import { Unavailable } from '../../errors.ts';
import { openSqliteRecords } from '../../local/sqlite-records.ts';
import type { Billing, MeterErrors, UsageVerdict } from '../../ports/billing.ts';
import { BILLING_ACCOUNTS, LICENSES, USAGE_RECORDS } from '../../ports/collections.ts';
import { eachDocument } from '../../ports/each-document.ts';
import {
  METERED_DAYS_OF_LICENSE,
  SUBSCRIPTIONS_OF_TENANT,
  USAGE_RECORDS_OF_LICENSE,
} from '../../ports/queries.ts';
import type { Records } from '../../ports/records.ts';
import { BY } from '../../testing/by.ts';
import { runs } from '../../testing/runs.ts';
import { changeUsage } from './change-usage.ts';
import { recordMeterErrors } from './meter-errors.ts';
import { emptyMeteringProgress, type MeteringProgress, meterUsage } from './meter-usage.ts';
import { voidUsage } from './void-usage.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2026, 10, 25, 12);
const CAP = 20;
const METERS = ['exports', 'calls'];
const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];

/** When a call to Stripe fails, if it does: without any effect, or after it. */
type Failure = 'none' | 'before' | 'after';

/** What a sweep meets. `killed`: it ends in place of its nth transaction, or right after that was stored. */
interface Weather {
  readonly stripe: readonly Failure[];
  readonly killed: { readonly at: number; readonly when: 'before' | 'after' } | undefined;
  /** Voids this id while Stripe is receiving it, before or after Stripe has it. Another sweep may run meanwhile. */
  readonly voidedMeanwhile:
    | { readonly id: string; readonly when: 'before' | 'after'; readonly isSwept: boolean }
    | undefined;
}

type Step =
  | { readonly kind: 'record'; readonly id: string; readonly quantity: number; readonly ageDays: number }
  | { readonly kind: 'void'; readonly ids: readonly string[] }
  | { readonly kind: 'sweep' | 'two sweeps'; readonly weather: Weather }
  | { readonly kind: 'reject'; readonly id: string }
  | { readonly kind: 'wait'; readonly minutes: number };

const weather: fc.Arbitrary<Weather> = fc.record({
  stripe: fc.array(fc.constantFrom<Failure>('none', 'none', 'none', 'before', 'after'), { maxLength: 4 }),
  killed: fc.option(fc.record({ at: fc.nat({ max: 3 }), when: fc.constantFrom('before', 'after') }), {
    nil: undefined,
    freq: 3,
  }),
  voidedMeanwhile: fc.option(
    fc.record({
      id: fc.constantFrom(...IDS),
      when: fc.constantFrom('before', 'after'),
      isSwept: fc.boolean(),
    }),
    { nil: undefined, freq: 3 },
  ),
});

const id = fc.constantFrom(...IDS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      id,
      quantity: fc.integer({ min: 1, max: 15 }),
      ageDays: fc.constantFrom(0, 0, 1, 29),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('void' as const), ids: fc.subarray(IDS) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('sweep', 'two sweeps'), weather }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reject' as const), id }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      minutes: fc.constantFrom(1, 6, 60, 600, 23 * 60, 24 * 60),
    }),
  },
);

interface Received {
  readonly quantity: number;
  readonly meter: string;
  readonly dayMs: number;
  readonly atMs: number;
  isLive: boolean;
}

/** Stripe as its docs describe it: identifiers are unique for a day, and canceled for a day. */
function fakeStripe(now: () => number) {
  const received = new Map<string, Received[]>();
  const reports = new Map<string, MeterErrors>();
  const refused = new Set<string>();
  let failures: Failure[] = [];
  let meanwhile: ((identifier: string, when: 'before' | 'after') => Promise<void>) | undefined;

  async function answering<T>(work: () => T): Promise<T> {
    const failure = failures.shift() ?? 'none';
    if (failure === 'before') throw new Unavailable('billing', 'no answer');
    const answer = work();
    if (failure === 'after') throw new Unavailable('billing', 'no answer');
    return answer;
  }

  const billing: Pick<Billing, 'recordUsage' | 'voidUsage' | 'readMeterErrors'> = {
    async recordUsage({ identifier, quantity, meter, atMs }) {
      await meanwhile?.(identifier, 'before');
      const verdict = await answering((): UsageVerdict => {
        if (refused.has(identifier))
          return { verdict: 'REFUSED', code: 'timestamp_invalid', because: 'it is' };
        const all = received.get(identifier) ?? [];
        received.set(identifier, all);
        if (all.some((each) => now() - each.atMs < DAY_MS)) return { verdict: 'ALREADY' };
        all.push({ quantity, meter, dayMs: dayOf(atMs), atMs: now(), isLive: true });
        return { verdict: 'RECORDED' };
      });
      await meanwhile?.(identifier, 'after');
      return verdict;
    },
    voidUsage: ({ identifier }) =>
      answering(() => {
        const last = received.get(identifier)?.at(-1);
        if (!last) return 'UNKNOWN';
        if (now() - last.atMs >= DAY_MS) return 'REFUSED';
        last.isLive = false;
        return 'CANCELED';
      }),
    readMeterErrors: async (eventId) => reports.get(eventId),
  };
  return {
    billing: billing as Billing,
    received,
    refused,
    fail(next: readonly Failure[]) {
      failures = [...next];
    },
    interrupt(work: typeof meanwhile) {
      meanwhile = work;
    },
    reject(identifier: string, eventId: string) {
      const last = received.get(identifier)?.at(-1);
      if (last) last.isLive = false;
      reports.set(eventId, {
        meter: 'exports',
        errors: [{ code: 'no_meter', count: last ? 1 : 0, samples: last ? [identifier] : [] }],
      });
    },
    live: () => [...received.values()].flat().filter(({ isLive }) => isLive),
  };
}

function dayOf(atMs: number): number {
  return Math.floor(atMs / DAY_MS) * DAY_MS;
}

class Killed extends Error {}

async function openWorld() {
  let nowMs = START_MS;
  const inner = openSqliteRecords(':memory:');
  const tenantId = newTenantId(4);
  const licenseId = newLicenseId(tenantId);
  const clock = { nowMs: () => nowMs };
  const stripe = fakeStripe(clock.nowMs);
  let killed: Weather['killed'];
  let transactions = 0;
  const records: Records = Object.assign(Object.create(inner), {
    async transact(work: Parameters<Records['transact']>[0]) {
      const isKilled = killed !== undefined && transactions++ === killed.at;
      if (isKilled && killed?.when === 'before') throw new Killed();
      const result = await inner.transact(work);
      if (isKilled) throw new Killed();
      return result;
    },
    query: (...[query, ...of]: Parameters<Records['query']>) =>
      query.name === SUBSCRIPTIONS_OF_TENANT.name
        ? Promise.resolve({ documents: [SUBSCRIPTION] })
        : inner.query(query, ...of),
    get: inner.get.bind(inner),
  });
  await inner.transact(async (transaction) => {
    const license = draftLicense(
      { tenantId, licenseId },
      'key',
      { max: 1, usageCaps: { calls: CAP - 5 } },
      0,
    );
    transaction.set(LICENSES, licenseId, license);
    const account = { tenantId, customerId: 'cus_1', formerCustomerIds: [], createdAtMs: 0 };
    transaction.set(BILLING_ACCOUNTS, tenantId, account);
  });
  const deps = { records, clock, billing: stripe.billing, usageCaps: { each: CAP, byMeter: {} } };
  const identifierOf = (recordId: string) => usageRecordId({ licenseId, recordId });
  const untouched = { records: inner, clock };
  const voidIds = (ids: readonly string[]) =>
    voidUsage(ids.map(identifierOf), { reason: 'wrong', by: BY }, untouched);

  const sweepCalmly = () =>
    meterUsage(deps, {
      progress: emptyMeteringProgress(),
      isTimeUp: () => false,
      callStripe: (work) => work(),
    });

  return {
    stripe,
    identifierOf,
    wait(ms: number) {
      nowMs += ms;
    },
    nowMs: () => nowMs,
    voidIds,
    /** As the endpoint does it. */
    async record(recordId: string, quantity: number, ageDays: number): Promise<void> {
      const meter = METERS[IDS.indexOf(recordId) % METERS.length] ?? '';
      const atMs = nowMs - ageDays * DAY_MS;
      const record = newUsageRecord({ licenseId, tenantId, recordId, meter, quantity, atMs }, nowMs);
      if ((await inner.create(USAGE_RECORDS, usageRecordId(record), record)) === 'CREATED') return;
      await changeUsage(untouched, [usageRecordId(record)], (known, day) =>
        known.state === 'over_cap' && known.quantity <= remainingOf(day, capOf(known))
          ? reopened(known)
          : undefined,
      );
    },
    async sweep({ stripe: failures, killed: next, voidedMeanwhile }: Weather): Promise<MeteringProgress> {
      stripe.fail(failures);
      killed = next;
      transactions = 0;
      stripe.interrupt(async (identifier, when) => {
        if (voidedMeanwhile?.when !== when || identifier !== identifierOf(voidedMeanwhile.id)) return;
        await voidIds([voidedMeanwhile.id]);
        stripe.interrupt(undefined);
        if (voidedMeanwhile.isSwept) await sweepCalmly();
      });
      const progress = emptyMeteringProgress();
      const unlessOut = (fault: unknown) => {
        if (!(fault instanceof Unavailable || fault instanceof Killed)) throw fault;
      };
      await meterUsage(deps, {
        progress,
        isTimeUp: () => false,
        callStripe: (work) => work().catch(unlessOut),
      }).catch(unlessOut);
      stripe.fail([]);
      stripe.interrupt(undefined);
      killed = undefined;
      return progress;
    },
    async reject(recordId: string): Promise<void> {
      const eventId = `evt_${nowMs}`;
      stripe.reject(identifierOf(recordId), eventId);
      for (const _ of [1, 2])
        await recordMeterErrors(eventId, stripe.billing, { ...untouched, log: () => {} });
    },
    records: () => Array.fromAsync(eachDocument(inner, USAGE_RECORDS_OF_LICENSE, { licenseId })),
    days: () => Array.fromAsync(eachDocument(inner, METERED_DAYS_OF_LICENSE, { licenseId })),
    close: () => inner.close(),
  };
}
type World = Awaited<ReturnType<typeof openWorld>>;

function capOf({ meter }: Pick<UsageRecord, 'meter'>): number {
  return meter === 'calls' ? CAP - 5 : CAP;
}

/** All that metering needs to know of a subscription. */
const SUBSCRIPTION = {
  customerId: 'cus_1',
  endedAtMs: null,
  meteredPrices: METERS.map((meter) => ({ meter, periodStartMs: 0 })),
};

const CALM: Weather = { stripe: [], killed: undefined, voidedMeanwhile: undefined };

async function take(world: World, next: Step): Promise<void> {
  switch (next.kind) {
    case 'record':
      return world.record(next.id, next.quantity, next.ageDays);
    case 'void':
      await world.voidIds(next.ids);
      return;
    case 'sweep':
      await world.sweep(next.weather);
      return;
    case 'two sweeps':
      await Promise.all([world.sweep(next.weather), world.sweep(next.weather)]);
      return;
    case 'reject':
      return world.reject(next.id);
    case 'wait':
      return world.wait(next.minutes * MINUTE_MS);
  }
}

/** The sums of records, by state, as a day must show them. */
function sumsOf(records: readonly UsageRecord[]): MeteredDay['states'] {
  const states = Map.groupBy(
    records.filter(({ state }) => state !== 'new'),
    ({ state }) => state,
  );
  return Object.fromEntries(
    [...states].map(([state, all]) => [
      state,
      { quantity: all.reduce((sum, { quantity }) => sum + quantity, 0), records: all.length },
    ]),
  );
}

async function checkBooks(world: World): Promise<void> {
  const records = await world.records();
  const days = await world.days();
  const dayOfRecord = ({ meter, atMs }: UsageRecord) => `${meter} ${dayOf(atMs)}`;
  const byDay = Map.groupBy(records, dayOfRecord);
  for (const day of days) {
    const ofDay = byDay.get(`${day.meter} ${day.dayMs}`) ?? [];
    expect(day.states).toEqual(sumsOf(ofDay));
    expect(day.quantity).toBeGreaterThanOrEqual(0);
    expect(day.quantity).toBeLessThanOrEqual(capOf(day));
    const uncounted = (day.states.over_cap?.quantity ?? 0) + (day.states.voided?.quantity ?? 0);
    const all = Object.values(day.states).reduce((sum, { quantity }) => sum + quantity, 0);
    expect(day.quantity).toBe(all - uncounted);
  }
  for (const { state, voided } of records) expect(state === 'voided').toBe(voided !== null);
  const shown = new Set(days.map(({ meter, dayMs }) => `${meter} ${dayMs}`));
  for (const record of records) if (record.state !== 'new') expect(shown).toContain(dayOfRecord(record));
  for (const [identifier, all] of world.stripe.received)
    expect(all.length, `${identifier} was accepted more than once`).toBe(1);
}

/** After all outages, each record has ended in a state that says what Stripe has. */
async function checkEnd(world: World): Promise<void> {
  for (const record of await world.records()) {
    const { state, voided, isOpen, recordId } = record;
    expect(isOpen, `${recordId} is ${state}, and open`).toBe(false);
    const isLive = world.stripe.received.get(usageRecordId(record))?.some((each) => each.isLive) ?? false;
    const says = voided ? voided.atStripe : state;
    if (says === 'sent') expect(isLive, `${recordId} is sent`).toBe(true);
    if (['refused', 'over_cap', 'late', 'canceled', 'not_billed'].includes(says))
      expect(isLive, `${recordId} is ${says}`).toBe(false);
    expect(['sent', 'late', 'uncertain', 'refused', 'over_cap', 'voided']).toContain(state);
  }
  // What Stripe bills of a day is never more than the cap, but for what needs a credit note.
  const owed = new Set(
    (await world.records())
      .filter(({ voided }) => voided?.atStripe === 'credit_note_needed')
      .map((record) => usageRecordId(record)),
  );
  const live = [...world.stripe.received].flatMap(([identifier, all]) =>
    owed.has(identifier) ? [] : all.filter(({ isLive }) => isLive),
  );
  for (const [key, all] of Map.groupBy(live, ({ meter, dayMs }) => `${meter} ${dayMs}`)) {
    const sum = all.reduce((total, { quantity }) => total + quantity, 0);
    expect(sum, key).toBeLessThanOrEqual(capOf({ meter: key.split(' ')[0] ?? '' }));
  }
}

test('the books of usage hold, whatever is recorded, voided, refused, lost and repeated', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      fc.subarray(IDS, { maxLength: 2 }),
      async (steps, refused) => {
        const world = await openWorld();
        for (const each of refused) world.stripe.refused.add(world.identifierOf(each));
        const voided = new Set<string>();
        for (const each of steps) {
          await take(world, each);
          await checkBooks(world);
          for (const record of await world.records()) {
            if (voided.has(record.recordId)) expect(record.state, 'a void was undone').toBe('voided');
            if (record.state === 'voided') voided.add(record.recordId);
          }
        }
        for (const minutes of [0, 6, 6]) {
          world.wait(minutes * MINUTE_MS);
          await world.sweep(CALM);
        }
        await checkBooks(world);
        await checkEnd(world);
        expect(await world.sweep(CALM)).toEqual(emptyMeteringProgress());
        await world.close();
      },
    ),
    { numRuns: runs(150, 3_000) },
  );
}, 120_000);
