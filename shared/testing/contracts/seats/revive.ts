import { describe, expect, test } from 'vitest';
import { shardOf } from '../../../domain/ids.ts';
import type { Session } from '../../../domain/session.ts';
import { BY } from '../../by.ts';
import { sweepUntilDone } from '../seat-maintenance/sweep.ts';
import { first, idOf, MEMORY_MS, openPool, type Pool, type SeatsUnderTest, TRUSTED, TTL_MS } from './pool.ts';

export function reviveContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);
  const ended = (session: Session | string, why: string) => ({
    verdict: 'ENDED',
    sessionId: idOf(session),
    ended: why,
  });

  /** Pool and sessions after Redis has lost them and the copy was restored. */
  async function lose(pool: Pool): Promise<void> {
    await under().loseEverything();
    await pool.restore();
  }

  describe('a session whose lease expired', () => {
    test('gets its seat again by its token while one is free, with its start and facts, which is reported', async () => {
      const pool = await openPool(under(), { max: 1 });
      const facts = { fingerprint: 'f', hostname: 'h' };
      const session = await pool.seat('a', { facts });
      const { sessionId } = session;
      await under().moveClockTo(session.expiresAtMs + 1_000);
      const revived = { ...session, expiresAtMs: under().nowMs() + TTL_MS };
      const { licenseId } = pool;
      const verdict = await under().seats.revive({
        licenseId,
        proof: TRUSTED,
        by: BY,
        sessions: [{ sessionId, proven: session, isCleared: false }],
      });
      expect(verdict).toEqual({
        verdict: 'OK',
        atMs: under().nowMs(),
        rhythm: { ttlSeconds: 360, heartbeatSeconds: 300, offlineGraceDays: 7, offlineStartDays: 0 },
        told: { ...pool.terms.entitlements, version: 1 },
        results: [{ verdict: 'REVIVED', session: revived }],
      });
      expect(await pool.revive(session)).toEqual({ verdict: 'RENEWED', session: revived });
      expect(await pool.beat(session)).toEqual({ verdict: 'RENEWED', session: revived });
      expect(await pool.story()).toEqual([
        `acquired ${sessionId} taken`,
        `expired ${sessionId} freed`,
        `revived ${sessionId} taken`,
      ]);
      expect((await pool.events()).at(-1)).toMatchObject({
        atMs: under().nowMs(),
        more: { holder: 'a', active: '1', max: '1', acquired_ms: String(session.acquiredAtMs) },
      });
    });

    test('is revived the same whether or not the sweep has collected it', async () => {
      const pool = await openPool(under(), { max: 2 });
      const [one, two] = [await pool.seat('a'), await pool.seat('b')];
      await under().moveClockTo(one.expiresAtMs);
      await pool.release(two);
      const before = (await pool.state()).sessions;
      expect(before).toMatchObject([{ sessionId: one.sessionId }]);
      await under().seatMaintenance.expire(pool.licenseId.slice(4, 6), [
        { licenseId: pool.licenseId, what: 'seats', dueMs: one.expiresAtMs },
      ]);
      expect((await pool.state()).sessions).toEqual([]);
      expect(await pool.revive(one, { isCleared: false })).toMatchObject({ verdict: 'REVIVED' });
    });

    test('stays without a seat while all are taken, and takes none from its successors', async () => {
      const pool = await openPool(under(), { max: 1 });
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs);
      const other = await pool.seat('b');
      const { sessionId } = session;
      expect(await pool.revive(session)).toEqual({ verdict: 'NO_ROOM', sessionId });
      expect(await pool.countActive()).toBe(1);
      await pool.release(other);
      expect(await pool.revive(session)).toMatchObject({ verdict: 'REVIVED' });
    });

    test('joins the seat that its holder has meanwhile, without asking for room or for its limit of programs', async () => {
      const pool = await openPool(under(), { max: 1, maxSessions: 1 });
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs);
      await pool.seat('a');
      expect(await pool.revive(session)).toMatchObject({ verdict: 'REVIVED' });
      expect(await pool.countActive()).toBe(1);
      expect((await pool.story()).at(-1)).toBe(`revived ${session.sessionId} kept`);
    });

    test('is not revived on a seat that has 64 programs, so that no seat grows without bound', async () => {
      const pool = await openPool(under(), { max: 1, maxSessions: 64 });
      const fill = async () => {
        const sessions: Session[] = [];
        for (let n = 0; n < 64; n += 1) sessions.push(await pool.seat('a'));
        return sessions;
      };
      const [early] = await fill();
      if (!early) throw new Error('no session');
      await under().moveClockTo(early.expiresAtMs);
      const [first] = await fill();
      expect(await pool.revive(early)).toEqual({ verdict: 'NO_ROOM', sessionId: early.sessionId });
      await pool.release(first ?? '');
      expect(await pool.revive(early)).toMatchObject({ verdict: 'REVIVED' });
    });

    test('is not revived without a token, which is how a caller learns that it expired', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs);
      expect(await pool.revive(session.sessionId)).toEqual(ended(session, 'expired'));
      expect(await pool.countActive()).toBe(0);
    });

    test.each([10, 360, 7_200])(
      'is revived within an hour of the end of its lease of %i s, and not a millisecond later',
      async (ttlSeconds) => {
        const pool = await openPool(under(), { ttlSeconds });
        const [early, late] = [await pool.seat('a'), await pool.seat('b')];
        await under().moveClockTo(early.expiresAtMs + MEMORY_MS - 1);
        expect(await pool.revive(early)).toMatchObject({ verdict: 'REVIVED' });
        await pass(1);
        expect(await pool.revive(late)).toMatchObject({ verdict: 'ENDED' });
        expect(await pool.countActive()).toBe(1);
      },
    );

    test('never gets a seat beyond the limit, though a hundred come back at once', async () => {
      const pool = await openPool(under(), { max: 60, overdraft: 1 });
      const old = await pool.seatMany(60, 'old-');
      await pass(TTL_MS);
      await pool.seatMany(40, 'young-');
      const results = await pool.reviveAll(
        old.map((proven) => ({ sessionId: proven.sessionId, proven, isCleared: false })),
      );
      expect(results.map(({ verdict }) => verdict)).toEqual([
        ...Array<string>(21).fill('REVIVED'),
        ...Array<string>(39).fill('NO_ROOM'),
      ]);
      expect(await pool.countActive()).toBe(61);
    });
  });

  describe('a session that was ended', () => {
    test.each(['released', 'evicted'] as const)(
      'is never revived after it was %s, whatever its token, and its caller learns why',
      async (why) => {
        const pool = await openPool(under());
        const session = await pool.seat('a');
        if (why === 'released') await pool.release(session);
        else await pool.evict(session);
        expect(await pool.revive(session)).toEqual(ended(session, why));
        expect(await pool.revive(session.sessionId)).toEqual(ended(session, why));
        // Up to the last moment at which its token could revive it, and afterwards.
        await under().moveClockTo(session.expiresAtMs + MEMORY_MS - 1);
        expect(await pool.revive(session)).toEqual(ended(session, why));
        await pass(1);
        expect(await pool.revive(session)).toEqual(ended(session, 'unknown'));
        expect(await pool.countActive()).toBe(0);
      },
    );

    test.each([
      ['longer', 10, 7_200],
      ['shorter', 7_200, 10],
    ])('is never revived after eviction, even if its TTL became %s meanwhile', async (_, before, after) => {
      const pool = await openPool(under(), { ttlSeconds: before });
      const session = await pool.seat('a');
      await pool.put({ ttlSeconds: after });
      const renewed = await pool.beat(session);
      if (renewed.verdict !== 'RENEWED') throw new Error('not renewed');
      await pool.evict(session);
      await under().moveClockTo(renewed.session.expiresAtMs + MEMORY_MS - 1);
      expect(await pool.revive(renewed.session)).toEqual(ended(session, 'evicted'));
    });

    test('is not revived if it was released after its lease expired', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs);
      expect(await pool.release(session)).toBe('ALREADY_ENDED');
      expect(await pool.revive(session)).toEqual(ended(session, 'released'));
    });
  });

  describe('a session that the store has forgotten', () => {
    test('is FORGOTTEN until the records clear it, and then gets its seat again', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await pass(1_000);
      await lose(pool);
      const { sessionId } = session;
      const before = await under().readEverything();
      expect(await pool.revive(session, { isCleared: false })).toEqual({ verdict: 'FORGOTTEN', sessionId });
      expect(await under().readEverything()).toBe(before);
      expect(await pool.revive(session)).toEqual({
        verdict: 'REVIVED',
        session: { ...session, expiresAtMs: under().nowMs() + TTL_MS },
      });
      expect(await pool.story()).toEqual([`revived ${sessionId} taken`]);
    });

    test('needs room if it is the first of its holder; the others join it', async () => {
      const pool = await openPool(under(), { max: 2 });
      const sessions = [
        await pool.seat('a'),
        await pool.seat('b'),
        await pool.seat('a'),
        await pool.seat('b', { kind: 'machine' }),
      ];
      await lose(pool);
      await pool.put({ max: 1 });
      const results = await pool.reviveAll(
        sessions.map((proven) => ({ sessionId: proven.sessionId, proven, isCleared: true })),
      );
      expect(results.map(({ verdict }) => verdict)).toEqual(['REVIVED', 'NO_ROOM', 'REVIVED', 'NO_ROOM']);
      expect(await pool.countActive()).toBe(1);
      expect(await pool.story()).toEqual([
        `revived ${sessions[0]?.sessionId} taken`,
        `revived ${sessions[2]?.sessionId} kept`,
      ]);
      expect(first(await pool.list()).sessions).toHaveLength(2);
    });

    test('gets the seat that still counts as its own, and its loan too', async () => {
      const pool = await openPool(under(), { max: 2, borrowMaxDays: 1 });
      const [session, loan] = [await pool.seat('a'), await pool.loan('b', 1)];
      await under().losePart(pool.licenseId, 'all but the number of seats');
      const { seats } = under();
      const restored = await seats.restore({ entitlement: pool.terms, loans: [loan], bars: [] });
      expect(restored).toMatchObject({ seated: [loan.sessionId], noRoom: [] });
      expect(await pool.revive(session)).toMatchObject({ verdict: 'REVIVED' });
      expect((await pool.events()).at(-1)).toMatchObject({ more: { active: '2', seat: 'taken' } });
      expect(await pool.countActive()).toBe(2);
    });

    test('leaves no loan behind if it is never restored', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 1 });
      const loan = await pool.loan('a', 1);
      await under().losePart(pool.licenseId, 'all but the number of seats');
      await under().seats.restore({ entitlement: pool.terms, loans: [], bars: [] });
      await under().moveClockTo(loan.expiresAtMs);
      await sweepUntilDone(under(), shardOf(pool.licenseId));
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toEqual(['license']);
    });

    test('is revived once, if its token is given twice', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await lose(pool);
      const each = { sessionId: session.sessionId, proven: session, isCleared: true };
      const results = await pool.reviveAll([each, each]);
      expect(results.map(({ verdict }) => verdict)).toEqual(['REVIVED', 'RENEWED']);
      expect(await pool.story()).toHaveLength(1);
    });

    test('is unknown without a token, or with one whose lease ended an hour ago', async () => {
      const pool = await openPool(under());
      const [session, other] = [await pool.seat('a'), await pool.seat('b')];
      await lose(pool);
      expect(await pool.revive(session.sessionId)).toEqual(ended(session, 'unknown'));
      await under().moveClockTo(session.expiresAtMs + MEMORY_MS - 1);
      expect(await pool.revive(other)).toMatchObject({ verdict: 'REVIVED' });
      await pass(1);
      expect(await pool.revive(session)).toEqual(ended(session, 'unknown'));
      expect(await pool.revive(session, { isCleared: false })).toEqual(ended(session, 'unknown'));
    });

    test('is not revived if it was a loan: loans are restored from the records', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 5 });
      const loan = await pool.loan('a', 5);
      await lose(pool);
      expect(await pool.revive(loan)).toEqual(ended(loan, 'unknown'));
      await pool.restore({ loans: [loan] });
      expect(await pool.revive(loan)).toEqual({ verdict: 'RENEWED', session: loan });
    });

    test('is not revived if it was released or forgotten after the loss', async () => {
      const pool = await openPool(under());
      const [released, erased] = [await pool.seat('a'), await pool.seat('b')];
      await lose(pool);
      expect(await pool.release(released, released)).toBe('ALREADY_ENDED');
      await under().seatMaintenance.forgetSessions(pool.licenseId, [erased.sessionId]);
      expect(await pool.revive(released)).toEqual(ended(released, 'released'));
      expect(await pool.revive(erased)).toEqual(ended(erased, 'evicted'));
      expect(await pool.events()).toEqual([]);
    });

    test('can acquire anew with the same instance, as if for the first time', async () => {
      const pool = await openPool(under());
      const { sessionId } = await pool.seat('a');
      await lose(pool);
      expect(await pool.acquire('a', { sessionId })).toMatchObject({ verdict: 'GRANTED' });
      expect(await pool.story()).toEqual([`acquired ${sessionId} taken`]);
    });
  });
}
