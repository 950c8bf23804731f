import { describe, expect, test } from 'vitest';
import type { Session } from '../../../domain/session.ts';
import type { Seat, SeatPage } from '../../../ports/seats.ts';
import { openPool, type Pool, type SeatsUnderTest } from './pool.ts';

export function listingContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);

  describe('the list of seats', () => {
    test('has each seat with its living sessions, the first seat to end first and the first session first', async () => {
      const pool = await openPool(under(), { max: 5, overdraft: 1 });
      const crashed = await pool.seat('shared');
      await pass(10);
      const early = await pool.seat('early');
      await pass(10);
      const [one, two] = [await pool.seat('shared'), await pool.seat('shared')];
      await pass(10);
      await pool.beat(one);
      const renewed = { ...one, expiresAtMs: one.expiresAtMs + 10 };
      const counts = { verdict: 'OK', max: 5, overdraft: 1, lent: 0 };
      const shared = { holder: 'shared', expiresAtMs: renewed.expiresAtMs };
      const inOrder = [renewed, two].toSorted((a, b) => (a.sessionId < b.sessionId ? -1 : 1));
      const list = () => under().seats.listSeats(pool.licenseId, { limit: 100 });
      expect(await list()).toEqual({
        ...counts,
        active: 2,
        seats: [
          { holder: 'early', expiresAtMs: early.expiresAtMs, sessions: [early] },
          { ...shared, sessions: [crashed, ...inOrder] },
        ],
      });

      const before = await under().readEverything();
      await under().moveClockTo(early.expiresAtMs);
      const rest = { ...counts, active: 1, seats: [{ ...shared, sessions: inOrder }] };
      expect(await list()).toEqual(rest);
      // Reading collects nothing: an expired session is reported by a call that changes its seat, or by the sweep.
      expect(await under().readEverything()).toBe(before);
    });

    test('only counts if no rows are requested, seats with a loan too, which end with it', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 1 });
      await pool.seat('a');
      const loan = await pool.loan('b', 1);
      await pool.seat('b');
      const count = () => under().seats.listSeats(pool.licenseId, { limit: 0 });
      const counts = { verdict: 'OK', max: 3, overdraft: 0, seats: [] };
      expect(await count()).toEqual({ ...counts, active: 2, lent: 1 });
      await under().moveClockTo(loan.expiresAtMs);
      expect(await count()).toEqual({ ...counts, active: 0, lent: 0 });
    });

    test.each([1, 7, 100])(
      'contains every seat once over pages of %i, also if many end at the same time',
      async (limit) => {
        const pool = await openPool(under(), { max: 130 });
        const seated: Session[] = [];
        for (const count of [40, 1, 30, 59]) {
          seated.push(...(await pool.seatMany(count, `${seated.length}-`)));
          await pass(1);
        }
        const listed = (await readPages(pool, limit)).flatMap(({ sessions }) => sessions);
        const inOrder = seated.toSorted(
          (a, b) => a.expiresAtMs - b.expiresAtMs || (a.holder < b.holder ? -1 : 1),
        );
        expect(listed).toEqual(inOrder);
      },
    );

    test('misses no seat while seats are renewed, joined, freed and taken between the pages', async () => {
      const pool = await openPool(under(), { max: 60 });
      const seated = await pool.seatMany(40);
      const FATES = ['renewed', 'joined', 'freed', 'left'] as const;
      const fate = (i: number) => FATES[i % FATES.length];
      let page = 0;
      const listed = await readPages(pool, 5, async () => {
        await pass(1);
        const session = seated[page];
        if (session && fate(page) === 'renewed') await pool.beat(session);
        if (session && fate(page) === 'joined') await pool.seat(session.holder);
        if (session && fate(page) === 'freed') await pool.release(session);
        if (page < 10) await pool.seat(`new-${page}`);
        page += 1;
      });
      const seen = new Set(listed.map(({ holder }) => holder));
      const isFreed = (i: number): boolean => i < page && fate(i) === 'freed';
      expect(seated.filter(({ holder }, i) => !isFreed(i) && !seen.has(holder))).toEqual([]);
      expect(page).toBeGreaterThan(8);
    });

    test('continues after a seat that has ended meanwhile, without others that have', async () => {
      const pool = await openPool(under());
      const one = await pool.seat('a');
      await pass(1_000);
      const between = await pool.seat('b');
      await pass(1_000);
      const two = await pool.seat('c');
      await under().moveClockTo(between.expiresAtMs);
      expect(await pool.list(5, one)).toMatchObject([{ holder: 'c', sessions: [two] }]);
      expect(await pool.list(5, two)).toEqual([]);
    });

    test('leaves out sessions that this release cannot read, names them, and counts their seats', async () => {
      const pool = await openPool(under(), { max: 4 });
      const [a, b, sibling] = [await pool.seat('a'), await pool.seat('b'), await pool.seat('b')];
      await under().rewriteByNewer(pool.licenseId, b.sessionId);
      const listed = await under().seats.listSeats(pool.licenseId, { limit: 100 });
      expect(listed).toMatchObject({ active: 2, unreadable: [b.sessionId] });
      expect((await pool.list()).flatMap(({ sessions }) => sessions)).toEqual([a, sibling]);
      await pool.release(sibling);
      expect(await pool.countActive()).toBe(2);
      expect(await pool.release(b)).toBe('ENDED');
      expect(await pool.countActive()).toBe(1);
    });
  });

  async function readPages(
    { licenseId }: Pool,
    limit: number,
    between: () => Promise<void> = async () => {},
  ): Promise<Seat[]> {
    const rows: Seat[] = [];
    let after: SeatPage['after'];
    // More pages than any of these lists has, in case a faulty list never ends.
    for (let page = 0; page < 200; page += 1) {
      const answer = await under().seats.listSeats(licenseId, { limit, after });
      if (answer.verdict !== 'OK') throw new Error(answer.verdict);
      expect(answer.seats.length).toBeLessThanOrEqual(limit);
      rows.push(...answer.seats);
      if (!answer.next) return rows;
      after = answer.next;
      await between();
    }
    throw new Error('the list does not end');
  }
}
