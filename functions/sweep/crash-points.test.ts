import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { RECONCILE_PASSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { auditOf, historiesOf, storyOf } from '../../shared/testing/read-records.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { openTestSuite, type TestLicense, type TestSuite } from '../testing/suite.ts';

/**
 * Dies before and after each call to seats, records and events that a sweep, or the recording of its events, makes.
 * What was done before stays done; the next sweep does the rest.
 */

const TTL_MS = 360_000;
const PORTS = ['seats', 'seatMaintenance', 'records', 'events'] as const;

class Died extends Error {}

/** The call to die at, counted from 0, and whether to die before it has an effect or right after. */
let plan: { at: number; when: 'before' | 'after' } | undefined;
let calls: string[] = [];

function mortal<T extends object>(part: string, port: T): T {
  return new Proxy(port, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function' || name === 'close') return member;
      return async (...args: unknown[]) => {
        const number = calls.push(`${part}.${String(name)}`) - 1;
        const dies = plan?.at === number;
        if (dies && plan?.when === 'before') throw new Died();
        const result: unknown = await Reflect.apply(member, target, args);
        if (dies) throw new Died();
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
    const ports = PORTS.map((name) => [name, mortal(name, deps[name])] as const);
    return { ...deps, ...Object.fromEntries(ports) };
  });
});
afterEach(() => {
  plan = undefined;
});
afterAll(async () => {
  await suite.close();
  vi.useRealTimers();
});

/**
 * Seats taken, given back, lost by a crash and refused. It is never time to compare everything: see reconcile.test.ts.
 */
async function liveALittle(): Promise<{ license: TestLicense; story: string[] }> {
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
  const ofWhom = [crashed, released, released, crashed];
  return { license, story: story.map((what, i) => `session.${what} ${ofWhom[i]}`) };
}

async function expectWholeHistory({
  license,
  story,
}: Awaited<ReturnType<typeof liveALittle>>): Promise<void> {
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
  expect(await verifyChain(records, tenantId)).toMatchObject({ sealed: 6, unsealed: 0, problems: [] });
  expect(await suite.deps.seatMaintenance.expire('00', [])).toMatchObject({ pending: 0, due: [] });
}

/** The calls of a sweep and of everything that follows from it, without dying. */
async function stepsOfOneSweep(): Promise<string[]> {
  const life = await liveALittle();
  calls = [];
  await suite.settle();
  const steps = [...calls];
  await expectWholeHistory(life);
  return steps;
}

describe.each(['before', 'after'] as const)('a process that dies right %s', (when) => {
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

    const diedAt: string[] = [];
    for (let reached: string | undefined = '-'; reached !== undefined; ) {
      const life = await liveALittle();
      calls = [];
      plan = { at: diedAt.length, when };
      for (const _ of ['publish', 'seal']) {
        await suite.sweep();
        await suite.delivered();
      }
      reached = calls[plan.at];
      if (reached !== undefined) diedAt.push(reached);
      plan = undefined;
      await suite.settle();
      await expectWholeHistory(life);
    }
    // The order of deliveries beside a sweep varies, but every kind of call was died at.
    expect(new Set(diedAt)).toEqual(new Set(steps));
    expect(diedAt.length).toBeGreaterThanOrEqual(16);
  });
});
