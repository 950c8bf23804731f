import { describe, expect, test } from 'vitest';
import { newLicenseId, newPersonalId } from '../../../domain/ids.ts';
import type { Proof } from '../../../ports/seats.ts';
import { BY } from '../../by.ts';
import {
  all,
  DAY_MS,
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

    test('that is made smaller ends no lease and grants no seat until enough have ended', async () => {
      const pool = await openPool(under(), { max: 3 });
      const sessions = await pool.seatMany(3);
      await pool.put({ max: 1 }, 'license.updated');
      expect(await pool.beatAll(sessions)).toMatchObject(Array(3).fill({ verdict: 'RENEWED' }));
      const [one, two, three] = sessions;
      if (!one || !two || !three) throw new Error('no session');
      await pool.release(one);
      await pool.release(two);
      expect(await pool.acquire('late')).toMatchObject({ verdict: 'FULL', active: 1, max: 1 });
      await pool.release(three);
      expect(await pool.acquire('late')).toMatchObject({ verdict: 'GRANTED', active: 1 });
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
