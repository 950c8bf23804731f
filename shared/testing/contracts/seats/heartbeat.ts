import { describe, expect, test } from 'vitest';
import { MEMORY_MS, openPool, type SeatsUnderTest, TRUSTED, TTL_MS } from './pool.ts';

export function heartbeatContract(under: () => SeatsUnderTest): void {
  describe('a lease', () => {
    test('frees its seat in the millisecond it expires, without a sweep', async () => {
      const pool = await openPool(under(), { max: 1 });
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs - 1);
      expect(await pool.acquire('b')).toEqual({ verdict: 'FULL', active: 1, max: 1, retryAfterSeconds: 1 });
      expect(await pool.countActive()).toBe(1);

      await under().moveClockTo(session.expiresAtMs);
      expect(await pool.countActive()).toBe(0);
      const next = await pool.acquire('b');
      expect(next).toMatchObject({ verdict: 'GRANTED', active: 1 });
    });

    test('is reported as expired at its end, however late that is noticed', async () => {
      const pool = await openPool(under(), { max: 1 });
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs + 86_400_000);
      const next = await pool.seat('b');
      const { sessionId, expiresAtMs } = session;
      expect(await pool.events()).toMatchObject([
        {
          type: 'session.acquired',
          sessionId,
          atMs: session.acquiredAtMs,
          more: { active: '1', max: '1', holder: 'a' },
        },
        {
          type: 'session.expired',
          sessionId,
          atMs: expiresAtMs,
          more: { reason: 'lease_ran_out', tenant_id: pool.terms.tenantId },
        },
        { type: 'session.acquired', sessionId: next.sessionId, atMs: next.acquiredAtMs },
      ]);
    });
  });

  describe('a heartbeat', () => {
    test('extends the lease to the TTL from now, without an event', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      const nowMs = session.expiresAtMs - 1;
      await under().moveClockTo(nowMs);
      const { licenseId } = pool;
      const beats = [{ sessionId: session.sessionId }];
      const verdict = await under().seats.heartbeat({ licenseId, proof: TRUSTED, sessions: beats });
      expect(verdict).toEqual({
        verdict: 'OK',
        atMs: nowMs,
        rhythm: { ttlSeconds: 360, heartbeatSeconds: 300, offlineGraceDays: 7 },
        results: [{ verdict: 'RENEWED', session: { ...session, expiresAtMs: nowMs + TTL_MS } }],
      });
      expect(await pool.state()).toMatchObject({ dueMs: nowMs + TTL_MS });
      expect(await pool.story()).toHaveLength(1);
    });

    test('revives an expired lease while a seat is free, and reports it', async () => {
      const pool = await openPool(under(), { max: 1 });
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs + 1_000);
      const revived = { ...session, expiresAtMs: under().nowMs() + TTL_MS };
      expect(await pool.beat(session)).toEqual({ verdict: 'REVIVED', session: revived });
      expect(await pool.beat(session)).toEqual({ verdict: 'RENEWED', session: revived });
      const { sessionId } = session;
      expect(await pool.story()).toEqual([
        `session.acquired ${sessionId}`,
        `session.expired ${sessionId}`,
        `session.revived ${sessionId}`,
      ]);
      expect((await pool.events()).at(-1)).toMatchObject({
        atMs: under().nowMs(),
        more: { holder: 'a', active: '1', max: '1' },
      });
    });

    test('does not revive a session while all seats are taken', async () => {
      const pool = await openPool(under(), { max: 1 });
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs);
      const other = await pool.seat('b');
      const { sessionId } = session;
      expect(await pool.beat(session)).toEqual({ verdict: 'NO_ROOM', sessionId });
      expect(await pool.beat(session, session)).toEqual({ verdict: 'NO_ROOM', sessionId });
      expect(await pool.countActive()).toBe(1);
      await pool.release(other);
      expect(await pool.beat(session)).toMatchObject({ verdict: 'REVIVED' });
    });

    test('never gives a holder a second seat', async () => {
      const pool = await openPool(under(), { max: 3 });
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs);
      await pool.seat('a');
      const gone = { verdict: 'GONE', sessionId: session.sessionId };
      expect(await pool.beat(session)).toEqual(gone);
      expect(await pool.beat(session, session)).toEqual(gone);
      expect(await pool.countActive()).toBe(1);
    });

    test.each(['released', 'evicted'] as const)(
      'does not revive a session that was %s, with or without a token',
      async (how) => {
        const pool = await openPool(under(), { max: 3 });
        const [session, expired] = [await pool.seat('a'), await pool.seat('b')];
        await pool.release(session, how);
        const gone = { verdict: 'GONE', sessionId: session.sessionId };
        expect(await pool.beat(session)).toEqual(gone);
        expect(await pool.beat(session, session)).toEqual(gone);
        // Up to the last moment at which its token could revive it, and afterwards.
        await under().moveClockTo(session.expiresAtMs + MEMORY_MS - 1);
        expect(await pool.beat(session, session)).toEqual(gone);
        expect(await pool.release(expired, how)).toBe('ALREADY_ENDED');
        expect(await pool.beat(expired, expired)).toMatchObject({ verdict: 'GONE' });
        await under().moveClockTo(session.expiresAtMs + MEMORY_MS);
        expect(await pool.beat(session, session)).toEqual(gone);
        expect(await pool.countActive()).toBe(0);
      },
    );

    test.each([10, 360, 7_200])(
      'revives a lease of %i s within an hour of its end, and not a millisecond later',
      async (ttlSeconds) => {
        const pool = await openPool(under(), { ttlSeconds });
        const [early, late] = [await pool.seat('a'), await pool.seat('b')];
        await under().moveClockTo(early.expiresAtMs + MEMORY_MS - 1);
        expect(await pool.beat(early)).toMatchObject({ verdict: 'REVIVED' });
        await under().moveClockTo(late.expiresAtMs + MEMORY_MS);
        expect(await pool.beat(late)).toEqual({ verdict: 'GONE', sessionId: late.sessionId });
        expect(await pool.beat(late, late)).toEqual({ verdict: 'GONE', sessionId: late.sessionId });
      },
    );

    test.each([
      ['longer', { ttlSeconds: 10 }, { ttlSeconds: 7_200 }],
      ['shorter', { ttlSeconds: 7_200 }, { ttlSeconds: 10 }],
    ])('never revives an evicted session, even if its TTL became %s meanwhile', async (_, before, after) => {
      const pool = await openPool(under(), before);
      const session = await pool.seat('a');
      await pool.put(after);
      expect(await pool.beat(session)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.release(session, 'evicted')).toBe('ENDED');
      // Up to the last moment at which its oldest token could revive it.
      await under().moveClockTo(session.expiresAtMs + MEMORY_MS - 1);
      expect(await pool.beat(session, session)).toMatchObject({ verdict: 'GONE' });
    });

    test('never revives a session that was released after Redis lost it', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await under().loseEverything();
      await pool.put({});
      expect(await pool.release(session, 'released', session)).toBe('ALREADY_ENDED');
      expect(await pool.beat(session, session)).toMatchObject({ verdict: 'GONE' });
    });

    test('returns GONE for a session that never existed, and writes nothing', async () => {
      const pool = await openPool(under());
      const stranger = pool.newSession();
      expect(await pool.beat(stranger)).toEqual({ verdict: 'GONE', sessionId: stranger });
      expect(await pool.events()).toEqual([]);
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toEqual(['license']);
    });

    test('with a token revives sessions that Redis has lost, up to the limit, and none twice', async () => {
      const pool = await openPool(under(), { max: 3 });
      const sessions = await pool.seatMany(3);
      await under().moveClockTo(under().nowMs() + 1_000);
      await under().loseEverything();
      await pool.put({ max: 2 });

      const [first, second, third] = sessions;
      if (!first || !second || !third) throw new Error('no session');
      expect(await pool.beat(first)).toMatchObject({ verdict: 'GONE' });
      const expiresAtMs = under().nowMs() + TTL_MS;
      expect(await pool.beat(first, first)).toEqual({
        verdict: 'REVIVED',
        session: { ...first, expiresAtMs },
      });
      const both = [first, second].map((proven) => ({ sessionId: proven.sessionId, proven }));
      const beats = await pool.beatAll([...both, ...both]);
      expect(beats.map(({ verdict }) => verdict)).toEqual(['RENEWED', 'REVIVED', 'RENEWED', 'RENEWED']);
      expect(await pool.beat(third, third)).toEqual({ verdict: 'NO_ROOM', sessionId: third.sessionId });
      expect(await pool.countActive()).toBe(2);
      expect(await pool.story()).toEqual([
        `session.revived ${first.sessionId}`,
        `session.revived ${second.sessionId}`,
      ]);
    });

    test('with an expired token revives no session', async () => {
      const pool = await openPool(under());
      const [session, other] = [await pool.seat('a'), await pool.seat('b')];
      await under().loseEverything();
      await pool.put({});
      await under().moveClockTo(session.expiresAtMs + MEMORY_MS - 1);
      expect(await pool.beat(other, other)).toMatchObject({ verdict: 'REVIVED' });
      await under().moveClockTo(session.expiresAtMs + MEMORY_MS);
      expect(await pool.beat(session, session)).toEqual({ verdict: 'GONE', sessionId: session.sessionId });
    });

    test('with a token does not give a second seat to a holder that has taken another one', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await under().loseEverything();
      await pool.put({});
      await pool.seat('a');
      expect(await pool.beat(session, session)).toEqual({ verdict: 'GONE', sessionId: session.sessionId });
    });

    test('handles a hundred sessions per call, with results in their order', async () => {
      const pool = await openPool(under(), { max: 60 });
      const old = await pool.seatMany(60, 'old-');
      await under().moveClockTo(under().nowMs() + TTL_MS);
      const young = await pool.seatMany(40, 'young-');
      // 40 hold a seat, and 20 of the 60 expired ones can be revived.
      const sessions = old.flatMap((session, i) => [session, ...young.slice(i, i + 1)]);
      const results = await pool.beatAll(sessions.map(({ sessionId }) => ({ sessionId })));
      expect(results).toHaveLength(100);
      const ids = results.map((result) =>
        'session' in result ? result.session.sessionId : result.sessionId,
      );
      expect(ids).toEqual(sessions.map(({ sessionId }) => sessionId));
      let room = 20;
      const expected = sessions.map(({ holder }) => {
        if (holder.startsWith('young-')) return 'RENEWED';
        room -= 1;
        return room >= 0 ? 'REVIVED' : 'NO_ROOM';
      });
      expect(results.map(({ verdict }) => verdict)).toEqual(expected);
      expect(await pool.countActive()).toBe(60);
    });

    test('without sessions only checks the proof', async () => {
      const pool = await openPool(under());
      expect(await pool.beatAll([])).toEqual([]);
    });
  });
}
