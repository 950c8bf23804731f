import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { RECONCILE_PASSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { auditOf, historiesOf, storyOf } from '../../shared/testing/read-records.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { openTestSuite, type TestLicense, type TestSuite } from '../testing/suite.ts';

/**
 * Crashes before and after each call to seats, records and events that a sweep or the recording of its events makes.
 * Work that was done before the crash is kept, and the next sweep does the rest.
 */

const TTL_MS = 360_000;
const PORTS = ['seats', 'seatMaintenance', 'records', 'events'] as const;

class Crash extends Error {}

/** The call to crash at, counted from 0, and whether to crash before or right after its effect. */
let nextCrash: { at: number; when: 'before' | 'after' } | undefined;
let calls: string[] = [];

function withCrashes<T extends object>(part: string, port: T): T {
  return new Proxy(port, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function' || name === 'close') return member;
      return async (...args: unknown[]) => {
        const number = calls.push(`${part}.${String(name)}`) - 1;
        const isCrash = nextCrash?.at === number;
        if (isCrash && nextCrash?.when === 'before') throw new Crash();
        const result: unknown = await Reflect.apply(member, target, args);
        if (isCrash) throw new Crash();
        return result;
      };
    },
  });
}

let suite: TestSuite;
let nowMs = Date.now();
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  suite = await openTestSuite({ SHARDS: '1' }, (deps): Deps => {
    const ports = PORTS.map((name) => [name, withCrashes(name, deps[name])] as const);
    return { ...deps, ...Object.fromEntries(ports) };
  });
});
afterEach(() => {
  nextCrash = undefined;
});
afterAll(async () => {
  await suite.close();
  vi.useRealTimers();
});

/** Acquires, releases, expires and denies seats. No comparison is due: reconcile.test.ts tests comparisons. */
async function useSeats(): Promise<{ license: TestLicense; story: string[] }> {
  const license = await suite.createLicense({ max: 2 });
  const sessions: string[] = [];
  for (const machine of ['crashes', 'releases'])
    sessions.push((await license.acquire(machine)).body.session_id);
  const [crashed, released] = sessions;
  expect((await license.acquire('refused')).status).toBe(409);
  nowMs += 60_000;
  vi.setSystemTime(nowMs);
  await license.release(String(released));
  nowMs += TTL_MS;
  vi.setSystemTime(nowMs);
  const place = { step: 'sessions' as const, shard: 0, after: null };
  await suite.deps.records.transact(async (transaction) => {
    transaction.set(RECONCILE_PASSES, 'reconcile', { startedAtMs: nowMs, finishedAtMs: nowMs, ...place });
  });
  const story = ['acquired', 'acquired', 'released', 'expired'];
  const sessionOf = [crashed, released, released, crashed];
  return { license, story: story.map((what, i) => `session.${what} ${sessionOf[i]}`) };
}

async function expectWholeHistory({ license, story }: Awaited<ReturnType<typeof useSeats>>): Promise<void> {
  const { records } = suite.deps;
  const { licenseId, tenantId } = license;
  expect((await storyOf(records, licenseId)).toSorted()).toEqual(story.toSorted());
  const others = (await auditOf(records, licenseId)).filter(({ sessionId }) => sessionId === null);
  expect(others.map(({ type, detail }) => [type, detail.count]).toSorted()).toEqual([
    ['license.created', undefined],
    ['seat.denied', 1],
  ]);
  const histories = await historiesOf(records, licenseId);
  expect(histories.map(({ endReason, seatedMs }) => [endReason, seatedMs]).toSorted()).toEqual([
    ['expired', TTL_MS],
    ['released', 60_000],
  ]);
  const usage = await suite.operate('GET', `/api/v1/licenses/${licenseId}/usage`);
  expect([usage.body.peak_seats, usage.body.denials]).toEqual([2, 1]);
  expect(await verifyChain(records, tenantId)).toMatchObject({ sealed: 7, unsealed: 0, problems: [] });
  expect(await suite.deps.seatMaintenance.expire('00', [])).toMatchObject({ pending: 0, due: [] });
}

/** The calls of a sweep and of the recording of its events, without a crash. */
async function stepsOfOneSweep(): Promise<string[]> {
  const used = await useSeats();
  calls = [];
  await suite.settle();
  const steps = [...calls];
  await expectWholeHistory(used);
  return steps;
}

describe.each(['before', 'after'] as const)('a process that crashes right %s', (when) => {
  test('any call of a sweep or of a recording leaves a complete history without duplicates', {
    timeout: 120_000,
  }, async () => {
    const steps = await stepsOfOneSweep();
    for (const step of [
      'seatMaintenance.expire',
      'seatMaintenance.readOutbox',
      'seatMaintenance.trimOutbox',
      'events.publish',
    ])
      expect(steps).toContain(step);
    expect(steps.filter((step) => step === 'records.transact').length).toBeGreaterThan(6);

    const crashedAt: string[] = [];
    for (let reached: string | undefined = '-'; reached !== undefined; ) {
      const used = await useSeats();
      calls = [];
      nextCrash = { at: crashedAt.length, when };
      for (const _ of ['publish', 'seal']) {
        await suite.sweep();
        await suite.delivered();
      }
      reached = calls[nextCrash.at];
      if (reached !== undefined) crashedAt.push(reached);
      nextCrash = undefined;
      await suite.settle();
      await expectWholeHistory(used);
    }
    // The order of deliveries during a sweep varies, but every kind of call crashed once.
    expect(new Set(crashedAt)).toEqual(new Set(steps));
    expect(crashedAt.length).toBeGreaterThanOrEqual(16);
  });
});
