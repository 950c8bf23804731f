import { describe, expect, test } from 'vitest';
import type { Session } from '../../../domain/session.ts';
import { BY } from '../../by.ts';
import { sweepUntilDone } from '../seat-maintenance/sweep.ts';
import { DAY_MS, openPool, type Pool, type SeatsUnderTest } from './pool.ts';

const SIGNATURES_A_DAY = 24;

export function signedContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);
  const requestOf = ({ licenseId }: Pool, { sessionId }: Session, days = 7) => ({
    licenseId,
    sessionId,
    untilMs: under().nowMs() + days * DAY_MS,
  });
  const reserve = (pool: Pool, session: Session, days?: number) =>
    under().seats.reserveSignature(requestOf(pool, session, days));
  const keep = (pool: Pool, session: Session, signed = 'signed', days?: number) =>
    under().seats.keepSigned({ ...requestOf(pool, session, days), signed, jti: 'sig', by: BY });

  /** Signs as the function does; throws if it is refused. */
  async function sign(pool: Pool, session: Session, signed?: string, days?: number): Promise<void> {
    expect(await reserve(pool, session, days)).toEqual({ verdict: 'RESERVED' });
    expect(await keep(pool, session, signed, days)).toBe('KEPT');
  }
  const signedOf = async (pool: Pool, session: Session) => {
    const verdict = await pool.read(session);
    return verdict.verdict === 'OK' ? verdict.signed : verdict.verdict;
  };

  describe('a session that holds a seat', () => {
    test('is returned as it is, with its terms, and its lease is not extended', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 3, validUntilMs: under().nowMs() + 9e8 });
      const session = await pool.seat('a', { facts: { fingerprint: 'x|y', hostname: 'größe' } });
      const loan = await pool.loan('b', 2);
      await pass(1_000);
      const { version, validUntilMs, ttlSeconds, heartbeatSeconds, offlineGraceDays } = pool.terms;
      const terms = {
        verdict: 'OK',
        version,
        validUntilMs,
        rhythm: { ttlSeconds, heartbeatSeconds, offlineGraceDays, offlineStartDays: 0 },
        atMs: under().nowMs(),
        signed: undefined,
      };
      expect(await pool.read(session)).toEqual({ ...terms, session });
      expect(await pool.read(loan)).toEqual({ ...terms, session: loan });
      await pool.put({ max: 9, validUntilMs: null });
      expect(await pool.read(session)).toMatchObject({ version: version + 1, validUntilMs: null, session });
    });

    test('cannot be read after it ended, or with a wrong key, or if its license grants nothing', async () => {
      const pool = await openPool(under());
      const [released, expired] = [await pool.seat('a'), await pool.seat('b')];
      await pool.release(released);
      await under().moveClockTo(expired.expiresAtMs - 1);
      const living = await pool.seat('c');
      await pass(1);
      for (const id of [released.sessionId, expired.sessionId, pool.newSession(), ''])
        expect(await pool.read(id)).toEqual({ verdict: 'GONE' });
      const wrong = pool.as({ kind: 'license-key', keyHash: 'another' });
      expect(await wrong.read(living)).toEqual({ verdict: 'WRONG_KEY' });
      await pool.put({ status: 'suspended' });
      expect(await pool.read(living)).toEqual({ verdict: 'SUSPENDED' });
      await pool.put({ status: 'active', validUntilMs: under().nowMs() });
      expect(await pool.read(living)).toEqual({ verdict: 'EXPIRED' });
    });
  });

  describe('what was signed', () => {
    test('is kept for the session’s holder and machine, and replaced by what is signed next', async () => {
      const pool = await openPool(under(), { unit: 'user' });
      const on = (machine: string) => pool.seat({ machine, user: 'u' });
      const [desktop, sibling, laptop] = [await on('desktop'), await on('desktop'), await on('laptop')];
      const stranger = await pool.seat({ machine: 'desktop', user: 'other' });
      await sign(pool, desktop, 'first');
      await sign(pool, sibling, '{"größe":"x|y"}');
      await pool.beat(desktop);
      expect(await signedOf(pool, desktop)).toBe('{"größe":"x|y"}');
      expect(await signedOf(pool, laptop)).toBeUndefined();
      expect(await signedOf(pool, stranger)).toBeUndefined();
    });

    test('is kept past the session’s end until its own, and given to a later session there', async () => {
      const pool = await openPool(under());
      const crashed = await pool.seat('a');
      await sign(pool, crashed, 'text', 2);
      const untilMs = under().nowMs() + 2 * DAY_MS;
      await under().moveClockTo(crashed.expiresAtMs + 1);
      await sweepUntilDone(under(), pool.licenseId.slice(4, 6));
      const later = await pool.seat('a');
      expect(await signedOf(pool, later)).toBe('text');
      await pool.evict(later);
      await under().moveClockTo(untilMs - 1);
      const last = await pool.seat('a');
      await pass(1);
      expect(await signedOf(pool, last)).toBeUndefined();
    });

    test.each([
      ['deletes it if the program may not start offline', 0, undefined],
      ['keeps it if the program may start offline', 3, 'text'],
    ])('by the last program of a machine: its release %s', async (_, offlineStartDays, left) => {
      const pool = await openPool(under(), { unit: 'user', offlineStartDays });
      const on = (machine: string) => pool.seat({ machine, user: 'u' });
      const [one, two, laptop] = [await on('desktop'), await on('desktop'), await on('laptop')];
      for (const session of [one, laptop]) await sign(pool, session, 'text');
      await pool.release(one);
      expect(await signedOf(pool, two)).toBe('text');
      await pool.release(two);
      expect(await signedOf(pool, laptop)).toBe('text');
      expect(await signedOf(pool, await on('desktop'))).toBe(left);
    });

    test('differs for a loan and the programs of its machine, and neither replaces the other', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 30 });
      const [program, loan] = [await pool.seat('a'), await pool.loan('a', 30)];
      await sign(pool, program, 'for seven days');
      await sign(pool, loan, 'until the loan ends', 30);
      expect([await signedOf(pool, program), await signedOf(pool, loan)]).toEqual([
        'for seven days',
        'until the loan ends',
      ]);
      await pool.release(loan);
      expect(await signedOf(pool, program)).toBe('for seven days');
      await under().seatMaintenance.forgetSessions(pool.licenseId, [program.sessionId]);
      expect(await pool.state()).toMatchObject({ signed: [], signers: {} });
    });

    test('is deleted with its seat by an administrator, on all machines', async () => {
      const pool = await openPool(under(), { unit: 'user', offlineStartDays: 3 });
      const on = (machine: string) => pool.seat({ machine, user: 'u' });
      const [desktop, laptop] = [await on('desktop'), await on('laptop')];
      for (const session of [desktop, laptop]) await sign(pool, session);
      await pool.evict(desktop, 'seat');
      expect(await signedOf(pool, await on('desktop'))).toBeUndefined();
      expect(await signedOf(pool, await on('laptop'))).toBeUndefined();
      expect(await pool.state()).toMatchObject({ signed: [], signers: {} });
    });

    test('is erased for holders that are forgotten, and for the machines of forgotten sessions', async () => {
      const pool = await openPool(under());
      const [a, b, c] = await pool.seatMany(3);
      if (!a || !b || !c) throw new Error('no session');
      for (const session of [a, b, c]) await sign(pool, session, `secret of ${session.holder}`);
      await under().seatMaintenance.forgetSigned(pool.licenseId, [a.holder, 'nobody']);
      await under().seatMaintenance.forgetSessions(pool.licenseId, [b.sessionId]);
      const everything = await under().readEverything();
      expect(everything).not.toContain(`secret of ${a.holder}`);
      expect(everything).not.toContain(`secret of ${b.holder}`);
      expect(await signedOf(pool, a)).toBeUndefined();
      expect(await signedOf(pool, c)).toBe(`secret of ${c.holder}`);
      expect(Object.keys((await pool.state()).signers)).toEqual([`${c.holder}:${c.machine}`]);
    });

    test('is erased for a holder only if it was last signed in the given period', async () => {
      const pool = await openPool(under(), { unit: 'user' });
      const { forgetSigned } = under().seatMaintenance;
      const session = await pool.seat({ machine: 'laptop', user: 'u' });
      await sign(pool, session);
      const atMs = under().nowMs();
      for (const within of [
        { fromMs: 0, untilMs: atMs },
        { fromMs: atMs + 1, untilMs: null },
      ]) {
        await forgetSigned(pool.licenseId, [session.holder], within);
        expect(await signedOf(pool, session)).toBe('signed');
      }
      await forgetSigned(pool.licenseId, [session.holder], { fromMs: atMs, untilMs: atMs + 1 });
      expect(await signedOf(pool, session)).toBeUndefined();
      expect(await pool.state()).toMatchObject({ signed: [], signers: {} });
    });

    test('is reported once for each signature that is kept, with its session and holder', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await sign(pool, session);
      const { licenseId, tenantId } = pool.terms;
      expect((await pool.events()).slice(1)).toMatchObject([
        {
          type: 'license.signed',
          sessionId: session.sessionId,
          atMs: under().nowMs(),
          more: { holder: 'a' },
        },
      ]);
      const outbox = await under().seatMaintenance.readOutbox(licenseId.slice(4, 6), { limit: 1_000 });
      expect(outbox.at(-1)?.event).toMatchObject({ type: 'license.signed', licenseId, tenantId });
    });

    test('is not stored for a session whose lease has ended, collected or not', async () => {
      const pool = await openPool(under());
      const [expired, released] = [await pool.seat('a'), await pool.seat('b')];
      await pool.release(released);
      await under().moveClockTo(expired.expiresAtMs);
      for (const session of [expired, released, { ...expired, sessionId: pool.newSession() }]) {
        expect(await reserve(pool, session)).toEqual({ verdict: 'GONE' });
        expect(await keep(pool, session)).toBe('GONE');
      }
      expect(await pool.state()).toMatchObject({ signed: [], signers: {} });
    });

    test('leaves nothing behind once it and its session have ended', async () => {
      const pool = await openPool(under());
      const [session, released] = [await pool.seat('a'), await pool.seat('b')];
      for (const each of [session, released]) await sign(pool, each, 'text', 1);
      await pool.release(released);
      await under().moveClockTo(session.expiresAtMs);
      await sweepUntilDone(under(), pool.licenseId.slice(4, 6));
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toContain('signed');
      await pass(2 * DAY_MS);
      await sweepUntilDone(under(), pool.licenseId.slice(4, 6));
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toEqual(['license']);
    });
  });

  describe('the limit of machines with a signed license', () => {
    test('refuses one more machine, but no machine that has one, until an entry ends', async () => {
      const pool = await openPool(under(), { max: 5, signedLimit: 2 });
      const [a, b, c] = await pool.seatMany(3);
      if (!a || !b || !c) throw new Error('no session');
      await sign(pool, a, 'text', 1);
      // A reservation counts before its signature is kept.
      await reserve(pool, b, 7);
      expect(await reserve(pool, c)).toEqual({ verdict: 'SIGNED_LIMIT', limit: 2 });
      expect(await reserve(pool, a, 1)).toEqual({ verdict: 'RESERVED' });
      expect(await pool.acquire('d')).toMatchObject({ verdict: 'GRANTED' });
      await pool.put({ ttlSeconds: 7 * 86_400 });
      await pool.beatAll([a, b, c]);
      await pass(DAY_MS - 1);
      expect(await reserve(pool, c)).toMatchObject({ verdict: 'SIGNED_LIMIT' });
      await pass(1);
      expect(await reserve(pool, c)).toEqual({ verdict: 'RESERVED' });
    });

    test('counts each machine of a user', async () => {
      const pool = await openPool(under(), { unit: 'user', signedLimit: 1 });
      const on = (machine: string) => pool.seat({ machine, user: 'u' });
      const [desktop, laptop] = [await on('desktop'), await on('laptop')];
      await sign(pool, desktop);
      expect(await reserve(pool, laptop)).toMatchObject({ verdict: 'SIGNED_LIMIT' });
      await pool.release(desktop);
      expect(await reserve(pool, laptop)).toEqual({ verdict: 'RESERVED' });
    });

    test('keeps the later end of two signatures of a machine', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await sign(pool, session, 'long', 7);
      await reserve(pool, session, 1);
      expect((await pool.state()).signers).toEqual({
        [`a:${session.machine}`]: under().nowMs() + 7 * DAY_MS,
      });
    });
  });

  test('a license gets 24 signatures a day (UTC) for each machine that it allows, even if each is for another holder', async () => {
    const pool = await openPool(under(), { ttlSeconds: 2 * 86_400, signedLimit: 2, max: 1 });
    const midnightMs = Math.ceil(under().nowMs() / DAY_MS) * DAY_MS;
    await under().moveClockTo(midnightMs);
    for (let n = 0; n < 2 * SIGNATURES_A_DAY; n += 1) {
      const session = await pool.seat(`holder-${n}`);
      await sign(pool, session);
      await pool.release(session);
    }
    const session = await pool.seat('one more');
    expect(await reserve(pool, session)).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 86_400 });
    await pass(DAY_MS);
    expect(await reserve(pool, session)).toEqual({ verdict: 'RESERVED' });
  });

  test('a seat gets 24 signatures a day (UTC), even if it is released and acquired again', async () => {
    const pool = await openPool(under(), { ttlSeconds: 2 * 86_400 });
    const midnightMs = Math.ceil(under().nowMs() / DAY_MS) * DAY_MS;
    await under().moveClockTo(midnightMs + 1);
    for (let n = 0; n < SIGNATURES_A_DAY / 2; n += 1) {
      const session = await pool.seat('a');
      await sign(pool, session, `text ${n}`);
      await sign(pool, session, `other ${n}`);
      await pool.release(session);
    }
    const [session, other] = [await pool.seat('a'), await pool.seat('b')];
    await under().moveClockTo(midnightMs + 1_000);
    expect(await reserve(pool, session)).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 86_399 });
    expect(await reserve(pool, other)).toEqual({ verdict: 'RESERVED' });
    await under().moveClockTo(midnightMs + DAY_MS - 1);
    expect(await reserve(pool, session)).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 1 });
    await pass(1);
    expect(await reserve(pool, session)).toEqual({ verdict: 'RESERVED' });
  });
}
