import { describe, expect, test } from 'vitest';
import { DAY_MS, first, openPool, type SeatsUnderTest, TRUSTED, TTL_MS } from './pool.ts';

export function heartbeatContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);

  describe('a heartbeat', () => {
    test('extends the lease to the TTL from now, without an event', async () => {
      const pool = await openPool(under(), { offlineStartDays: 2 });
      const session = await pool.seat('a');
      const { sessionId } = session;
      await under().moveClockTo(session.expiresAtMs - 1);
      const { licenseId } = pool;
      const ask = (toldVersion: number) =>
        under().seats.heartbeat({ licenseId, proof: TRUSTED, sessions: [{ sessionId }], toldVersion });
      const expiresAtMs = under().nowMs() + TTL_MS;
      expect(await ask(1)).toEqual({
        verdict: 'OK',
        atMs: under().nowMs(),
        rhythm: { ttlSeconds: 360, heartbeatSeconds: 300, offlineGraceDays: 7, offlineStartDays: 2 },
        version: 1,
        results: [{ verdict: 'RENEWED', session: { ...session, expiresAtMs } }],
      });
      expect(await pool.story()).toHaveLength(1);
      expect(await pool.list()).toMatchObject([{ expiresAtMs }]);
    });

    test('returns what the license gives if the caller was told another version', async () => {
      const pool = await openPool(under(), { version: 7 });
      const { sessionId } = await pool.seat('a');
      const { licenseId } = pool;
      const ask = (toldVersion: number) =>
        under().seats.heartbeat({ licenseId, proof: TRUSTED, sessions: [{ sessionId }], toldVersion });
      expect(await ask(7)).toMatchObject({ told: undefined });
      const { entitlements } = pool.terms;
      expect(await ask(0)).toMatchObject({ version: 7, told: { ...entitlements, version: 7 } });
      const next = { plan: 'pro', features: ['größe', '"x"'], limits: {} } as const;
      await pool.put({ entitlements: next });
      expect(await ask(7)).toMatchObject({ version: 8, told: { ...next, version: 8 } });
      expect(await ask(8)).toMatchObject({ told: undefined });
      expect(await pool.acquire('b')).toMatchObject({ told: { ...next, version: 8 } });
    });

    test('returns MISSING for a session that holds no seat, whatever its token says, and writes nothing', async () => {
      const pool = await openPool(under(), { max: 4 });
      const [expired, released, evicted] = await pool.seatMany(3);
      if (!expired || !released || !evicted) throw new Error('no session');
      await pool.release(released);
      await pool.evict(evicted);
      await under().moveClockTo(expired.expiresAtMs);
      const before = await under().readEverything();
      for (const session of [expired, released, evicted, { ...expired, sessionId: pool.newSession() }]) {
        const missing = { verdict: 'MISSING', sessionId: session.sessionId };
        expect(await pool.beat(session)).toEqual(missing);
        expect(await pool.beat(session, session)).toEqual(missing);
      }
      expect(await under().readEverything()).toBe(before);
    });

    test('handles a hundred sessions per call, with results in their order', async () => {
      const pool = await openPool(under(), { max: 60 });
      const gone = await pool.seatMany(50, 'gone-');
      await pass(TTL_MS);
      const living = await pool.seatMany(50, 'living-');
      const sessions = gone.flatMap((session, i) => [session, ...living.slice(i, i + 1)]);
      await pass(1_000);
      const results = await pool.beatAll(sessions);
      const expiresAtMs = under().nowMs() + TTL_MS;
      expect(results).toEqual(
        sessions.map((session) =>
          session.holder.startsWith('gone-')
            ? { verdict: 'MISSING', sessionId: session.sessionId }
            : { verdict: 'RENEWED', session: { ...session, expiresAtMs } },
        ),
      );
    });

    test('acknowledges a session that is given twice, and siblings of one seat', async () => {
      const pool = await openPool(under());
      const [one, two] = [await pool.seat('a'), await pool.seat('a')];
      await pass(1_000);
      const expiresAtMs = under().nowMs() + TTL_MS;
      const results = await pool.beatAll([one, two, one]);
      expect(results).toEqual(
        [one, two, one].map((session) => ({ verdict: 'RENEWED', session: { ...session, expiresAtMs } })),
      );
      expect(await pool.state()).toMatchObject({ seats: [{ holder: 'a', endMs: expiresAtMs }] });
    });

    test('acknowledges a loan, and does not extend it', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 1 });
      const loan = await pool.loan('a', 1);
      await pass(DAY_MS - 1);
      expect(await pool.beat(loan)).toEqual({ verdict: 'RENEWED', session: loan });
      await pass(1);
      expect(await pool.beat(loan)).toMatchObject({ verdict: 'MISSING' });
    });

    test('gives a loan that was restored from the records the facts of its token', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 5 });
      const facts = { fingerprint: 'f', hostname: 'ada-laptop' };
      const loan = await pool.loan('a', 5, { facts });
      await under().loseEverything();
      await pool.restore({ loans: [{ ...loan, facts: { fingerprint: '' } }] });
      expect(await pool.beat(loan)).toMatchObject({ session: { facts: { fingerprint: '' } } });
      expect(await pool.beat(loan, loan)).toEqual({ verdict: 'RENEWED', session: loan });
      expect(await pool.beat(loan, { ...loan, facts: { fingerprint: 'other' } })).toMatchObject({
        session: { facts },
      });
      expect(first(await pool.list()).sessions).toEqual([loan]);
    });

    test('without sessions only checks the proof', async () => {
      const pool = await openPool(under());
      const before = await under().readEverything();
      expect(await pool.beatAll([])).toEqual([]);
      expect(await under().readEverything()).toBe(before);
    });
  });
}
