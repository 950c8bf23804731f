import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shardOf } from '../../domain/ids.ts';
import { startUpstashServer } from '../../local/redis/upstash-server.ts';
import { openPool, type SeatsUnderTest } from '../../testing/contracts/seats/pool.ts';
import { seatsContract } from '../../testing/contracts/seats/suite.ts';
import { describeReal } from '../../testing/real-parts.ts';
import {
  embeddedBackend,
  kindsOfKeyLeft,
  readEverything,
  readOutbox,
  readPoolState,
  realBackend,
  type SeatsBackend,
} from '../../testing/seats/backend.ts';
import { memberOf } from './encoding.ts';
import { poolKey, shardKey } from './lua/keys.ts';
import { openRedisMaintenance } from './redis-maintenance.ts';
import { openSeats } from './redis-seats.ts';
import { httpRequester } from './upstash-http.ts';

/** On a busy machine embedded Redis is slow if hundreds of leases change at once; that is not tested here. */
const PATIENCE_MS = 10_000;

const TOKEN = 'a-token';

describe('seats on embedded Redis', () => {
  seatsContract(async () => underTest(await embeddedBackend()));
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
      expect(await pool.story()).toContain(`session.expired ${session.sessionId}`);
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
      expect((await pool.story()).includes(`session.released ${session.sessionId}`)).toBe(isReleased);

      const put = await refusing(() =>
        pool.put({ status: 'suspended' }, 'license.updated').catch(() => 'REFUSED'),
      );
      const isPut = put === 'STORED';
      expect((await pool.acquire('holder')).verdict).toBe(
        isPut ? 'SUSPENDED' : isReleased ? 'GRANTED' : 'RENEWED',
      );
      expect((await pool.events()).some(({ type }) => type === 'license.updated')).toBe(isPut);
    });
  });
});

async function underTest(backend: SeatsBackend): Promise<SeatsUnderTest> {
  const front = await startUpstashServer({ backend, token: TOKEN });
  const requester = httpRequester({ ...front, timeoutMs: PATIENCE_MS });
  const seats = openSeats(requester, backend.includes);
  let nowMs = Date.now();
  await backend.setClock(nowMs);
  return {
    seats,
    seatMaintenance: openRedisMaintenance(requester, backend.includes),
    nowMs: () => nowMs,
    async moveClockTo(ms) {
      if (ms < nowMs) throw new RangeError('The clock moves forward only.');
      nowMs = ms;
      await backend.setClock(ms);
    },
    readOutbox: (licenseId) => readOutbox(backend.redis, licenseId),
    async writeOutbox(licenseId, fields) {
      const outbox = shardKey('outbox', shardOf(licenseId));
      await backend.redis.command(['XADD', outbox, '*', ...Object.entries(fields).flat()]);
    },
    readPoolState: (licenseId) => readPoolState(backend.redis, licenseId),
    readEverything: () => readEverything(backend.redis),
    kindsOfKeyLeft: (licenseId) => kindsOfKeyLeft(backend, licenseId, nowMs),
    async losePart(licenseId, part) {
      const leases = ['lease', 'holder', 'session', 'borrowed', 'signed'] as const;
      const kinds = part === 'terms' ? (['license'] as const) : leases;
      await backend.redis.command(['DEL', ...kinds.map((kind) => poolKey(kind, licenseId))]);
    },
    async rewriteByNewer(licenseId, sessionId) {
      const { redis } = backend;
      if (sessionId === undefined)
        return void (await redis.command(['HSET', poolKey('license', licenseId), 'v', '2']));
      const key = poolKey('session', licenseId);
      const member = memberOf(licenseId, sessionId);
      const packed = String(await redis.command(['HGET', key, member]));
      await redis.command(['HSET', key, member, packed.replace('|[1,', '|[2,')]);
    },
    loseEverything: () => backend.flush(),
    async close() {
      await seats.close();
      await front.close();
      await backend.close();
    },
  };
}
