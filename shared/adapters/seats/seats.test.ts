import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shardOf } from '../../domain/ids.ts';
import { openPool, type SeatsUnderTest } from '../../testing/contracts/seats/pool.ts';
import { seatsContract } from '../../testing/contracts/seats/suite.ts';
import { describeReal } from '../../testing/real-parts.ts';
import {
  embeddedBackend,
  realBackend,
  type SeatsBackend,
  upstashBackend,
} from '../../testing/seats/backend.ts';
import { underTest } from '../../testing/seats/under-test.ts';

describe('seats on embedded Redis', () => {
  seatsContract(async () => underTest(await embeddedBackend()));
});

describeReal('redis-server', 'seats on Redis behind the REST API of Upstash', () => {
  seatsContract(async () => underTest(await upstashBackend()));
});

describeReal('redis-server', 'seats on Redis', () => {
  seatsContract(async () => underTest(await realBackend()));

  test('leases expire by the server’s own clock', async () => {
    const backend = await realBackend();
    const under = await underTest({ ...backend, includes: {} });
    try {
      const pool = await openPool(under, { max: 1, ttlSeconds: 1, heartbeatSeconds: 0 });
      const session = await pool.seat('a');
      expect(Math.abs(session.acquiredAtMs - Date.now())).toBeLessThan(1_000);
      expect(await pool.acquire('b')).toEqual({ verdict: 'FULL', active: 1, max: 1, retryAfterSeconds: 1 });
      await sleep(session.expiresAtMs - Date.now() + 5);
      const next = await pool.acquire('b');
      expect(next).toMatchObject({ verdict: 'GRANTED', active: 1 });
      await under.seatMaintenance.expire(shardOf(pool.licenseId), [
        { licenseId: pool.licenseId, what: 'seats', dueMs: session.expiresAtMs },
      ]);
      expect(await pool.story()).toContain(`expired ${session.sessionId} freed`);
    } finally {
      await under.close();
    }
  });
});

/** How a real Redis comes to refuse writes, and how it accepts them again. */
const REFUSALS = [
  ['memory', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
  // Its primary does not exist, so it keeps its data.
  ['read-only', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
] as const;

describeReal('redis-server', 'a Redis that refuses writes', () => {
  describe.each(REFUSALS)('(%s)', (redisLimit, refuse, accept) => {
    let backend: SeatsBackend;
    let under: SeatsUnderTest;
    beforeAll(async () => {
      backend = await realBackend();
      under = await underTest(backend);
    });
    afterAll(() => under.close());

    /** The Redis refuses writes while `work` runs. */
    async function refusing<R>(work: () => Promise<R>): Promise<R> {
      expect(await backend.redis.command(refuse)).toBe('OK');
      try {
        return await work();
      } finally {
        expect(await backend.redis.command(accept)).toBe('OK');
      }
    }

    test('is reachable, but changes nothing, grants nothing and is Unavailable with its reason', async () => {
      const pool = await openPool(under, { max: 2 });
      const session = await pool.seat('holder');
      const before = await under.readEverything();
      const unavailable = { name: 'Unavailable', part: 'seats', redisLimit };
      await refusing(async () => {
        expect(await backend.redis.command(['PING'])).toBe('PONG');
        await expect(under.seatMaintenance.probe(shardOf(pool.licenseId))).rejects.toMatchObject(unavailable);
        await expect(pool.acquire('newcomer')).rejects.toMatchObject(unavailable);
        await expect(pool.beat(session)).rejects.toMatchObject(unavailable);
        expect(await under.readEverything()).toBe(before);
      });
      expect(await pool.acquire('newcomer')).toMatchObject({ verdict: 'GRANTED', active: 2 });
    });

    test('is Unavailable too for scripts that it does not know yet', async () => {
      const pool = await openPool(under, { max: 1 });
      await backend.redis.command(['SCRIPT', 'FLUSH']);
      await refusing(async () => {
        await expect(pool.acquire('newcomer')).rejects.toMatchObject({ redisLimit });
      });
    });

    // Redis without memory refuses a script only at its first write, and only if that needs memory.
    test('ends a session or changes a license completely, with its event, or not at all', async () => {
      const pool = await openPool(under, { max: 1 });
      const session = await pool.seat('holder');
      const released = await refusing(() => pool.release(session).catch(() => 'REFUSED'));
      const isReleased = released === 'ENDED';
      expect(await pool.countActive()).toBe(isReleased ? 0 : 1);
      expect((await pool.story()).includes(`released ${session.sessionId} freed`)).toBe(isReleased);

      const put = await refusing(() =>
        pool.put({ status: 'suspended' }, 'license.updated').catch(() => 'REFUSED'),
      );
      const isPut = put === 'STORED';
      expect((await pool.acquire('holder')).verdict).toBe(
        isPut ? 'SUSPENDED' : isReleased ? 'GRANTED' : 'JOINED',
      );
      expect((await pool.events()).some(({ type }) => type === 'license.updated')).toBe(isPut);
    });
  });
});
