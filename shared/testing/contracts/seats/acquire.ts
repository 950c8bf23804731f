import { describe, expect, test } from 'vitest';
import type { SessionFacts } from '../../../domain/session.ts';
import { Unavailable } from '../../../errors.ts';
import { openPool, type SeatsUnderTest, seatedIn, TTL_MS } from './pool.ts';

const AWKWARD_FACTS: SessionFacts = {
  fingerprint: 'a|b|1|{"c":2}|',
  hostname: 'Zoë\'s "PC" \\ 株式会社 🪑\u202e\r\n\ttwo lines\u0000\ud800',
  appVersion: '123',
  userId: '',
  processId: 'null',
};

export function acquireContract(under: () => SeatsUnderTest): void {
  describe('acquire', () => {
    test('grants all seats of the license, then returns how many are taken and when to retry', async () => {
      const pool = await openPool(under(), { max: 2 });
      const atMs = under().nowMs();
      const proposed = pool.newSession();
      expect(await pool.acquire('a', { proposed })).toEqual({
        verdict: 'GRANTED',
        session: {
          sessionId: proposed,
          holder: 'a',
          acquiredAtMs: atMs,
          expiresAtMs: atMs + TTL_MS,
          facts: { fingerprint: 'a-machine' },
        },
        active: 1,
        max: 2,
        atMs,
        rhythm: { ttlSeconds: 360, heartbeatSeconds: 300, offlineGraceDays: 7 },
      });
      await under().moveClockTo(atMs + 1);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 2 });
      // 359,999 ms are left: a retry after 359 s would be too early.
      expect(await pool.acquire('c')).toEqual({ verdict: 'FULL', active: 2, max: 2, retryAfterSeconds: 360 });
      await under().moveClockTo(atMs + 1_000);
      expect(await pool.acquire('c')).toEqual({ verdict: 'FULL', active: 2, max: 2, retryAfterSeconds: 359 });
    });

    test('grants exactly five seats of a five-seat pool to twenty concurrent clients', async () => {
      const pool = await openPool(under(), { max: 5 });
      const verdicts = await Promise.all([...Array(20).keys()].map((n) => pool.acquire(`machine-${n}`)));
      expect(verdicts.filter(({ verdict }) => verdict === 'GRANTED')).toHaveLength(5);
      expect(verdicts.filter(({ verdict }) => verdict === 'FULL')).toHaveLength(15);
      expect(await pool.story()).toHaveLength(5);
      expect(await pool.countActive()).toBe(5);
    });

    test('returns the same grant for a retry, and reports it once', async () => {
      const pool = await openPool(under(), { max: 1 });
      const proposed = pool.newSession();
      const first = await pool.seat('a', { proposed });
      await under().moveClockTo(under().nowMs() + 5);
      const again = await pool.acquire('a', { proposed });
      expect(again).toMatchObject({ verdict: 'GRANTED', active: 1 });
      expect(seatedIn(again)).toEqual({ ...first, expiresAtMs: first.expiresAtMs + 5 });
      expect(await pool.story()).toEqual([`session.acquired ${proposed}`]);
    });

    test('returns the existing session with its start time and new facts to a holder that acquires again', async () => {
      const pool = await openPool(under(), { max: 1 });
      const first = await pool.seat('a');
      await under().moveClockTo(under().nowMs() + 60_000);
      const facts = { fingerprint: 'a-machine', appVersion: '2.0' };
      const again = await pool.acquire('a', { facts });
      expect(again).toMatchObject({ verdict: 'RENEWED', active: 1, max: 1 });
      expect(seatedIn(again)).toEqual({ ...first, facts, expiresAtMs: under().nowMs() + TTL_MS });
      expect(await pool.story()).toEqual([`session.acquired ${first.sessionId}`]);
      expect(await pool.beat(first)).toMatchObject({ session: { facts, acquiredAtMs: first.acquiredAtMs } });
    });

    test('renews a holder in a full pool, and in one that was made smaller', async () => {
      const pool = await openPool(under(), { max: 2 });
      await pool.seat('a');
      await pool.seat('b');
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'RENEWED', active: 2 });
      await pool.put({ max: 1 });
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'RENEWED', active: 2, max: 1 });
    });

    test('returns a wait that is long enough for a pool that was made smaller', async () => {
      const pool = await openPool(under(), { max: 3 });
      const startMs = under().nowMs();
      for (const n of [0, 1, 2]) {
        await under().moveClockTo(startMs + n * 10_000);
        await pool.seat(`machine-${n}`);
      }
      await pool.put({ max: 1 });
      const refused = await pool.acquire('late');
      expect(refused).toEqual({ verdict: 'FULL', active: 3, max: 1, retryAfterSeconds: 360 });
      await under().moveClockTo(startMs + 10_000 + TTL_MS);
      // Two leases have expired by now, and the third still fills a pool of one.
      expect(await pool.acquire('late')).toMatchObject({ verdict: 'FULL', active: 1, retryAfterSeconds: 10 });
      await under().moveClockTo(startMs + 20_000 + TTL_MS);
      expect(await pool.acquire('late')).toMatchObject({ verdict: 'GRANTED', active: 1 });
    });

    test('returns the wait for the second of three leases if that one must expire', async () => {
      const pool = await openPool(under(), { max: 3 });
      const startMs = under().nowMs();
      for (const n of [0, 1, 2]) {
        await under().moveClockTo(startMs + n * 10_000);
        await pool.seat(`machine-${n}`);
      }
      await pool.put({ max: 2 });
      const refused = await pool.acquire('late');
      expect(refused).toEqual({ verdict: 'FULL', active: 3, max: 2, retryAfterSeconds: 350 });
    });

    test('returns a wait of one TTL for a pool without seats', async () => {
      const pool = await openPool(under(), { max: 0 });
      expect(await pool.acquire('a')).toEqual({
        verdict: 'FULL',
        active: 0,
        max: 0,
        retryAfterSeconds: 360,
      });
      const shrunk = await openPool(under(), { max: 1 });
      await shrunk.seat('a');
      await under().moveClockTo(under().nowMs() + 100_000);
      await shrunk.put({ max: 0 });
      expect(await shrunk.acquire('b')).toMatchObject({ verdict: 'FULL', active: 1, retryAfterSeconds: 360 });
    });

    test('grants overdraft seats beyond max, and no more than those', async () => {
      const pool = await openPool(under(), { max: 1, overdraft: 1 });
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'GRANTED', active: 1, max: 1 });
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 2, max: 1 });
      expect(await pool.acquire('c')).toMatchObject({ verdict: 'FULL', active: 2, max: 1 });
    });

    test('counts by machine: two users and processes on one machine share a seat', async () => {
      const pool = await openPool(under(), { unit: 'machine' });
      const first = await pool.seat({ machine: 'm', user: 'u1', process: 'p1' });
      expect(first.holder).toBe('m');
      const second = await pool.acquire({ machine: 'm', user: 'u2', process: 'p2' });
      expect(second).toMatchObject({ verdict: 'RENEWED', session: { sessionId: first.sessionId } });
    });

    test('counts by user: one user on two machines has one seat, two users on one machine have two', async () => {
      const pool = await openPool(under(), { unit: 'user' });
      await pool.seat({ machine: 'm1', user: 'u1' });
      expect(await pool.acquire({ machine: 'm2', user: 'u1' })).toMatchObject({
        verdict: 'RENEWED',
        active: 1,
      });
      expect(await pool.acquire({ machine: 'm1', user: 'u2' })).toMatchObject({
        verdict: 'GRANTED',
        active: 2,
      });
    });

    test('counts by process: two processes of one user and machine have two seats', async () => {
      const pool = await openPool(under(), { unit: 'process' });
      await pool.seat({ machine: 'm', user: 'u', process: 'p1' });
      const second = await pool.acquire({ machine: 'm', user: 'u', process: 'p2' });
      expect(second).toMatchObject({ verdict: 'GRANTED', active: 2, session: { holder: 'p2' } });
    });

    test.each(['user', 'process'] as const)('requires the %s if seats are counted by it', async (unit) => {
      const pool = await openPool(under(), { unit });
      expect(await pool.acquire({ machine: 'm' })).toEqual({ verdict: 'HOLDER_REQUIRED', unit });
      expect(await pool.events()).toEqual([]);
    });

    test('returns exactly the facts that a client sent', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a', { facts: AWKWARD_FACTS });
      expect(session.facts).toStrictEqual(AWKWARD_FACTS);
      expect(await pool.beat(session)).toMatchObject({ session: { facts: AWKWARD_FACTS } });
      const listed = await under().seats.listSessions(pool.licenseId, { limit: 10 });
      expect(listed).toMatchObject({ sessions: [{ facts: AWKWARD_FACTS, holder: 'a' }] });

      await under().moveClockTo(session.expiresAtMs);
      expect(await pool.beat(session)).toMatchObject({
        verdict: 'REVIVED',
        session: { facts: AWKWARD_FACTS },
      });

      await under().loseEverything();
      await pool.put({});
      const proven = { ...session, expiresAtMs: under().nowMs() + TTL_MS };
      const revived = await pool.beat(session, proven);
      expect(revived).toMatchObject({ verdict: 'REVIVED', session: { facts: AWKWARD_FACTS } });
    });

    test.each(['released', 'evicted', 'expired'] as const)(
      'never grants a seat to an ended session for a late retry (%s)',
      async (ending) => {
        const pool = await openPool(under());
        const proposed = pool.newSession();
        const session = await pool.seat('a', { proposed });
        if (ending === 'expired') await under().moveClockTo(session.expiresAtMs);
        else await pool.release(session, ending);

        await expect(pool.acquire('a', { proposed })).rejects.toThrow(Unavailable);
        expect(await pool.countActive()).toBe(0);
        expect(await pool.story()).toHaveLength(2);
        expect(await pool.acquire('a')).toMatchObject({ verdict: 'GRANTED', active: 1 });
      },
    );

    test("returns the holder's current seat for a late retry of an old request", async () => {
      const pool = await openPool(under());
      const proposed = pool.newSession();
      await pool.release(await pool.seat('a', { proposed }));
      const { sessionId } = await pool.seat('a');
      expect(await pool.acquire('a', { proposed })).toMatchObject({
        verdict: 'RENEWED',
        session: { sessionId },
      });
    });
  });
}
