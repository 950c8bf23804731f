import { beforeEach, describe, expect, test } from 'vitest';
import { writtenAtMs } from '../../../domain/event.ts';
import { newLicenseId, newTenantId, shardOf } from '../../../domain/ids.ts';
import type { OutboxEntry, ShardNews } from '../../../ports/seat-maintenance.ts';
import { openPool, type Pool, type SeatsUnderTest, TTL_MS } from '../seats/pool.ts';

const MINUTE_MS = 60_000;
const SHARD = '07';

/** Checks until nothing is due any more, as the sweep does; returns the result of every check. */
async function expireUntilDone({ seatMaintenance }: SeatsUnderTest, shard = SHARD): Promise<ShardNews[]> {
  const checks = [await seatMaintenance.expire(shard, [])];
  for (let due = checks[0]?.due ?? []; due.length > 0; ) {
    const news = await seatMaintenance.expire(shard, due);
    checks.push(news);
    due = news.due;
  }
  return checks;
}

function totalExpired(checks: readonly ShardNews[]): number {
  return checks.reduce((sum, { expired }) => sum + expired, 0);
}

export function seatMaintenanceContract(under: () => SeatsUnderTest): void {
  /** A pool in the shard of these tests, or in another one. */
  function poolIn(shard: string, change: Parameters<typeof openPool>[1] = {}): Promise<Pool> {
    const tenantId = `ten_${shard}${newTenantId(1).slice(6)}`;
    return openPool(under(), { tenantId, licenseId: newLicenseId(tenantId), ...change });
  }
  const read = (after?: string): Promise<OutboxEntry[]> =>
    under().seatMaintenance.readOutbox(SHARD, { limit: 100, after });

  beforeEach(() => under().loseEverything());

  describe('a probe', () => {
    const probe = () => under().seatMaintenance.probe(SHARD);

    test('counts the events of its shard that are not published, and knows the age of the oldest', async () => {
      expect(await probe()).toEqual({ atMs: under().nowMs(), pending: 0, oldestAtMs: null });
      await (await poolIn('08')).seat('elsewhere');
      expect(await probe()).toMatchObject({ pending: 0 });
      await (await poolIn(SHARD)).seat('a');
      const oldestAtMs = writtenAtMs((await read())[0]?.position ?? '');
      await under().moveClockTo(under().nowMs() + MINUTE_MS);
      await (await poolIn(SHARD)).seat('b');
      const atMs = under().nowMs();
      expect(await probe()).toEqual({ atMs, pending: 2, oldestAtMs });
    });

    test('changes nothing', async () => {
      await (await poolIn(SHARD)).seat('a');
      const before = await under().readEverything();
      await probe();
      expect(await under().readEverything()).toBe(before);
    });
  });

  describe('what expires without a call', () => {
    test('is reported by the check of its shard, once, and not a millisecond too early', async () => {
      const pool = await poolIn(SHARD);
      const session = await pool.seat('a');
      await under().moveClockTo(session.expiresAtMs - 1);
      expect(await under().seatMaintenance.expire(SHARD, [])).toMatchObject({ due: [], expired: 0 });
      expect(await under().seatMaintenance.expire(SHARD, [pool.licenseId])).toMatchObject({
        due: [],
        expired: 0,
      });

      await under().moveClockTo(session.expiresAtMs);
      const atMs = session.expiresAtMs;
      expect(await under().seatMaintenance.expire(SHARD, [])).toMatchObject({
        atMs,
        due: [pool.licenseId],
        expired: 0,
      });
      expect(await under().seatMaintenance.expire(SHARD, [pool.licenseId])).toMatchObject({
        due: [],
        expired: 1,
      });
      expect(totalExpired(await expireUntilDone(under()))).toBe(0);
      expect(await pool.story()).toEqual([
        `session.acquired ${session.sessionId}`,
        `session.expired ${session.sessionId}`,
      ]);
      expect(await pool.state()).toMatchObject({ leases: [], dueMs: undefined, lapsed: [session.sessionId] });
    });

    test('is reported in bounded steps, for one license and for many', async () => {
      const one = await poolIn(SHARD, { max: 150 });
      await one.seatMany(150);
      const many = [];
      for (let n = 0; n < 40; n += 1) many.push(await poolIn(SHARD));
      for (const pool of many) await pool.seat('a');
      await under().moveClockTo(under().nowMs() + TTL_MS);

      const checks = await expireUntilDone(under());
      expect(totalExpired(checks)).toBe(190);
      for (const { expired, due } of checks) {
        expect(expired).toBeLessThanOrEqual(64);
        expect(due.length).toBeLessThanOrEqual(32);
      }
      for (const pool of [one, ...many]) expect(await pool.state()).toMatchObject({ leases: [] });
    });

    test('is reported once by two concurrent checks', async () => {
      const pools = [await poolIn(SHARD, { max: 90 }), await poolIn(SHARD)];
      for (const pool of pools) await pool.seatMany(pool.terms.max);
      await under().moveClockTo(under().nowMs() + TTL_MS);
      const checks = await Promise.all([expireUntilDone(under()), expireUntilDone(under())]);
      expect(totalExpired(checks.flat())).toBe(93);
      for (const pool of pools) {
        const ended = (await pool.story()).filter((line) => line.startsWith('session.expired'));
        expect(ended.length).toBe(pool.terms.max);
        expect(new Set(ended).size).toBe(pool.terms.max);
      }
    });

    test('in another shard is left to the check of that shard', async () => {
      const elsewhere = await poolIn('08');
      await elsewhere.seat('a');
      await under().moveClockTo(under().nowMs() + TTL_MS);
      expect(totalExpired(await expireUntilDone(under()))).toBe(0);
      expect(totalExpired(await expireUntilDone(under(), '08'))).toBe(1);
    });

    test('includes minutes with denials, reported once when the minute has ended', async () => {
      const pool = await poolIn(SHARD, { max: 0 });
      const minuteMs = Math.ceil(under().nowMs() / MINUTE_MS) * MINUTE_MS;
      await under().moveClockTo(minuteMs);
      await pool.acquire('a');
      await pool.acquire('b');
      await under().moveClockTo(minuteMs + MINUTE_MS - 1);
      expect(await expireUntilDone(under())).toMatchObject([{ due: [] }]);
      await under().moveClockTo(minuteMs + MINUTE_MS);
      expect(await expireUntilDone(under())).toMatchObject([{ due: [pool.licenseId] }, { due: [] }]);
      await expireUntilDone(under());
      await pool.acquire('c');
      const denied = (await pool.events()).filter(({ type }) => type === 'seat.denied');
      expect(denied).toMatchObject([{ atMs: minuteMs, more: { count: '2', max: '0' } }]);
    });

    test('waits for a lost entitlement copy, without blocking other licenses', async () => {
      const [lost, other] = [await poolIn(SHARD), await poolIn(SHARD)];
      const session = await lost.seat('a');
      await other.seat('a');
      await under().moveClockTo(under().nowMs() + TTL_MS);
      await under().losePart(lost.licenseId, 'terms');

      const checks = await expireUntilDone(under());
      expect(totalExpired(checks)).toBe(1);
      expect(checks.flatMap(({ unknown }) => unknown)).toEqual([lost.licenseId]);
      await under().seats.putLicense(lost.terms);
      expect(await under().seatMaintenance.expire(SHARD, [lost.licenseId])).toMatchObject({
        expired: 1,
        unknown: [],
      });
      expect(await lost.story()).toContain(`session.expired ${session.sessionId}`);
    });
  });

  describe('a lease that the store has lost', () => {
    test('is not due again after the next check', async () => {
      const pool = await poolIn(SHARD);
      await pool.seat('a');
      await under().losePart(pool.licenseId, 'leases');
      await under().moveClockTo(under().nowMs() + TTL_MS);
      expect(await under().seatMaintenance.expire(SHARD, [])).toMatchObject({ due: [pool.licenseId] });
      expect(await under().seatMaintenance.expire(SHARD, [pool.licenseId])).toMatchObject({
        due: [],
        expired: 0,
      });
    });
  });

  describe('the outbox', () => {
    test('contains holder, start and the number of seats in use for each change', async () => {
      const pool = await poolIn(SHARD, { max: 5 });
      const startMs = under().nowMs();
      const [a, b, c] = [await pool.seat('a'), await pool.seat('b'), await pool.seat('c')];
      await under().moveClockTo(startMs + 1_000);
      await pool.release(a);
      await pool.release(b, 'evicted');
      await under().moveClockTo(startMs + TTL_MS);
      await expireUntilDone(under());
      await under().moveClockTo(startMs + TTL_MS + 5);
      expect(await pool.beat(c)).toMatchObject({ verdict: 'REVIVED' });

      const events = (await read()).map(({ event }) => event);
      const { licenseId, tenantId } = pool.terms;
      const entry = (type: string, holder: string, session: typeof a, atMs: number, active: number) => ({
        type,
        licenseId,
        tenantId,
        sessionId: session.sessionId,
        atMs,
        detail: { holder, acquiredAtMs: startMs, active, max: 5 },
      });
      expect(events).toMatchObject([
        entry('session.acquired', 'a', a, startMs, 1),
        entry('session.acquired', 'b', b, startMs, 2),
        entry('session.acquired', 'c', c, startMs, 3),
        entry('session.released', 'a', a, startMs + 1_000, 2),
        entry('session.evicted', 'b', b, startMs + 1_000, 1),
        entry('session.expired', 'c', c, startMs + TTL_MS, 0),
        entry('session.revived', 'c', c, startMs + TTL_MS + 5, 1),
      ]);
      expect(new Set(events.map((event) => event?.eventId)).size).toBe(7);
    });

    test('contains the end of a loan', async () => {
      const pool = await poolIn(SHARD, { borrowMaxDays: 7 });
      const atMs = under().nowMs();
      const { sessionId, borrowedUntilMs } = await pool.seat('a', { days: 7 });
      const detail = { holder: 'a', acquiredAtMs: atMs, active: 1, max: 3 };
      expect((await read()).map(({ event }) => event)).toMatchObject([
        { type: 'session.acquired', sessionId, atMs, detail },
        { type: 'session.borrowed', sessionId, atMs, detail: { ...detail, borrowedUntilMs } },
      ]);
    });

    test('counts down the seats in use, lease by lease, if many expired at once', async () => {
      const pool = await poolIn(SHARD, { max: 3 });
      await pool.seatMany(3);
      await under().moveClockTo(under().nowMs() + TTL_MS);
      await expireUntilDone(under());
      const ends = (await read()).filter(({ event }) => event?.type === 'session.expired');
      expect(ends.map(({ event }) => event?.detail.active)).toEqual([2, 1, 0]);
    });

    test('is read in pages, keeps what is not trimmed, and can be trimmed repeatedly', async () => {
      const pool = await poolIn(SHARD, { max: 5 });
      await pool.seatMany(5);
      const all = await read();
      expect(all).toHaveLength(5);
      const first = await under().seatMaintenance.readOutbox(SHARD, { limit: 2 });
      expect(first).toEqual(all.slice(0, 2));
      expect(await read(first.at(-1)?.position)).toEqual(all.slice(2));

      const some = [all[1], all[3]].map((entry) => entry?.position ?? '');
      await under().seatMaintenance.trimOutbox(SHARD, some);
      await under().seatMaintenance.trimOutbox(SHARD, some);
      await under().seatMaintenance.trimOutbox(SHARD, []);
      expect(await read()).toEqual([all[0], all[2], all[4]]);
    });

    test('reports the number of entries and the age of the oldest', async () => {
      const pool = await poolIn(SHARD);
      expect(await under().seatMaintenance.expire(SHARD, [])).toMatchObject({ pending: 0, oldestAtMs: null });
      await pool.seatMany(3);
      const [oldest] = await read();
      const oldestAtMs = Number(oldest?.position.split('-')[0]);
      expect(await under().seatMaintenance.expire(SHARD, [])).toMatchObject({ pending: 3, oldestAtMs });
    });

    /** Adds an entry that can be read, but for what `odd` changes, between two others. */
    async function readWith(odd: Readonly<Record<string, string>>) {
      const pool = await poolIn(SHARD);
      const { licenseId: license_id, tenantId: tenant_id } = pool.terms;
      await pool.seat('a');
      const fields = { v: '1', type: 'seat.denied', license_id, tenant_id, session_id: '' };
      await under().writeOutbox(license_id, { ...fields, at_ms: '1', count: '2', ...odd });
      await pool.seat('b');
      return (await read()).map(({ event }) => event);
    }

    test.each([
      ['of an unknown type', { type: 'session.cloned' }],
      ['without a license', { license_id: '' }],
      ['of another version', { v: '2' }],
      ['without a version', { v: '' }],
      ['with an invalid number', { count: 'many' }],
    ])('returns an entry %s as unreadable, in its place among the others', async (_, odd) => {
      const types = (await readWith(odd)).map((event) => event?.type);
      expect(types).toEqual(['session.acquired', undefined, 'session.acquired']);
    });

    test('returns an entry without the fields that a newer release added', async () => {
      const [, event] = await readWith({ added_later: 'x' });
      expect(event).toMatchObject({ type: 'seat.denied', atMs: 1 });
      expect(event?.detail).toStrictEqual({ count: 2 });
    });
  });

  describe('entitlement copies', () => {
    test('in a format of another release count as lost, are listed as such, and are replaced', async () => {
      const [pool, other] = [await poolIn(SHARD), await poolIn(SHARD)];
      const { seats, seatMaintenance } = under();
      const listed = async () =>
        new Map(
          (await seatMaintenance.listCopies(SHARD, { limit: 9 })).map((row) => [row.licenseId, row.copy]),
        );
      const session = await pool.seat('a');
      await under().rewriteByNewer(pool.licenseId);
      expect(await pool.acquire('b')).toEqual({ verdict: 'UNKNOWN_LICENSE' });
      expect(await listed()).toEqual(
        new Map([
          [pool.licenseId, undefined],
          [other.licenseId, other.terms],
        ]),
      );
      expect(await seats.putLicense(pool.terms)).toBe('STORED');
      expect((await listed()).get(pool.licenseId)).toEqual(pool.terms);
      expect(await pool.beat(session)).toMatchObject({ verdict: 'RENEWED' });
    });

    test('are listed as they were put, by shard, in pages', async () => {
      const pools = [];
      for (let n = 0; n < 5; n += 1) {
        pools.push(await poolIn(SHARD, { max: n, validUntilMs: n === 2 ? under().nowMs() + TTL_MS : null }));
      }
      await poolIn('08');
      const byId = pools.map(({ terms }) => terms).toSorted((a, b) => (a.licenseId < b.licenseId ? -1 : 1));
      const { seatMaintenance } = under();
      const copiesOf = async (page: { limit: number; after?: string | undefined }) =>
        (await seatMaintenance.listCopies(SHARD, page)).map(({ copy }) => copy);
      expect(await copiesOf({ limit: 100 })).toEqual(byId);
      const first = await copiesOf({ limit: 2 });
      expect(first).toEqual(byId.slice(0, 2));
      const after = first.at(-1)?.licenseId;
      expect(await copiesOf({ limit: 100, after })).toEqual(byId.slice(2));
      expect(await seatMaintenance.listCopies('09', { limit: 100 })).toEqual([]);
    });

    test('are removed only in the given version, and never while a seat is held', async () => {
      const pool = await poolIn(SHARD);
      const { licenseId, version } = pool.terms;
      const session = await pool.seat('a');
      const { seatMaintenance } = under();
      expect(await seatMaintenance.dropCopy(licenseId, version)).toBe('KEPT');
      await pool.release(session);
      await pool.put({});
      expect(await seatMaintenance.dropCopy(licenseId, version)).toBe('KEPT');
      expect(await pool.countActive()).toBe(0);

      expect(await seatMaintenance.dropCopy(licenseId, version + 1)).toBe('DROPPED');
      expect(await seatMaintenance.dropCopy(licenseId, version + 1)).toBe('DROPPED');
      expect(await pool.acquire('a')).toEqual({ verdict: 'UNKNOWN_LICENSE' });
      expect(await seatMaintenance.listCopies(SHARD, { limit: 100 })).toEqual([]);
    });

    test('report their change once, also if the copy was stored before its event', async () => {
      const pool = await poolIn(SHARD);
      const atMs = under().nowMs() - 5;
      const next = { ...pool.terms, version: 2, max: 9 };
      const { seats } = under();
      expect(await seats.putLicense(next)).toBe('STORED');
      expect(await seats.putLicense(next, { type: 'license.updated', atMs })).toBe('STALE');
      expect(await seats.putLicense(next, { type: 'license.updated', atMs })).toBe('STALE');
      expect(await seats.putLicense(pool.terms, { type: 'license.created', atMs })).toBe('STALE');
      expect((await read()).map(({ event }) => event)).toMatchObject([
        { type: 'license.updated', sessionId: null, atMs, detail: { version: 2, max: 9 } },
      ]);
    });
  });

  describe('which of the given sessions hold a seat', () => {
    test('excludes sessions that ended, expired, never existed or belong to another license', async () => {
      const [pool, other] = [await poolIn(SHARD), await poolIn(SHARD)];
      const [lapsed, released] = [await pool.seat('a'), await pool.seat('b')];
      await pool.release(released);
      const { seatMaintenance } = under();
      const id = lapsed.sessionId;
      await under().moveClockTo(lapsed.expiresAtMs - 1);
      expect(await seatMaintenance.whichSeated(pool.licenseId, [id])).toEqual(new Set([id]));
      await under().moveClockTo(lapsed.expiresAtMs);
      expect(await seatMaintenance.whichSeated(pool.licenseId, [id])).toEqual(new Set());
      const [seated, foreign] = [await pool.seat('c'), await other.seat('a')];
      const candidates = [lapsed, released, seated, foreign].map(({ sessionId }) => sessionId);
      expect(await seatMaintenance.whichSeated(pool.licenseId, [...candidates, pool.newSession()])).toEqual(
        new Set([seated.sessionId]),
      );
      expect(await seatMaintenance.whichSeated(newLicenseId(newTenantId(16)), candidates)).toEqual(new Set());
    });
  });

  test('shard ids are those contained in license ids', async () => {
    const pool = await poolIn(SHARD);
    expect(shardOf(pool.licenseId)).toBe(SHARD);
  });
}
