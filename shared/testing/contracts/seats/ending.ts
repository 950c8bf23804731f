import { describe, expect, test } from 'vitest';
import { MEMORY_MS, openPool, type SeatsUnderTest, TTL_MS } from './pool.ts';

export function endingContract(under: () => SeatsUnderTest): void {
  describe('release', () => {
    test.each(['released', 'evicted'] as const)(
      'frees the seat at once, and reports the reason (%s)',
      async (how) => {
        const pool = await openPool(under(), { max: 1 });
        const session = await pool.seat('a');
        await under().moveClockTo(under().nowMs() + 5);
        expect(await pool.release(session, how)).toBe('ENDED');
        expect(await pool.countActive()).toBe(0);
        const event = { type: `session.${how}`, sessionId: session.sessionId, atMs: under().nowMs() };
        expect((await pool.events()).at(-1)).toMatchObject(event);
        expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 1 });
      },
    );

    test('can be repeated: it then returns ALREADY_ENDED, and the end is reported once', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      expect(await pool.release(session)).toBe('ENDED');
      expect(await pool.release(session)).toBe('ALREADY_ENDED');
      expect(await pool.release(session, 'evicted')).toBe('ALREADY_ENDED');
      expect(await pool.story()).toHaveLength(2);
    });

    test('of an expired session only prevents its revival', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs);
      expect(await pool.release(session)).toBe('ALREADY_ENDED');
      expect(await pool.story()).toEqual([
        `session.acquired ${session.sessionId}`,
        `session.expired ${session.sessionId}`,
      ]);
      expect(await pool.beat(session, session)).toMatchObject({ verdict: 'GONE' });
    });

    test('returns UNKNOWN_SESSION for a session that never existed or ended long ago', async () => {
      const pool = await openPool(under());
      expect(await pool.release(pool.newSession())).toBe('UNKNOWN_SESSION');
      const session = await pool.seat('a');
      await pool.release(session);
      await under().moveClockTo(session.expiresAtMs + MEMORY_MS);
      expect(await pool.release(session)).toBe('UNKNOWN_SESSION');
      expect(await pool.story()).toHaveLength(2);
    });

    test('of an old session keeps the seat that its holder has taken since', async () => {
      const pool = await openPool(under());
      const old = await pool.seat('a');
      await pool.release(old);
      await pool.seat('a');
      expect(await pool.release(old)).toBe('ALREADY_ENDED');
      expect(await pool.countActive()).toBe(1);
    });

    test('that was sent before its holder acquired the session again ends nothing', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      const sentAtMs = under().nowMs() + 4;
      await under().moveClockTo(sentAtMs + 1);
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.release(session, 'released', session, sentAtMs)).toBe('OVERTAKEN');
      expect(await pool.countActive()).toBe(1);
      expect(await pool.story()).toHaveLength(1);
      // A release that was sent after that counts, and so does one with an unknown time of sending.
      expect(await pool.release(session, 'released', session, sentAtMs + 1)).toBe('ENDED');
      expect(await pool.release(session, 'released', session, sentAtMs)).toBe('ALREADY_ENDED');
      const again = await pool.seat('a');
      await under().moveClockTo(under().nowMs() + 1);
      await pool.seat('a');
      expect(await pool.release(again)).toBe('ENDED');
    });

    test('knows the last acquire also after heartbeats, a shortened lease and a revival', async () => {
      const pool = await openPool(under(), { max: 1 });
      const session = await pool.seat('a');
      const sentAtMs = under().nowMs();
      await under().moveClockTo(sentAtMs + 1);
      await pool.seat('a');
      const late = () => pool.release(session, 'released', session, sentAtMs);
      expect(await pool.beat(session)).toMatchObject({ verdict: 'RENEWED' });
      expect(await late()).toBe('OVERTAKEN');
      await pool.put({ ttlSeconds: TTL_MS / 2_000 });
      expect(await pool.beat(session)).toMatchObject({ verdict: 'RENEWED' });
      expect(await late()).toBe('OVERTAKEN');
      await under().moveClockTo(under().nowMs() + TTL_MS);
      expect(await pool.beat(session)).toMatchObject({ verdict: 'REVIVED' });
      expect(await late()).toBe('OVERTAKEN');
      expect(await pool.countActive()).toBe(1);
    });

    test('ends a session whose grant was delivered twice, as it was not acquired since', async () => {
      const pool = await openPool(under());
      const proposed = pool.newSession();
      const session = await pool.seat('a', { proposed });
      const sentAtMs = under().nowMs();
      await under().moveClockTo(sentAtMs + 1);
      expect(await pool.acquire('a', { proposed })).toMatchObject({ verdict: 'GRANTED' });
      expect(await pool.release(session, 'released', session, sentAtMs)).toBe('ENDED');
    });
  });

  describe('two hundred crashed clients', () => {
    test('free their seats at once, though each call collects only a limited number of leases', async () => {
      const pool = await openPool(under(), { max: 200 });
      const crashed = await pool.seatMany(200);
      await under().moveClockTo(under().nowMs() + TTL_MS);
      expect(await pool.countActive()).toBe(0);

      let left = 200;
      let seated = 0;
      while (left > 0) {
        expect(await pool.acquire(`new-${seated}`)).toMatchObject({ verdict: 'GRANTED', active: seated + 1 });
        seated += 1;
        const cleared = left - ((await pool.state()).leases.length - seated);
        expect(cleared).toBeGreaterThan(0);
        expect(cleared).toBeLessThanOrEqual(100);
        left -= cleared;
      }
      const expired = (await pool.events()).filter(({ type }) => type === 'session.expired');
      expect(expired.map(({ sessionId }) => sessionId).sort()).toEqual(
        crashed.map(({ sessionId }) => sessionId).sort(),
      );
    });

    test('get the same verdicts whether or not their leases are collected', async () => {
      const pool = await openPool(under(), { max: 200 });
      const crashed = await pool.seatMany(200);
      await under().moveClockTo(under().nowMs() + TTL_MS);
      // Leases with the same expiry are collected by name, so the last by name is still there after the first call.
      const byName = crashed.toSorted((a, b) => (a.sessionId < b.sessionId ? 1 : -1));
      const [beating, acquiring, releasing] = byName;
      if (!beating || !acquiring || !releasing) throw new Error('no session');
      expect(await pool.release(releasing)).toBe('ALREADY_ENDED');
      const again = await pool.seat(acquiring.holder);
      expect(again.sessionId).not.toBe(acquiring.sessionId);
      expect(await pool.beat(beating)).toMatchObject({ verdict: 'REVIVED' });
      expect(await pool.countActive()).toBe(2);
      expect((await pool.state()).leases.length).toBeGreaterThan(2);
      expect(await pool.beat(acquiring)).toMatchObject({ verdict: 'GONE' });
    });
  });

  describe('a license without further calls', () => {
    test('leaves nothing behind but its terms', async () => {
      const pool = await openPool(under(), { max: 2 });
      const [first, second] = [await pool.seat('a'), await pool.seat('b')];
      await pool.release(first);
      await under().moveClockTo(second.expiresAtMs);
      await pool.beatAll([]);
      expect(await pool.state()).toMatchObject({ leases: [], lapsed: [second.sessionId], dueMs: undefined });
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toEqual(['ended', 'lapsed', 'license']);

      await under().moveClockTo(second.expiresAtMs + MEMORY_MS - 1);
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toEqual(['ended', 'lapsed', 'license']);
      await under().moveClockTo(second.expiresAtMs + MEMORY_MS);
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toEqual(['license']);
      expect(await pool.state()).toMatchObject({ hasDenials: false, dueMs: undefined });
    });

    test('keeps its memory of ended sessions until the latest mark expires, not the one set last', async () => {
      const pool = await openPool(under(), { max: 2 });
      const [long, short] = [await pool.seat('a'), await pool.seat('b')];
      await under().moveClockTo(under().nowMs() + 100_000);
      await pool.beat(long);
      const endMs = under().nowMs() + TTL_MS;
      await pool.release(long);
      await pool.release(short);
      await under().moveClockTo(endMs + MEMORY_MS - 1);
      expect(await pool.release(short)).toBe('UNKNOWN_SESSION');
      expect(await pool.beat(long, long)).toMatchObject({ verdict: 'GONE' });
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toContain('ended');
      await under().moveClockTo(endMs + MEMORY_MS);
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toEqual(['license']);
    });
  });
}
