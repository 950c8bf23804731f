import { describe, expect, test } from 'vitest';
import { newLicenseId, newPersonalId } from '../../../domain/ids.ts';
import type { Session } from '../../../domain/session.ts';
import type { Proof } from '../../../ports/seats.ts';
import { BY } from '../../by.ts';
import {
  all,
  DAY_MS,
  MEMORY_MS,
  MINUTE_MS,
  newEntitlement,
  openPool,
  type Pool,
  type SeatsUnderTest,
  TRUSTED,
  TTL_MS,
  verdictsOfAll,
} from './pool.ts';

const ORDERS = [
  [1, 2, 3],
  [1, 3, 2],
  [2, 1, 3],
  [2, 3, 1],
  [3, 1, 2],
  [3, 2, 1],
  [3, 3, 2],
];

export function licenseContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);

  async function listedMax({ licenseId }: Pool): Promise<number | undefined> {
    const listed = await under().seats.listSeats(licenseId, { limit: 0 });
    return listed.verdict === 'OK' ? listed.max : undefined;
  }

  describe('a license', () => {
    test('that the store does not have is unknown to every call, and nothing is written', async () => {
      const { licenseId } = newEntitlement();
      const { seats } = under();
      const sessionId = `ses_${licenseId.slice(4)}_0000000000000000`;
      expect(await verdictsOfAll(seats, licenseId, TRUSTED)).toEqual(all('UNKNOWN_LICENSE'));
      expect(await seats.evict({ licenseId, sessionId, scope: 'seat', by: BY })).toEqual({
        verdict: 'UNKNOWN_LICENSE',
      });
      expect(await seats.listSeats(licenseId, { limit: 1 })).toEqual({ verdict: 'UNKNOWN_LICENSE' });
      const signature = { licenseId, sessionId, untilMs: under().nowMs() + DAY_MS };
      expect(await seats.reserveSignature(signature)).toEqual({ verdict: 'GONE' });
      expect(await seats.keepSigned({ ...signature, signed: 'x', jti: 'j', by: BY })).toBe('GONE');
      expect(await under().kindsOfKeyLeft(licenseId)).toEqual([]);
      expect(await under().readOutbox(licenseId)).toEqual([]);
    });

    test('that is suspended grants, extends and revives nothing, but keeps leases until they end', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 1 });
      const session = await pool.seat('a');
      await pool.put({ status: 'suspended' });
      expect(await verdictsOfAll(under().seats, pool.licenseId, TRUSTED, session.sessionId)).toEqual([
        ...Array<string>(5).fill('SUSPENDED'),
        'ENDED',
      ]);
      await pool.put({ status: 'active' });
      const next = await pool.seat('a');
      await pool.put({ status: 'suspended' });
      await under().moveClockTo(next.expiresAtMs - 1);
      expect(await pool.countActive()).toBe(1);
      await pass(1);
      expect(await pool.countActive()).toBe(0);
    });

    test('never grants or extends a lease beyond its own end', async () => {
      const endMs = under().nowMs() + 400_000;
      const pool = await openPool(under(), { validUntilMs: endMs });
      const session = await pool.seat('a');
      expect(session.expiresAtMs).toBe(under().nowMs() + TTL_MS);
      await under().moveClockTo(endMs - TTL_MS + 1);
      expect(await pool.beat(session)).toMatchObject({ session: { expiresAtMs: endMs } });
      expect(await pool.acquire('b')).toMatchObject({ session: { expiresAtMs: endMs } });
      await under().moveClockTo(endMs);
      expect(await pool.acquire('a')).toEqual({ verdict: 'EXPIRED' });
      await expect(pool.beat(session)).rejects.toThrow('EXPIRED');
      await expect(pool.revive(session)).rejects.toThrow('EXPIRED');
      expect(await pool.countActive()).toBe(0);
      await pool.put({ validUntilMs: endMs + DAY_MS });
      expect(await pool.revive(session)).toMatchObject({ verdict: 'REVIVED' });
    });

    test('accepts its own key and no other', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 1 });
      const { licenseId, keyHash } = pool.terms;
      const { keyHash: strange } = newEntitlement();
      const right = pool.as({ kind: 'license-key', keyHash });
      expect(await right.acquire('a')).toMatchObject({ verdict: 'GRANTED' });
      for (const wrong of [strange, keyHash.slice(1), '']) {
        const verdicts = await verdictsOfAll(under().seats, licenseId, {
          kind: 'license-key',
          keyHash: wrong,
        });
        expect(verdicts).toEqual(all('WRONG_KEY'));
      }
      expect(await pool.countActive()).toBe(1);
    });

    test('accepts the previous key until its overlap ends', async () => {
      const pool = await openPool(under());
      const old: Proof = { kind: 'license-key', keyHash: pool.terms.keyHash };
      const { keyHash } = newEntitlement();
      const overlapEndMs = under().nowMs() + MINUTE_MS;
      await pool.put({
        keyHash,
        previousKeyHash: pool.terms.keyHash,
        previousKeyUntilMs: overlapEndMs,
      });
      const current: Proof = { kind: 'license-key', keyHash };
      expect(await pool.as(current).acquire('a')).toMatchObject({ verdict: 'GRANTED' });
      await under().moveClockTo(overlapEndMs - 1);
      expect(await pool.as(old).acquire('b')).toMatchObject({ verdict: 'GRANTED' });
      await under().moveClockTo(overlapEndMs);
      expect(await pool.as(old).acquire('b')).toEqual({ verdict: 'WRONG_KEY' });
      expect(await pool.as(current).acquire('b')).toMatchObject({ verdict: 'JOINED' });
    });

    test.each(ORDERS.map((order) => ({ order: order.join(', '), versions: order })))(
      'keeps its newest version, and reports each version once, if they arrive as $order',
      async ({ versions }) => {
        const pool = await openPool(under(), { version: 0 });
        let newest = 0;
        const stored: number[] = [];
        for (const version of versions) {
          const isNewer = version > newest;
          const verdict = await pool.put({ version, max: version * 10 }, 'license.updated');
          expect(verdict).toBe(isNewer ? 'STORED' : 'STALE');
          if (isNewer) stored.push(version);
          newest = Math.max(newest, version);
          expect(await listedMax(pool)).toBe(newest * 10);
        }
        const events = (await pool.events()).map(({ type, sessionId, more }) => [
          type,
          sessionId,
          more.version,
          more.max,
        ]);
        expect(events).toEqual(
          stored.map((version) => ['license.updated', '', String(version), String(version * 10)]),
        );
      },
    );

    test('compares its versions as numbers', async () => {
      const pool = await openPool(under(), { version: 9 });
      expect(await pool.put({ version: 10, max: 10 })).toBe('STORED');
      expect(await pool.put({ version: 9, max: 9 })).toBe('STALE');
      expect(await listedMax(pool)).toBe(10);
      expect(await pool.events()).toEqual([]);
    });

    test('whose unit changes leaves each seat to its holder, and ends it in time', async () => {
      const pool = await openPool(under(), { unit: 'machine', max: 5 });
      const program = { machine: 'm', user: 'u' };
      const [living, dead] = [await pool.seat(program), await pool.seat({ ...program, machine: 'other' })];
      await pool.put({ unit: 'user' });
      const again = await pool.acquire(program, { sessionId: living.sessionId });
      expect(again).toMatchObject({ verdict: 'RENEWED', session: { holder: 'm' } });
      await under().moveClockTo(dead.expiresAtMs);
      const anew = await pool.acquire(program, { sessionId: dead.sessionId, machine: 'other' });
      expect(anew).toMatchObject({
        verdict: 'GRANTED',
        session: { holder: 'u', acquiredAtMs: under().nowMs() },
      });
      const shard = pool.licenseId.slice(4, 6);
      const due = [{ licenseId: pool.licenseId, what: 'seats', dueMs: under().nowMs() }] as const;
      await under().seatMaintenance.expire(shard, due);
      expect((await pool.story()).toSorted()).toEqual(
        [
          `acquired ${living.sessionId} taken`,
          `acquired ${dead.sessionId} taken`,
          `expired ${living.sessionId} freed`,
          `expired ${dead.sessionId} freed`,
          `revived ${dead.sessionId} taken`,
        ].toSorted(),
      );
      expect(await pool.state()).toMatchObject({ seats: [{ holder: 'u' }], sessions: [{ holder: 'u' }] });
    });

    test('does not affect other licenses of its shard', async () => {
      const neighbour = await openPool(under(), { max: 1 });
      const foreign = await neighbour.seat('a');
      await neighbour.acquire('b');
      const before = [await neighbour.state(), await neighbour.events()];

      const { tenantId } = neighbour.terms;
      const pool = await openPool(under(), { max: 1, tenantId, licenseId: newLicenseId(tenantId) });
      const own = await pool.seat('a');
      await pool.acquire('b');
      expect(await pool.beat(foreign)).toMatchObject({ verdict: 'MISSING' });
      expect(await pool.release(foreign)).toBe('UNKNOWN_SESSION');
      expect(await pool.evict(foreign)).toEqual({ verdict: 'UNKNOWN_SESSION' });
      expect(await pool.revive(foreign, { isCleared: false })).toMatchObject({ verdict: 'FORGOTTEN' });
      await pool.evict(own, 'seat');
      expect([await neighbour.state(), await neighbour.events()]).toEqual(before);
      expect(await neighbour.beat(foreign)).toMatchObject({ verdict: 'RENEWED' });
    });
  });

  describe('a license that gets fewer seats than are taken', () => {
    /** Seats for these holders, each taken a second after the one before. */
    async function seatInTurn(pool: Pool, ...holders: readonly string[]): Promise<Session[]> {
      const sessions: Session[] = [];
      for (const holder of holders) {
        sessions.push(await pool.seat(holder));
        await pass(1_000);
      }
      return sessions;
    }
    const holdersOf = async (pool: Pool) => (await pool.list()).map(({ holder }) => holder).toSorted();
    const reduced = (session: Session, seat = 'freed') => `seats_reduced ${session.sessionId} ${seat}`;
    const endsOf = async (pool: Pool) =>
      (await pool.events())
        .filter(({ type }) => type === 'session.expired')
        .map(({ sessionId, more }) => `${more.reason} ${sessionId} ${more.seat}`);

    test('ends the seats that were taken last, at once and in that order, and tells why', async () => {
      const pool = await openPool(under(), { max: 3, overdraft: 1 });
      const [first, second, third, fourth] = await seatInTurn(pool, 'd', 'c', 'b', 'a');
      if (!first || !second || !third || !fourth) throw new Error('no session');
      // The first program is extended last: only when it began counts.
      await pass(250_000);
      await pool.beat(fourth);
      await pass(1_000);
      await pool.beat(first);
      expect(await pool.put({ max: 1 }, 'license.updated')).toBe('STORED');
      expect(await holdersOf(pool)).toEqual(['c', 'd']);
      expect(await endsOf(pool)).toEqual([reduced(fourth), reduced(third)]);
      const [change, ...ends] = (await pool.events()).slice(-3);
      expect(change?.type).toBe('license.updated');
      expect(ends.map(({ atMs, more }) => [atMs, more.active, more.max])).toEqual([
        [under().nowMs(), '3', '1'],
        [under().nowMs(), '2', '1'],
      ]);
      expect((await pool.state()).gone).toMatchObject([
        { sessionId: third.sessionId, why: 'expired', forgetMs: third.expiresAtMs + MEMORY_MS },
        { sessionId: fourth.sessionId, why: 'expired' },
      ]);
    });

    test('refuses the ended programs while it is full, and seats them again once there is room', async () => {
      const pool = await openPool(under(), { max: 2 });
      const [kept, ended] = await seatInTurn(pool, 'a', 'b');
      if (!kept || !ended) throw new Error('no session');
      await pool.put({ max: 1 });
      expect(await pool.beatAll([kept, ended])).toMatchObject([
        { verdict: 'RENEWED' },
        { verdict: 'MISSING' },
      ]);
      expect(await pool.revive(ended)).toMatchObject({ verdict: 'NO_ROOM' });
      const again = { sessionId: ended.sessionId };
      expect(await pool.acquire('b', again)).toMatchObject({ verdict: 'FULL', active: 1, max: 1 });
      await pool.release(kept);
      expect(await pool.revive(ended)).toMatchObject({ verdict: 'REVIVED' });
    });

    test('ends a seat with all its programs, and counts it by the first of them', async () => {
      const pool = await openPool(under(), { max: 2 });
      const [first, , other] = await seatInTurn(pool, 'a', 'b', 'a');
      const [one, two] = [await pool.seat('b'), first];
      if (!one || !two || !other) throw new Error('no session');
      await pool.put({ max: 1 });
      expect(await holdersOf(pool)).toEqual(['a']);
      expect((await pool.list())[0]?.sessions).toHaveLength(2);
      expect((await endsOf(pool)).map((line) => line.split(' ').at(-1))).toEqual(['kept', 'freed']);
    });

    test('reports a program that crashed before with its true end', async () => {
      const pool = await openPool(under(), { max: 2 });
      await pool.seat('a');
      const [crashed] = await seatInTurn(pool, 'b');
      await pass(TTL_MS - 2_000);
      const [kept, other] = [await pool.seat('a'), await pool.seat('b')];
      await pass(1_000);
      if (!crashed) throw new Error('no session');
      await pool.put({ max: 1 });
      expect(await holdersOf(pool)).toEqual(['a']);
      expect(kept.holder).toBe('a');
      expect((await pool.events()).slice(-2)).toMatchObject([
        { sessionId: crashed.sessionId, atMs: crashed.expiresAtMs, more: { reason: 'lease_ran_out' } },
        { sessionId: other.sessionId, more: { reason: 'seats_reduced', seat: 'freed', active: '1' } },
      ]);
    });

    test('ends nothing if there is room for all, or if it gets more', async () => {
      const pool = await openPool(under(), { max: 3, overdraft: 2 });
      const sessions = await seatInTurn(pool, 'a', 'b');
      await pool.put({ max: 1, overdraft: 1 });
      await pool.put({ max: 2, overdraft: 0 });
      await pool.put({ max: 9 });
      expect(await pool.beatAll(sessions)).toMatchObject(Array(2).fill({ verdict: 'RENEWED' }));
    });

    test('of none ends every seat, and no other license of its shard', async () => {
      const neighbour = await openPool(under(), { max: 1 });
      await neighbour.seat('a');
      const { tenantId } = neighbour.terms;
      const pool = await openPool(under(), { max: 2, tenantId, licenseId: newLicenseId(tenantId) });
      await pool.seatMany(2);
      await pool.put({ max: 0 });
      expect([await pool.countActive(), await neighbour.countActive()]).toEqual([0, 1]);
    });

    test('ends more seats than one call can', async () => {
      const pool = await openPool(under(), { max: 470 });
      await pool.seatMany(20, 'old-');
      await pass(1);
      await pool.seatMany(450, 'new-');
      expect(await pool.put({ max: 20 }, 'license.updated')).toBe('STORED');
      const { seats } = await pool.state();
      expect(seats.map(({ holder }) => holder.split('-')[0])).toEqual(Array(20).fill('old'));
      const ends = await endsOf(pool);
      expect([ends.length, new Set(ends).size]).toEqual([450, 450]);
      const changes = (await pool.events()).filter(({ type }) => type === 'license.updated');
      expect(changes).toHaveLength(1);
    });

    test('deletes what was signed for ended programs, unless they may start offline', async () => {
      for (const offlineStartDays of [0, 3]) {
        const pool = await openPool(under(), { max: 2, offlineStartDays });
        const [, ended] = await seatInTurn(pool, 'a', 'b');
        if (!ended) throw new Error('no session');
        const { licenseId } = pool;
        const request = { licenseId, sessionId: ended.sessionId, untilMs: under().nowMs() + DAY_MS };
        await under().seats.reserveSignature(request);
        await under().seats.keepSigned({ ...request, signed: 'x', jti: 'j', by: BY });
        await pool.put({ max: 1 });
        expect((await pool.state()).signed).toEqual(offlineStartDays === 0 ? [] : ['b']);
      }
    });

    test('ends other seats before it ends a loan, however old they are', async () => {
      const pool = await openPool(under(), { max: 4, borrowMaxDays: 9 });
      const [, b] = await seatInTurn(pool, 'a', 'b');
      const loan = await pool.loan('c', 2);
      await pass(1_000);
      const program = await pool.seat('c');
      if (!b) throw new Error('no session');
      await pool.put({ max: 2 });
      expect(await holdersOf(pool)).toEqual(['a', 'c']);
      expect(await pool.beatAll([loan, program])).toMatchObject(Array(2).fill({ verdict: 'RENEWED' }));
      expect(await endsOf(pool)).toEqual([reduced(b)]);
    });

    test('never ends loans: they keep their ends, and nothing else of the license until they have passed', async () => {
      const pool = await openPool(under(), { max: 4, borrowMaxDays: 9 });
      const [long, short] = [await pool.loan('a', 3), await pool.loan('b', 1)];
      const [program, other] = [await pool.seat('a'), await pool.seat('c')];
      await pass(1_000);
      await pool.put({ max: 1 });
      expect(await endsOf(pool)).toEqual([reduced(other), reduced(program, 'kept')]);
      expect(await pool.beatAll([long, short])).toMatchObject(Array(2).fill({ verdict: 'RENEWED' }));
      const full = { verdict: 'FULL', active: 2, max: 1 };
      // A program on the seat of a loan would keep it when the loan ends.
      expect(await pool.acquire('a')).toMatchObject(full);
      expect(await pool.revive(program)).toMatchObject({ verdict: 'NO_ROOM' });
      expect(await pool.borrow('c', 1)).toMatchObject(full);
      expect(await pool.borrow({ machine: 'a' }, 9)).toMatchObject(full);
      expect(await pool.borrow('a', 3)).toMatchObject({
        verdict: 'RENEWED',
        session: { expiresAtMs: long.expiresAtMs },
      });
      await under().moveClockTo(short.expiresAtMs);
      expect(await pool.countActive()).toBe(1);
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'JOINED', active: 1 });
      expect(await pool.acquire('c')).toMatchObject({ verdict: 'FULL', active: 1 });
      expect(await pool.borrow('a', 9)).toMatchObject({ verdict: 'RENEWED' });
    });

    test('ends seats too if its newer copy comes with what was lost, or its copy alone was lost', async () => {
      const pool = await openPool(under(), { max: 4 });
      const [, , third, fourth] = await seatInTurn(pool, 'a', 'b', 'c', 'd');
      if (!third || !fourth) throw new Error('no session');
      const newer = { ...pool.terms, version: 2, max: 3 };
      expect(await pool.restore({ entitlement: newer })).toMatchObject({ isCopyStored: true });
      expect(await endsOf(pool)).toEqual([reduced(fourth)]);
      await under().losePart(pool.licenseId, 'copy');
      const newest = { ...newer, version: 3, max: 2 };
      expect(await pool.restore({ entitlement: newest })).toMatchObject({ isCopyStored: true });
      expect(await endsOf(pool)).toEqual([reduced(fourth), reduced(third)]);
    });

    test('restores loans by the hundred and then ends seats, more than one call can', async () => {
      const pool = await openPool(under(), { max: 500, borrowMaxDays: 9 });
      const one = await pool.loan('loan-0', 9);
      const of = (n: number) => ({ ...one, sessionId: pool.newSession(), holder: `loan-${n}` });
      const loans = [one, ...[...Array(209).keys()].map((n) => of(n + 1))];
      await pool.seatMany(280);
      const entitlement = { ...pool.terms, version: 2, max: 220 };
      const restored = await pool.restore({ entitlement, loans });
      expect([restored.isCopyStored, restored.seated.length, restored.noRoom]).toEqual([true, 209, []]);
      expect(await pool.countActive()).toBe(220);
      expect(await endsOf(pool)).toHaveLength(270);
    });

    test('frees a seat whose sessions were lost before it ends others', async () => {
      const pool = await openPool(under(), { max: 3, borrowMaxDays: 1 });
      const [kept] = await seatInTurn(pool, 'b');
      const [lost, loan] = [await pool.seat('a'), await pool.loan('c', 1)];
      if (!kept) throw new Error('no session');
      await under().losePart(pool.licenseId, 'all but the number of seats');
      const { seats } = under();
      await seats.restore({ entitlement: pool.terms, loans: [], bars: [] });
      const { licenseId } = pool;
      const revival = { sessionId: kept.sessionId, proven: kept, isCleared: true };
      await seats.revive({ licenseId, proof: TRUSTED, by: BY, sessions: [revival] });
      expect(await pool.put({ max: 1 })).toBe('STORED');
      expect(await holdersOf(pool)).toEqual(['b']);
      expect(await pool.state()).toMatchObject({ loans: {} });
      expect(await pool.revive(lost)).toMatchObject({ verdict: 'NO_ROOM' });
      expect(await endsOf(pool)).toEqual([]);
      expect(await pool.restore({ loans: [loan] })).toMatchObject({ noRoom: [loan.sessionId] });
    });
  });

  describe('a license that the store has lost', () => {
    test('is MISSING and not stored by a change alone, as more than its copy may be lost', async () => {
      const pool = await openPool(under(), { max: 1 });
      await under().loseEverything();
      expect(await pool.put({}, 'license.updated')).toBe('MISSING');
      expect(await under().readEverything()).not.toContain(pool.licenseId);
      expect(await pool.acquire('a')).toEqual({ verdict: 'UNKNOWN_LICENSE' });
      expect(await pool.restore()).toEqual({ isCopyStored: true, seated: [], noRoom: [] });
      expect(await pool.acquire('a')).toMatchObject({ verdict: 'GRANTED' });
    });

    test('gets its loans back before any seat is granted, even if it was made smaller since, without new events', async () => {
      const pool = await openPool(under(), { max: 2, borrowMaxDays: 9 });
      const loans = [await pool.loan('a', 5), await pool.loan('b', 9)];
      await under().loseEverything();
      await pool.put({ max: 1 });
      expect(await pool.restore({ loans })).toEqual({
        isCopyStored: true,
        seated: loans.map(({ sessionId }) => sessionId),
        noRoom: [],
      });
      expect((await pool.list()).flatMap(({ sessions }) => sessions)).toEqual(loans);
      expect(await pool.acquire('c')).toMatchObject({ verdict: 'FULL', active: 2, max: 1 });
      expect(await pool.story()).toEqual([]);
      // Nothing is lost, so nothing is restored a second time.
      expect(await pool.restore({ loans })).toEqual({ isCopyStored: false, seated: [], noRoom: [] });
      expect(await pool.story()).toEqual([]);
      const ends = loans.map(({ expiresAtMs }) => expiresAtMs);
      expect(await pool.state()).toMatchObject({
        loans: { a: ends[0], b: ends[1] },
        dueMs: expect.any(Number),
      });
    });

    test('gets hundreds of loans back', async () => {
      const pool = await openPool(under(), { max: 300, borrowMaxDays: 9 });
      const one = await pool.loan('machine-0', 9);
      const of = (n: number) => ({ ...one, sessionId: pool.newSession(), holder: `machine-${n}` });
      const loans = [one, ...[...Array(299).keys()].map((n) => of(n + 1))];
      await under().loseEverything();
      expect(await pool.restore({ loans })).toEqual({
        isCopyStored: true,
        seated: loans.map(({ sessionId }) => sessionId),
        noRoom: [],
      });
      expect(await pool.countActive()).toBe(300);
    });

    test('adds a loan to the seat of its holder, or gives it a free one, once seats were granted again', async () => {
      const pool = await openPool(under(), { max: 3, borrowMaxDays: 9 });
      const loans = [await pool.loan('a', 9), await pool.loan('b', 9), await pool.loan('c', 9)];
      await under().loseEverything();
      await pool.restore();
      await pool.seat('a');
      await pool.seat('x');
      const [a, b, c] = loans.map(({ sessionId }) => sessionId);
      expect(await pool.restore({ loans })).toEqual({ isCopyStored: false, seated: [a, b], noRoom: [c] });
      expect(await pool.countActive()).toBe(3);
    });

    test('restores no loan that has ended, was returned or was evicted meanwhile', async () => {
      const pool = await openPool(under(), { max: 5, borrowMaxDays: 9 });
      const [ended, returned, evicted] = [
        await pool.loan('a', 1),
        await pool.loan('b', 9),
        await pool.loan('c', 9),
      ];
      await under().moveClockTo(ended.expiresAtMs);
      await pool.release(returned);
      await pool.evict(evicted);
      const lost = { loans: [ended, returned, evicted] };
      expect(await pool.restore(lost)).toEqual({ isCopyStored: false, seated: [], noRoom: [] });
      expect(await pool.countActive()).toBe(0);
    });

    test('restores a loan with its extended end, and never shortens it', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 9 });
      const loan = await pool.loan('a', 2);
      const longer = { ...loan, expiresAtMs: loan.expiresAtMs + DAY_MS };
      await pool.restore({ loans: [longer] });
      expect(await pool.list()).toMatchObject([{ sessions: [longer] }]);
      await pool.restore({ loans: [loan] });
      expect(await pool.list()).toMatchObject([{ sessions: [longer] }]);
    });

    test('still refuses its removed users, until each bar ends, and never shortens a bar', async () => {
      const pool = await openPool(under());
      const [ann, ben] = [newPersonalId('usr'), newPersonalId('usr')];
      const as = (userId: string) => pool.as({ kind: 'user', userId, tenantIds: [pool.terms.tenantId] });
      const startMs = under().nowMs();
      await under().loseEverything();
      await pool.restore({
        bars: [
          { userId: ann, untilMs: startMs + 1_000 },
          { userId: ben, untilMs: startMs },
        ],
      });
      expect(await as(ann).acquire('a')).toEqual({ verdict: 'NOT_YOURS' });
      expect(await as(ben).acquire('b')).toMatchObject({ verdict: 'GRANTED' });
      await pool.restore({ bars: [{ userId: ann, untilMs: startMs + 500 }] });
      await under().moveClockTo(startMs + 999);
      expect(await as(ann).acquire('a')).toEqual({ verdict: 'NOT_YOURS' });
      await pass(1);
      expect(await as(ann).acquire('a')).toMatchObject({ verdict: 'GRANTED' });
    });

    test('is restored in its newest version, whose change is reported once', async () => {
      const pool = await openPool(under(), { max: 1, version: 5 });
      const event = { type: 'license.updated', atMs: under().nowMs() - 5, ...BY, detail: {} } as const;
      const next = { ...pool.terms, version: 6, max: 9 };
      expect(await pool.restore({ entitlement: next, event })).toMatchObject({ isCopyStored: true });
      expect(await pool.restore({ entitlement: next, event })).toMatchObject({ isCopyStored: false });
      expect(await pool.restore()).toMatchObject({ isCopyStored: false });
      expect(await listedMax(pool)).toBe(9);
      expect(await pool.events()).toMatchObject([
        { type: 'license.updated', atMs: event.atMs, more: { version: '6', max: '9' } },
      ]);
    });

    test('keeps its programs if only the copy was lost', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await under().losePart(pool.licenseId, 'copy');
      await expect(pool.beat(session)).rejects.toThrow('UNKNOWN_LICENSE');
      await pool.restore();
      expect(await pool.beat(session)).toMatchObject({ verdict: 'RENEWED' });
    });
  });
}
