import { describe, expect, test } from 'vitest';
import { newLicenseId, newPersonalId, newTenantId } from '../../../domain/ids.ts';
import { eachKnownSession, type KnownSession } from '../../../ports/seat-maintenance.ts';
import { MEMORY_MS, openPool, type Pool, type SeatsUnderTest, TTL_MS } from '../seats/pool.ts';

const DAY_MS = 86_400_000;

/** Longer than facts that Redis stores in the compact form, which it only returns as a whole. */
const LONG = { fingerprint: 'f'.repeat(100) };

export function factsContract(under: () => SeatsUnderTest): void {
  /** The sessions of all pages, and the size of the largest page. */
  async function readAll(licenseId: string): Promise<{ all: KnownSession[]; largest: number }> {
    const all: KnownSession[] = [];
    let largest = 0;
    for (let cursor: string | undefined, more = true; more; ) {
      const page = await under().seatMaintenance.readFacts(licenseId, cursor);
      all.push(...page.sessions);
      largest = Math.max(largest, page.sessions.length);
      cursor = page.nextCursor;
      more = cursor !== undefined;
    }
    return { all, largest };
  }

  const byId = (a: { sessionId: string }, b: { sessionId: string }) => (a.sessionId < b.sessionId ? -1 : 1);

  /** A session whose facts are all unique in the store. */
  async function seatWithUniqueFacts(pool: Pool, days?: number) {
    const userId = newPersonalId('usr');
    const facts = { fingerprint: `print-${userId}`, hostname: `host-${userId}`, userId };
    return pool.seat(`holder of ${userId.slice(0, 8)}`, { facts, ...(days ? { days } : {}) });
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

    test('are read page by page, of sessions that hold a seat and those whose lease expired', async () => {
      const pool = await openPool(under(), { max: 300 });
      const lapsed = await pool.seatMany(20, 'lapsed-', LONG);
      await under().moveClockTo(under().nowMs() + TTL_MS);
      for (let n = 0; n < 2; n += 1) await pool.beatAll([]);
      const [uncollected, ...rest] = [...(await pool.seatMany(140, 'seated-', LONG))];
      if (!uncollected) throw new Error('no session');
      await under().moveClockTo(under().nowMs() + 1);
      await pool.beatAll(rest.map(({ sessionId }) => ({ sessionId })).slice(0, 100));
      await pool.beatAll(rest.map(({ sessionId }) => ({ sessionId })).slice(100));
      // Its lease has expired, but no call has noticed it yet.
      await under().moveClockTo(uncollected.expiresAtMs);

      const before = await under().readEverything();
      const { all, largest } = await readAll(pool.licenseId);
      expect(await under().readEverything()).toBe(before);
      expect(largest).toBeLessThanOrEqual(64);
      const expected = [
        ...[uncollected, ...lapsed].map((session) => ({ session, isSeated: false })),
        ...rest.map((session) => ({ session, isSeated: true })),
      ].map(({ session: { sessionId, holder, facts }, isSeated }) => ({
        sessionId,
        holder,
        facts,
        isSeated,
      }));
      const once = [...new Map(all.map((session) => [session.sessionId, session])).values()];
      expect(once.toSorted(byId)).toEqual(expected.toSorted(byId));
    });

    test('are empty for an unknown license, and an hour after the lease expired', async () => {
      expect(await readAll(newLicenseId(newTenantId(16)))).toEqual({ all: [], largest: 0 });
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs);
      await pool.beatAll([]);
      expect(idsOf((await readAll(pool.licenseId)).all)).toEqual([session.sessionId]);
      await under().moveClockTo(session.expiresAtMs + MEMORY_MS);
      await pool.beatAll([]);
      expect((await readAll(pool.licenseId)).all).toEqual([]);
    });
  });

  describe('forgetting a session', () => {
    test('frees its seat, leaves only its opaque ids, and it can never be revived', async () => {
      const pool = await openPool(under(), { max: 4, borrowMaxDays: 2 });
      const { licenseId } = pool;
      const { seats, seatMaintenance } = under();
      const expired = await seatWithUniqueFacts(pool);
      await under().moveClockTo(expired.expiresAtMs);
      await pool.beatAll([]);
      const [seated, lent, stays] = [
        await seatWithUniqueFacts(pool),
        await seatWithUniqueFacts(pool, 2),
        await seatWithUniqueFacts(pool),
      ];
      for (const { sessionId, facts } of [seated, lent, stays])
        await seats.keepSigned(licenseId, sessionId, `signed for ${facts.userId}`);
      const forgotten = [expired, seated, lent];
      const before = (await pool.events()).length;
      const atMs = under().nowMs();

      expect(await seatMaintenance.forgetSessions(licenseId, idsOf(forgotten))).toBe('FORGOTTEN');

      await expectNoTrace(...forgotten);
      const events = (await pool.events()).slice(before);
      expect(events).toMatchObject([
        {
          type: 'session.evicted',
          sessionId: seated.sessionId,
          atMs,
          more: { holder: seated.holder, active: '2' },
        },
        {
          type: 'session.evicted',
          sessionId: lent.sessionId,
          atMs,
          more: { holder: lent.holder, active: '1' },
        },
      ]);
      expect(await pool.state()).toMatchObject({
        sessions: [stays.sessionId],
        seatedOf: { [stays.holder]: stays.sessionId },
        lapsed: [],
        loans: {},
        signed: [stays.sessionId],
        dueMs: stays.expiresAtMs,
      });
      expect(await pool.countActive()).toBe(1);

      const once = await under().readEverything();
      expect(await seatMaintenance.forgetSessions(licenseId, idsOf(forgotten))).toBe('FORGOTTEN');
      expect(await under().readEverything()).toBe(once);

      for (const session of forgotten) {
        expect(await pool.beat(session, session)).toEqual({ verdict: 'GONE', sessionId: session.sessionId });
        expect(await pool.release(session, 'released', session)).toBe('ALREADY_ENDED');
      }
      // Up to the last moment at which the token of the longest lease could revive it.
      await under().moveClockTo(lent.expiresAtMs + MEMORY_MS - 1);
      expect(await pool.beat(lent, lent)).toEqual({ verdict: 'GONE', sessionId: lent.sessionId });
      await expectNoTrace(...forgotten);
    });

    test('whose expired lease was not noticed yet reports it as expired', async () => {
      const pool = await openPool(under());
      const session = await seatWithUniqueFacts(pool);
      await under().moveClockTo(session.expiresAtMs);
      await under().seatMaintenance.forgetSessions(pool.licenseId, [session.sessionId, session.sessionId]);
      await expectNoTrace(session);
      const { sessionId } = session;
      expect(await pool.story()).toEqual([`session.acquired ${sessionId}`, `session.expired ${sessionId}`]);
      expect(await pool.beat(session, session)).toEqual({ verdict: 'GONE', sessionId });
    });

    test('keeps the seat that its holder has taken since', async () => {
      const pool = await openPool(under());
      const first = await seatWithUniqueFacts(pool);
      await under().moveClockTo(first.expiresAtMs);
      const second = await pool.seat(first.holder);
      await under().seatMaintenance.forgetSessions(pool.licenseId, [first.sessionId]);
      await expectNoTrace(first);
      expect(await pool.acquire(first.holder)).toMatchObject({
        verdict: 'RENEWED',
        session: { sessionId: second.sessionId },
      });
    });

    test.each([
      ['a heartbeat', {}],
      ['a loan', { days: 3 }],
    ])(
      'prevents a revival by the token of %s after Redis has lost it',
      async (_, { days }: { days?: number }) => {
        const pool = await openPool(under(), { borrowMaxDays: 3 });
        const session = await seatWithUniqueFacts(pool, days);
        await under().loseEverything();
        await pool.put({});
        await under().seatMaintenance.forgetSessions(pool.licenseId, [session.sessionId]);
        const refusal = { verdict: 'GONE', sessionId: session.sessionId };
        expect(await pool.beat(session, session)).toEqual(refusal);
        await under().moveClockTo(session.expiresAtMs + MEMORY_MS - 1);
        expect(await pool.beat(session, session)).toEqual(refusal);
        expect(await pool.events()).toEqual([]);
        // Later the end mark is removed, too.
        await under().moveClockTo(under().nowMs() + 4 * DAY_MS);
        await pool.beatAll([]);
        expect(await pool.state()).toMatchObject({ ended: [] });
      },
    );

    test('changes nothing if it holds a seat and the entitlement copy, needed for its event, is lost', async () => {
      const pool = await openPool(under());
      const { licenseId } = pool;
      const expired = await seatWithUniqueFacts(pool);
      await under().moveClockTo(expired.expiresAtMs);
      const seated = await seatWithUniqueFacts(pool);
      await under().losePart(licenseId, 'terms');
      const { seatMaintenance } = under();
      const before = await under().readEverything();
      expect(await seatMaintenance.forgetSessions(licenseId, idsOf([expired, seated]))).toBe(
        'UNKNOWN_LICENSE',
      );
      expect(await under().readEverything()).toBe(before);
      expect(await seatMaintenance.forgetSessions(licenseId, idsOf([expired]))).toBe('FORGOTTEN');
      await expectNoTrace(expired);
      await pool.put({});
      expect(await seatMaintenance.forgetSessions(licenseId, idsOf([expired, seated]))).toBe('FORGOTTEN');
      await expectNoTrace(expired, seated);
      expect(await pool.story()).toContain(`session.evicted ${seated.sessionId}`);
    });

    test('works for up to 32 sessions per call', async () => {
      const pool = await openPool(under(), { max: 32 });
      const sessions = await pool.seatMany(32);
      await under().seatMaintenance.forgetSessions(pool.licenseId, idsOf(sessions));
      expect((await readAll(pool.licenseId)).all).toEqual([]);
      const evictions = (await pool.events()).filter(({ type }) => type === 'session.evicted');
      expect(evictions.map(({ more }) => more.active)).toEqual(sessions.map((_, i) => String(31 - i)));
      expect(await pool.countActive()).toBe(0);
    });
  });
}
