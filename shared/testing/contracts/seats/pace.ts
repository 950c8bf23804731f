import { describe, expect, test } from 'vitest';
import type { Entitlement } from '../../../domain/entitlement.ts';
import { newPersonalId } from '../../../domain/ids.ts';
import type { Proof } from '../../../ports/seats.ts';
import { BY } from '../../by.ts';
import {
  all,
  CALLS_WITH_PROOF,
  newEntitlement,
  openPool,
  type Pool,
  type SeatsUnderTest,
  verdictsOfAll,
} from './pool.ts';

const HEARTBEAT_MS = 300_000;
const STRANGERS_PER_MINUTE = 20;

/** Of one holder, if the license has at most 240. */
const LEAST_PER_MINUTE = 30;

const WRONG: Proof = { kind: 'license-key', keyHash: 'not the hash' };

export function paceContract(under: () => SeatsUnderTest): void {
  /** A pool called by a trusted caller, who is never limited, and the same pool called with its license key. */
  async function poolAt(requestsPerMinute: number, change: Partial<Entitlement> = {}) {
    const pool = await openPool(under(), { requestsPerMinute, max: 5, ...change });
    const proof: Proof = { kind: 'license-key', keyHash: pool.terms.keyHash };
    return { pool, keyed: pool.as(proof), proof };
  }

  /** Calls as functions do, without the checks of `Pool`, so that they return refusals. */
  const callsOf = ({ licenseId }: Pool, proof: Proof) => ({
    beat: (...sessionIds: readonly string[]) =>
      under().seats.heartbeat({
        licenseId,
        proof,
        sessions: sessionIds.map((sessionId) => ({ sessionId })),
        toldVersion: 0,
      }),
    revive: (...sessionIds: readonly string[]) =>
      under().seats.revive({
        licenseId,
        proof,
        by: BY,
        sessions: sessionIds.map((sessionId) => ({ sessionId, isCleared: true })),
      }),
    release: (sessionId: string) => under().seats.release({ licenseId, proof, by: BY, sessionId }),
  });

  /** The id of a session that never existed, which is charged to this character. */
  const strangerIn = ({ licenseId }: Pool, character: string) =>
    `ses_${licenseId.slice(4)}_${character.padEnd(16, '0')}`;

  /** Calls until TOO_OFTEN, and returns the number of other results before that, and the wait. */
  async function callUntilRefused(
    ask: () => Promise<{ verdict: string; retryAfterSeconds?: number }>,
  ): Promise<{ answers: number; retryAfterSeconds: number | undefined }> {
    for (let answers = 0; answers < 200; answers += 1) {
      const { verdict, retryAfterSeconds } = await ask();
      if (verdict === 'TOO_OFTEN') return { answers, retryAfterSeconds };
    }
    throw new Error('never refused');
  }

  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);

  async function expectUnchanged(act: () => Promise<unknown>): Promise<void> {
    const before = await under().readEverything();
    await act();
    expect(await under().readEverything()).toBe(before);
  }

  describe('the request limit of a holder', () => {
    test.each([
      { license: 1, pace: LEAST_PER_MINUTE, seconds: 2 },
      { license: 247, pace: 30, seconds: 2 },
      { license: 320, pace: 40, seconds: 2 },
      { license: 1_200, pace: 150, seconds: 1 },
    ])(
      'of a license with $license requests a minute allows $pace at once, and then one every $seconds s',
      async ({ license, pace, seconds }) => {
        const { keyed } = await poolAt(license);
        const { sessionId } = await keyed.seat('a');
        const ask = () => keyed.acquire('a', { sessionId });
        expect(await callUntilRefused(ask)).toEqual({ answers: pace - 1, retryAfterSeconds: seconds });
        const dueMs = Math.ceil(60_000 / pace);
        await pass(dueMs - 1);
        expect(await ask()).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 1 });
        await pass(1);
        expect(await ask()).toMatchObject({ verdict: 'RENEWED' });
        expect(await ask()).toMatchObject({ verdict: 'TOO_OFTEN' });
      },
    );

    test('refills within a minute, and an hour refills it no further', async () => {
      const { keyed } = await poolAt(1);
      const { sessionId } = await keyed.seat('a');
      await callUntilRefused(() => keyed.acquire('a', { sessionId }));
      await pass(3_600_000);
      expect(await callUntilRefused(() => keyed.acquire('a'))).toMatchObject({ answers: LEAST_PER_MINUTE });
    });

    test('is its own: one machine that loops over every call leaves another one served', async () => {
      const { pool, keyed, proof } = await poolAt(1, { borrowMaxDays: 1 });
      const calls = callsOf(pool, proof);
      const loops = await pool.seat('looping');
      await pool.seat('honest');
      for (const ask of [
        () => keyed.acquire('looping', { sessionId: loops.sessionId }),
        () => keyed.borrow('looping', 2),
        () => calls.beat(loops.sessionId),
        () => calls.revive(loops.sessionId),
        () => keyed.read(loops),
      ]) {
        await callUntilRefused(ask);
        expect(await keyed.acquire('honest')).toMatchObject({ verdict: 'JOINED' });
      }
      expect(await keyed.read(await pool.seat('honest'))).toMatchObject({ verdict: 'OK' });
    });

    test('counts every kind of call that does nothing new, including denials and retries', async () => {
      const { pool, keyed, proof } = await poolAt(1, { max: 1, borrowMaxDays: 1 });
      const calls = callsOf(pool, proof);
      const session = await pool.seat('a');
      const { sessionId } = session;
      const charged = [
        () => keyed.acquire('a', { sessionId }),
        () => keyed.acquire('ab'),
        () => keyed.borrow('a', 2),
        () => calls.beat(sessionId),
        () => calls.beat(strangerIn(pool, 'a')),
        () => calls.revive(sessionId),
        () => calls.revive(strangerIn(pool, 'a')),
        () => keyed.read(session),
        () => keyed.read(strangerIn(pool, 'a')),
        () => calls.release(strangerIn(pool, 'a')),
      ];
      for (let n = 0; n < LEAST_PER_MINUTE; n += 1)
        expect((await charged[n % charged.length]?.())?.verdict).not.toBe('TOO_OFTEN');
      await expectUnchanged(async () => {
        for (const ask of charged)
          expect(await ask()).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 2 });
      });
      await pass(2_000);
      expect(await keyed.acquire('ab')).toMatchObject({ verdict: 'FULL' });
    });

    test('is charged to the holder of the license’s unit, or to the machine where there is none', async () => {
      const { pool, keyed } = await poolAt(1, { unit: 'user' });
      const { sessionId } = await pool.seat({ machine: 'm', user: 'u' });
      await callUntilRefused(() => keyed.acquire({ machine: 'm', user: 'u' }, { sessionId }));
      const nobody = () => keyed.acquire({ machine: 'm' });
      expect(await callUntilRefused(nobody)).toMatchObject({ answers: LEAST_PER_MINUTE });
    });

    test('is charged to the id of a session that holds no seat', async () => {
      const { pool, proof } = await poolAt(1);
      const { beat } = callsOf(pool, proof);
      const gone = await pool.seat('a', { sessionId: strangerIn(pool, 'z') });
      await under().moveClockTo(gone.expiresAtMs);
      await callUntilRefused(() => beat(gone.sessionId));
      expect(await beat(strangerIn(pool, 'z1'))).toMatchObject({ verdict: 'TOO_OFTEN' });
      expect(await beat(strangerIn(pool, 'a'))).toMatchObject({ verdict: 'OK' });
    });

    test('is separate for each license, and never applies to trusted callers', async () => {
      const [one, two] = [await poolAt(1), await poolAt(1)];
      const session = await one.keyed.seat('a');
      await callUntilRefused(() => one.keyed.acquire('a', { sessionId: session.sessionId }));
      expect(await two.keyed.acquire('a')).toMatchObject({ verdict: 'GRANTED' });
      for (let n = 0; n < 5; n += 1) {
        expect(await one.pool.acquire('a', { sessionId: session.sessionId })).toMatchObject({
          verdict: 'RENEWED',
        });
        expect(await one.pool.beat(session)).toMatchObject({ verdict: 'RENEWED' });
        expect(await one.pool.read(session)).toMatchObject({ verdict: 'OK' });
        expect(await one.pool.release('')).toBe('UNKNOWN_SESSION');
      }
    });

    test('applies to signed-in users too', async () => {
      const { pool } = await poolAt(1);
      const userId = newPersonalId('usr');
      const own = pool.as({ kind: 'user', userId, tenantIds: [pool.terms.tenantId] });
      const facts = { fingerprint: 'a', userId };
      const { sessionId } = await own.seat('a', { facts });
      const ask = () => own.acquire('a', { sessionId, facts });
      expect(await callUntilRefused(ask)).toMatchObject({ answers: LEAST_PER_MINUTE - 1 });
    });

    test('keeps its count when the license changes, and applies the new limit', async () => {
      const { pool, keyed, proof } = await poolAt(1);
      const { beat } = callsOf(pool, WRONG);
      const { sessionId } = await keyed.seat('a');
      await callUntilRefused(() => keyed.acquire('a', { sessionId }));
      await callUntilRefused(() => beat(sessionId));
      await pool.put({ max: 7 });
      expect(await callsOf(pool, proof).beat(sessionId)).toEqual({
        verdict: 'TOO_OFTEN',
        retryAfterSeconds: 2,
      });
      expect(await beat(sessionId)).toMatchObject({ verdict: 'TOO_OFTEN' });
      await pool.put({ requestsPerMinute: 960 });
      expect(await keyed.acquire('a')).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 1 });
      await pass(500);
      expect(await keyed.acquire('a')).toMatchObject({ verdict: 'JOINED' });
    });

    test('is refused no longer than the clock of Redis stepped back, and then paced as before', async () => {
      const { pool, keyed } = await poolAt(1);
      const { sessionId } = await pool.seat('a');
      await pass(3_600_000);
      await callUntilRefused(() => keyed.acquire('a', { sessionId }));
      await under().stepClockBack(50_000);
      expect(await keyed.acquire('a', { sessionId })).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 2 });
      await pass(52_000);
      expect(await keyed.acquire('a', { sessionId })).toMatchObject({ session: { sessionId } });
      expect(await keyed.acquire('a', { sessionId })).toMatchObject({ verdict: 'TOO_OFTEN' });
    });
  });

  describe('what is always allowed, and not counted', () => {
    test('is a heartbeat after half the interval, and not a millisecond earlier', async () => {
      const { pool, proof } = await poolAt(1);
      const { beat } = callsOf(pool, proof);
      const { sessionId } = await pool.seat('a');
      const use = () => callUntilRefused(() => beat(strangerIn(pool, 'a')));
      await use();
      await pass(HEARTBEAT_MS / 2 - 1);
      await use();
      expect(await beat(sessionId)).toMatchObject({ verdict: 'TOO_OFTEN' });
      await pass(1);
      await use();
      expect(await beat(sessionId)).toMatchObject({ verdict: 'OK', results: [{ verdict: 'RENEWED' }] });
      // It was renewed a moment ago, so the next one is early.
      expect(await beat(sessionId)).toMatchObject({ verdict: 'TOO_OFTEN' });
    });

    test('is a call with at least one heartbeat that is due, for all its sessions', async () => {
      const { pool, proof } = await poolAt(1);
      const { beat } = callsOf(pool, proof);
      const old = await pool.seat('a1');
      await pass(HEARTBEAT_MS / 2);
      const young = await pool.seat('a2');
      expect(await callUntilRefused(() => beat(strangerIn(pool, 'a')))).toMatchObject({
        answers: LEAST_PER_MINUTE,
      });
      expect(await beat(strangerIn(pool, 'a'), young.sessionId, old.sessionId)).toMatchObject({
        results: [{ verdict: 'MISSING' }, { verdict: 'RENEWED' }, { verdict: 'RENEWED' }],
      });
    });

    test('is a release that ends a session', async () => {
      const { pool, proof } = await poolAt(1);
      const { beat, release } = callsOf(pool, proof);
      const sessions = [await pool.seat('a'), await pool.seat('a')];
      await callUntilRefused(() => beat(strangerIn(pool, 'a')));
      for (const { sessionId } of sessions)
        expect(await release(sessionId)).toMatchObject({ verdict: 'ENDED' });
      expect(await release(strangerIn(pool, 'a'))).toMatchObject({ verdict: 'TOO_OFTEN' });
    });

    test('is a call for no session, which only checks the proof', async () => {
      const { pool, proof } = await poolAt(1);
      const { beat, revive } = callsOf(pool, proof);
      await expectUnchanged(async () => {
        for (let n = 0; n <= LEAST_PER_MINUTE; n += 1) {
          expect(await beat()).toMatchObject({ verdict: 'OK', results: [] });
          expect(await revive()).toMatchObject({ verdict: 'OK', results: [] });
        }
      });
    });
  });

  describe('a heartbeat is counted like any call', () => {
    test('of a loan, until its end', async () => {
      const { pool, proof } = await poolAt(1, { borrowMaxDays: 1 });
      const loan = await pool.loan('a', 1);
      await under().moveClockTo(loan.expiresAtMs - 1);
      const ask = () => callsOf(pool, proof).beat(loan.sessionId);
      expect(await callUntilRefused(ask)).toMatchObject({ answers: LEAST_PER_MINUTE });
    });

    test.each([
      ['suspended', () => ({ status: 'suspended' }) as const],
      ['expired', () => ({ validUntilMs: under().nowMs() + HEARTBEAT_MS })],
    ])('of a license that is %s', async (_, change) => {
      const { pool, proof } = await poolAt(1);
      const { sessionId } = await pool.seat('a');
      await pool.put(change());
      await pass(HEARTBEAT_MS);
      const ask = () => callsOf(pool, proof).beat(sessionId);
      expect(await callUntilRefused(ask)).toMatchObject({ answers: LEAST_PER_MINUTE });
    });

    test("by a signed-in user for another user's session", async () => {
      const { pool } = await poolAt(1);
      const proofOf = (userId: string) => ({
        kind: 'user' as const,
        userId,
        tenantIds: [pool.terms.tenantId],
      });
      const [ann, ben] = [newPersonalId('usr'), newPersonalId('usr')];
      const { sessionId } = await pool.seat('a', { facts: { fingerprint: 'a', userId: ann } });
      await pass(HEARTBEAT_MS);
      const ask = () => callsOf(pool, proofOf(ben)).beat(sessionId);
      expect(await callUntilRefused(ask)).toMatchObject({ answers: LEAST_PER_MINUTE });
      expect(await callsOf(pool, proofOf(ann)).beat(sessionId)).toMatchObject({
        results: [{ verdict: 'RENEWED' }],
      });
    });
  });

  describe('a caller with a wrong key', () => {
    test(`gets WRONG_KEY ${STRANGERS_PER_MINUTE} times, then TOO_OFTEN for any call, while the right key works`, async () => {
      const { pool, keyed, proof } = await poolAt(1_000, { borrowMaxDays: 1 });
      const { licenseId } = pool;
      const session = await keyed.seat('a');
      const rounds = Math.floor(STRANGERS_PER_MINUTE / CALLS_WITH_PROOF);
      const ask = () => verdictsOfAll(under().seats, licenseId, WRONG, session.sessionId);
      for (let n = 0; n < rounds; n += 1) expect(await ask()).toEqual(all('WRONG_KEY'));
      const left = STRANGERS_PER_MINUTE - rounds * CALLS_WITH_PROOF;
      const stranger = pool.as(WRONG);
      for (let n = 0; n < left; n += 1) expect(await stranger.acquire('a')).toEqual({ verdict: 'WRONG_KEY' });
      await expectUnchanged(async () => {
        expect(await ask()).toEqual(all('TOO_OFTEN'));
        expect(await stranger.acquire('a')).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 3 });
        expect(await stranger.read(session)).toEqual({ verdict: 'TOO_OFTEN', retryAfterSeconds: 3 });
      });
      expect(await keyed.acquire('a')).toMatchObject({ verdict: 'JOINED' });
      expect(await callsOf(pool, proof).beat(session.sessionId)).toMatchObject({ verdict: 'OK' });
      await pass(3_000);
      expect(await stranger.acquire('a')).toEqual({ verdict: 'WRONG_KEY' });
      expect(await stranger.acquire('a')).toMatchObject({ verdict: 'TOO_OFTEN' });
    });

    test('shares this limit with users of other tenants', async () => {
      const { pool } = await poolAt(1_000);
      const { tenantId } = newEntitlement();
      const stranger = pool.as({ kind: 'user', userId: newPersonalId('usr'), tenantIds: [tenantId] });
      const ask = () => stranger.acquire('a');
      expect(await callUntilRefused(ask)).toEqual({ answers: STRANGERS_PER_MINUTE, retryAfterSeconds: 3 });
      expect(await pool.as(WRONG).acquire('a')).toMatchObject({ verdict: 'TOO_OFTEN' });
    });
  });
}
