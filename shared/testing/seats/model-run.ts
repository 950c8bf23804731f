import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { sessionOfMember } from '../../adapters/seats/encoding.ts';
import { poolKey, shardKey } from '../../adapters/seats/lua/keys.ts';
import { openRedisMaintenance } from '../../adapters/seats/redis-maintenance.ts';
import { openSeats } from '../../adapters/seats/redis-seats.ts';
import type { Entitlement } from '../../domain/entitlement.ts';
import { shardOf } from '../../domain/ids.ts';
import type { Session } from '../../domain/session.ts';
import { Unavailable } from '../../errors.ts';
import type { RespReply } from '../../local/redis/resp-client.ts';
import type { AcquireRequest, Proof } from '../../ports/seats.ts';
import type { SeatEvent } from '../contracts/seats/pool.ts';
import { respRequester } from '../servers/resp-requester.ts';
import { eventsIn, listOf, pairsOf, type SeatsBackend } from './backend.ts';
import { type Command, START_MS, TERMS, type Told, userIdOf } from './commands.ts';
import { BarsModel, MEMORY_MS, PoolModel } from './model.ts';

export interface Walk {
  /** Throws where the seats and the model part ways. */
  run(commands: readonly Command[]): Promise<void>;
  /** How often each answer, event and kind of step came up. */
  readonly tally: ReadonlyMap<string, number>;
}

/** Runs histories against seats and model side by side, and compares them after every step. */
export function openWalk(backend: SeatsBackend): Walk {
  const requester = respRequester(backend.redis);
  const seats = openSeats(requester, backend.includes);
  const seatMaintenance = openRedisMaintenance(requester, backend.includes);
  const tally = new Map<string, number>();
  const count = (what: string): void => {
    tally.set(what, (tally.get(what) ?? 0) + 1);
  };
  async function run(commands: readonly Command[]): Promise<void> {
    let nowMs = START_MS;
    let lastId = 0;
    const truth = TERMS.map((each) => ({ ...each }));
    const bars = new BarsModel();
    const pools = TERMS.map(() => new PoolModel(bars));
    const requests: { of: number; request: AcquireRequest }[] = [];
    /** What clients know of their sessions: the first and the newest answer. */
    const held: { of: number; oldest: Session; newest: Session }[] = [];
    const lost = new Set<string>();

    count('histories');
    await backend.setClock(nowMs);
    await backend.flush();
    for (const of of truth.keys()) await put(of, at(truth, of), undefined);

    for (const command of commands) {
      count('commands');
      const touched = await step(command);
      if (touched !== undefined) await compare(touched);
    }
    // A step touches one license; here shows whether it left the others alone.
    for (const of of truth.keys()) await compare(of);

    /** The license that the command was about, if any. */
    async function step(command: Command): Promise<number | undefined> {
      switch (command.do) {
        case 'acquire':
          return acquire(command.license, requestOf(command));
        case 'repeat': {
          const repeated = chosen(requests, command.pick);
          return repeated && acquire(repeated.of, repeated.request);
        }
        case 'heartbeat':
          return heartbeat(command);
        case 'release':
          return release(command);
        case 'hammer':
          return hammer(command);
        case 'put':
          return change(command);
        case 'list':
          return list(command);
        case 'sign':
          return sign(command);
        case 'wait':
          await moveTo(nowMs + command.ms);
          return undefined;
        case 'waitForEnd':
          return waitForEnd(command);
        case 'bar':
          return bar(command);
        case 'unbar': {
          const { tenantId } = at(truth, command.license);
          bars.unbar(tenantId, userIdOf(command.who));
          await seatMaintenance.unbar(tenantId, userIdOf(command.who));
          return undefined;
        }
        case 'forget':
          return forget(command);
        case 'lose':
          bars.lose();
          for (const pool of pools) pool.lose();
          for (const { newest } of held) lost.add(newest.sessionId);
          await backend.flush();
          return undefined;
      }
    }

    function requestOf({ license: of, holder, proof: by, borrowDays }: Told<'acquire'>): AcquireRequest {
      const { licenseId, unit } = at(truth, of);
      lastId += 1;
      const request: AcquireRequest = {
        licenseId,
        proof: proofOf(of, by),
        proposedSessionId: `ses_${licenseId.slice(4)}_${String(lastId).padStart(16, '0')}`,
        holders: unit === 'user' ? { machine: 'one', user: holder } : { machine: holder ?? '' },
        facts: { fingerprint: `print ${lastId}`, ...(holder && { userId: userIdOf(holder) }) },
        borrowDays,
      };
      requests.push({ of, request });
      return request;
    }

    async function acquire(of: number, request: AcquireRequest): Promise<number> {
      const expected = at(pools, of).acquire(request, nowMs);
      const actual = await seats.acquire(request).catch(endedOf);
      agree(actual, expected);
      count(`acquire ${actual.verdict}`);
      countBarred(of, request.proof, actual.verdict);
      if ('session' in actual) remember(of, actual.session);
      await refill(of, actual.verdict);
      return of;
    }

    async function heartbeat({ license: of, proof: by, picks, token }: Told<'heartbeat'>): Promise<number> {
      const own = held.filter((each) => each.of === of);
      const beats = picks.map((number) => {
        const session = chosen(own, number);
        const sessionId = session?.newest.sessionId ?? 'ses_never_was';
        return { sessionId, proven: token === 'none' ? undefined : session?.[token] };
      });
      const { licenseId } = at(truth, of);
      const request = { licenseId, proof: proofOf(of, by), sessions: beats };
      const expected = at(pools, of).heartbeat(request, nowMs);
      const actual = await seats.heartbeat(request);
      agree(actual, expected);
      if (actual.verdict !== 'OK') count(`heartbeat ${actual.verdict}`);
      countBarred(of, request.proof, actual.verdict);
      for (const result of actual.verdict === 'OK' ? actual.results : []) {
        count(`heartbeat ${result.verdict}`);
        if ('session' in result) remember(of, result.session);
      }
      await refill(of, actual.verdict);
      return of;
    }

    /** The same over and over, in no time. */
    async function hammer({ times, holder, pick: number, ...asked }: Told<'hammer'>): Promise<number> {
      for (let n = 0; n < times; n += 1) {
        if (number % 2 === 0)
          await acquire(asked.license, requestOf({ ...asked, do: 'acquire', holder, borrowDays: undefined }));
        else await heartbeat({ ...asked, do: 'heartbeat', picks: [number], token: 'none' });
      }
      return asked.license;
    }

    async function release({
      license: of,
      proof: by,
      pick: number,
      reason,
      token,
    }: Told<'release'>): Promise<number> {
      const own = chosen(
        held.filter((each) => each.of === of),
        number,
      );
      const { licenseId } = at(truth, of);
      const sessionId = own?.newest.sessionId ?? 'ses_never_was';
      const proven = token === 'none' ? undefined : own?.[token];
      // Some are on their way for minutes; of most nobody knows.
      const sentAtMs = number % 3 === 0 ? nowMs - number * 1_000 : undefined;
      const request = { licenseId, proof: proofOf(of, by), sessionId, reason, proven, sentAtMs };
      const expected = at(pools, of).release(request, nowMs);
      const actual = await seats.release(request);
      agree(actual, expected);
      count(`release ${actual.verdict}`);
      await refill(of, actual.verdict);
      return of;
    }

    /** As the function does it: reads the session, and where it holds a seat keeps something for it. */
    async function sign({ license: of, proof: by, pick: number }: Told<'sign'>): Promise<number> {
      const own = chosen(
        held.filter((each) => each.of === of),
        number,
      );
      const { licenseId } = at(truth, of);
      const sessionId = own?.newest.sessionId ?? 'ses_never_was';
      const request = { licenseId, proof: proofOf(of, by), sessionId };
      const expected = at(pools, of).readSession(request, nowMs);
      const actual = await seats.readSession(request);
      agree(actual, expected);
      count(`read ${actual.verdict}`);
      const isSeated = at(pools, of)
        .leasesAt(nowMs)
        .some(([seated]) => seated === sessionId);
      if (actual.verdict === 'GONE' && isSeated) count('read as somebody else');
      if (actual.verdict === 'OK' && actual.signed !== undefined) count('read what was signed');
      const signed = `signed at ${nowMs}`;
      const kept = await seats.keepSigned(licenseId, sessionId, signed);
      agree(kept, at(pools, of).keepSigned(sessionId, signed, nowMs));
      count(`keep ${kept}`);
      await refill(of, actual.verdict);
      return of;
    }

    async function bar({ license: of, who, seconds }: Told<'bar'>): Promise<undefined> {
      const { tenantId } = at(truth, of);
      bars.bar(tenantId, userIdOf(who), nowMs + seconds * 1000);
      await seatMaintenance.bar(tenantId, userIdOf(who), seconds);
    }

    async function forget({ license: of, picks }: Told<'forget'>): Promise<number> {
      const own = held.filter((each) => each.of === of);
      const sessionIds = picks.map((number) => chosen(own, number)?.newest.sessionId ?? 'ses_never_was');
      const { licenseId } = at(truth, of);
      const expected = at(pools, of).forget(sessionIds, nowMs);
      const actual = await seatMaintenance.forgetSessions(licenseId, sessionIds);
      agree(actual, expected);
      count(`forget ${actual}`);
      return of;
    }

    async function list({ license: of, limit }: Told<'list'>): Promise<number> {
      const { licenseId } = at(truth, of);
      const expected = at(pools, of).list(nowMs);
      const first = await seats.listSessions(licenseId, { limit });
      count(`list ${first.verdict}`);
      if (first.verdict !== 'OK') agree(first, expected);
      else agree({ ...first, sessions: await restOf(licenseId, limit, first.sessions) }, expected);
      return of;
    }

    async function restOf(licenseId: string, limit: number, page: readonly Session[]): Promise<Session[]> {
      const after = page.at(-1);
      if (!after) return [];
      const next = await seats.listSessions(licenseId, { limit, after });
      const rest = next.verdict === 'OK' ? await restOf(licenseId, limit, next.sessions) : [];
      return [...page, ...rest];
    }

    async function change({
      license: of,
      versionsAhead,
      validForMs,
      event,
      ...said
    }: Told<'put'>): Promise<number> {
      const now = at(truth, of);
      const { max, overdraft, status, ttlSeconds = now.ttlSeconds } = said;
      const { borrowMaxDays, borrowLowWater, requestsPerMinute } = said;
      const validUntilMs = validForMs === null ? null : nowMs + validForMs;
      const next = {
        ...now,
        max,
        overdraft,
        status,
        ttlSeconds,
        borrowMaxDays,
        borrowLowWater,
        requestsPerMinute,
        validUntilMs,
        version: now.version + versionsAhead,
      };
      if (versionsAhead > 0) truth[of] = next;
      await put(of, next, event);
      return of;
    }

    async function put(of: number, next: Entitlement, type: Told<'put'>['event']): Promise<void> {
      const event = type && { type, atMs: nowMs };
      const expected = at(pools, of).put(next, event);
      const actual = await seats.putLicense(next, event);
      agree(actual, expected);
      count(`put ${actual}`);
    }

    function countBarred(of: number, proof: Proof, verdict: string): void {
      const isOfTenant = proof.kind === 'user' && proof.tenantIds.includes(at(truth, of).tenantId);
      if (verdict === 'NOT_YOURS' && isOfTenant) count('barred');
    }

    /** As the suite does it: a copy that Redis has lost comes back from the records. */
    async function refill(of: number, verdict: string): Promise<void> {
      if (verdict === 'UNKNOWN_LICENSE') await put(of, at(truth, of), undefined);
    }

    async function waitForEnd({
      pick: number,
      of,
      offsetMs,
    }: Told<'waitForEnd'>): Promise<number | undefined> {
      const session = chosen(held, number);
      if (!session) return undefined;
      const memoryMs = of === 'memory' ? MEMORY_MS : 0;
      const { expiresAtMs, borrowedUntilMs } = session.newest;
      const endMs = of === 'loan' ? (borrowedUntilMs ?? expiresAtMs) : expiresAtMs;
      const toMs = endMs + memoryMs + offsetMs;
      if (toMs > nowMs && offsetMs <= 0)
        count(offsetMs === 0 ? 'clock at an expiry' : 'clock 1 ms before an expiry');
      await moveTo(Math.max(nowMs, toMs));
      return session.of;
    }

    async function moveTo(ms: number): Promise<void> {
      nowMs = ms;
      await backend.setClock(ms);
    }

    async function compare(of: number): Promise<void> {
      const { licenseId } = at(truth, of);
      const outbox = shardKey('outbox', shardOf(licenseId));
      const [range, leased, seated, sessions, due, lent, signed] = await backend.redis.pipeline([
        ['XRANGE', outbox, '-', '+'],
        ['ZRANGE', poolKey('lease', licenseId), '0', '-1', 'WITHSCORES'],
        ['HVALS', poolKey('holder', licenseId)],
        ['HKEYS', poolKey('session', licenseId)],
        ['ZSCORE', shardKey('due', shardOf(licenseId)), licenseId],
        ['ZRANGE', poolKey('borrowed', licenseId), '0', '-1'],
        ['HKEYS', poolKey('signed', licenseId)],
        // The stream starts anew for every step, so that no step pays for those before it.
        ['DEL', outbox],
      ]);

      for (const [each, pool] of pools.entries()) {
        const own = at(truth, each).licenseId;
        if (shardOf(own) === shardOf(licenseId)) compareEvents(eventsIn(range, own), pool);
      }
      const leases = pairsOf(leased).map(([member, ms]): [string, number] => [
        sessionOfMember(licenseId, member),
        Number(ms),
      ]);
      const ids = leases.map(([id]) => id).sort();
      agree(leases.filter(([, ms]) => ms > nowMs).sort(), at(pools, of).leasesAt(nowMs));
      const idsIn = (reply: RespReply | undefined): string[] =>
        listOf(reply)
          .map((member) => sessionOfMember(licenseId, String(member)))
          .sort();
      agree(idsIn(seated), ids);
      agree(idsIn(sessions), ids);
      const living = new Set(leases.flatMap(([id, ms]) => (ms > nowMs ? [id] : [])));
      const ofLiving = (members: readonly string[]): string[] => members.filter((id) => living.has(id));
      const [lentTo, signedFor] = [idsIn(lent), idsIn(signed)];
      agree({ loans: ofLiving(lentTo), signed: ofLiving(signedFor) }, at(pools, of).paperAt(nowMs));
      // No paper outlives its lease, collected or not.
      agree(
        [...lentTo, ...signedFor].filter((id) => !ids.includes(id)),
        [],
      );
      agree(due === null ? undefined : Number(due), leases[0]?.[1]);
    }

    function compareEvents(events: readonly SeatEvent[], pool: PoolModel): void {
      const told = events.map(({ type, sessionId, atMs, more }) => {
        const { count: refused, borrowed_until_ms: untilMs } = more;
        const counted = refused === undefined ? {} : { count: refused };
        return { type, sessionId, atMs, ...counted, ...(untilMs === undefined ? {} : { untilMs }) };
      });
      agree(told, pool.events.splice(0));
      for (const { type, sessionId, untilMs } of told) {
        count(type);
        if (type === 'session.revived' && untilMs !== undefined) count('revived with its loan');
        if (type === 'session.revived' && lost.delete(sessionId)) count('revived after a loss');
      }
    }

    function remember(of: number, session: Session): void {
      const known = held.find(({ newest }) => newest.sessionId === session.sessionId);
      if (known) known.newest = session;
      else held.push({ of, oldest: session, newest: session });
    }

    function proofOf(of: number, proof: Told<'acquire'>['proof']): Proof {
      const { by } = proof;
      if (by === 'trusted') return { kind: 'trusted' };
      const { keyHash, previousKeyHash, tenantId } = at(truth, of);
      if (by === 'user') {
        const tenantIds = proof.isStranger
          ? ['ten_00_strange000000000']
          : ['ten_00_another000000000', tenantId];
        return { kind: 'user', userId: userIdOf(proof.who), tenantIds };
      }
      const hashes = { right: keyHash, previous: previousKeyHash ?? '', wrong: 'another hash' };
      return { kind: 'license-key', keyHash: hashes[by] };
    }
  }

  return { run, tally };
}

/** What the port tells as unavailable: the request repeats one whose session has ended. */
function endedOf(error: unknown): { verdict: 'ENDED' } {
  if (error instanceof Unavailable) return { verdict: 'ENDED' };
  throw error;
}

/** `expect` words a difference well, but takes most of the time where there is none. */
function agree(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`nothing at ${index}`);
  return item;
}

/** One of the last few: what ended long ago is of less interest, but comes up as well where there is little else. */
function chosen<T>(list: readonly T[], number: number): T | undefined {
  return list.at(-1 - (number % Math.min(list.length, 6)));
}
