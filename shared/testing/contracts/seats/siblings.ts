import { describe, expect, test } from 'vitest';
import { DAY_MS, MEMORY_MS, openPool, type SeatsUnderTest, TTL_MS } from './pool.ts';

export function siblingsContract(under: () => SeatsUnderTest): void {
  const pass = (ms: number) => under().moveClockTo(under().nowMs() + ms);

  describe('programs that share a seat', () => {
    test('keep it until the last of them ends, to the millisecond', async () => {
      const pool = await openPool(under(), { max: 1 });
      const one = await pool.seat('a');
      await pass(100_000);
      const two = await pool.seat('a');
      expect(await pool.state()).toMatchObject({ seats: [{ holder: 'a', endMs: two.expiresAtMs }] });
      await under().moveClockTo(one.expiresAtMs);
      expect(await pool.countActive()).toBe(1);
      expect(await pool.beat(one)).toMatchObject({ verdict: 'MISSING' });
      await under().moveClockTo(two.expiresAtMs - 1);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'FULL', active: 1 });
      await pass(1);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED', active: 1 });
    });

    test('raise the end of their seat by each heartbeat, and never lower it', async () => {
      const pool = await openPool(under());
      const one = await pool.seat('a');
      await pass(1_000);
      const two = await pool.seat('a');
      await pass(1_000);
      await pool.beat(one);
      const endMs = under().nowMs() + TTL_MS;
      expect(await pool.state()).toMatchObject({ seats: [{ holder: 'a', endMs }] });
      await pool.put({ ttlSeconds: 10, heartbeatSeconds: 8 });
      await pool.beat(two);
      await pool.seat('a');
      expect(await pool.state()).toMatchObject({ seats: [{ holder: 'a', endMs }] });
    });

    test('of one user on a desktop and a laptop continue when the other one ends', async () => {
      const pool = await openPool(under(), { unit: 'user', max: 1 });
      const on = (machine: string) => pool.seat({ machine, user: 'u' }, { kind: 'machine' });
      const [desktop, laptop] = [await on('desktop'), await on('laptop')];
      expect(await pool.release(laptop)).toBe('ENDED');
      expect(await pool.beat(desktop)).toMatchObject({ verdict: 'RENEWED' });
      expect(await pool.beat(laptop)).toMatchObject({ verdict: 'MISSING' });
      expect(await pool.acquire({ machine: 'm', user: 'other' })).toMatchObject({
        verdict: 'FULL',
        active: 1,
      });
      expect(await pool.release(desktop)).toBe('ENDED');
      expect(await pool.countActive()).toBe(0);
      expect((await pool.story()).slice(2)).toEqual([
        `released ${laptop.sessionId} kept`,
        `released ${desktop.sessionId} freed`,
      ]);
    });

    test('leave the seat the latest of their ends when one that ends later is released', async () => {
      const pool = await openPool(under(), { max: 1, borrowMaxDays: 3 });
      const one = await pool.seat('a');
      await pass(1_000);
      const two = await pool.seat('a');
      const loan = await pool.loan('a', 3);
      const [seat] = (await pool.state()).seats;
      expect(seat?.endMs).toBe(loan.expiresAtMs);
      await pool.release(loan);
      expect(await pool.state()).toMatchObject({ seats: [{ endMs: two.expiresAtMs }], loans: {} });
      await pool.release(two);
      expect(await pool.state()).toMatchObject({ seats: [{ endMs: one.expiresAtMs }] });
      await under().moveClockTo(one.expiresAtMs);
      expect(await pool.acquire('b')).toMatchObject({ verdict: 'GRANTED' });
    });

    test('count as one seat in every event, which says whether the seat was taken, kept or freed', async () => {
      const pool = await openPool(under(), { max: 5 });
      const startMs = under().nowMs();
      const [a1, a2, b] = [await pool.seat('a'), await pool.seat('a'), await pool.seat('b')];
      await pass(1_000);
      await pool.release(a1);
      await pool.evict(a2);
      const change = {
        acquired_ms: String(startMs),
        max: '5',
        tenant_id: pool.terms.tenantId,
        by: 'operator bootstrap req_test',
      };
      const of = (type: string, { sessionId }: typeof b, holder: string, seat: string, active: string) => ({
        type: `session.${type}`,
        sessionId,
        more: { ...change, holder, seat, active },
      });
      expect(await pool.events()).toEqual(
        [
          of('acquired', a1, 'a', 'taken', '1'),
          of('acquired', a2, 'a', 'kept', '1'),
          of('acquired', b, 'b', 'taken', '2'),
          of('released', a1, 'a', 'kept', '2'),
          of('evicted', a2, 'a', 'freed', '1'),
        ].map((event, i) => ({ ...event, atMs: i < 3 ? startMs : startMs + 1_000 })),
      );
    });
  });

  describe('a program that crashed beside others', () => {
    test.each([
      ['joined', (pool: Awaited<ReturnType<typeof openPool>>) => pool.acquire('a')],
      ['left', async (pool, other) => pool.release(other)],
    ] satisfies [string, (pool: Awaited<ReturnType<typeof openPool>>, other: string) => unknown][])(
      'is reported with its true end when its seat is next %s',
      async (_, act) => {
        const pool = await openPool(under());
        const crashed = await pool.seat('a');
        await pass(100_000);
        const [other, last] = [await pool.seat('a'), await pool.seat('a')];
        await under().moveClockTo(crashed.expiresAtMs + 5);
        await pool.beatAll([other, last]);
        expect(await pool.story()).toHaveLength(3);
        await act(pool, other.sessionId);
        const events = (await pool.events()).filter(({ type }) => type === 'session.expired');
        expect(events).toMatchObject([
          {
            sessionId: crashed.sessionId,
            atMs: crashed.expiresAtMs,
            more: { reason: 'lease_ran_out', seat: 'kept', active: '1', holder: 'a' },
          },
        ]);
      },
    );

    test('is reported with the others when the seat ends, in the order of their ends', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 1 });
      const loan = await pool.loan('a', 1);
      const one = await pool.seat('a');
      await pass(10_000);
      const two = await pool.seat('a');
      await under().moveClockTo(loan.expiresAtMs + 7);
      const next = await pool.seat('a');
      expect((await pool.story()).slice(3)).toEqual([
        `expired ${one.sessionId} kept`,
        `expired ${two.sessionId} kept`,
        `expired ${loan.sessionId} freed`,
        `acquired ${next.sessionId} taken`,
      ]);
      const ends = (await pool.events()).filter(({ type }) => type === 'session.expired');
      expect(ends.map(({ atMs }) => atMs)).toEqual([one, two, loan].map(({ expiresAtMs }) => expiresAtMs));
      expect(await pool.state()).toMatchObject({ sessions: [{ sessionId: next.sessionId }], loans: {} });
    });
  });

  describe('no lease gets shorter', () => {
    test('when the TTL is lowered', async () => {
      const pool = await openPool(under());
      const session = await pool.seat('a');
      await pool.put({ ttlSeconds: 10, heartbeatSeconds: 8 });
      await pass(1_000);
      expect(await pool.beat(session)).toEqual({ verdict: 'RENEWED', session });
      const again = await pool.acquire('a', { sessionId: session.sessionId });
      expect(again).toMatchObject({ verdict: 'RENEWED', session: { expiresAtMs: session.expiresAtMs } });
      await under().moveClockTo(session.expiresAtMs - 1);
      expect(await pool.beat(session)).toMatchObject({
        session: { expiresAtMs: under().nowMs() + 10_000 },
      });
    });

    test('when the license is changed to end sooner', async () => {
      const pool = await openPool(under(), { borrowMaxDays: 3 });
      const [session, loan] = [await pool.seat('a'), await pool.loan('b', 3)];
      await pool.put({ validUntilMs: under().nowMs() + 60_000 });
      expect(await pool.beat(session)).toEqual({ verdict: 'RENEWED', session });
      expect(await pool.beat(loan)).toEqual({ verdict: 'RENEWED', session: loan });
    });

    test('when the clock of Redis steps back', async () => {
      const pool = await openPool(under());
      await pass(DAY_MS);
      const session = await pool.seat('a');
      await under().stepClockBack(5_000);
      expect(await pool.beat(session)).toEqual({ verdict: 'RENEWED', session });
      expect(await pool.acquire('b')).toMatchObject({
        verdict: 'GRANTED',
        session: { expiresAtMs: under().nowMs() + TTL_MS },
      });
      await under().moveClockTo(session.expiresAtMs + MEMORY_MS);
      expect(await pool.countActive()).toBe(0);
    });
  });
}
