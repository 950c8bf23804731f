import { describe, expect, test } from 'vitest';
import type { Entitlement } from '../../../domain/entitlement.ts';
import { newPersonalId } from '../../../domain/ids.ts';
import type { AcquireVerdict, HeartbeatVerdict, Proof } from '../../../ports/seats.ts';
import { newEntitlement, openPool, type Pool, type SeatsUnderTest, verdictsOfAll } from './pool.ts';

const HEARTBEAT_MS = 300_000;
const STRANGERS_PER_MINUTE = 20;

const WRONG: Proof = { kind: 'license-key', keyHash: 'not the hash' };

export function paceContract(under: () => SeatsUnderTest): void {
  /** A pool called by a trusted caller, who is never limited, and the same pool called with its license key. */
  async function poolAt(requestsPerMinute: number, change: Partial<Entitlement> = {}) {
    const pool = await openPool(under(), { requestsPerMinute, max: 5, ...change });
    const proof: Proof = { kind: 'license-key', keyHash: pool.terms.keyHash };
    return { pool, keyed: pool.as(proof), proof };
  }

  /** A heartbeat as the function sends it: for sessions that never existed unless some are given. */
  function beat(pool: Pool, proof: Proof, sessionIds: readonly string[] = [pool.newSession()]) {
    const sessions = sessionIds.map((sessionId) => ({ sessionId }));
    return under().seats.heartbeat({ licenseId: pool.licenseId, proof, sessions });
  }

  /** Calls until TOO_OFTEN, and returns the number of other results before that, and the wait. */
  async function callUntilRefused(
    ask: () => Promise<AcquireVerdict | HeartbeatVerdict>,
  ): Promise<{ answers: number; retryAfterSeconds: number }> {
    for (let answers = 0; answers < 100; answers += 1) {
      const verdict = await ask();
      if (verdict.verdict === 'TOO_OFTEN') return { answers, retryAfterSeconds: verdict.retryAfterSeconds };
    }
    throw new Error('never refused');
  }

  const moveBy = (ms: number) => under().moveClockTo(under().nowMs() + ms);

  async function expectUnchanged(act: () => Promise<unknown>): Promise<void> {
    const before = await under().readEverything();
    await act();
    expect(await under().readEverything()).toBe(before);
  }

  describe('a license’s request limit', () => {
    test.each([
      { pace: 1, seconds: 60 },
      { pace: 7, seconds: 9 },
      { pace: 60, seconds: 1 },
    ])('allows $pace acquires at once, and then one about every $seconds s', async ({ pace, seconds }) => {
      const { keyed } = await poolAt(pace);
      const ask = () => keyed.acquire('a');
      expect(await callUntilRefused(ask)).toEqual({ answers: pace, retryAfterSeconds: seconds });
      const dueMs = Math.ceil(60_000 / pace);
      await moveBy(dueMs - 1);
      expect(await ask()).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 1 });
      await moveBy(1);
      expect(await ask()).toMatchObject({ verdict: 'RENEWED' });
      expect(await ask()).toMatchObject({ verdict: 'TOO_OFTEN' });
      // A minute without calls refills the bucket, and an hour no further.
      await moveBy(3_600_000);
      expect(await callUntilRefused(ask)).toMatchObject({ answers: pace });
    });

    test('counts every acquire, including denials and retries, and returns the true wait', async () => {
      const { keyed } = await poolAt(3, { max: 1 });
      const proposed = keyed.newSession();
      expect(await keyed.acquire('a', { proposed })).toMatchObject({ verdict: 'GRANTED' });
      expect(await keyed.acquire('a', { proposed })).toMatchObject({ verdict: 'GRANTED' });
      expect(await keyed.acquire('b')).toMatchObject({ verdict: 'FULL' });
      const refused = await keyed.acquire('b');
      expect(refused).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 20 });
      await moveBy(20_000);
      expect(await keyed.acquire('b')).toMatchObject({ verdict: 'FULL' });
    });

    test('changes nothing if it is exceeded, and does not even collect expired leases', async () => {
      const { pool, keyed, proof } = await poolAt(1);
      const session = await keyed.seat('a');
      await beat(pool, proof);
      await under().moveClockTo(session.expiresAtMs);
      await keyed.acquire('a', { facts: { fingerprint: 'the last one' } });
      await beat(pool, proof);
      await moveBy(session.expiresAtMs - session.acquiredAtMs);
      const [early, unknown] = [await keyed.seat('b'), pool.newSession()];
      await beat(pool, proof);
      await expectUnchanged(async () => {
        expect(await keyed.acquire('b')).toMatchObject({ verdict: 'TOO_OFTEN' });
        expect(await keyed.acquire('c')).toMatchObject({ verdict: 'TOO_OFTEN' });
        expect(await beat(pool, proof, [early.sessionId])).toMatchObject({ verdict: 'TOO_OFTEN' });
        expect(await beat(pool, proof, [unknown, session.sessionId])).toMatchObject({ verdict: 'TOO_OFTEN' });
      });
    });

    test('leaves expired leases to the next call that is allowed', async () => {
      const { pool, keyed } = await poolAt(1, { ttlSeconds: 10, heartbeatSeconds: 8 });
      const session = await keyed.seat('a');
      await under().moveClockTo(session.expiresAtMs);
      await expectUnchanged(() => keyed.acquire('b'));
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED' });
      expect(await pool.story()).toContain(`session.expired ${session.sessionId}`);
    });

    test('is separate for each license, and never applies to trusted callers', async () => {
      const [first, second] = [await poolAt(1), await poolAt(1)];
      await callUntilRefused(() => first.keyed.acquire('a'));
      expect(await second.keyed.acquire('a')).toMatchObject({ verdict: 'GRANTED' });
      for (let n = 0; n < 5; n += 1) {
        expect(await first.pool.acquire('a')).toMatchObject({ verdict: 'RENEWED' });
        expect(await first.pool.beatAll([])).toEqual([]);
      }
    });

    test('applies to signed-in users too', async () => {
      const { pool } = await poolAt(2);
      const userId = newPersonalId('usr');
      const own = pool.as({ kind: 'user', userId, tenantIds: [pool.terms.tenantId] });
      const ask = () => own.acquire('a', { facts: { fingerprint: 'a', userId } });
      expect(await callUntilRefused(ask)).toEqual({ answers: 2, retryAfterSeconds: 30 });
    });

    test('keeps its count when the license changes, and applies the new limit', async () => {
      const { pool, keyed, proof } = await poolAt(2);
      await callUntilRefused(() => keyed.acquire('a'));
      await callUntilRefused(() => beat(pool, proof));
      await callUntilRefused(() => beat(pool, WRONG));
      await pool.put({ max: 7 });
      expect(await keyed.acquire('a')).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 30 });
      expect(await beat(pool, proof)).toMatchObject({ verdict: 'TOO_OFTEN' });
      expect(await beat(pool, WRONG)).toMatchObject({ verdict: 'TOO_OFTEN' });
      await pool.put({ requestsPerMinute: 60 });
      expect(await keyed.acquire('a')).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 1 });
      await moveBy(1_000);
      expect(await keyed.acquire('a')).toMatchObject({ verdict: 'RENEWED' });
    });
  });

  describe('a heartbeat that is due', () => {
    test('is allowed after half the interval, however often others call, and not a millisecond earlier', async () => {
      const { pool, keyed, proof } = await poolAt(2);
      const session = await keyed.seat('a');
      const use = async () => {
        await callUntilRefused(() => keyed.acquire('b'));
        await callUntilRefused(() => beat(pool, proof));
      };
      const needed = () => beat(pool, proof, [session.sessionId]);
      await use();
      await moveBy(HEARTBEAT_MS / 2 - 1);
      await use();
      expect(await needed()).toMatchObject({ verdict: 'TOO_OFTEN' });
      await moveBy(1);
      await use();
      expect(await needed()).toMatchObject({ verdict: 'OK', results: [{ verdict: 'RENEWED' }] });
      // It was renewed a moment ago, so the next one is early.
      expect(await needed()).toMatchObject({ verdict: 'TOO_OFTEN' });
      await moveBy(HEARTBEAT_MS);
      await use();
      expect(await needed()).toMatchObject({ verdict: 'OK', results: [{ verdict: 'RENEWED' }] });
    });

    test('is not counted', async () => {
      const { pool, proof } = await poolAt(1);
      const sessions = await pool.seatMany(5);
      await moveBy(HEARTBEAT_MS);
      for (const { sessionId } of sessions) {
        expect(await beat(pool, proof, [sessionId])).toMatchObject({ results: [{ verdict: 'RENEWED' }] });
      }
      expect(await callUntilRefused(() => beat(pool, proof))).toMatchObject({ answers: 1 });
    });

    test('allows the other sessions of the same call', async () => {
      const { pool, proof } = await poolAt(1);
      const old = await pool.seat('old');
      await moveBy(HEARTBEAT_MS / 2);
      const young = await pool.seat('young');
      await callUntilRefused(() => beat(pool, proof));
      const ids = [pool.newSession(), young.sessionId, old.sessionId];
      expect(await beat(pool, proof, ids)).toMatchObject({
        results: [{ verdict: 'GONE' }, { verdict: 'RENEWED' }, { verdict: 'RENEWED' }],
      });
    });
  });

  describe('a heartbeat that is not due', () => {
    test.each([
      ['of a session that never existed', async (pool: Pool) => [pool.newSession()]],
      ['without sessions', async () => []],
      ['that is early', async (pool: Pool) => [(await pool.seat('early')).sessionId]],
      [
        'of an expired lease',
        async (pool: Pool) => {
          const { sessionId, expiresAtMs } = await pool.seat('late');
          await under().moveClockTo(expiresAtMs);
          return [sessionId];
        },
      ],
    ])('%s has its own limit', async (_, sessionsOf) => {
      const { pool, keyed, proof } = await poolAt(4);
      const sessionIds = await sessionsOf(pool);
      await callUntilRefused(() => keyed.acquire('b'));
      const ask = () => beat(pool, proof, sessionIds);
      expect(await callUntilRefused(ask)).toEqual({ answers: 4, retryAfterSeconds: 15 });
      await moveBy(15_000);
      expect(await ask()).toMatchObject({ verdict: 'OK' });
      // Neither used up the other's limit.
      expect(await keyed.acquire('b')).toMatchObject({ verdict: 'RENEWED' });
    });

    test('includes any of a borrowed seat until shortly before the loan ends', async () => {
      const { pool, proof } = await poolAt(1, { borrowMaxDays: 1 });
      const lent = await pool.seat('a', { days: 1 });
      const ask = () => beat(pool, proof, [lent.sessionId]);
      await moveBy(HEARTBEAT_MS);
      expect(await callUntilRefused(ask)).toMatchObject({ answers: 1 });
      // From here on a heartbeat would extend the lease half an interval beyond the loan.
      await under().moveClockTo(lent.expiresAtMs - 360_000 + HEARTBEAT_MS / 2 - 1);
      await callUntilRefused(() => beat(pool, proof));
      expect(await ask()).toMatchObject({ verdict: 'TOO_OFTEN' });
      await moveBy(1);
      expect(await ask()).toMatchObject({ results: [{ verdict: 'RENEWED' }] });
    });

    test('includes any that can extend nothing, of a suspended or expired license', async () => {
      for (const change of [{ status: 'suspended' }, { validUntilMs: under().nowMs() + 360_000 }] as const) {
        const { pool, proof } = await poolAt(1);
        const { sessionId } = await pool.seat('a');
        await pool.put(change);
        await moveBy(HEARTBEAT_MS);
        const ask = () => beat(pool, proof, [sessionId]);
        expect(await callUntilRefused(ask)).toMatchObject({ answers: 1 });
      }
    });

    test("includes any by a signed-in user for another user's session", async () => {
      const { pool } = await poolAt(1);
      const [ann, ben] = [newPersonalId('usr'), newPersonalId('usr')].map((userId) => ({
        kind: 'user' as const,
        userId,
        tenantIds: [pool.terms.tenantId],
      }));
      if (!ann || !ben) throw new Error('no session');
      const session = await pool.seat('a', { facts: { fingerprint: 'a', userId: ann.userId } });
      await moveBy(HEARTBEAT_MS);
      const ask = () => beat(pool, ben, [session.sessionId]);
      expect(await callUntilRefused(ask)).toMatchObject({ answers: 1 });
      expect(await beat(pool, ann, [session.sessionId])).toMatchObject({ results: [{ verdict: 'RENEWED' }] });
    });
  });

  describe('a caller with a wrong key', () => {
    test(`gets WRONG_KEY ${STRANGERS_PER_MINUTE} times, then TOO_OFTEN for any call, while the right key works`, async () => {
      const { pool, keyed, proof } = await poolAt(1_000);
      const { licenseId } = pool;
      const session = await keyed.seat('a');
      for (let n = 0; n < STRANGERS_PER_MINUTE / 4; n += 1) {
        const verdicts = await verdictsOfAll(under().seats, licenseId, WRONG, session.sessionId);
        expect(verdicts).toEqual(Array(4).fill('WRONG_KEY'));
      }
      await expectUnchanged(async () => {
        const verdicts = await verdictsOfAll(under().seats, licenseId, WRONG, session.sessionId);
        expect(verdicts).toEqual(Array(4).fill('TOO_OFTEN'));
        expect(await pool.as(WRONG).acquire('a')).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 3 });
        expect(await pool.as(WRONG).read(session)).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 3 });
      });
      expect(await keyed.acquire('a')).toMatchObject({ verdict: 'RENEWED' });
      expect(await beat(pool, proof)).toMatchObject({ verdict: 'OK' });
      expect(await keyed.read(session)).toMatchObject({ verdict: 'OK' });
      await moveBy(3_000);
      expect(await pool.as(WRONG).acquire('a')).toEqual({ verdict: 'WRONG_KEY' });
      expect(await pool.as(WRONG).acquire('a')).toMatchObject({ verdict: 'TOO_OFTEN' });
      expect(await keyed.release(session)).toBe('ENDED');
    });

    test('is limited also if the license allows far more, and so is a user of another tenant', async () => {
      const { pool } = await poolAt(1_000);
      const { tenantId } = newEntitlement();
      const stranger = pool.as({ kind: 'user', userId: newPersonalId('usr'), tenantIds: [tenantId] });
      const ask = () => stranger.acquire('a');
      expect(await ask()).toEqual({ verdict: 'NOT_YOURS' });
      expect(await callUntilRefused(ask)).toEqual({
        answers: STRANGERS_PER_MINUTE - 1,
        retryAfterSeconds: 3,
      });
      expect(await pool.as(WRONG).acquire('a')).toMatchObject({ verdict: 'TOO_OFTEN' });
    });
  });
}
