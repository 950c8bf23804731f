import { describe, expect, test } from 'vitest';
import type { Session } from '../../../domain/session.ts';
import { BY } from '../../by.ts';
import { sweepUntilDone } from '../seat-maintenance/sweep.ts';
import { DAY_MS, heldIn, MEMORY_MS, MINUTE_MS, openPool, type SeatsUnderTest, TTL_MS } from './pool.ts';

const LENDING = { borrowMaxDays: 7 };

export function borrowContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);

  describe('a borrowed seat', () => {
    test('is held for days without a heartbeat, to the millisecond', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 1 });
      const atMs = under().nowMs();
      const sessionId = pool.newSession();
      const endMs = atMs + 7 * DAY_MS;
      const { rhythm, told } = heldOf(await pool.borrow('a', 7, { sessionId, machine: 'm' }));
      expect(rhythm).toEqual({
        ttlSeconds: 360,
        heartbeatSeconds: 300,
        offlineGraceDays: 7,
        offlineStartDays: 0,
      });
      expect(told).toEqual({ ...pool.terms.entitlements, version: 1 });
      expect(await pool.list()).toEqual([
        {
          holder: 'a',
          expiresAtMs: endMs,
          sessions: [
            {
              sessionId,
              kind: 'loan',
              holder: 'a',
              machine: 'm',
              acquiredAtMs: atMs,
              expiresAtMs: endMs,
              facts: { fingerprint: 'fingerprint of m' },
            },
          ],
        },
      ]);
      await under().moveClockTo(endMs - 1);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'FULL', retryAfterSeconds: 1 });
      await under().moveClockTo(endMs);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 1 });
    });

    test('is counted in the same pool as all others', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 2 });
      expect(await pool.borrow('a', 1)).toMatchObject({ verdict: 'GRANTED', active: 1, max: 2 });
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 2 });
      expect(await pool.borrow('c', 1)).toMatchObject({ verdict: 'FULL', active: 2, max: 2 });
    });

    test('never outlives its license, and is refused by one that grants nothing', async () => {
      const validUntilMs = under().nowMs() + DAY_MS;
      const pool = await openPool(under(), { ...LENDING, validUntilMs });
      expect(await pool.loan('a', 7)).toMatchObject({ expiresAtMs: validUntilMs });
      expect((await pool.events()).at(-1)?.more.borrowed_until_ms).toBe(String(validUntilMs));
      await pool.put({ status: 'suspended' });
      expect(await pool.borrow('b', 1)).toEqual({ verdict: 'SUSPENDED' });
    });

    test('reports when its program started offline, when it is lent and when it is extended', async () => {
      const pool = await openPool(under(), LENDING);
      for (const days of [1, 2]) {
        const offlineSinceMs = under().nowMs() - days;
        const loan = await pool.loan('a', days, { offlineSinceMs });
        expect((await pool.events()).at(-1)).toMatchObject({
          type: 'session.borrowed',
          more: { borrowed_until_ms: String(loan.expiresAtMs), offline_since_ms: String(offlineSinceMs) },
        });
      }
    });

    test('can be returned at once, after which no token revives it', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 1 });
      const loan = await pool.loan('a', 7);
      const { licenseId } = pool;
      const release = { licenseId, proof: { kind: 'trusted' }, by: BY, sessionId: loan.sessionId } as const;
      expect(await under().seats.release(release)).toEqual({ verdict: 'ENDED', kind: 'loan' });
      expect(await pool.state()).toMatchObject({ loans: {}, seats: [] });
      expect(await pool.loan('b', 7)).toMatchObject({ holder: 'b' });
      await pass(6 * DAY_MS);
      expect(await pool.revive(loan)).toMatchObject({ verdict: 'ENDED' });
    });

    test('expires like any other, with its true end, and leaves no loan behind', async () => {
      const pool = await openPool(under(), LENDING);
      const loan = await pool.loan('a', 1);
      await under().moveClockTo(loan.expiresAtMs + MEMORY_MS);
      const next = await pool.seat('a');
      expect(await pool.story()).toEqual([
        `borrowed ${loan.sessionId} taken`,
        `expired ${loan.sessionId} freed`,
        `acquired ${next.sessionId} taken`,
      ]);
      expect(await pool.state()).toMatchObject({ loans: {}, gone: [] });
    });
  });

  describe('a loan', () => {
    test('is a session of its own beside the programs of its seat, and joins it without room', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 1 });
      const program = await pool.seat('a');
      await pass(1_000);
      const lent = await pool.borrow('a', 2);
      expect(lent).toMatchObject({ verdict: 'JOINED', active: 1 });
      const loan = heldIn(lent);
      expect(await pool.beat(program)).toMatchObject({ verdict: 'RENEWED', session: { kind: 'instance' } });
      expect(await pool.events()).toMatchObject([
        { type: 'session.acquired' },
        {
          type: 'session.borrowed',
          sessionId: loan.sessionId,
          atMs: under().nowMs(),
          more: { borrowed_until_ms: String(loan.expiresAtMs), holder: 'a', active: '1', seat: 'kept' },
        },
      ]);
    });

    test('outlives every program of its seat, however these end, and ends none of them', async () => {
      const pool = await openPool(under(), LENDING);
      const loan = await pool.loan('a', 3);
      const [released, evicted, crashed] = [await pool.seat('a'), await pool.seat('a'), await pool.seat('a')];
      await pool.release(released);
      await pool.evict(evicted);
      await under().moveClockTo(crashed.expiresAtMs);
      const later = await pool.seat('a');
      expect(await pool.beat(loan)).toEqual({ verdict: 'RENEWED', session: loan });
      expect(await pool.release(loan)).toBe('ENDED');
      expect(await pool.beat(later)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.countActive()).toBe(1);
    });

    test('is one for each seat and machine, whichever program asks', async () => {
      const pool = await openPool(under(), { ...LENDING, unit: 'user', max: 1 });
      const from = (machine: string) => pool.borrow({ machine, user: 'u' }, 2);
      const laptop = heldIn(await from('laptop'));
      await pass(1_000);
      expect(await from('laptop')).toMatchObject({ verdict: 'RENEWED', session: laptop });
      const desktop = heldIn(await from('desktop'));
      expect(desktop).toMatchObject({ holder: 'u', machine: 'desktop' });
      expect((await pool.state()).loans).toEqual({ u: desktop.expiresAtMs });
      await pool.release(desktop);
      expect((await pool.state()).loans).toEqual({ u: laptop.expiresAtMs });
      expect(await pool.beat(laptop)).toMatchObject({ verdict: 'RENEWED' });
    });

    test('can be extended by any program of its machine, and is never shortened', async () => {
      const pool = await openPool(under(), LENDING);
      const loan = await pool.loan('a', 2);
      const { sessionId } = loan;
      await pass(DAY_MS);
      const facts = { fingerprint: 'f', appVersion: '2' };
      const longer = await pool.borrow('a', 2, { facts });
      const expiresAtMs = under().nowMs() + 2 * DAY_MS;
      expect(longer).toMatchObject({ verdict: 'RENEWED', session: { ...loan, expiresAtMs, facts } });
      expect(await pool.borrow('a', 1, { facts })).toMatchObject({ session: { sessionId, expiresAtMs } });
      expect(await pool.story()).toEqual([`borrowed ${sessionId} taken`, `borrowed ${sessionId} kept`]);
      expect((await pool.events()).at(-1)).toMatchObject({
        atMs: under().nowMs(),
        more: { borrowed_until_ms: String(expiresAtMs) },
      });
    });

    test('is unchanged by a retry within a minute', async () => {
      const pool = await openPool(under(), LENDING);
      const loan = await pool.loan('a', 2);
      await pass(MINUTE_MS - 1);
      expect(heldIn(await pool.borrow('a', 2))).toEqual(loan);
      expect(await pool.story()).toHaveLength(1);
      await pass(1);
      expect(heldIn(await pool.borrow('a', 2)).expiresAtMs).toBe(under().nowMs() + 2 * DAY_MS);
    });

    test('is refused if it is longer than the license allows, and no seat is granted', async () => {
      const pool = await openPool(under(), LENDING);
      expect(await pool.borrow('a', 8)).toEqual({ verdict: 'BORROW_TOO_LONG', maxDays: 7 });
      const none = await openPool(under());
      expect(await none.borrow('a', 1)).toEqual({ verdict: 'BORROW_TOO_LONG', maxDays: 0 });
      expect([await pool.countActive(), await none.countActive()]).toEqual([0, 0]);
      expect(await pool.events()).toEqual([]);
    });

    test('survives a change of the terms that no longer allows it', async () => {
      const pool = await openPool(under(), LENDING);
      const loan = await pool.loan('a', 7);
      await pool.put({ borrowMaxDays: 0, max: 0 });
      await pass(6 * DAY_MS);
      expect(await pool.beat(loan)).toEqual({ verdict: 'RENEWED', session: loan });
    });
  });

  describe('the limit of loans', () => {
    test('keeps the low-water seats available online, and does not hinder the programs of a seat', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 3, borrowLowWater: 2 });
      await pool.loan('a', 7);
      const refusal = { verdict: 'BORROW_LIMIT', borrowed: 1, borrowable: 1 };
      expect(await pool.borrow('b', 1)).toEqual(refusal);
      expect(await pool.countActive()).toBe(1);
      const online = await pool.seat('b');
      expect(await pool.borrow('b', 1)).toEqual(refusal);
      expect(await pool.beat(online)).toMatchObject({ verdict: 'RENEWED' });
      await pass(MINUTE_MS);
      expect(await pool.borrow('a', 7)).toMatchObject({ verdict: 'RENEWED' });
    });

    test('counts seats: further machines of a seat with a loan may borrow too', async () => {
      const pool = await openPool(under(), { ...LENDING, unit: 'user', max: 2, borrowLowWater: 1 });
      for (const machine of ['m1', 'm2', 'm3'])
        expect(heldOf(await pool.borrow({ machine, user: 'u' }, 1)).active).toBe(1);
      expect(await pool.borrow({ machine: 'm1', user: 'other' }, 1)).toEqual({
        verdict: 'BORROW_LIMIT',
        borrowed: 1,
        borrowable: 1,
      });
    });

    test('is 64 machines for each seat', async () => {
      const pool = await openPool(under(), { ...LENDING, unit: 'user' });
      const from = (n: number) => pool.borrow({ machine: `m${n}`, user: 'u' }, 1);
      for (let n = 0; n < 64; n += 1) await from(n);
      expect(await from(64)).toEqual({ verdict: 'SESSIONS_EXHAUSTED', maxSessions: 64 });
      expect(await from(63)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.acquire({ machine: 'm64', user: 'u' })).toMatchObject({ verdict: 'JOINED' });
    });

    test('leaves room for the next when a loan ends or is returned', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 2, borrowLowWater: 1 });
      await pool.release(await pool.loan('a', 1));
      const second = await pool.loan('b', 1);
      await under().moveClockTo(second.expiresAtMs - 1);
      // The seat goes on beyond its loan.
      await pool.seat('b');
      expect(await pool.borrow('c', 1)).toMatchObject({ verdict: 'BORROW_LIMIT' });
      await pass(1);
      expect(await pool.borrow('c', 1)).toMatchObject({ verdict: 'GRANTED' });
    });

    test('has no overdraft, and low-water seats of a smaller pool can never be borrowed', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 1, overdraft: 5 });
      await pool.loan('a', 1);
      expect(await pool.borrow('b', 1)).toEqual({ verdict: 'BORROW_LIMIT', borrowed: 1, borrowable: 1 });
      const shallow = await openPool(under(), { ...LENDING, max: 1, borrowLowWater: 5 });
      expect(await shallow.borrow('a', 1)).toEqual({ verdict: 'BORROW_LIMIT', borrowed: 0, borrowable: 0 });
    });

    test('is not reported by a full pool, whose clients must wait for a seat first', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 1, borrowLowWater: 1 });
      await pool.seat('a');
      expect(await pool.borrow('b', 1)).toMatchObject({ verdict: 'FULL' });
      expect(await pool.borrow('a', 1)).toMatchObject({ verdict: 'BORROW_LIMIT' });
    });

    test('is never exceeded, also by concurrent clients', async () => {
      const pool = await openPool(under(), { ...LENDING, max: 10, borrowLowWater: 6 });
      const verdicts = await Promise.all([...Array(20).keys()].map((n) => pool.borrow(`machine-${n}`, 7)));
      expect(verdicts.filter(({ verdict }) => verdict === 'GRANTED')).toHaveLength(4);
      expect(verdicts.filter(({ verdict }) => verdict === 'BORROW_LIMIT')).toHaveLength(16);
      expect(Object.keys((await pool.state()).loans)).toHaveLength(4);
    });
  });

  test('a seat that is borrowed and returned a hundred times leaves the store as small as before', async () => {
    const pool = await openPool(under(), { ...LENDING, requestsPerMinute: 10_000 });
    const { licenseId, terms } = pool;
    const proof = { kind: 'license-key', keyHash: terms.keyHash } as const;
    const { seats } = under();
    let largest = 0;
    for (let n = 0; n < 100; n += 1) {
      const request = {
        licenseId,
        proof,
        by: BY,
        sessionId: pool.newSession(),
        holders: { machine: 'a' },
        machine: 'a',
        facts: { fingerprint: 'f' },
      };
      const { sessionId } = heldIn(await seats.borrow({ ...request, days: 7 }));
      expect(await seats.release({ licenseId, proof, by: BY, sessionId })).toMatchObject({
        verdict: 'ENDED',
      });
      await pass(MINUTE_MS);
      if (n % 60 === 59) {
        await sweepUntilDone(under(), licenseId.slice(4, 6));
        largest = Math.max(largest, (await pool.state()).gone.length);
      }
    }
    // Those of two hours: a sweep forgets once an hour.
    expect(largest).toBeLessThanOrEqual(120);
    await pass(TTL_MS + MEMORY_MS);
    await sweepUntilDone(under(), licenseId.slice(4, 6));
    expect(await under().kindsOfKeyLeft(licenseId)).toEqual(['license']);
  });
}

function heldOf<V extends { verdict: string }>(verdict: V) {
  if (!('session' in verdict)) throw new Error(`no seat: ${verdict.verdict}`);
  return verdict as Extract<V, { session: Session }>;
}
