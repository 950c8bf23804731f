import { describe, expect, test } from 'vitest';
import { identityOf, pseudonyms } from '../../../domain/holder.ts';
import { newPersonalId, newTenantId } from '../../../domain/ids.ts';
import type { Proof } from '../../../ports/seats.ts';
import { all, DAY_MS, openPool, type Pool, type SeatsUnderTest, verdictsOfAll } from './pool.ts';

type UserProof = Extract<Proof, { kind: 'user' }>;

/** A signed-in user with these tenants. */
function userWith(...tenantIds: string[]): UserProof {
  return { kind: 'user', userId: newPersonalId('usr'), tenantIds };
}

/** A seat for the user, as the function requests it. */
async function seatFor(pool: Pool, user: UserProof, fingerprint = 'f', instanceId?: string) {
  const facts = { fingerprint, userId: user.userId };
  const program = identityOf({ facts, instanceId, isSignedIn: true }, pool.licenseId, pseudonyms('key'));
  return pool.as(user).seat(program.holders, { ...program, facts });
}

export function userContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);

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
        expect(await seatFor(pool, user)).toMatchObject({ sessionId: session.sessionId });
        expect(await own.release(session)).toBe('ENDED');
      }
    });

    test('gets NOT_YOURS for a license of another tenant, and changes nothing', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 1 });
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
        await pass(18_000);
        expect(await verdictsOfAll(under().seats, licenseId, proof, session.sessionId)).toEqual(
          all('NOT_YOURS'),
        );
        expect([await pool.state(), await pool.events()]).toEqual(before);
      }
    });

    test('cannot distinguish another user’s session from one that never existed, or change it', async () => {
      const pool = await openPool(under(), { max: 6 });
      const [ann, ben] = [userWith(pool.terms.tenantId), userWith(pool.terms.tenantId)];
      const expired = await seatFor(pool, ann, 'one that expired');
      await under().moveClockTo(expired.expiresAtMs);
      const foreign = await seatFor(pool, ann);
      const released = await seatFor(pool, ann, 'one that was released');
      await pool.release(released);
      const ownerless = await pool.seat('machine without a user');
      const namesake = { fingerprint: ben.userId, hostname: ben.userId };
      await pool.seat('machine of a namesake', { facts: namesake });
      const stranger = { ...foreign, sessionId: pool.newSession() };
      const asBen = pool.as(ben);
      const before = [await pool.state(), await pool.events()];
      for (const session of [foreign, expired, released, ownerless, stranger]) {
        const { sessionId } = session;
        for (const token of [undefined, session]) {
          expect(await asBen.beat(session, token)).toEqual({ verdict: 'MISSING', sessionId });
          expect(await asBen.revive(session, { proven: token })).toEqual({
            verdict: 'ENDED',
            sessionId,
            ended: 'unknown',
          });
          expect(await asBen.release(session, token)).toBe('UNKNOWN_SESSION');
        }
        expect(await asBen.read(session)).toEqual({ verdict: 'GONE' });
      }
      expect([await pool.state(), await pool.events()]).toEqual(before);
      expect(await pool.as(ann).revive(expired)).toMatchObject({ verdict: 'REVIVED' });
      expect(await pool.as(ann).beat(foreign)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.as(ann).read(foreign)).toMatchObject({ verdict: 'OK' });
    });

    test('learns how their own session ended only with its token', async () => {
      const pool = await openPool(under());
      const ann = userWith(pool.terms.tenantId);
      const [evicted, expired] = [await seatFor(pool, ann), await seatFor(pool, ann, 'another machine')];
      await pool.evict(evicted);
      const own = pool.as(ann);
      const ended = (why: string) => ({ verdict: 'ENDED', sessionId: evicted.sessionId, ended: why });
      expect(await own.revive(evicted)).toEqual(ended('evicted'));
      expect(await own.revive(evicted.sessionId)).toEqual(ended('unknown'));
      await under().moveClockTo(expired.expiresAtMs);
      expect(await own.revive(expired)).toMatchObject({ verdict: 'REVIVED' });
    });

    test('cannot revive or end a session that Redis has lost with another user’s token', async () => {
      const pool = await openPool(under());
      const [ann, ben] = [userWith(pool.terms.tenantId), userWith(pool.terms.tenantId)];
      const [one, two] = [await seatFor(pool, ann), await seatFor(pool, ann, 'another machine')];
      await under().loseEverything();
      await pool.restore();
      for (const session of [one, two]) {
        expect(await pool.as(ben).revive(session)).toMatchObject({ verdict: 'ENDED', ended: 'unknown' });
        expect(await pool.as(ben).release(session, session)).toBe('UNKNOWN_SESSION');
      }
      expect(await pool.state()).toMatchObject({ sessions: [], gone: [] });
      expect(await pool.as(ann).revive(one)).toMatchObject({
        verdict: 'REVIVED',
        session: { facts: one.facts },
      });
      expect(await pool.as(ann).release(two, two)).toBe('ALREADY_ENDED');
      expect(await pool.as(ann).revive(two)).toMatchObject({ verdict: 'ENDED', ended: 'released' });
    });

    test('gets ALREADY_ENDED for their own session if its token shows that it was theirs', async () => {
      const pool = await openPool(under());
      const ann = userWith(pool.terms.tenantId);
      const [released, expired] = [await seatFor(pool, ann), await seatFor(pool, ann, 'another machine')];
      const own = pool.as(ann);
      expect(await own.release(released)).toBe('ENDED');
      expect(await own.release(released, released)).toBe('ALREADY_ENDED');
      expect(await own.release(released)).toBe('UNKNOWN_SESSION');
      await under().moveClockTo(expired.expiresAtMs);
      expect(await own.release(expired)).toBe('UNKNOWN_SESSION');
      expect(await own.release(expired, expired)).toBe('ALREADY_ENDED');
      expect(await own.revive(expired)).toMatchObject({ verdict: 'ENDED', ended: 'released' });
    });

    test('renews their own session among others in one call, and leaves those unchanged', async () => {
      const pool = await openPool(under(), { max: 4 });
      const [ann, ben] = [userWith(pool.terms.tenantId), userWith(pool.terms.tenantId)];
      const sessions = [
        await seatFor(pool, ann),
        await seatFor(pool, ben),
        await seatFor(pool, ann, 'other'),
      ];
      await pass(300_000);
      const results = await pool.as(ann).beatAll(sessions);
      expect(results.map(({ verdict }) => verdict)).toEqual(['RENEWED', 'MISSING', 'RENEWED']);
      const foreign = (await pool.state()).sessions.find(
        ({ sessionId }) => sessionId === sessions[1]?.sessionId,
      );
      expect(foreign?.endMs).toBe(sessions[1]?.expiresAtMs);
    });

    test('can complete the facts of a loan that was restored from the records with its token', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 3 });
      const [ann, ben] = [userWith(pool.terms.tenantId), userWith(pool.terms.tenantId)];
      const loan = await pool.as(ann).loan('m', 3, { facts: { fingerprint: 'f', userId: ann.userId } });
      await under().loseEverything();
      await pool.restore({ loans: [{ ...loan, facts: { fingerprint: '' } }] });
      expect(await pool.as(ann).beat(loan)).toMatchObject({ verdict: 'MISSING' });
      expect(await pool.as(ben).beat(loan, loan)).toMatchObject({ verdict: 'MISSING' });
      expect(await pool.as(ann).beat(loan, loan)).toEqual({ verdict: 'RENEWED', session: loan });
      await pass(DAY_MS);
      expect(await pool.as(ann).beat(loan)).toMatchObject({ verdict: 'RENEWED' });
    });

    test.each([undefined, 'an instance'])(
      'has a seat and a session of their own on a machine whose fingerprint another user sends (%s)',
      async (instanceId) => {
        for (const unit of ['machine', 'user', 'process'] as const) {
          const pool = await openPool(under(), { unit, max: 3 });
          if (unit === 'process' && instanceId === undefined) continue;
          const [ann, ben] = [userWith(pool.terms.tenantId), userWith(pool.terms.tenantId)];
          const [anns, bens] = [
            await seatFor(pool, ann, 'f', instanceId),
            await seatFor(pool, ben, 'f', instanceId),
          ];
          expect(bens.sessionId).not.toBe(anns.sessionId);
          expect(bens.holder).not.toBe(anns.holder);
          expect(await pool.as(ann).read(anns)).toMatchObject({ verdict: 'OK', session: anns });
          await under().seatMaintenance.forgetSessions(pool.licenseId, [anns.sessionId]);
          expect(await pool.as(ben).beat(bens)).toMatchObject({ verdict: 'RENEWED' });
          expect(await pool.countActive()).toBe(1);
          expect(await under().readEverything()).not.toContain(ann.userId);
        }
      },
    );

    test('gets SUSPENDED and UNKNOWN_LICENSE for licenses of their own tenants', async () => {
      const pool = await openPool(under(), { status: 'suspended', borrowMaxDays: 1 });
      const { licenseId, tenantId } = pool.terms;
      const ann = userWith(tenantId);
      const suspended = [...Array<string>(5).fill('SUSPENDED'), 'UNKNOWN_SESSION'];
      expect(await verdictsOfAll(under().seats, licenseId, ann)).toEqual(suspended);
      await under().losePart(licenseId, 'copy');
      expect(await verdictsOfAll(under().seats, licenseId, ann)).toEqual(all('UNKNOWN_LICENSE'));
    });
  });

  describe('a user who was removed from a tenant', () => {
    const barFor = (tenantId: string, { userId }: UserProof, ms: number) =>
      under().seatMaintenance.bar(tenantId, [{ userId, untilMs: under().nowMs() + ms }]);

    test('gets NOT_YOURS for its licenses until the bar ends', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 1 });
      const { tenantId, licenseId } = pool.terms;
      const [ann, ben] = [userWith(tenantId), userWith(tenantId)];
      const [session, bens] = [await seatFor(pool, ann), await seatFor(pool, ben)];
      await barFor(tenantId, ann, 300_000);
      const before = await pool.state();
      expect(await verdictsOfAll(under().seats, licenseId, ann, session.sessionId)).toEqual(all('NOT_YOURS'));
      expect(await pool.state()).toEqual(before);
      expect(await pool.as(ben).beat(bens)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.beat(session)).toMatchObject({ verdict: 'RENEWED' });
      await pass(299_999);
      expect(await pool.as(ann).read(session)).toEqual({ verdict: 'NOT_YOURS' });
      await pass(1);
      expect(await pool.as(ann).read(session)).toMatchObject({ verdict: 'OK' });
    });

    test('keeps access to other tenants of the same shard', async () => {
      const [pool, other] = [await openPool(under()), await openPool(under())];
      const ann = userWith(pool.terms.tenantId, other.terms.tenantId);
      const [session, kept] = [await seatFor(pool, ann), await seatFor(other, ann)];
      await barFor(pool.terms.tenantId, ann, 300_000);
      expect(await pool.as(ann).read(session)).toEqual({ verdict: 'NOT_YOURS' });
      expect(await other.as(ann).read(kept)).toMatchObject({ verdict: 'OK' });
    });

    test('has access again at once after the bar is removed', async () => {
      const pool = await openPool(under());
      const { tenantId } = pool.terms;
      const [ann, ben] = [userWith(tenantId), userWith(tenantId)];
      const session = await seatFor(pool, ann);
      const { seatMaintenance } = under();
      await seatMaintenance.unbar(tenantId, ann.userId);
      const untilMs = under().nowMs() + 300_000;
      await seatMaintenance.bar(
        tenantId,
        [ann, ben].map(({ userId }) => ({ userId, untilMs })),
      );
      await seatMaintenance.unbar(tenantId, ann.userId);
      await seatMaintenance.unbar(tenantId, ann.userId);
      expect(await pool.as(ann).read(session)).toMatchObject({ verdict: 'OK' });
      expect(await pool.as(ben).read(session)).toEqual({ verdict: 'NOT_YOURS' });
    });

    test('stays barred for the longest given time', async () => {
      const pool = await openPool(under());
      const { tenantId } = pool.terms;
      const ann = userWith(tenantId);
      const session = await seatFor(pool, ann);
      for (const seconds of [60, 200, 10]) await barFor(tenantId, ann, seconds * 1000);
      await pass(199_999);
      expect(await pool.as(ann).read(session)).toEqual({ verdict: 'NOT_YOURS' });
      await pass(1);
      expect(await pool.as(ann).read(session)).toMatchObject({ verdict: 'OK' });
    });

    test('is deleted from the store when the bar has ended and another one is set', async () => {
      const tenantId = newTenantId(16);
      const [ann, ben] = [userWith(tenantId), userWith(tenantId)];
      await barFor(tenantId, ann, 10_000);
      expect(await under().readEverything()).toContain(ann.userId);
      await pass(10_000);
      await barFor(tenantId, ben, 10_000);
      const kept = await under().readEverything();
      expect(kept).not.toContain(ann.userId);
      expect(kept).toContain(ben.userId);
    });
  });
}
