import { describe, expect, test } from 'vitest';
import type { Session } from '../../../domain/session.ts';
import { openPool, type Pool, type SeatsUnderTest } from './pool.ts';

type Cursor = { sessionId: string; expiresAtMs: number };

export function listingContract(under: () => SeatsUnderTest): void {
  describe('the list of sessions', () => {
    test('contains holder and start of each session, the first to expire first, and no expired lease', async () => {
      const pool = await openPool(under(), { max: 5, overdraft: 1 });
      const early = await pool.seat('early');
      await under().moveClockTo(under().nowMs() + 10);
      const [late, later] = [await pool.seat('late'), await pool.seat('later')];
      await under().moveClockTo(under().nowMs() + 10);
      await pool.beat(late);
      const renewed = { ...late, expiresAtMs: late.expiresAtMs + 10 };
      const counts = { verdict: 'OK', max: 5, overdraft: 1 };
      const whole = await under().seats.listSessions(pool.licenseId, { limit: 100 });
      expect(whole).toEqual({ ...counts, active: 3, sessions: [early, later, renewed] });

      const before = [await pool.state(), await pool.events()];
      await under().moveClockTo(early.expiresAtMs);
      const rest = await under().seats.listSessions(pool.licenseId, { limit: 100 });
      expect(rest).toEqual({ ...counts, active: 2, sessions: [later, renewed] });
      // Reading does not notice: an expired lease is reported by the next call that changes something, or the sweep.
      expect([await pool.state(), await pool.events()]).toEqual(before);
    });

    test('only counts if no rows are requested', async () => {
      const pool = await openPool(under());
      await pool.seat('a');
      const counted = await under().seats.listSessions(pool.licenseId, { limit: 0 });
      expect(counted).toEqual({ verdict: 'OK', active: 1, max: 3, overdraft: 0, sessions: [] });
    });

    test.each([1, 7, 100])(
      'contains every session once over pages of %i, also if many expire at the same time',
      async (limit) => {
        const pool = await openPool(under(), { max: 130 });
        const seated: Session[] = [];
        for (const count of [40, 1, 30, 59]) {
          seated.push(...(await pool.seatMany(count, `${seated.length}-`)));
          await under().moveClockTo(under().nowMs() + 1);
        }
        const listed = await readPages(pool, limit);
        const inOrder = seated.toSorted(
          (a, b) => a.expiresAtMs - b.expiresAtMs || (a.sessionId < b.sessionId ? -1 : 1),
        );
        expect(listed).toEqual(inOrder);
      },
    );

    test('misses no session while sessions renew, end and begin between the pages', async () => {
      const pool = await openPool(under(), { max: 60 });
      const seated = await pool.seatMany(40);
      const fate = (i: number): 'renews' | 'ends' | 'stays' =>
        (['renews', 'ends', 'stays'] as const)[i % 3] ?? 'stays';
      let page = 0;
      const listed = await readPages(pool, 5, async () => {
        await under().moveClockTo(under().nowMs() + 1);
        const session = seated[page];
        if (session && fate(page) === 'renews') await pool.beat(session);
        if (session && fate(page) === 'ends') await pool.release(session);
        if (page < 10) await pool.seat(`new-${page}`);
        page += 1;
      });
      const seen = new Set(listed.map(({ sessionId }) => sessionId));
      const ended = (i: number): boolean => i < page && fate(i) === 'ends';
      const missed = seated.filter(({ sessionId }, i) => !ended(i) && !seen.has(sessionId));
      expect(missed).toEqual([]);
      expect(page).toBeGreaterThan(8);
    });

    test('leaves out sessions that this release cannot read, names them, and counts their seats', async () => {
      const pool = await openPool(under(), { max: 4 });
      const [a, b, c] = [await pool.seat('a'), await pool.seat('b'), await pool.seat('c')];
      await under().rewriteByNewer(pool.licenseId, b.sessionId);
      const { seats } = under();
      const rows: Session[] = [];
      const unreadable: string[] = [];
      let after: Cursor | undefined;
      do {
        const page = await seats.listSessions(pool.licenseId, { limit: 1, after });
        if (page.verdict !== 'OK') throw new Error(page.verdict);
        expect(page.active).toBe(3);
        rows.push(...page.sessions);
        unreadable.push(...(page.unreadable ?? []));
        after = page.next;
      } while (after);
      const byId = (left: Session, right: Session) => (left.sessionId < right.sessionId ? -1 : 1);
      expect([rows, unreadable]).toEqual([[a, c].sort(byId), [b.sessionId]]);
      expect(await pool.release(b, 'evicted')).toBe('ENDED');
      expect(await pool.countActive()).toBe(2);
    });

    test('continues after a row whose lease has ended meanwhile', async () => {
      const pool = await openPool(under());
      const first = await pool.seat('a');
      await under().moveClockTo(under().nowMs() + 1_000);
      const second = await pool.seat('b');
      await under().moveClockTo(first.expiresAtMs);
      const rest = await under().seats.listSessions(pool.licenseId, { limit: 5, after: first });
      expect(rest).toMatchObject({ sessions: [second] });
      const end = await under().seats.listSessions(pool.licenseId, { limit: 5, after: second });
      expect(end).toMatchObject({ active: 1, sessions: [] });
    });
  });

  async function readPages(
    { licenseId }: Pool,
    limit: number,
    between: () => Promise<void> = async () => {},
  ): Promise<Session[]> {
    const rows: Session[] = [];
    let after: Cursor | undefined;
    // More pages than any of these lists has, in case a faulty list never ends.
    for (let page = 0; page < 200; page += 1) {
      const answer = await under().seats.listSessions(licenseId, { limit, after });
      if (answer.verdict !== 'OK') throw new Error(answer.verdict);
      if (answer.sessions.length === 0) return rows;
      expect(answer.sessions.length).toBeLessThanOrEqual(limit);
      rows.push(...answer.sessions);
      after = answer.sessions.at(-1);
      await between();
    }
    throw new Error('the list does not end');
  }
}
