import { memberOf } from '../../adapters/seats/encoding.ts';
import { poolKey, shardKey } from '../../adapters/seats/lua/keys.ts';
import { openRedisMaintenance } from '../../adapters/seats/redis-maintenance.ts';
import { openSeats } from '../../adapters/seats/redis-seats.ts';
import { shardOf } from '../../domain/ids.ts';
import type { SeatsUnderTest } from '../contracts/seats/pool.ts';
import { kindsOfKeyLeft, readEverything, readOutbox, readPoolState, type SeatsBackend } from './backend.ts';

/** On a busy machine embedded Redis is slow if hundreds of leases change at once; that is not tested here. */
const PATIENCE_MS = 10_000;

/** Seats on an engine of this backend, as their contract tests them. `close` closes the backend too. */
export async function underTest(backend: SeatsBackend): Promise<SeatsUnderTest> {
  const engine = backend.openEngine(PATIENCE_MS);
  const seats = openSeats(engine, backend.includes);
  let nowMs = Date.now();
  await backend.setClock(nowMs);
  return {
    seats,
    seatMaintenance: openRedisMaintenance(engine, backend.includes),
    nowMs: () => nowMs,
    async moveClockTo(ms) {
      if (ms < nowMs) throw new RangeError('The clock moves forward only.');
      nowMs = ms;
      await backend.setClock(ms);
    },
    async stepClockBack(byMs) {
      nowMs -= byMs;
      await backend.setClock(nowMs);
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
      const kinds = {
        copy: ['license'],
        sessions: ['held', 'seats', 'loans', 'signed', 'signers'],
        'all but the number of seats': ['license', 'held'],
      } as const;
      await backend.redis.command(['DEL', ...kinds[part].map((kind) => poolKey(kind, licenseId))]);
    },
    async rewriteByNewer(licenseId, sessionId) {
      const { redis } = backend;
      if (sessionId === undefined)
        return void (await redis.command(['HSET', poolKey('license', licenseId), 'v', '2']));
      const key = poolKey('held', licenseId);
      const member = memberOf(licenseId, sessionId);
      const packed = String(await redis.command(['HGET', key, member]));
      await redis.command(['HSET', key, member, packed.replace('|[1,', '|[2,')]);
    },
    loseEverything: () => backend.flush(),
    async close() {
      await seats.close();
      await backend.close();
    },
  };
}
