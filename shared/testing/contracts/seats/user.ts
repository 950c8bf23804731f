import { describe, expect, test } from 'vitest';
import { newPersonalId, newTenantId } from '../../../domain/ids.ts';
import type { Proof } from '../../../ports/seats.ts';
import { openPool, type Pool, type SeatsUnderTest, verdictsOfAll } from './pool.ts';

type UserProof = Extract<Proof, { kind: 'user' }>;

const NOT_YOURS = Array<string>(4).fill('NOT_YOURS');

/** A signed-in user with these tenants. */
function userWith(...tenantIds: string[]): UserProof {
  return { kind: 'user', userId: newPersonalId('usr'), tenantIds };
}

/** A seat for the user, as the function requests it. */
async function seatFor(pool: Pool, user: UserProof, machine = `machine of ${user.userId}`) {
  const facts = { fingerprint: machine, userId: user.userId };
  return pool.as(user).seat(machine, { facts });
}

export function userContract(under: () => SeatsUnderTest): void {
  describe('a signed-in user', () => {
    test('acquires, keeps, reads and releases a seat in any of their tenants', async () => {
      const pool = await openPool(under());
      const { tenantId } = pool.terms;
      const others = Array.from({ length: 19 }, () => newTenantId(16));
      for (const tenantIds of [[tenantId], [...others, tenantId], [tenantId, ...others]]) {
        const user = userWith(...tenantIds);
        const session = await seatFor(pool, user);
        const own = pool.as(user);
        expect(await own.beat(session)).toMatchObject({ verdict: 'RENEWED' });
        expect(await own.read(session)).toMatchObject({ verdict: 'OK', session });
        expect(await own.acquire(session.holder, { facts: session.facts })).toMatchObject({
          verdict: 'RENEWED',
          session: { sessionId: session.sessionId },
        });
        expect(await own.release(session)).toBe('ENDED');
      }
    });

    test('gets NOT_YOURS for a license of another tenant, and changes nothing', async () => {
      const pool = await openPool(under());
      const { tenantId, licenseId } = pool.terms;
      const session = await seatFor(pool, userWith(tenantId));
      const { userId = '' } = session.facts;
      const strange = [
        [],
        [newTenantId(16)],
        [tenantId.slice(0, -1)],
        [`${tenantId}0`],
        [`0${tenantId}`],
        [userId],
      ];
      for (const tenantIds of strange) {
        // Only the count of refused callers may change.
        const before = [await pool.state(), await pool.events()];
        const proof = { kind: 'user', userId, tenantIds } as const;
        await under().moveClockTo(under().nowMs() + 12_000);
        expect(await verdictsOfAll(under().seats, licenseId, proof, session.sessionId)).toEqual(NOT_YOURS);
        expect([await pool.state(), await pool.events()]).toEqual(before);
      }
    });

    test('cannot distinguish another user’s session from one that never existed, or change it', async () => {
      const pool = await openPool(under(), { max: 4 });
      const [ann, ben] = [userWith(pool.terms.tenantId), userWith(pool.terms.tenantId)];
      const expired = await seatFor(pool, ann, 'one that expired');
      await under().moveClockTo(expired.expiresAtMs);
      const foreign = await seatFor(pool, ann);
      const released = await seatFor(pool, ann, 'one that was released');
      await pool.release(released);
      const ownerless = await pool.seat('machine without a user');
      await pool.seat('machine of a namesake', { facts: { fingerprint: ben.userId, hostname: ben.userId } });
      const stranger = { ...foreign, sessionId: pool.newSession() };
      const asBen = pool.as(ben);
      // Only the count of calls may change.
      const before = [await pool.state(), await pool.events()];
      for (const session of [foreign, expired, released, ownerless, stranger]) {
        for (const token of [undefined, session]) {
          const { sessionId } = session;
          expect(await asBen.beat(session, token)).toEqual({ verdict: 'GONE', sessionId });
          expect(await asBen.release(session, 'released', token)).toBe('UNKNOWN_SESSION');
        }
        expect(await asBen.read(session)).toEqual({ verdict: 'GONE' });
      }
      expect([await pool.state(), await pool.events()]).toEqual(before);
      expect(await pool.as(ann).beat(expired)).toMatchObject({ verdict: 'REVIVED' });
      expect(await pool.as(ann).beat(foreign)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.as(ann).read(foreign)).toMatchObject({ verdict: 'OK' });
    });

    test("cannot revive or end a session that Redis has lost with another user's token", async () => {
      const pool = await openPool(under());
      const [ann, ben] = [userWith(pool.terms.tenantId), userWith(pool.terms.tenantId)];
      const [first, second] = [await seatFor(pool, ann), await seatFor(pool, ann, 'another machine')];
      await under().loseEverything();
      await pool.put({});
      for (const session of [first, second]) {
        const { sessionId } = session;
        expect(await pool.as(ben).beat(session, session)).toEqual({ verdict: 'GONE', sessionId });
        expect(await pool.as(ben).release(session, 'released', session)).toBe('UNKNOWN_SESSION');
      }
      expect(await pool.state()).toMatchObject({ leases: [], ended: [], lapsed: [] });
      expect(await pool.as(ann).beat(first, first)).toMatchObject({
        verdict: 'REVIVED',
        session: { facts: first.facts },
      });
      expect(await pool.as(ann).release(second, 'released', second)).toBe('ALREADY_ENDED');
      expect(await pool.as(ann).beat(second, second)).toMatchObject({ verdict: 'GONE' });
    });

    test('gets ALREADY_ENDED for their own session as long as it is known to be theirs', async () => {
      const pool = await openPool(under());
      const ann = userWith(pool.terms.tenantId);
      const [released, expired] = [await seatFor(pool, ann), await seatFor(pool, ann, 'another machine')];
      expect(await pool.as(ann).release(released)).toBe('ENDED');
      expect(await pool.as(ann).release(released, 'released', released)).toBe('ALREADY_ENDED');
      expect(await pool.as(ann).release(released)).toBe('UNKNOWN_SESSION');
      await under().moveClockTo(expired.expiresAtMs);
      expect(await pool.as(ann).release(expired)).toBe('ALREADY_ENDED');
      expect(await pool.as(ann).beat(expired, expired)).toMatchObject({ verdict: 'GONE' });
    });

    test('renews their own session among others in one call, and leaves those unchanged', async () => {
      const pool = await openPool(under(), { max: 4 });
      const [ann, ben] = [userWith(pool.terms.tenantId), userWith(pool.terms.tenantId)];
      const [one, foreign, two] = [
        await seatFor(pool, ann),
        await seatFor(pool, ben),
        await seatFor(pool, ann, 'another machine'),
      ];
      await under().moveClockTo(under().nowMs() + 300_000);
      const results = await pool.as(ann).beatAll([one, foreign, two]);
      expect(results.map(({ verdict }) => verdict)).toEqual(['RENEWED', 'GONE', 'RENEWED']);
      const { leases } = await pool.state();
      expect(leases.find(({ sessionId }) => sessionId === foreign.sessionId)?.expiresAtMs).toBe(
        foreign.expiresAtMs,
      );
    });

    test('takes over the session of the machine that they use', async () => {
      const pool = await openPool(under());
      const [ann, ben] = [userWith(pool.terms.tenantId), userWith(pool.terms.tenantId)];
      const session = await seatFor(pool, ann, 'the shared machine');
      const handedOver = await seatFor(pool, ben, 'the shared machine');
      expect(handedOver.sessionId).toBe(session.sessionId);
      expect(await pool.as(ann).read(session)).toEqual({ verdict: 'GONE' });
      expect(await pool.as(ann).release(session, 'released', session)).toBe('UNKNOWN_SESSION');
      expect(await pool.as(ben).release(session)).toBe('ENDED');
    });

    test('gets SUSPENDED and UNKNOWN_LICENSE for licenses of their own tenants', async () => {
      const pool = await openPool(under(), { status: 'suspended' });
      const { licenseId, tenantId } = pool.terms;
      const ann = userWith(tenantId);
      const suspended = ['SUSPENDED', 'SUSPENDED', 'SUSPENDED', 'UNKNOWN_SESSION'];
      expect(await verdictsOfAll(under().seats, licenseId, ann)).toEqual(suspended);
      await under().losePart(licenseId, 'terms');
      expect(await verdictsOfAll(under().seats, licenseId, ann)).toEqual(Array(4).fill('UNKNOWN_LICENSE'));
    });
  });

  describe('a user who was removed from a tenant', () => {
    test('gets NOT_YOURS for its licenses until the bar expires', async () => {
      const pool = await openPool(under());
      const { tenantId, licenseId } = pool.terms;
      const [ann, ben] = [userWith(tenantId), userWith(tenantId)];
      const [session, bens] = [await seatFor(pool, ann), await seatFor(pool, ben)];
      await under().seatMaintenance.bar(tenantId, ann.userId, 300);
      const before = await pool.state();
      expect(await verdictsOfAll(under().seats, licenseId, ann, session.sessionId)).toEqual(NOT_YOURS);
      expect(await pool.state()).toEqual(before);
      expect(await pool.as(ben).beat(bens)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.beat(session)).toMatchObject({ verdict: 'RENEWED' });

      await under().moveClockTo(under().nowMs() + 299_999);
      expect(await pool.as(ann).read(session)).toEqual({ verdict: 'NOT_YOURS' });
      await under().moveClockTo(under().nowMs() + 1);
      expect(await pool.as(ann).read(session)).toMatchObject({ verdict: 'OK' });
    });

    test('keeps access to other tenants of the same shard', async () => {
      const [pool, other] = [await openPool(under()), await openPool(under())];
      const ids = [pool.terms.tenantId, other.terms.tenantId];
      const ann = userWith(...ids);
      const [session, kept] = [await seatFor(pool, ann), await seatFor(other, ann)];
      await under().seatMaintenance.bar(pool.terms.tenantId, ann.userId, 300);
      expect(await pool.as(ann).read(session)).toEqual({ verdict: 'NOT_YOURS' });
      expect(await other.as(ann).read(kept)).toMatchObject({ verdict: 'OK' });
    });

    test('has access again at once after the bar is removed', async () => {
      const pool = await openPool(under());
      const { tenantId } = pool.terms;
      const ann = userWith(tenantId);
      const session = await seatFor(pool, ann);
      const { seatMaintenance } = under();
      await seatMaintenance.unbar(tenantId, ann.userId);
      await seatMaintenance.bar(tenantId, ann.userId, 300);
      await seatMaintenance.bar(tenantId, userWith().userId, 300);
      await seatMaintenance.unbar(tenantId, ann.userId);
      await seatMaintenance.unbar(tenantId, ann.userId);
      expect(await pool.as(ann).read(session)).toMatchObject({ verdict: 'OK' });
    });

    test('stays barred for the longest given time', async () => {
      const pool = await openPool(under());
      const { tenantId } = pool.terms;
      const ann = userWith(tenantId);
      const session = await seatFor(pool, ann);
      for (const seconds of [60, 200, 10]) await under().seatMaintenance.bar(tenantId, ann.userId, seconds);
      await under().moveClockTo(under().nowMs() + 199_999);
      expect(await pool.as(ann).read(session)).toEqual({ verdict: 'NOT_YOURS' });
      await under().moveClockTo(under().nowMs() + 1);
      expect(await pool.as(ann).read(session)).toMatchObject({ verdict: 'OK' });
    });

    test('is deleted from the store when the bar has expired and another one is set', async () => {
      const tenantId = newTenantId(16);
      const [ann, ben] = [userWith(tenantId), userWith(tenantId)];
      await under().seatMaintenance.bar(tenantId, ann.userId, 10);
      expect(await under().readEverything()).toContain(ann.userId);
      await under().moveClockTo(under().nowMs() + 10_000);
      await under().seatMaintenance.bar(tenantId, ben.userId, 10);
      const kept = await under().readEverything();
      expect(kept).not.toContain(ann.userId);
      expect(kept).toContain(ben.userId);
    });
  });
}
