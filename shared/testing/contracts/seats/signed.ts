import { describe, expect, test } from 'vitest';
import { newSessionId } from '../../../domain/ids.ts';
import { openPool, type SeatsUnderTest, TRUSTED } from './pool.ts';

export function signedContract(under: () => SeatsUnderTest): void {
  const read = (licenseId: string, sessionId: string) =>
    under().seats.readSession({ licenseId, proof: TRUSTED, sessionId });
  const keep = (licenseId: string, sessionId: string, signed: string) =>
    under().seats.keepSigned(licenseId, sessionId, signed);

  describe('a session that holds a seat', () => {
    test('is returned as it is, with its terms, and its lease is not extended', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 3, validUntilMs: under().nowMs() + 9e8 });
      const session = await pool.seat('a', { facts: { fingerprint: 'x|y', hostname: 'größe' } });
      const borrowed = await pool.seat('b', { days: 2 });
      await under().moveClockTo(under().nowMs() + 1000);
      const { version, validUntilMs, ttlSeconds, heartbeatSeconds, offlineGraceDays } = pool.terms;
      const terms = {
        verdict: 'OK',
        version,
        validUntilMs,
        rhythm: { ttlSeconds, heartbeatSeconds, offlineGraceDays },
        atMs: under().nowMs(),
        signed: undefined,
      };
      expect(await read(pool.licenseId, session.sessionId)).toEqual({ ...terms, session });
      expect(await read(pool.licenseId, borrowed.sessionId)).toEqual({ ...terms, session: borrowed });
      await pool.put({ max: 9, validUntilMs: null });
      expect(await read(pool.licenseId, session.sessionId)).toMatchObject({
        version: version + 1,
        validUntilMs: null,
        session,
      });
    });

    test('keeps what was last signed for it, across heartbeats, separately for each session', async () => {
      const pool = await openPool(under());
      const [one, two] = [await pool.seat('a'), await pool.seat('b')];
      expect(await keep(pool.licenseId, one.sessionId, 'first')).toBe('KEPT');
      expect(await keep(pool.licenseId, one.sessionId, '{"größe":"x|y"}')).toBe('KEPT');
      await pool.beat(one);
      expect(await read(pool.licenseId, one.sessionId)).toMatchObject({ signed: '{"größe":"x|y"}' });
      expect(await read(pool.licenseId, two.sessionId)).toMatchObject({ signed: undefined });
    });
  });

  test('deletes what was signed when the seat ends in any way, and does not restore it', async () => {
    const pool = await openPool(under());
    const [released, evicted, crashed] = await pool.seatMany(3);
    for (const session of [released, evicted, crashed])
      await keep(pool.licenseId, session?.sessionId ?? '', 'x');
    await pool.release(released ?? '');
    await pool.release(evicted ?? '', 'evicted');
    expect((await pool.state()).signed).toEqual([crashed?.sessionId]);
    await under().moveClockTo((crashed?.expiresAtMs ?? 0) + 1);
    expect(await pool.beat(crashed ?? '')).toMatchObject({ verdict: 'REVIVED' });
    expect(await read(pool.licenseId, crashed?.sessionId ?? '')).toMatchObject({ signed: undefined });
  });

  test('stores nothing for a session whose lease has ended, collected or not', async () => {
    const pool = await openPool(under());
    const session = await pool.seat('a');
    await under().moveClockTo(session.expiresAtMs);
    expect(await keep(pool.licenseId, session.sessionId, 'x')).toBe('GONE');
    expect(await keep(pool.licenseId, newSessionId(pool.licenseId), 'x')).toBe('GONE');
    expect((await pool.state()).signed).toEqual([]);
  });

  describe('a session cannot be read', () => {
    test('that holds no seat: it ended, expired or never existed', async () => {
      const pool = await openPool(under());
      const [ended, expired] = [await pool.seat('a'), await pool.seat('b')];
      await pool.release(ended);
      await under().moveClockTo(expired.expiresAtMs);
      for (const id of [ended.sessionId, expired.sessionId, newSessionId(pool.licenseId), '']) {
        expect(await read(pool.licenseId, id)).toEqual({ verdict: 'GONE' });
      }
      expect((await pool.story()).at(-1)).toBe(`session.expired ${expired.sessionId}`);
    });

    test('with a wrong key, or of a license that is not active', async () => {
      const pool = await openPool(under());
      const { sessionId } = await pool.seat('a');
      const { licenseId } = pool;
      const proof = { kind: 'license-key', keyHash: 'another' } as const;
      expect(await under().seats.readSession({ licenseId, proof, sessionId })).toEqual({
        verdict: 'WRONG_KEY',
      });
      await pool.put({ status: 'suspended' });
      expect(await read(licenseId, sessionId)).toEqual({ verdict: 'SUSPENDED' });
      await pool.put({ status: 'active', validUntilMs: under().nowMs() });
      expect(await read(licenseId, sessionId)).toEqual({ verdict: 'EXPIRED' });
    });
  });
}
