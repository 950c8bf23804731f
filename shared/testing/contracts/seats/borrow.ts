import { describe, expect, test } from 'vitest';
import { MEMORY_MS, openPool, type SeatsUnderTest, seatedIn, TTL_MS } from './pool.ts';

const DAY_MS = 24 * 3600 * 1000;
const LENDING = { borrowMaxDays: 7 };

export function borrowContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);

  describe('a borrowed seat', () => {
    test('is held for days without a heartbeat, to the millisecond', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 1 });
      const endMs = under().nowMs() + 7 * DAY_MS;
      const session = await pool.seat('a', { days: 7 });
      expect(session).toMatchObject({ expiresAtMs: endMs, borrowedUntilMs: endMs });
      await under().moveClockTo(endMs - 1);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'FULL', retryAfterSeconds: 1 });
      await under().moveClockTo(endMs);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 1 });
    });

    test('is counted in the same pool as all others', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 2 });
      await pool.seat('a', { days: 1 });
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 2 });
      expect(await pool.acquire('c', { days: 1 })).toMatchObject({ verdict: 'FULL', active: 2 });
    });

    test('is reported once, when it is borrowed', async () => {
      const pool = await openPool(under(), LENDING);
      const options = { days: 2, proposed: pool.newSession() };
      const session = await pool.seat('a', options);
      expect(await pool.acquire('a', options)).toEqual(await pool.acquire('a', options));
      expect(await pool.story()).toEqual([
        `session.acquired ${session.sessionId}`,
        `session.borrowed ${session.sessionId}`,
      ]);
      const [taken, lent] = await pool.events();
      expect(lent?.more).toMatchObject({
        borrowed_until_ms: String(session.borrowedUntilMs),
        holder: 'a',
        active: '1',
      });
      expect(taken?.atMs).toBe(lent?.atMs);
    });

    test('keeps its end across heartbeats and a restart of the program', async () => {
      const pool = await openPool(under(), LENDING);
      const session = await pool.seat('a', { days: 3 });
      await pass(DAY_MS);
      expect(await pool.beat(session)).toMatchObject({ verdict: 'RENEWED', session });
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'RENEWED', session });
      expect(await pool.story()).toHaveLength(2);
    });

    test('becomes an ordinary seat when the loan ends, for a client that is online then', async () => {
      const pool = await openPool(under(), LENDING);
      const session = await pool.seat('a', { days: 1 });
      await under().moveClockTo(session.expiresAtMs - 1);
      const result = await pool.beat(session);
      expect(result).toMatchObject({
        verdict: 'RENEWED',
        session: { expiresAtMs: under().nowMs() + TTL_MS },
      });
      await pass(1);
      const later = await pool.beat(session);
      expect(later).toMatchObject({ verdict: 'RENEWED', session: { expiresAtMs: under().nowMs() + TTL_MS } });
      expect(later).not.toMatchObject({ session: { borrowedUntilMs: expect.anything() } });
    });

    test('is free at once if it is released early, and no token revives it', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 1 });
      const session = await pool.seat('a', { days: 7 });
      expect(await pool.release(session)).toBe('ENDED');
      expect((await pool.state()).loans).toEqual({});
      const next = await pool.seat('b', { days: 7 });
      await pool.release(next);
      await pass(6 * DAY_MS);
      expect(await pool.beat(session, session)).toMatchObject({ verdict: 'GONE' });
    });

    test('never outlives its license', async () => {
      const validUntilMs = under().nowMs() + DAY_MS;
      const pool = await openPool(under(), { ...LENDING, validUntilMs });
      expect(await pool.seat('a', { days: 7 })).toMatchObject({
        expiresAtMs: validUntilMs,
        borrowedUntilMs: validUntilMs,
      });
      expect((await pool.events()).at(-1)?.more.borrowed_until_ms).toBe(String(validUntilMs));
    });

    test('ends with its license if that is changed to end sooner', async () => {
      const pool = await openPool(under(), LENDING);
      const session = await pool.seat('a', { days: 7 });
      const validUntilMs = under().nowMs() + DAY_MS;
      await pool.put({ validUntilMs });
      expect(await pool.beat(session)).toMatchObject({
        session: { expiresAtMs: validUntilMs, borrowedUntilMs: validUntilMs },
      });
    });

    test('is listed with its end', async () => {
      const pool = await openPool(under(), LENDING);
      const ordinary = await pool.seat('a');
      const borrowed = await pool.seat('b', { days: 1 });
      const listed = await under().seats.listSessions(pool.licenseId, { limit: 10 });
      expect(listed).toMatchObject({ sessions: [ordinary, borrowed] });
      expect(ordinary).not.toHaveProperty('borrowedUntilMs');
    });

    test('expires like any other, and leaves nothing behind', async () => {
      const pool = await openPool(under(), LENDING);
      const session = await pool.seat('a', { days: 1 });
      await under().moveClockTo(session.expiresAtMs + MEMORY_MS);
      await pool.acquire('b');
      expect((await pool.story()).slice(2, 3)).toEqual([`session.expired ${session.sessionId}`]);
      expect((await pool.state()).loans).toEqual({});
    });
  });

  describe('a loan', () => {
    test('can be given for a seat that is already held, in the same session', async () => {
      const pool = await openPool(under(), LENDING);
      const session = await pool.seat('a');
      await pass(1000);
      const borrowed = await pool.acquire('a', { days: 2 });
      const endMs = under().nowMs() + 2 * DAY_MS;
      expect(borrowed).toMatchObject({
        verdict: 'RENEWED',
        active: 1,
        session: { sessionId: session.sessionId, acquiredAtMs: session.acquiredAtMs, borrowedUntilMs: endMs },
      });
    });

    test('can be extended, and is never shortened', async () => {
      const pool = await openPool(under(), LENDING);
      const { sessionId } = await pool.seat('a', { days: 2 });
      await pass(DAY_MS);
      const longer = seatedIn(await pool.acquire('a', { days: 2 }));
      expect(longer).toMatchObject({ sessionId, borrowedUntilMs: under().nowMs() + 2 * DAY_MS });
      expect(seatedIn(await pool.acquire('a', { days: 1 }))).toEqual(longer);
      expect((await pool.story()).filter((line) => line.startsWith('session.borrowed'))).toHaveLength(2);
    });

    test('is unchanged by a retry within a minute', async () => {
      const pool = await openPool(under(), LENDING);
      const first = await pool.seat('a', { days: 2 });
      await pass(59_999);
      expect(seatedIn(await pool.acquire('a', { days: 2 }))).toEqual(first);
      await pass(1);
      expect(seatedIn(await pool.acquire('a', { days: 2 })).borrowedUntilMs).toBe(
        under().nowMs() + 2 * DAY_MS,
      );
    });

    test('is refused if it is longer than the license allows, and no seat is granted', async () => {
      const pool = await openPool(under(), LENDING);
      expect(await pool.acquire('a', { days: 8 })).toEqual({ verdict: 'BORROW_TOO_LONG', maxDays: 7 });
      const none = await openPool(under());
      expect(await none.acquire('a', { days: 1 })).toEqual({ verdict: 'BORROW_TOO_LONG', maxDays: 0 });
      expect([await pool.countActive(), await none.countActive()]).toEqual([0, 0]);
      expect(await pool.events()).toEqual([]);
    });

    test('is refused for the low-water seats, which stay available online', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 3, borrowLowWater: 2 });
      await pool.seat('a', { days: 7 });
      const refusal = { verdict: 'BORROW_LIMIT', borrowed: 1, borrowable: 1 };
      expect(await pool.acquire('b', { days: 1 })).toEqual(refusal);
      expect(await pool.countActive()).toBe(1);
      const online = await pool.seat('b');
      expect(await pool.acquire('b', { days: 1 })).toEqual(refusal);
      expect(await pool.beat(online)).toMatchObject({ verdict: 'RENEWED' });
      await pass(60_000);
      expect(seatedIn(await pool.acquire('a', { days: 7 }))).toMatchObject({
        borrowedUntilMs: under().nowMs() + 7 * DAY_MS,
      });
    });

    test('makes room for the next when it ends or is released', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 2, borrowLowWater: 1 });
      const first = await pool.seat('a', { days: 1 });
      await pool.release(first);
      const second = await pool.seat('b', { days: 1 });
      await under().moveClockTo(second.expiresAtMs - 1);
      await pool.beat(second);
      expect(await pool.acquire('c', { days: 1 })).toMatchObject({ verdict: 'BORROW_LIMIT' });
      await pass(1);
      expect(await pool.acquire('c', { days: 1 })).toMatchObject({ verdict: 'GRANTED' });
    });

    test('is refused for overdraft seats, and in a pool of low-water seats only', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 1, overdraft: 5 });
      await pool.seat('a', { days: 1 });
      expect(await pool.acquire('b', { days: 1 })).toEqual({
        verdict: 'BORROW_LIMIT',
        borrowed: 1,
        borrowable: 1,
      });
      const shallow = await openPool(under(), { ...LENDING, max: 1, borrowLowWater: 5 });
      expect(await shallow.acquire('a', { days: 1 })).toMatchObject({
        verdict: 'BORROW_LIMIT',
        borrowable: 0,
      });
    });

    test('survives a change of the terms that no longer allows it', async () => {
      const pool = await openPool(under(), LENDING);
      const session = await pool.seat('a', { days: 7 });
      await pool.put({ borrowMaxDays: 0, max: 0 });
      await pass(6 * DAY_MS);
      expect(await pool.beat(session)).toMatchObject({ verdict: 'RENEWED', session });
    });

    test('is never given for more seats than allowed, also to concurrent clients', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 10, borrowLowWater: 6 });
      const machines = [...Array(20).keys()];
      const verdicts = await Promise.all(machines.map((n) => pool.acquire(`machine-${n}`, { days: 7 })));
      expect(verdicts.filter(({ verdict }) => verdict === 'GRANTED')).toHaveLength(4);
      expect(verdicts.filter(({ verdict }) => verdict === 'BORROW_LIMIT')).toHaveLength(16);
      expect(Object.keys((await pool.state()).loans)).toHaveLength(4);
    });
  });

  describe('a loan that the store has lost', () => {
    test("is restored by its client's token, with the same end", async () => {
      const pool = await openPool(under(), LENDING);
      const session = await pool.seat('a', { days: 5 });
      await under().losePart(pool.licenseId, 'leases');
      await pass(DAY_MS);
      const result = await pool.beat(session, session);
      expect(result).toMatchObject({ verdict: 'REVIVED', session });
      expect((await pool.state()).loans).toEqual({ [session.sessionId]: session.borrowedUntilMs });
      const last = (await pool.events()).at(-1);
      expect(last).toMatchObject({
        type: 'session.revived',
        more: { borrowed_until_ms: String(session.borrowedUntilMs) },
      });
    });

    test('is restored as an ordinary seat after its end', async () => {
      const pool = await openPool(under(), LENDING);
      const session = await pool.seat('a', { days: 1 });
      await under().losePart(pool.licenseId, 'leases');
      await under().moveClockTo(session.expiresAtMs + MEMORY_MS - 1);
      const result = await pool.beat(session, session);
      expect(result).toMatchObject({
        verdict: 'REVIVED',
        session: { expiresAtMs: under().nowMs() + TTL_MS },
      });
      expect((await pool.state()).loans).toEqual({});
    });

    test('is restored only if a seat is free', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 1 });
      const session = await pool.seat('a', { days: 5 });
      await under().losePart(pool.licenseId, 'leases');
      await pool.seat('b');
      expect(await pool.beat(session, session)).toMatchObject({ verdict: 'NO_ROOM' });
    });
  });
}
