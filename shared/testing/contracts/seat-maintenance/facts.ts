import { describe, expect, test } from 'vitest';
import { newLicenseId, newPersonalId, newTenantId } from '../../../domain/ids.ts';
import { eachKnownSession, type KnownSession } from '../../../ports/seat-maintenance.ts';
import { BY } from '../../by.ts';
import { DAY_MS, MEMORY_MS, openPool, type Pool, type SeatsUnderTest, TTL_MS } from '../seats/pool.ts';
import { sweepUntilDone } from './sweep.ts';

/** Longer than facts that Redis stores in the compact form, which it only returns as a whole. */
const LONG = { fingerprint: 'f'.repeat(100) };

export function factsContract(under: () => SeatsUnderTest): void {
  const sweep = ({ licenseId }: Pool) => sweepUntilDone(under(), licenseId.slice(4, 6));

  /** The sessions of all pages. */
  async function readAll(
    licenseId: string,
    between: (page: readonly KnownSession[]) => Promise<unknown> = async () => {},
  ): Promise<KnownSession[]> {
    const all: KnownSession[] = [];
    for (let cursor: string | undefined, more = true; more; ) {
      const page = await under().seatMaintenance.readFacts(licenseId, cursor);
      all.push(...page.sessions);
      expect(page.sessions.length).toBeLessThanOrEqual(100);
      await between(page.sessions);
      cursor = page.nextCursor;
      more = cursor !== undefined;
    }
    return all;
  }

  const byId = (a: { sessionId: string }, b: { sessionId: string }) => (a.sessionId < b.sessionId ? -1 : 1);

  /** A session whose facts are all unique in the store. */
  async function seatWithUniqueFacts(pool: Pool, days?: number) {
    const userId = newPersonalId('usr');
    const facts = { fingerprint: `print-${userId}`, hostname: `host-${userId}`, userId };
    const holder = `holder of ${userId.slice(0, 8)}`;
    return days ? pool.loan(holder, days, { facts }) : pool.seat(holder, { facts });
  }

  async function expectNoTrace(...sessions: { facts: { userId?: string | undefined } }[]): Promise<void> {
    const kept = await under().readEverything();
    // The fingerprint and the host name contain the user id.
    for (const { facts } of sessions) expect(kept).not.toContain(String(facts.userId));
  }

  const idsOf = (sessions: readonly { sessionId: string }[]) => sessions.map(({ sessionId }) => sessionId);

  describe('the facts of sessions', () => {
    test('of another release are named, without failing the others, and can be forgotten', async () => {
      const pool = await openPool(under());
      const [a, b] = [await pool.seat('a'), await pool.seat('b')];
      await under().rewriteByNewer(pool.licenseId, b.sessionId);
      const { seatMaintenance } = under();
      expect(await seatMaintenance.readFacts(pool.licenseId)).toMatchObject({
        sessions: [{ sessionId: a.sessionId }],
        unreadable: [b.sessionId],
      });
      await expect(Array.fromAsync(eachKnownSession(seatMaintenance, pool.licenseId))).rejects.toThrow(
        b.sessionId,
      );
      await seatMaintenance.forgetSessions(pool.licenseId, [b.sessionId]);
      expect(await seatMaintenance.readFacts(pool.licenseId)).not.toHaveProperty('unreadable');
    });

    test('are read page by page, of all sessions of a seat and of those whose end is not reported yet', async () => {
      const pool = await openPool(under(), { max: 300, borrowMaxDays: 9 });
      const expired = await pool.seatMany(20, 'expired-', LONG);
      await under().moveClockTo(under().nowMs() + TTL_MS);
      const living = await pool.seatMany(140, 'living-', LONG);
      const shared = [];
      for (let n = 0; n < 5; n += 1)
        shared.push(await pool.seat('living-7', { facts: { fingerprint: `f${n}` } }));
      const loan = await pool.loan('living-7', 9);

      const before = await under().readEverything();
      const all = await readAll(pool.licenseId);
      expect(await under().readEverything()).toBe(before);
      const expected = [
        ...expired.map((session) => ({ session, isLiving: false })),
        ...[...living, ...shared, loan].map((session) => ({ session, isLiving: true })),
      ].map(({ session: { sessionId, holder, acquiredAtMs, facts }, isLiving }) => ({
        sessionId,
        holder,
        acquiredAtMs,
        facts,
        isLiving,
      }));
      const once = [...new Map(all.map((session) => [session.sessionId, session])).values()];
      expect(once.toSorted(byId)).toMatchObject(expected.toSorted(byId));
      expect(once).toHaveLength(expected.length);
    });

    test('are missed for no session that stays, while seats are renewed, freed and taken between the pages', async () => {
      const pool = await openPool(under(), { max: 300 });
      const sessions = await pool.seatMany(150);
      const stays = new Set(idsOf(sessions));
      let page = 0;
      const all = await readAll(pool.licenseId, async (read) => {
        await under().moveClockTo(under().nowMs() + 1);
        page += 1;
        // The page's own sessions leave their places, and others take new ones.
        if (page < 4) await pool.beatAll(read.slice(0, 100));
        for (const session of sessions.slice(page * 10, page * 10 + 3)) {
          stays.delete(session.sessionId);
          await pool.release(session);
        }
        if (page < 5) await pool.seat(`new-${page}`);
      });
      const seen = new Set(idsOf(all));
      expect([...stays].filter((sessionId) => !seen.has(sessionId))).toEqual([]);
      expect(page).toBeGreaterThan(3);
    });

    test('are all found if the sessions of each page are forgotten', async () => {
      const pool = await openPool(under(), { max: 100 });
      await pool.seatMany(100, 'f-', LONG);
      const { seatMaintenance } = under();
      let forgotten = 0;
      for (let cursor: string | undefined, more = true; more; ) {
        const page = await seatMaintenance.readFacts(pool.licenseId, cursor);
        const found = idsOf(page.sessions).slice(0, 32);
        forgotten += found.length;
        // After some were forgotten, the same page is read again.
        if (found.length > 0) {
          await seatMaintenance.forgetSessions(pool.licenseId, found);
          continue;
        }
        cursor = page.nextCursor;
        more = cursor !== undefined;
      }
      expect(forgotten).toBe(100);
      expect(await pool.state()).toMatchObject({ sessions: [], seats: [] });
    });

    test('are empty for an unknown license, and once the end of each session was reported', async () => {
      expect(await readAll(newLicenseId(newTenantId(16)))).toEqual([]);
      const pool = await openPool(under());
      const session = await seatWithUniqueFacts(pool);
      await under().moveClockTo(session.expiresAtMs);
      expect(await readAll(pool.licenseId)).toMatchObject([
        { sessionId: session.sessionId, isLiving: false },
      ]);
      await sweep(pool);
      expect(await readAll(pool.licenseId)).toEqual([]);
      await expectNoTrace(session);
    });
  });

  describe('forgetting a session', () => {
    test('ends it, leaves only opaque ids, and it can never be revived', async () => {
      const pool = await openPool(under(), { max: 4, borrowMaxDays: 2 });
      const { licenseId } = pool;
      const { seats, seatMaintenance } = under();
      const expired = await seatWithUniqueFacts(pool);
      await under().moveClockTo(expired.expiresAtMs);
      const [seated, lent, stays] = [
        await seatWithUniqueFacts(pool),
        await seatWithUniqueFacts(pool, 2),
        await seatWithUniqueFacts(pool),
      ];
      const untilMs = under().nowMs() + DAY_MS;
      for (const { sessionId, facts } of [seated, lent, stays]) {
        await seats.reserveSignature({ licenseId, sessionId, untilMs });
        await seats.keepSigned({
          licenseId,
          sessionId,
          untilMs,
          by: BY,
          signed: `signed for ${facts.userId}`,
          jti: sessionId,
        });
      }
      const forgotten = [expired, seated, lent];
      const before = (await pool.events()).length;

      expect(await seatMaintenance.forgetSessions(licenseId, idsOf(forgotten))).toBe('FORGOTTEN');

      await expectNoTrace(...forgotten);
      const end = ({ sessionId, holder }: typeof seated, type: string, active: string) => ({
        type: `session.${type}`,
        sessionId,
        more: { holder, active, seat: 'freed' },
      });
      expect((await pool.events()).slice(before)).toMatchObject([
        { ...end(expired, 'expired', '3'), atMs: expired.expiresAtMs },
        { ...end(seated, 'evicted', '2'), atMs: under().nowMs() },
        { ...end(lent, 'evicted', '1'), atMs: under().nowMs() },
      ]);
      expect(await pool.state()).toMatchObject({
        sessions: [{ sessionId: stays.sessionId }],
        seats: [{ holder: stays.holder }],
        loans: {},
        signers: { [`${stays.holder}:${stays.machine}`]: untilMs },
      });
      expect(await pool.countActive()).toBe(1);

      const once = await under().readEverything();
      expect(await seatMaintenance.forgetSessions(licenseId, idsOf(forgotten))).toBe('FORGOTTEN');
      expect(await under().readEverything()).toBe(once);

      for (const session of forgotten) {
        const { sessionId } = session;
        expect(await pool.revive(session)).toMatchObject({ verdict: 'ENDED', sessionId, ended: 'evicted' });
        expect(await pool.release(session, session)).toBe('ALREADY_ENDED');
      }
      // Up to the last moment at which a token could revive it.
      await under().moveClockTo(seated.expiresAtMs + MEMORY_MS - 1);
      expect(await pool.revive(seated)).toMatchObject({ verdict: 'ENDED', ended: 'evicted' });
      await expectNoTrace(...forgotten);
    });

    test('keeps the other sessions on their seat', async () => {
      const pool = await openPool(under());
      const [one, two] = [await pool.seat('a'), await pool.seat('a', { machine: 'other' })];
      const { licenseId } = pool;
      const untilMs = under().nowMs() + DAY_MS;
      for (const { sessionId } of [one, two]) {
        await under().seats.reserveSignature({ licenseId, sessionId, untilMs });
        await under().seats.keepSigned({
          licenseId,
          sessionId,
          untilMs,
          by: BY,
          signed: `of ${sessionId}`,
          jti: sessionId,
        });
      }
      await under().seatMaintenance.forgetSessions(licenseId, [one.sessionId]);
      expect(await pool.beat(two)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.read(two)).toMatchObject({ signed: `of ${two.sessionId}` });
      expect((await pool.story()).at(-1)).toBe(`evicted ${one.sessionId} kept`);
    });

    test('whose expired lease was not noticed yet reports it as expired', async () => {
      const pool = await openPool(under());
      const session = await seatWithUniqueFacts(pool);
      const { sessionId } = session;
      await under().moveClockTo(session.expiresAtMs);
      await under().seatMaintenance.forgetSessions(pool.licenseId, [sessionId, sessionId]);
      await expectNoTrace(session);
      expect(await pool.story()).toEqual([`acquired ${sessionId} taken`, `expired ${sessionId} freed`]);
      expect(await pool.revive(session)).toMatchObject({ verdict: 'ENDED', ended: 'evicted' });
    });

    test('prevents a revival by its token after Redis has lost it, also if the copy is lost', async () => {
      for (const hasCopy of [true, false]) {
        const pool = await openPool(under());
        const session = await seatWithUniqueFacts(pool);
        await under().loseEverything();
        if (hasCopy) await pool.restore();
        await under().seatMaintenance.forgetSessions(pool.licenseId, [session.sessionId]);
        await pool.restore();
        const ended = { verdict: 'ENDED', sessionId: session.sessionId, ended: 'evicted' };
        expect(await pool.revive(session)).toEqual(ended);
        await under().moveClockTo(under().nowMs() + MEMORY_MS - 1);
        expect(await pool.revive(session)).toEqual(ended);
        expect(await pool.events()).toEqual([]);
      }
    });

    test('changes nothing if it lives and the entitlement copy, needed for its event, is lost', async () => {
      const pool = await openPool(under());
      const { licenseId } = pool;
      const session = await seatWithUniqueFacts(pool);
      await under().losePart(licenseId, 'copy');
      const { seatMaintenance } = under();
      const before = await under().readEverything();
      const unknown = pool.newSession();
      expect(await seatMaintenance.forgetSessions(licenseId, [unknown, session.sessionId])).toBe(
        'UNKNOWN_LICENSE',
      );
      expect(await under().readEverything()).toBe(before);
      await pool.restore();
      expect(await seatMaintenance.forgetSessions(licenseId, [session.sessionId])).toBe('FORGOTTEN');
      await expectNoTrace(session);
      expect(await pool.story()).toContain(`evicted ${session.sessionId} freed`);
    });

    test('works for up to 32 sessions per call', async () => {
      const pool = await openPool(under(), { max: 32 });
      const sessions = await pool.seatMany(32);
      await under().seatMaintenance.forgetSessions(pool.licenseId, idsOf(sessions));
      expect(await readAll(pool.licenseId)).toEqual([]);
      const evictions = (await pool.events()).filter(({ type }) => type === 'session.evicted');
      expect(evictions.map(({ more }) => more.active)).toEqual(sessions.map((_, i) => String(31 - i)));
      expect(await pool.countActive()).toBe(0);
    });
  });
}
