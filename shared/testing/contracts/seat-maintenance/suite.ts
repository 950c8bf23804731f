import { beforeEach, describe, expect, test } from 'vitest';
import { writtenAtMs } from '../../../domain/event.ts';
import { newLicenseId, newTenantId, shardOf } from '../../../domain/ids.ts';
import type { Due, OutboxEntry, ShardNews } from '../../../ports/seat-maintenance.ts';
import { BY } from '../../by.ts';
import { DAY_MS, MINUTE_MS, openPool, type Pool, type SeatsUnderTest, TTL_MS } from '../seats/pool.ts';
import { sweepUntilDone } from './sweep.ts';

const SHARD = '07';

function totalExpired(checks: readonly ShardNews[]): number {
  return checks.reduce((sum, { expired }) => sum + expired, 0);
}

/** A license's seats, as a check that was due then. */
function seatsOf({ licenseId }: Pool, dueMs: number): Due {
  return { licenseId, what: 'seats', dueMs };
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
      const due = [seatsOf(pool, session.expiresAtMs)];
      await under().moveClockTo(session.expiresAtMs - 1);
      expect(await under().seatMaintenance.expire(SHARD, [])).toMatchObject({ due: [], expired: 0 });
      expect(await under().seatMaintenance.expire(SHARD, due)).toMatchObject({ due: [], expired: 0 });

      await under().moveClockTo(session.expiresAtMs);
      const atMs = session.expiresAtMs;
      expect(await under().seatMaintenance.expire(SHARD, [])).toMatchObject({ atMs, due, expired: 0 });
      expect(await under().seatMaintenance.expire(SHARD, due)).toMatchObject({ due: [], expired: 1 });
      expect(totalExpired(await sweepUntilDone(under(), SHARD))).toBe(0);
      const { sessionId } = session;
      expect(await pool.story()).toEqual([`acquired ${sessionId} taken`, `expired ${sessionId} freed`]);
      expect(await pool.state()).toMatchObject({
        seats: [],
        sessions: [],
        gone: [{ sessionId, why: 'expired' }],
      });
    });

    test('is looked for again at the latest end of a seat that was extended since', async () => {
      const pool = await poolIn(SHARD);
      const one = await pool.seat('a');
      await under().moveClockTo(one.expiresAtMs - 1);
      const two = await pool.seat('a');
      await under().moveClockTo(one.expiresAtMs);
      // The first end was a lower bound; a session that ended beside another is left to its seat.
      expect(await sweepUntilDone(under(), SHARD)).toMatchObject([
        { due: [seatsOf(pool, one.expiresAtMs)] },
        { due: [], expired: 0 },
      ]);
      expect(await pool.state()).toMatchObject({ dueMs: two.expiresAtMs });
      await under().moveClockTo(two.expiresAtMs);
      expect(totalExpired(await sweepUntilDone(under(), SHARD))).toBe(2);
      expect((await pool.story()).slice(2)).toEqual([
        `expired ${one.sessionId} kept`,
        `expired ${two.sessionId} freed`,
      ]);
      const ends = (await pool.events()).slice(2);
      expect(ends.map(({ atMs }) => atMs)).toEqual([one.expiresAtMs, two.expiresAtMs]);
    });

    test('is reported in the order of its end, seat by seat, however late', async () => {
      const pool = await poolIn(SHARD, { max: 3 });
      const sessions = [];
      for (const holder of ['c', 'b', 'a']) {
        sessions.push(await pool.seat(holder));
        await under().moveClockTo(under().nowMs() + 1);
      }
      await under().moveClockTo(under().nowMs() + DAY_MS);
      await sweepUntilDone(under(), SHARD);
      const ends = (await read()).flatMap(({ event }) => (event?.type === 'session.expired' ? [event] : []));
      expect(ends).toMatchObject(
        sessions.map(({ sessionId, holder, expiresAtMs, acquiredAtMs }) => ({
          sessionId,
          atMs: expiresAtMs,
          detail: { holder, acquiredAtMs, active: 0, max: 3, reason: 'lease_ran_out', seat: 'freed' },
        })),
      );
      // What nobody can revive any more is not remembered.
      expect(await pool.state()).toMatchObject({ gone: [], dueMs: undefined });
    });

    test('is reported in bounded steps, for one license and for many', async () => {
      const one = await poolIn(SHARD, { max: 150 });
      await one.seatMany(150);
      const many = [];
      for (let n = 0; n < 40; n += 1) many.push(await poolIn(SHARD));
      for (const pool of many) await pool.seat('a');
      await under().moveClockTo(under().nowMs() + TTL_MS);

      const checks = await sweepUntilDone(under(), SHARD);
      expect(totalExpired(checks)).toBe(190);
      for (const { expired, due } of checks) {
        expect(expired).toBeLessThanOrEqual(64);
        expect(due.length).toBeLessThanOrEqual(32);
      }
      for (const pool of [one, ...many]) expect(await pool.state()).toMatchObject({ sessions: [] });
    });

    test('is reported once by two concurrent checks', async () => {
      const pools = [await poolIn(SHARD, { max: 90 }), await poolIn(SHARD)];
      for (const pool of pools) await pool.seatMany(pool.terms.max);
      await under().moveClockTo(under().nowMs() + TTL_MS);
      const checks = await Promise.all([sweepUntilDone(under(), SHARD), sweepUntilDone(under(), SHARD)]);
      expect(totalExpired(checks.flat())).toBe(93);
      for (const pool of pools) {
        const ended = (await pool.story()).filter((line) => line.startsWith('expired'));
        expect(ended.length).toBe(pool.terms.max);
        expect(new Set(ended).size).toBe(pool.terms.max);
      }
    });

    test('in another shard is left to the check of that shard', async () => {
      const elsewhere = await poolIn('08');
      await elsewhere.seat('a');
      await under().moveClockTo(under().nowMs() + TTL_MS);
      expect(totalExpired(await sweepUntilDone(under(), SHARD))).toBe(0);
      expect(totalExpired(await sweepUntilDone(under(), '08'))).toBe(1);
    });

    test('includes minutes with denials, reported once when the minute has ended', async () => {
      const pool = await poolIn(SHARD, { max: 0 });
      const minuteMs = Math.ceil(under().nowMs() / MINUTE_MS) * MINUTE_MS;
      await under().moveClockTo(minuteMs);
      await pool.acquire('a');
      await pool.acquire('b');
      await under().moveClockTo(minuteMs + MINUTE_MS - 1);
      expect(await sweepUntilDone(under(), SHARD)).toMatchObject([{ due: [] }]);
      await under().moveClockTo(minuteMs + MINUTE_MS);
      const denials = { licenseId: pool.licenseId, what: 'denials', dueMs: minuteMs + MINUTE_MS };
      expect(await sweepUntilDone(under(), SHARD)).toMatchObject([{ due: [denials] }, { due: [] }]);
      await sweepUntilDone(under(), SHARD);
      await pool.acquire('c');
      const denied = (await pool.events()).filter(({ type }) => type === 'seat.denied');
      expect(denied).toMatchObject([{ atMs: minuteMs, more: { count: '2', max: '0' } }]);
      expect(await pool.state()).toMatchObject({ deniedDueMs: minuteMs + 2 * MINUTE_MS });
    });

    test('waits for a lost entitlement copy, without blocking other licenses', async () => {
      const [lost, other] = [await poolIn(SHARD), await poolIn(SHARD)];
      const session = await lost.seat('a');
      await other.seat('a');
      await under().moveClockTo(under().nowMs() + TTL_MS);
      await under().losePart(lost.licenseId, 'copy');

      const checks = await sweepUntilDone(under(), SHARD);
      expect(totalExpired(checks)).toBe(1);
      expect(checks.flatMap(({ unknown }) => unknown)).toEqual([lost.licenseId]);
      await under().seats.restore({ entitlement: lost.terms, loans: [], bars: [] });
      const due = [seatsOf(lost, session.expiresAtMs)];
      expect(await under().seatMaintenance.expire(SHARD, due)).toMatchObject({ expired: 1, unknown: [] });
      expect(await lost.story()).toContain(`expired ${session.sessionId} freed`);
    });

    test('is not due again after the next check if the store has lost it', async () => {
      const pool = await poolIn(SHARD);
      await pool.seat('a');
      await under().losePart(pool.licenseId, 'sessions');
      await under().moveClockTo(under().nowMs() + TTL_MS);
      expect(await sweepUntilDone(under(), SHARD)).toMatchObject([
        { due: [{ licenseId: pool.licenseId }] },
        { due: [], expired: 0 },
      ]);
      expect(await pool.state()).toMatchObject({ dueMs: undefined });
    });
  });

  test('the ends of sessions are forgotten within two hours, though a busy license has thousands', async () => {
    const pool = await poolIn(SHARD, { max: 2 });
    const { licenseId } = pool;
    const stays = await pool.seat('stays');
    for (let n = 0; n < 1_300; n += 32) {
      const ids = Array.from({ length: 32 }, () => pool.newSession());
      await under().seatMaintenance.forgetSessions(licenseId, ids);
    }
    // Its seat never ends, so the license is never idle.
    for (let n = 0; n < 30; n += 1) {
      await under().moveClockTo(under().nowMs() + 5 * MINUTE_MS);
      expect(await pool.beat(stays)).toMatchObject({ verdict: 'RENEWED' });
      await sweepUntilDone(under(), SHARD);
    }
    expect((await pool.state()).gone).toEqual([]);
  });

  describe('the outbox', () => {
    test('contains holder, start, what became of the seat and the number of seats in use for each change', async () => {
      const pool = await poolIn(SHARD, { max: 5, borrowMaxDays: 7 });
      const startMs = under().nowMs();
      const [a, b, c] = [await pool.seat('a'), await pool.loan('b', 7), await pool.seat('c')];
      const sibling = await pool.seat('c');
      await under().moveClockTo(startMs + 1_000);
      await pool.release(a);
      await pool.evict(b);
      await pool.release(sibling);
      await under().moveClockTo(startMs + TTL_MS);
      await sweepUntilDone(under(), SHARD);
      await under().moveClockTo(startMs + TTL_MS + 5);
      expect(await pool.revive(c)).toMatchObject({ verdict: 'REVIVED' });

      const events = (await read()).map(({ event }) => event);
      const { licenseId, tenantId } = pool.terms;
      const entry = (type: string, session: typeof a, atMs: number, seat: string, active: number) => ({
        type: `session.${type}`,
        licenseId,
        tenantId,
        sessionId: session.sessionId,
        atMs,
        detail: { holder: session.holder, acquiredAtMs: startMs, seat, active, max: 5 },
      });
      expect(events).toMatchObject([
        entry('acquired', a, startMs, 'taken', 1),
        { ...entry('borrowed', b, startMs, 'taken', 2), detail: { borrowedUntilMs: b.expiresAtMs } },
        entry('acquired', c, startMs, 'taken', 3),
        entry('acquired', sibling, startMs, 'kept', 3),
        entry('released', a, startMs + 1_000, 'freed', 2),
        entry('evicted', b, startMs + 1_000, 'freed', 1),
        entry('released', sibling, startMs + 1_000, 'kept', 1),
        entry('expired', c, startMs + TTL_MS, 'freed', 0),
        entry('revived', c, startMs + TTL_MS + 5, 'taken', 1),
      ]);
      expect(new Set(events.map((event) => event?.eventId)).size).toBe(9);
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
      const by = 'system seats';
      const fields = { v: '1', type: 'seat.denied', license_id, tenant_id, session_id: '', by };
      await under().writeOutbox(license_id, { ...fields, at_ms: '1', count: '2', ...odd });
      await pool.seat('b');
      return (await read()).map(({ event }) => event);
    }

    test.each([
      ['of an unknown type', { type: 'session.cloned' }],
      ['without a license', { license_id: '' }],
      ['of another version', { v: '2' }],
      ['without a version', { v: '' }],
      ['of an unknown kind of actor', { by: 'robot r2' }],
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
      expect(await seats.putLicense(pool.terms)).toBe('MISSING');
      expect(await pool.restore()).toMatchObject({ isCopyStored: true });
      expect((await listed()).get(pool.licenseId)).toEqual(pool.terms);
      expect(await pool.beat(session)).toMatchObject({ verdict: 'RENEWED' });
    });

    test('are listed as they were put, by shard, in pages', async () => {
      const pools = [];
      for (let n = 0; n < 5; n += 1) {
        pools.push(
          await poolIn(SHARD, {
            max: n,
            validUntilMs: n === 2 ? under().nowMs() + TTL_MS : null,
            previousKeyHash: n === 3 ? 'x' : null,
          }),
        );
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
      const detail = { fields: ['max', 'plan'], plan: 'pro', status: 'active', hold: null } as const;
      const change = { ...BY, detail: { ...detail, fields: [...detail.fields] } };
      expect(await seats.putLicense(next)).toBe('STORED');
      expect(await seats.putLicense(next, { type: 'license.updated', atMs, ...change })).toBe('STALE');
      expect(await seats.putLicense(next, { type: 'license.updated', atMs, ...change })).toBe('STALE');
      expect(await seats.putLicense(pool.terms, { type: 'license.created', atMs, ...change })).toBe('STALE');
      expect((await read()).map(({ event }) => event)).toMatchObject([
        { type: 'license.updated', sessionId: null, atMs, ...BY, detail: { ...detail, version: 2, max: 9 } },
      ]);
    });
  });

  describe('which of the given sessions live', () => {
    test('excludes sessions that ended, expired, never existed or belong to another license', async () => {
      const [pool, other] = [await poolIn(SHARD), await poolIn(SHARD)];
      const [expired, released] = [await pool.seat('a'), await pool.seat('b')];
      await pool.release(released);
      const { seatMaintenance } = under();
      const id = expired.sessionId;
      await under().moveClockTo(expired.expiresAtMs - 1);
      expect(await seatMaintenance.whichLiving(pool.licenseId, [id])).toEqual(new Set([id]));
      const sibling = await pool.seat('a');
      await under().moveClockTo(expired.expiresAtMs);
      expect(await seatMaintenance.whichLiving(pool.licenseId, [id])).toEqual(new Set());
      const [living, foreign] = [await pool.seat('c'), await other.seat('a')];
      const candidates = [expired, released, sibling, living, foreign].map(({ sessionId }) => sessionId);
      expect(await seatMaintenance.whichLiving(pool.licenseId, [...candidates, pool.newSession()])).toEqual(
        new Set([sibling.sessionId, living.sessionId]),
      );
      expect(await seatMaintenance.whichLiving(newLicenseId(newTenantId(16)), candidates)).toEqual(new Set());
    });

    test('reports a session that expired beside others, with its true end, once', async () => {
      const pool = await poolIn(SHARD);
      const crashed = await pool.seat('a');
      await under().moveClockTo(crashed.expiresAtMs - 1);
      const sibling = await pool.seat('a');
      await under().moveClockTo(crashed.expiresAtMs + 5);
      for (const _ of [1, 2]) await under().seatMaintenance.whichLiving(pool.licenseId, [crashed.sessionId]);
      expect((await pool.events()).slice(2)).toMatchObject([
        {
          type: 'session.expired',
          sessionId: crashed.sessionId,
          atMs: crashed.expiresAtMs,
          more: { seat: 'kept' },
        },
      ]);
      expect(await pool.beat(sibling)).toMatchObject({ verdict: 'RENEWED' });
    });
  });

  test('shard ids are those contained in license ids', async () => {
    const pool = await poolIn(SHARD);
    expect(shardOf(pool.licenseId)).toBe(SHARD);
  });
}
