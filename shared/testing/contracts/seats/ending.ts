import { describe, expect, test } from 'vitest';
import { BY } from '../../by.ts';
import { MEMORY_MS, openPool, type Pool, type SeatsUnderTest, TTL_MS } from './pool.ts';

export function endingContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);

  /** What the sweep does for this license. */
  async function sweep({ licenseId }: Pool): Promise<void> {
    await under().seatMaintenance.expire(licenseId.slice(4, 6), [
      { licenseId, what: 'seats', dueMs: under().nowMs() },
    ]);
  }

  describe('release', () => {
    test('frees the seat of a single program at once, and reports it', async () => {
      const pool = await openPool(under(), { max: 1 });
      const session = await pool.seat('a');
      const { sessionId, expiresAtMs } = session;
      await pass(5);
      const { licenseId } = pool;
      const verdict = await under().seats.release({
        licenseId,
        proof: { kind: 'trusted' },
        by: BY,
        sessionId,
      });
      expect(verdict).toEqual({ verdict: 'ENDED', kind: 'instance' });
      expect(await pool.events()).toMatchObject([
        {},
        { type: 'session.released', sessionId, atMs: under().nowMs(), more: { seat: 'freed', active: '0' } },
      ]);
      expect(await pool.state()).toMatchObject({
        seats: [],
        sessions: [],
        gone: [{ sessionId, why: 'released', forgetMs: expiresAtMs + MEMORY_MS }],
      });
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 1 });
    });

    test('can be repeated: it then returns ALREADY_ENDED, and the end is reported once', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      const releases = await Promise.all([1, 2, 3].map(() => pool.release(session)));
      expect(releases).toEqual(['ENDED', 'ALREADY_ENDED', 'ALREADY_ENDED']);
      expect(await pool.evict(session)).toMatchObject({ verdict: 'EVICTED', sessions: [] });
      expect(await pool.story()).toHaveLength(2);
    });

    test('of an expired session reports its expiry and ends no other', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      const { sessionId, expiresAtMs } = session;
      await pass(1_000);
      await pool.seat('a');
      await under().moveClockTo(expiresAtMs);
      expect(await pool.release(session)).toBe('ALREADY_ENDED');
      expect((await pool.story()).slice(2)).toEqual([`expired ${sessionId} kept`]);
      expect(await pool.countActive()).toBe(1);
      expect((await pool.state()).gone).toEqual([
        { sessionId, why: 'released', forgetMs: expiresAtMs + MEMORY_MS },
      ]);
    });

    test('returns UNKNOWN_SESSION for a session that never existed or ended long ago', async () => {
      const pool = await openPool(under());
      expect(await pool.release(pool.newSession())).toBe('UNKNOWN_SESSION');
      const session = await pool.seat('a');
      await pool.release(session);
      await under().moveClockTo(session.expiresAtMs + MEMORY_MS);
      expect(await pool.release(session)).toBe('UNKNOWN_SESSION');
      expect(await pool.release(session, session)).toBe('UNKNOWN_SESSION');
      expect(await pool.story()).toHaveLength(2);
    });
  });

  describe('an administrator', () => {
    test('ends one program of a seat, and leaves the others', async () => {
      const pool = await openPool(under());
      const [one, two] = [await pool.seat('a'), await pool.seat('a')];
      await pass(5);
      expect(await pool.evict(one)).toEqual({ verdict: 'EVICTED', atMs: under().nowMs(), sessions: [one] });
      expect(await pool.beat(two)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.evict(two)).toMatchObject({ sessions: [{ sessionId: two.sessionId }] });
      expect((await pool.story()).slice(2)).toEqual([
        `evicted ${one.sessionId} kept`,
        `evicted ${two.sessionId} freed`,
      ]);
      expect((await pool.events()).slice(-2).map(({ more }) => more.active)).toEqual(['1', '0']);
    });

    test('frees a whole seat by any of its sessions, which end in the order in which they began', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 1, max: 2 });
      const crashed = await pool.seat('a');
      await pass(TTL_MS - 1_000);
      const loan = await pool.loan('a', 1);
      await pass(500);
      const program = await pool.seat('a');
      const other = await pool.seat('b');
      await under().moveClockTo(crashed.expiresAtMs);
      const ended = { verdict: 'EVICTED', atMs: under().nowMs(), sessions: [loan, program] };
      expect(await pool.evict(program, 'seat')).toEqual(ended);
      expect((await pool.story()).slice(4)).toEqual([
        `expired ${crashed.sessionId} kept`,
        `evicted ${loan.sessionId} kept`,
        `evicted ${program.sessionId} freed`,
      ]);
      const { gone, loans, seats } = await pool.state();
      expect(seats).toMatchObject([{ holder: 'b' }]);
      expect(loans).toEqual({});
      expect(
        Object.fromEntries(gone.map(({ sessionId, forgetMs, why }) => [sessionId, [why, forgetMs]])),
      ).toEqual({
        [crashed.sessionId]: ['expired', crashed.expiresAtMs + MEMORY_MS],
        [program.sessionId]: ['evicted', program.expiresAtMs + MEMORY_MS],
        // A loan's token revives nothing.
        [loan.sessionId]: ['evicted', under().nowMs() + MEMORY_MS],
      });
      expect(await pool.beat(other)).toMatchObject({ verdict: 'RENEWED' });
    });

    test('ends nothing by a session that has ended, and does not bar its holder', async () => {
      const pool = await openPool(under());
      const [released, expired] = [await pool.seat('a'), await pool.seat('b')];
      await pool.release(released);
      await under().moveClockTo(expired.expiresAtMs);
      const successor = await pool.seat('a');
      const atMs = under().nowMs();
      for (const session of [released, expired, expired]) {
        for (const scope of ['session', 'seat'] as const) {
          expect(await pool.evict(session, scope)).toEqual({ verdict: 'EVICTED', atMs, sessions: [] });
        }
      }
      expect((await pool.story()).filter((line) => line.startsWith('evicted'))).toEqual([]);
      expect(await pool.beat(successor)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.revive(expired)).toMatchObject({ verdict: 'REVIVED' });
    });

    test('gets UNKNOWN_SESSION and UNKNOWN_LICENSE for what never existed', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      expect(await pool.evict(pool.newSession())).toEqual({ verdict: 'UNKNOWN_SESSION' });
      await under().losePart(pool.licenseId, 'copy');
      expect(await pool.evict(session)).toEqual({ verdict: 'UNKNOWN_LICENSE' });
    });
  });

  describe('two hundred crashed clients', () => {
    test('free their seats at once, and change no verdict, though nothing has collected them', async () => {
      const pool = await openPool(under(), { max: 200 });
      const crashed = await pool.seatMany(200);
      await pass(TTL_MS);
      expect(await pool.countActive()).toBe(0);
      const [acquiring, releasing, reviving] = crashed;
      if (!acquiring || !releasing || !reviving) throw new Error('no session');
      expect(await pool.acquire(acquiring.holder)).toMatchObject({ verdict: 'GRANTED', active: 1 });
      expect(await pool.release(releasing)).toBe('ALREADY_ENDED');
      expect(await pool.revive(reviving)).toMatchObject({ verdict: 'REVIVED' });
      expect(await pool.acquire('newcomer')).toMatchObject({ verdict: 'GRANTED', active: 3 });
      // Clients collect only what is theirs.
      const expired = (await pool.story()).filter((line) => line.startsWith('expired'));
      expect(expired).toEqual(
        [acquiring, releasing, reviving].map((session) => `expired ${session.sessionId} freed`),
      );
      expect((await pool.state()).sessions).toHaveLength(200);
    });
  });

  describe('a license without further calls', () => {
    test('leaves nothing behind but its copy, an hour after its last seat ended', async () => {
      const pool = await openPool(under(), { max: 3, borrowMaxDays: 1 });
      const [released, loan] = [await pool.seat('a'), await pool.loan('b', 1)];
      const expired = await pool.seat('c');
      await pool.release(released);
      await pool.evict(loan);
      await under().moveClockTo(expired.expiresAtMs);
      await sweep(pool);
      expect((await pool.state()).gone).toHaveLength(3);
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toEqual(['gone', 'license']);
      await under().moveClockTo(expired.expiresAtMs + MEMORY_MS);
      await sweep(pool);
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toEqual(['license']);
      expect(await pool.state()).toMatchObject({ dueMs: undefined, deniedDueMs: undefined });
    });

    test('remembers each ended session for its own hour, whatever ends later or earlier', async () => {
      const pool = await openPool(under(), { max: 2, borrowMaxDays: 2 });
      const [long, short] = [await pool.seat('a'), await pool.seat('b')];
      await pass(100_000);
      await pool.beat(long);
      const endMs = under().nowMs() + TTL_MS;
      await pool.release(long);
      await pool.release(short);
      await under().moveClockTo(endMs + MEMORY_MS - 1);
      await sweep(pool);
      expect(await pool.release(short)).toBe('UNKNOWN_SESSION');
      expect(await pool.release(long)).toBe('ALREADY_ENDED');
      await pass(1);
      await sweep(pool);
      expect(await under().kindsOfKeyLeft(pool.licenseId)).toEqual(['license']);
    });
  });
}
