import { describe, expect, test } from 'vitest';
import { newLicenseId } from '../../../domain/ids.ts';
import type { Proof, Seats } from '../../../ports/seats.ts';
import { newEntitlement, openPool, type Pool, type SeatsUnderTest, TRUSTED, TTL_MS } from './pool.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const ORDERS = [
  [1, 2, 3],
  [1, 3, 2],
  [2, 1, 3],
  [2, 3, 1],
  [3, 1, 2],
  [3, 2, 1],
  [3, 3, 2],
];

export function licenseContract(under: () => SeatsUnderTest): void {
  describe('a license', () => {
    test('that was never put is unknown, and a call for it writes nothing', async () => {
      const { licenseId } = newEntitlement();
      expect(await callAll(under().seats, licenseId, TRUSTED)).toEqual(Array(4).fill('UNKNOWN_LICENSE'));
      expect(await under().kindsOfKeyLeft(licenseId)).toEqual([]);
      expect(await under().readOutbox(licenseId)).toEqual([]);
    });

    test('that is suspended grants and extends nothing, but accepts releases', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await pool.put({ status: 'suspended' });
      expect(await pool.acquire('a')).toEqual({ verdict: 'SUSPENDED' });
      expect(await pool.acquire('b')).toEqual({ verdict: 'SUSPENDED' });
      await expect(pool.beat(session)).rejects.toThrow('SUSPENDED');
      expect(await pool.countActive()).toBe(1);
      expect(await pool.release(session)).toBe('ENDED');

      await pool.put({ status: 'active' });
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'GRANTED' });
    });

    test('keeps existing leases until they expire while it is suspended', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await pool.put({ status: 'suspended' });
      await under().moveClockTo(session.expiresAtMs);
      expect(await pool.acquire('b')).toEqual({ verdict: 'SUSPENDED' });
      expect(await pool.story()).toContain(`session.expired ${session.sessionId}`);
    });

    test('never grants or extends a lease beyond its own end', async () => {
      const endMs = under().nowMs() + 400_000;
      const pool = await openPool(under(), { validUntilMs: endMs });
      const session = await pool.seat('a');
      expect(session.expiresAtMs).toBe(under().nowMs() + TTL_MS);
      await under().moveClockTo(endMs - TTL_MS + 1);
      expect(await pool.beat(session)).toMatchObject({ session: { expiresAtMs: endMs } });
      expect(await pool.acquire('b')).toMatchObject({ session: { expiresAtMs: endMs } });
      await under().moveClockTo(endMs - 1);
      expect(await pool.acquire('a')).toMatchObject({
        verdict: 'RENEWED',
        session: { expiresAtMs: endMs },
      });

      await under().moveClockTo(endMs);
      expect(await pool.acquire('a')).toEqual({ verdict: 'EXPIRED' });
      await expect(pool.beat(session)).rejects.toThrow('EXPIRED');
      expect(await pool.countActive()).toBe(0);
      await pool.put({ validUntilMs: endMs + DAY_MS });
      expect(await pool.beat(session)).toMatchObject({ verdict: 'REVIVED' });
    });

    test('accepts its own key and no other', async () => {
      const pool = await openPool(under());
      const { licenseId, keyHash } = pool.terms;
      const { keyHash: strange } = newEntitlement();
      const right: Proof = { kind: 'license-key', keyHash };
      expect(await pool.acquire('a', { proof: right })).toMatchObject({ verdict: 'GRANTED' });
      for (const wrong of [strange, keyHash.slice(1), `${keyHash}x`, '']) {
        const verdicts = await callAll(under().seats, licenseId, { kind: 'license-key', keyHash: wrong });
        expect(verdicts).toEqual(['WRONG_KEY', 'WRONG_KEY', 'WRONG_KEY', 'OK']);
      }
      expect(await pool.countActive()).toBe(1);
    });

    test('accepts the previous key until its overlap ends', async () => {
      const pool = await openPool(under());
      const old: Proof = { kind: 'license-key', keyHash: pool.terms.keyHash };
      const { keyHash } = newEntitlement();
      const overlapEndMs = under().nowMs() + MINUTE_MS;
      await pool.put({
        keyHash,
        previousKeyHash: pool.terms.keyHash,
        previousKeyUntilMs: overlapEndMs,
      });
      const current: Proof = { kind: 'license-key', keyHash };
      expect(await pool.acquire('a', { proof: current })).toMatchObject({ verdict: 'GRANTED' });
      await under().moveClockTo(overlapEndMs - 1);
      expect(await pool.acquire('b', { proof: old })).toMatchObject({ verdict: 'GRANTED' });
      await under().moveClockTo(overlapEndMs);
      expect(await pool.acquire('b', { proof: old })).toEqual({ verdict: 'WRONG_KEY' });
      expect(await pool.acquire('b', { proof: current })).toMatchObject({ verdict: 'RENEWED' });
    });

    test.each(ORDERS.map((order) => ({ order: order.join(', '), versions: order })))(
      'keeps its newest version, and reports each version once, if they arrive as $order',
      async ({ versions }) => {
        const pool = await openPool(under(), { version: 0 });
        let newest = 0;
        const stored: number[] = [];
        for (const version of versions) {
          const isNewer = version > newest;
          const verdict = await pool.put({ version, max: version * 10 }, 'license.updated');
          expect(verdict).toBe(isNewer ? 'STORED' : 'STALE');
          if (isNewer) stored.push(version);
          newest = Math.max(newest, version);
          expect(await listedMax(under().seats, pool)).toBe(newest * 10);
        }
        const events = (await pool.events()).map(({ type, sessionId, more }) => [
          type,
          sessionId,
          more.version,
          more.max,
        ]);
        expect(events).toEqual(
          stored.map((version) => ['license.updated', '', String(version), String(version * 10)]),
        );
      },
    );

    test('compares its versions as numbers', async () => {
      const pool = await openPool(under(), { version: 9 });
      expect(await pool.put({ version: 10, max: 10 })).toBe('STORED');
      expect(await pool.put({ version: 9, max: 9 })).toBe('STALE');
      expect(await listedMax(under().seats, pool)).toBe(10);
      expect(await pool.events()).toEqual([]);
    });

    test('that is made smaller ends no lease and grants no seat until enough have ended', async () => {
      const pool = await openPool(under(), { max: 3 });
      const sessions = await pool.seatMany(3);
      await pool.put({ max: 1 }, 'license.updated');
      expect(await pool.beatAll(sessions.map(({ sessionId }) => ({ sessionId })))).toMatchObject(
        Array(3).fill({ verdict: 'RENEWED' }),
      );
      const [first, second, third] = sessions;
      if (!first || !second || !third) throw new Error('no session');
      await pool.release(first);
      await pool.release(second);
      expect(await pool.acquire('late')).toMatchObject({ verdict: 'FULL', active: 1, max: 1 });
      await pool.release(third);
      expect(await pool.acquire('late')).toMatchObject({ verdict: 'GRANTED', active: 1 });
    });

    test('does not affect other licenses of its shard', async () => {
      const neighbour = await openPool(under(), { max: 1 });
      const foreign = await neighbour.seat('a');
      await neighbour.acquire('b');
      const before = [await neighbour.state(), await neighbour.events()];

      const { tenantId } = neighbour.terms;
      const pool = await openPool(under(), { max: 1, tenantId, licenseId: newLicenseId(tenantId) });
      const own = await pool.seat('a');
      await pool.acquire('b');
      expect(await pool.release(foreign)).toBe('UNKNOWN_SESSION');
      expect(await pool.beat(foreign)).toMatchObject({ verdict: 'GONE' });
      await pool.release(own);
      expect([await neighbour.state(), await neighbour.events()]).toEqual(before);
      expect(await neighbour.beat(foreign)).toMatchObject({ verdict: 'RENEWED' });
    });
  });

  describe('denials of a full pool', () => {
    test('become one event per minute with their number, once that minute has ended', async () => {
      const pool = await openPool(under(), { max: 1 });
      await pool.seat('a');
      const minuteMs = await nextMinute();
      for (const holder of ['b', 'c', 'b']) await pool.acquire(holder);
      await under().moveClockTo(minuteMs + MINUTE_MS - 1);
      await pool.acquire('d');
      expect(await denialsOf(pool)).toEqual([]);

      await under().moveClockTo(minuteMs + MINUTE_MS);
      await pool.acquire('b');
      expect(await denialsOf(pool)).toEqual([[minuteMs, '4']]);
      // A minute without denials has no event.
      await under().moveClockTo(minuteMs + 3 * MINUTE_MS);
      await pool.acquire('b');
      expect(await denialsOf(pool)).toEqual([
        [minuteMs, '4'],
        [minuteMs + MINUTE_MS, '1'],
      ]);
    });

    test('count once if a request is retried because its response was lost', async () => {
      const pool = await openPool(under(), { max: 1 });
      await pool.seat('a');
      const minuteMs = await nextMinute();
      const proposed = pool.newSession();
      for (const _ of [1, 2, 3]) await pool.acquire('b', { proposed });
      await pool.acquire('c');
      await under().moveClockTo(minuteMs + MINUTE_MS);
      await pool.acquire('b');
      expect(await denialsOf(pool)).toEqual([[minuteMs, '2']]);
    });

    test('are counted per license', async () => {
      const pools = [await openPool(under(), { max: 0 }), await openPool(under(), { max: 0 })];
      const minuteMs = await nextMinute();
      const [one, two] = pools;
      if (!one || !two) throw new Error('no license');
      await one.acquire('a');
      await two.acquire('a');
      await two.acquire('a');
      await under().moveClockTo(minuteMs + MINUTE_MS);
      for (const pool of pools) await pool.acquire('a');
      expect(await denialsOf(one)).toEqual([[minuteMs, '1']]);
      expect(await denialsOf(two)).toEqual([[minuteMs, '2']]);
    });
  });

  async function nextMinute(): Promise<number> {
    const minuteMs = Math.ceil(under().nowMs() / MINUTE_MS) * MINUTE_MS;
    await under().moveClockTo(minuteMs);
    return minuteMs;
  }
}

async function denialsOf(pool: Pool): Promise<[number, string | undefined][]> {
  const denied = (await pool.events()).filter(({ type }) => type === 'seat.denied');
  return denied.map(({ atMs, more }) => [atMs, more.count]);
}

async function listedMax(seats: Seats, { licenseId }: Pool): Promise<number | undefined> {
  const listed = await seats.listSessions(licenseId, { limit: 0 });
  return listed.verdict === 'OK' ? listed.max : undefined;
}

/** The verdicts of acquire, heartbeat, release and listing (which needs no proof). */
async function callAll(seats: Seats, licenseId: string, proof: Proof): Promise<string[]> {
  const sessionId = `ses_${licenseId.slice(4)}_0000000000000000`;
  const acquired = await seats.acquire({
    licenseId,
    proof,
    proposedSessionId: sessionId,
    holders: { machine: 'intruder' },
    facts: { fingerprint: 'f' },
  });
  const renewed = await seats.heartbeat({ licenseId, proof, sessions: [{ sessionId }] });
  const released = await seats.release({ licenseId, proof, sessionId, reason: 'released' });
  const listed = await seats.listSessions(licenseId, { limit: 0 });
  return [acquired, renewed, released, listed].map(({ verdict }) => verdict);
}
