import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { newSessionId, shardOf } from '../../domain/ids.ts';
import { Unavailable } from '../../errors.ts';
import type { AcquireVerdict, Seats } from '../../ports/seats.ts';
import { BY } from '../../testing/by.ts';
import { describeReal } from '../../testing/real-parts.ts';
import { putNewLicense } from '../../testing/seats/put-license.ts';
import {
  type ClusterNode,
  type RedisCluster,
  startRedisCluster,
} from '../../testing/servers/redis-cluster.ts';
import { shardKey } from '../seats/lua/keys.ts';
import { openSeats } from '../seats/redis-seats.ts';
import type { RedisEngine } from './engine.ts';
import { redisEngine } from './redis-protocol.ts';
import { prepareScript } from './script.ts';

const TIMEOUT_MS = 1_200;
/** More than a call may take on a busy machine after its deadline. */
const SLACK_MS = 800;
const MAX_SEATS = 3;
/** A primary is replaced within a few seconds; a busy machine takes longer. */
const RECOVERY = { timeout: 30_000, interval: 50 };

describeReal('redis-server', 'a cluster', () => {
  let cluster: RedisCluster;
  let engines: RedisEngine[];
  beforeEach(async () => {
    cluster = await startRedisCluster();
    engines = [];
  });
  afterEach(async () => {
    for (const engine of engines) engine.close();
    await cluster.stop();
  });

  function opened(url = cluster.url): RedisEngine {
    const engine = redisEngine({ url, isCluster: true, timeoutMs: TIMEOUT_MS });
    engines.push(engine);
    return engine;
  }

  /** Licenses of other shards on each primary, with seats of their own engine. */
  async function licensesOnEachPrimary(): Promise<{ seats: Seats; licenses: License[] }> {
    const seats = openSeats(opened());
    const licenses: License[] = [];
    const found = new Set<string>();
    while (found.size < 3) {
      const { licenseId } = await putNewLicense(seats, { max: MAX_SEATS, requestsPerMinute: 60_000 });
      const { id } = await cluster.primaryOf(shardKey('due', shardOf(licenseId)));
      if (found.has(id)) continue;
      found.add(id);
      licenses.push({ licenseId, primary: id });
    }
    return { seats, licenses };
  }

  test('runs a script on a node that has lost it, whose source is sent once', async () => {
    const engine = opened();
    const script = prepareScript(engine, "return redis.call('INCR', KEYS[1])");
    const keys = ['n:{s00}', 'n:{s01}', 'n:{s02}', 'n:{s03}', 'n:{s04}', 'n:{s05}'];
    const countEvals = async (): Promise<number[]> =>
      Promise.all(
        (await cluster.primaries()).map(async ({ redis }) => {
          const stats = String(await redis.command(['INFO', 'commandstats']));
          return Number(/cmdstat_eval:calls=(\d+)/.exec(stats)?.[1] ?? 0);
        }),
      );
    for (const key of keys) await script([key], []);
    expect(await countEvals()).toEqual([1, 1, 1]);
    const node = await cluster.primaryOf('n:{s00}');
    await node.redis.command(['SCRIPT', 'FLUSH']);
    for (const key of keys) expect(await script([key], [])).toBe(2);
    expect((await countEvals()).toSorted()).toEqual([1, 1, 2]);
  });

  test('serves every call, or says that it cannot, while a slot is moved, and loses nothing', async () => {
    const { seats, licenses } = await licensesOnEachPrimary();
    const [license] = licenses;
    if (!license) throw new TypeError('There are licenses.');
    const key = shardKey('due', shardOf(license.licenseId));
    const before = await takeSeats(seats, license.licenseId, 2);
    const owner = await cluster.primaryOf(key);
    const worker = workOn(seats, licenses);
    await cluster.moveSlot(key, async () => {
      // Some of the keys are here and some there: no node can run a script on all of them.
      const fresh = openSeats(opened());
      await expect(acquire(fresh, license.licenseId, 'newcomer')).rejects.toThrow(Unavailable);
    });
    await worker.until(license, 'served');
    await worker.stop();
    expect((await cluster.primaryOf(key)).id).not.toBe(owner.id);
    for (const { holder, sessionId } of before) {
      const again = await acquire(seats, license.licenseId, holder);
      expect(again).toMatchObject({ verdict: 'RENEWED', session: { sessionId } });
    }
    expectKept(worker);
  });

  test('with a node that hangs is Unavailable there within the deadline, and works again after it', async () => {
    const { seats, licenses } = await licensesOnEachPrimary();
    const [license, other] = licenses;
    if (!license || !other) throw new TypeError('There are licenses.');
    const node = await cluster.primaryOf(shardKey('due', shardOf(license.licenseId)));
    await takeSeats(seats, license.licenseId, 1);
    await takeSeats(seats, other.licenseId, 1);

    // Shorter than the time after which the cluster replaces it.
    await node.kill('SIGSTOP');
    const startedAtMs = performance.now();
    const hanging = acquire(openSeats(opened()), license.licenseId, 'b').catch((error: unknown) => error);
    expect((await acquire(seats, other.licenseId, 'b')).verdict).toBe('GRANTED');
    await sleep(500);
    await node.kill('SIGCONT');
    await hanging;
    expect(performance.now() - startedAtMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);

    await node.redis.command(['CLIENT', 'PAUSE', '2000', 'ALL']);
    const pausedAtMs = performance.now();
    await expect(acquire(seats, license.licenseId, 'c')).rejects.toThrow(/no answer within 1200 ms/);
    expect(performance.now() - pausedAtMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
    await vi.waitFor(async () => {
      expect((await acquire(seats, license.licenseId, 'c')).verdict).toMatch(/GRANTED|RENEWED/);
    }, RECOVERY);
  });

  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    'that loses a primary under load (%s) is Unavailable, then works on its replica, and never has more seats than max',
    async (signal) => {
      const { seats, licenses } = await licensesOnEachPrimary();
      const worker = workOn(seats, licenses);
      // The node of the URL.
      const lost = licenses.find(({ primary }) => primary === cluster.nodes[0]?.id);
      if (!lost) throw new TypeError('There are licenses.');
      await worker.until(lost, 'served');
      const node = await cluster.primaryOf(shardKey('due', shardOf(lost.licenseId)));
      await untilReplicated(node);
      await node.kill(signal);
      await worker.until(lost, 'refused');
      await worker.until(lost, 'served');
      for (const license of licenses) await worker.until(license, 'served');
      const promoted = await cluster.primaryOf(shardKey('due', shardOf(lost.licenseId)));
      expect(promoted.id).not.toBe(node.id);

      // The old primary comes back as a replica, whose clients it sends to the new one.
      if (signal === 'SIGSTOP') await node.kill('SIGCONT');
      for (const license of licenses) await worker.until(license, 'served');
      await worker.stop();
      expectKept(worker);
      const fresh = openSeats(opened(`redis://${promoted.host}:${promoted.port}`));
      for (const { licenseId } of licenses) {
        const verdicts = [];
        for (let n = 0; n <= MAX_SEATS; n += 1) verdicts.push(await acquire(fresh, licenseId, `last ${n}`));
        expect(verdicts.at(-1)).toMatchObject({ verdict: 'FULL', active: MAX_SEATS });
      }
    },
  );
});

/** Replication is asynchronous: a license that only its primary has is lost with it, as Redis Cluster documents. */
async function untilReplicated({ redis }: ClusterNode): Promise<void> {
  const read = async (pattern: RegExp): Promise<number> =>
    Number(pattern.exec(String(await redis.command(['INFO', 'replication'])))?.[1]);
  const writtenBytes = await read(/master_repl_offset:(\d+)/);
  await vi.waitFor(async () => {
    expect(await read(/^slave0:.*offset=(\d+)/m)).toBeGreaterThanOrEqual(writtenBytes);
  }, RECOVERY);
}

interface License {
  readonly licenseId: string;
  readonly primary: string;
}

interface Worker {
  /** Errors other than `Unavailable`. */
  readonly faults: unknown[];
  /** Verdicts with more seats than the license has. */
  readonly excesses: AcquireVerdict[];
  longestMs(): number;
  /** Waits for the next call on this license with this outcome. */
  until(license: License, outcome: 'served' | 'refused'): Promise<void>;
  stop(): Promise<void>;
}

/** Keeps acquiring and releasing seats of all licenses, for more holders than there are seats. */
function workOn(seats: Seats, licenses: readonly License[]): Worker {
  const faults: unknown[] = [];
  const excesses: AcquireVerdict[] = [];
  const counts = new Map<string, { served: number; refused: number }>();
  let longestMs = 0;
  let isStopped = false;

  async function run({ licenseId }: License, holder: string): Promise<void> {
    const count = counts.get(licenseId) ?? { served: 0, refused: 0 };
    counts.set(licenseId, count);
    while (!isStopped) {
      const startedAtMs = performance.now();
      try {
        const verdict = await acquire(seats, licenseId, holder);
        if ('active' in verdict && verdict.active > MAX_SEATS) excesses.push(verdict);
        count.served += 1;
        longestMs = Math.max(longestMs, performance.now() - startedAtMs);
        if ('session' in verdict) await release(seats, licenseId, verdict.session.sessionId);
      } catch (error) {
        longestMs = Math.max(longestMs, performance.now() - startedAtMs);
        if (error instanceof Unavailable) count.refused += 1;
        else faults.push(error);
      }
      await sleep(2);
    }
  }

  const runs = licenses.flatMap((license) =>
    Array.from({ length: 2 * MAX_SEATS }, (_, n) => run(license, `holder ${n}`)),
  );
  return {
    faults,
    excesses,
    longestMs: () => longestMs,
    async until({ licenseId }, outcome) {
      const before = counts.get(licenseId)?.[outcome] ?? 0;
      await vi.waitUntil(() => (counts.get(licenseId)?.[outcome] ?? 0) > before, RECOVERY);
    },
    async stop() {
      isStopped = true;
      await Promise.all(runs);
    },
  };
}

function expectKept(worker: Worker): void {
  expect(worker.faults).toEqual([]);
  expect(worker.excesses).toEqual([]);
  // An acquire and a release.
  expect(worker.longestMs()).toBeLessThan(2 * (TIMEOUT_MS + SLACK_MS));
}

async function takeSeats(seats: Seats, licenseId: string, count: number) {
  const taken = [];
  for (let n = 0; n < count; n += 1) {
    const holder = `taken ${n}`;
    const verdict = await acquire(seats, licenseId, holder);
    if (!('session' in verdict)) throw new Error(`no seat: ${verdict.verdict}`);
    taken.push({ holder, sessionId: verdict.session.sessionId });
  }
  return taken;
}

function acquire(seats: Seats, licenseId: string, holder: string): Promise<AcquireVerdict> {
  return seats.acquire({
    licenseId,
    proof: { kind: 'trusted' },
    by: BY,
    kind: 'machine',
    sessionId: newSessionId(licenseId),
    holders: { machine: holder },
    machine: holder,
    facts: { fingerprint: holder },
  });
}

function release(seats: Seats, licenseId: string, sessionId: string) {
  return seats.release({ licenseId, proof: { kind: 'trusted' }, by: BY, sessionId });
}
