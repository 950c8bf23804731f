import { describe, expect, test } from 'vitest';
import { LONGEST_OFFLINE_DAYS } from '../../../domain/entitlement.ts';
import type { SessionFacts } from '../../../domain/session.ts';
import {
  DAY_MS,
  first,
  heldIn,
  MEMORY_MS,
  MINUTE_MS,
  openPool,
  type SeatsUnderTest,
  TTL_MS,
} from './pool.ts';

const AWKWARD_FACTS: SessionFacts = {
  fingerprint: 'a|b|1|{"c":2}|',
  hostname: 'Zoë\'s "PC" \\ 株式会社 🪑\u202e\r\n\ttwo lines\u0000\ud800',
  appVersion: '123',
  userId: '',
  processId: 'null',
};

export function acquireContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);

  async function nextMinute(): Promise<number> {
    const minuteMs = Math.ceil(under().nowMs() / MINUTE_MS) * MINUTE_MS;
    await under().moveClockTo(minuteMs);
    return minuteMs;
  }

  describe('acquire', () => {
    test('grants all seats of the license, then returns how many are taken and when to retry', async () => {
      const pool = await openPool(under(), { max: 2, offlineStartDays: 3 });
      const atMs = under().nowMs();
      const sessionId = pool.newSession();
      expect(await pool.acquire('a', { sessionId, machine: 'a-machine' })).toEqual({
        verdict: 'GRANTED',
        session: {
          sessionId,
          kind: 'instance',
          holder: 'a',
          machine: 'a-machine',
          acquiredAtMs: atMs,
          expiresAtMs: atMs + TTL_MS,
          facts: { fingerprint: 'fingerprint of a-machine' },
        },
        active: 1,
        max: 2,
        atMs,
        rhythm: { ttlSeconds: 360, heartbeatSeconds: 300, offlineGraceDays: 7, offlineStartDays: 3 },
        told: { plan: 'team', features: ['export'], limits: { projects: 5 }, version: 1 },
      });
      await pass(1);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 2 });
      // 359,999 ms are left: a retry after 359 s would be too early.
      expect(await pool.acquire('c')).toEqual({ verdict: 'FULL', active: 2, max: 2, retryAfterSeconds: 360 });
      await under().moveClockTo(atMs + 1_000);
      expect(await pool.acquire('c')).toEqual({ verdict: 'FULL', active: 2, max: 2, retryAfterSeconds: 359 });
    });

    test('reports once when a program started offline, within what a signed license allows, and stores nothing of it', async () => {
      const pool = await openPool(under());
      const nowMs = under().nowMs();
      const earliestMs = nowMs - LONGEST_OFFLINE_DAYS * DAY_MS;
      const reported = [nowMs - 1, nowMs, nowMs + 1, 1e15, earliestMs, earliestMs - 1, 0, -1e15];
      const recorded = [nowMs - 1, nowMs, nowMs, nowMs, ...Array(4).fill(earliestMs)];
      for (const offlineSinceMs of reported) {
        const session = await pool.seat('a', { offlineSinceMs });
        await pool.acquire('a', { sessionId: session.sessionId, offlineSinceMs });
      }
      const events = await pool.events();
      expect(events.map(({ more }) => Number(more.offline_since_ms))).toEqual(recorded);
      expect((await pool.state()).sessions).toHaveLength(reported.length);
      await pool.seat('b');
      expect((await pool.events()).at(-1)?.more).not.toHaveProperty('offline_since_ms');
    });

    test('grants exactly five seats of a five-seat pool to twenty concurrent clients', async () => {
      const pool = await openPool(under(), { max: 5 });
      const verdicts = await Promise.all([...Array(20).keys()].map((n) => pool.acquire(`machine-${n}`)));
      expect(verdicts.filter(({ verdict }) => verdict === 'GRANTED')).toHaveLength(5);
      expect(verdicts.filter(({ verdict }) => verdict === 'FULL')).toHaveLength(15);
      expect(await pool.story()).toHaveLength(5);
      expect(await pool.countActive()).toBe(5);
    });

    test('returns the same session with new facts to an instance that acquires again, also in a full pool', async () => {
      const pool = await openPool(under(), { max: 1 });
      const session = await pool.seat('a');
      const { sessionId } = session;
      await pass(MINUTE_MS);
      const facts = { fingerprint: 'f', appVersion: '2.0' };
      const again = await pool.acquire('a', { sessionId, facts });
      expect(again).toMatchObject({ verdict: 'RENEWED', active: 1, max: 1 });
      expect(heldIn(again)).toEqual({ ...session, facts, expiresAtMs: under().nowMs() + TTL_MS });
      expect(await pool.beat(session)).toMatchObject({ session: { facts } });
      expect(await pool.story()).toEqual([`acquired ${sessionId} taken`]);
    });

    test('grants one seat to twenty concurrent repeats of one request', async () => {
      const pool = await openPool(under(), { max: 5 });
      const sessionId = pool.newSession();
      const verdicts = await Promise.all([...Array(20)].map(() => pool.acquire('a', { sessionId })));
      expect(verdicts.map(({ verdict }) => verdict).sort()).toEqual([
        'GRANTED',
        ...Array<string>(19).fill('RENEWED'),
      ]);
      expect(await pool.story()).toEqual([`acquired ${sessionId} taken`]);
    });

    test('lets all instances of a holder join its seat, also in a full pool', async () => {
      const pool = await openPool(under(), { max: 1 });
      const one = await pool.seat('a');
      await pass(1_000);
      const joined = await pool.acquire('a');
      expect(joined).toMatchObject({ verdict: 'JOINED', active: 1, max: 1 });
      const two = heldIn(joined);
      expect(two).toMatchObject({ holder: 'a', acquiredAtMs: under().nowMs() });
      expect(two.sessionId).not.toBe(one.sessionId);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'FULL', active: 1, retryAfterSeconds: 360 });
      expect(await pool.story()).toEqual([
        `acquired ${one.sessionId} taken`,
        `acquired ${two.sessionId} kept`,
      ]);
      expect(first(await pool.list()).sessions).toEqual([one, two]);
    });

    test('lets as many programs share a seat as the license allows, and then returns SESSIONS_EXHAUSTED', async () => {
      const pool = await openPool(under(), { maxSessions: 2, borrowMaxDays: 1 });
      const [one, two] = [await pool.seat('a'), await pool.seat('a', { kind: 'machine' })];
      // A loan is no program.
      await pool.loan('a', 1);
      const before = await pool.state();
      expect(await pool.acquire('a')).toEqual({ verdict: 'SESSIONS_EXHAUSTED', maxSessions: 2 });
      expect(await pool.state()).toEqual(before);
      expect(await pool.acquire('a', { sessionId: one.sessionId })).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED' });
      await pool.release(two);
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'JOINED' });
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'SESSIONS_EXHAUSTED' });
      // Programs that crashed do not count.
      await under().moveClockTo(one.expiresAtMs);
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'JOINED' });
    });

    test('gives all programs of a machine that do not name themselves one session', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a', { kind: 'machine' });
      expect(session).toMatchObject({ kind: 'machine', holder: 'a', machine: 'a' });
      await pass(1_000);
      const again = await pool.acquire('a', { kind: 'machine' });
      expect(again).toMatchObject({ verdict: 'RENEWED', session: { sessionId: session.sessionId } });
      expect(await pool.story()).toEqual([`acquired ${session.sessionId} taken`]);
      await pool.release(session);
      const next = await pool.acquire('a', { kind: 'machine' });
      expect(next).toMatchObject({ verdict: 'GRANTED' });
      expect(heldIn(next).sessionId).not.toBe(session.sessionId);
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'JOINED', session: { kind: 'instance' } });
    });

    test('gives each machine of a user a session of its own, on one seat', async () => {
      const pool = await openPool(under(), { unit: 'user', max: 1 });
      const on = (machine: string) => pool.acquire({ machine, user: 'u' }, { kind: 'machine' });
      const desktop = await on('desktop');
      expect(await on('laptop')).toMatchObject({ verdict: 'JOINED', session: { machine: 'laptop' } });
      expect(await on('desktop')).toMatchObject({
        verdict: 'RENEWED',
        session: { sessionId: heldIn(desktop).sessionId, machine: 'desktop' },
      });
    });

    test('counts by machine: users and processes of one machine share a seat', async () => {
      const pool = await openPool(under(), { unit: 'machine' });
      expect(await pool.seat({ machine: 'm', user: 'u1', process: 'p1' })).toMatchObject({ holder: 'm' });
      const second = await pool.acquire({ machine: 'm', user: 'u2', process: 'p2' });
      expect(second).toMatchObject({ verdict: 'JOINED', active: 1 });
    });

    test('counts by user: one user on two machines has one seat, two users on one machine have two', async () => {
      const pool = await openPool(under(), { unit: 'user' });
      await pool.seat({ machine: 'm1', user: 'u1' });
      expect(await pool.acquire({ machine: 'm2', user: 'u1' })).toMatchObject({
        verdict: 'JOINED',
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
      expect(second).toMatchObject({
        verdict: 'GRANTED',
        active: 2,
        session: { holder: 'p2', machine: 'm' },
      });
    });

    test.each(['user', 'process'] as const)('requires the %s if seats are counted by it', async (unit) => {
      const pool = await openPool(under(), { unit, borrowMaxDays: 1 });
      expect(await pool.acquire({ machine: 'm' })).toEqual({ verdict: 'HOLDER_REQUIRED', unit });
      expect(await pool.borrow({ machine: 'm' }, 1)).toEqual({ verdict: 'HOLDER_REQUIRED', unit });
      expect(await pool.events()).toEqual([]);
    });

    test('grants overdraft seats beyond max, and no more than those', async () => {
      const pool = await openPool(under(), { max: 1, overdraft: 1 });
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'GRANTED', active: 1, max: 1 });
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 2, max: 1 });
      expect(await pool.acquire('c')).toMatchObject({ verdict: 'FULL', active: 2, max: 1 });
    });

    test('returns exactly the facts that a client sent', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a', { facts: AWKWARD_FACTS });
      expect(session.facts).toStrictEqual(AWKWARD_FACTS);
      expect(await pool.beat(session)).toMatchObject({ session: { facts: AWKWARD_FACTS } });
      expect(await pool.list()).toMatchObject([{ holder: 'a', sessions: [{ facts: AWKWARD_FACTS }] }]);
      await under().moveClockTo(session.expiresAtMs);
      const revived = await pool.revive(session);
      expect(revived).toMatchObject({ verdict: 'REVIVED', session: { facts: AWKWARD_FACTS } });
    });
  });

  describe('the wait that a full pool returns', () => {
    test('is until a seat ends if no program renews, not until a session ends beside others', async () => {
      const pool = await openPool(under(), { max: 1 });
      await pool.seat('a');
      await pass(100_000);
      const last = await pool.seat('a');
      expect(await pool.acquire('b')).toEqual({ verdict: 'FULL', active: 1, max: 1, retryAfterSeconds: 360 });
      await under().moveClockTo(last.expiresAtMs - 1);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'FULL', retryAfterSeconds: 1 });
      await under().moveClockTo(last.expiresAtMs);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 1 });
    });

    test('is long enough for a pool that has fewer seats than loans, and ignores seats that have ended', async () => {
      const pool = await openPool(under(), { max: 3, borrowMaxDays: 3 });
      const startMs = under().nowMs();
      for (const days of [1, 2, 3]) await pool.loan(`machine-${days}`, days);
      await pool.put({ max: 2 });
      const day = DAY_MS / 1000;
      expect(await pool.acquire('late')).toMatchObject({ active: 3, max: 2, retryAfterSeconds: 2 * day });
      await pool.put({ max: 1 });
      expect(await pool.acquire('late')).toMatchObject({ active: 3, max: 1, retryAfterSeconds: 3 * day });
      await under().moveClockTo(startMs + 2 * DAY_MS);
      // Two seats have ended by now, and the third still fills a pool of one.
      expect(await pool.acquire('late')).toMatchObject({
        verdict: 'FULL',
        active: 1,
        retryAfterSeconds: day,
      });
      await under().moveClockTo(startMs + 3 * DAY_MS);
      expect(await pool.acquire('late')).toMatchObject({ verdict: 'GRANTED', active: 1 });
    });

    test('is one TTL for a pool without seats', async () => {
      const pool = await openPool(under(), { max: 0 });
      expect(await pool.acquire('a')).toEqual({ verdict: 'FULL', active: 0, max: 0, retryAfterSeconds: 360 });
      const shrunk = await openPool(under(), { max: 1, borrowMaxDays: 1 });
      await shrunk.loan('a', 1);
      await pass(100_000);
      await shrunk.put({ max: 0 });
      expect(await shrunk.acquire('b')).toMatchObject({ verdict: 'FULL', active: 1, retryAfterSeconds: 360 });
    });
  });

  describe('an instance whose session ended', () => {
    test.each(['released', 'evicted'] as const)(
      'gets SESSION_ENDED for an hour if it was %s',
      async (ended) => {
        const pool = await openPool(under(), { max: 1 });
        const session = await pool.seat('a');
        const { sessionId, expiresAtMs } = session;
        if (ended === 'released') await pool.release(session);
        else await pool.evict(session);
        const refusal = { verdict: 'SESSION_ENDED', ended };
        expect(await pool.acquire('a', { sessionId })).toEqual(refusal);
        expect(await pool.countActive()).toBe(0);
        // A full pool, or a seat full of programs, is returned first: the program must wait in any case.
        const other = await pool.seat('b');
        expect(await pool.acquire('a', { sessionId })).toMatchObject({ verdict: 'FULL' });
        await pool.release(other);
        await pool.put({ maxSessions: 1 });
        const sibling = await pool.seat('a');
        expect(await pool.acquire('a', { sessionId })).toMatchObject({ verdict: 'SESSIONS_EXHAUSTED' });
        await pool.release(sibling);
        await under().moveClockTo(expiresAtMs + MEMORY_MS - 1);
        expect(await pool.acquire('a', { sessionId })).toEqual(refusal);
        await pass(1);
        expect(await pool.acquire('a', { sessionId })).toMatchObject({
          verdict: 'GRANTED',
          session: { acquiredAtMs: under().nowMs() },
        });
      },
    );

    test('can acquire again if its lease expired, which starts the session anew and is reported as a revival', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      const { sessionId, expiresAtMs } = session;
      await under().moveClockTo(expiresAtMs + 5);
      const again = await pool.acquire('a', { sessionId });
      expect(again).toMatchObject({ verdict: 'GRANTED', session: { acquiredAtMs: under().nowMs() } });
      await pass(TTL_MS + 1);
      await pool.seat('a');
      expect(await pool.acquire('a', { sessionId })).toMatchObject({ verdict: 'JOINED' });
      expect((await pool.story()).filter((line) => line.includes(sessionId))).toEqual([
        `acquired ${sessionId} taken`,
        `expired ${sessionId} freed`,
        `revived ${sessionId} taken`,
        `expired ${sessionId} freed`,
        `revived ${sessionId} kept`,
      ]);
      expect(await pool.state()).toMatchObject({ gone: [] });
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
      expect(await pool.denials()).toEqual([]);
      expect(await pool.state()).toMatchObject({ deniedDueMs: minuteMs + MINUTE_MS });

      await under().moveClockTo(minuteMs + MINUTE_MS);
      await pool.acquire('b');
      expect(await pool.denials()).toEqual([[minuteMs, '4']]);
      // A minute without denials has no event.
      await under().moveClockTo(minuteMs + 3 * MINUTE_MS);
      await pool.acquire('b');
      expect(await pool.denials()).toEqual([
        [minuteMs, '4'],
        [minuteMs + MINUTE_MS, '1'],
      ]);
    });

    test('count once if a request is retried because its response was lost', async () => {
      const pool = await openPool(under(), { max: 1, borrowMaxDays: 1 });
      await pool.seat('a');
      const minuteMs = await nextMinute();
      const sessionId = pool.newSession();
      for (const _ of [1, 2, 3]) await pool.acquire('b', { sessionId });
      await pool.acquire('c');
      await pool.borrow('d', 1);
      await under().moveClockTo(minuteMs + MINUTE_MS);
      await pool.acquire('b');
      expect(await pool.denials()).toEqual([[minuteMs, '3']]);
    });

    test('are counted per license', async () => {
      const pools = [await openPool(under(), { max: 0 }), await openPool(under(), { max: 0 })] as const;
      const minuteMs = await nextMinute();
      for (const pool of [pools[0], pools[1], pools[1]]) await pool.acquire('a');
      await under().moveClockTo(minuteMs + MINUTE_MS);
      for (const pool of pools) await pool.acquire('a');
      expect(await pools[0].denials()).toEqual([[minuteMs, '1']]);
      expect(await pools[1].denials()).toEqual([[minuteMs, '2']]);
    });
  });
}
