import { expect } from 'vitest';
import type { Entitlement } from '../../../domain/entitlement.ts';
import type { EventType } from '../../../domain/event.ts';
import { hashSecret, newLicenseId, newLicenseKey, newSessionId, newTenantId } from '../../../domain/ids.ts';
import type { Session, SessionFacts, SessionKind } from '../../../domain/session.ts';
import type { SeatMaintenance } from '../../../ports/seat-maintenance.ts';
import type {
  AcquireVerdict,
  BorrowVerdict,
  EvictRequest,
  EvictVerdict,
  HeartbeatRequest,
  HeartbeatResult,
  Holders,
  LostLicense,
  Proof,
  ReleaseVerdict,
  Restored,
  ReviveRequest,
  ReviveResult,
  Seat,
  SeatPage,
  Seats,
  SessionVerdict,
} from '../../../ports/seats.ts';
import { BY } from '../../by.ts';

/** A seat store with access to its content and clock. */
export interface SeatsUnderTest {
  readonly seats: Seats;
  readonly seatMaintenance: SeatMaintenance;
  /** Milliseconds, by the clock that leases use. It stands still unless moved. */
  nowMs(): number;
  /** Forward only. */
  moveClockTo(ms: number): Promise<void>;
  /** As at a failover to a replica whose clock is behind. */
  stepClockBack(byMs: number): Promise<void>;
  /** All events of the license so far, read from the store. */
  readOutbox(licenseId: string): Promise<SeatEvent[]>;
  /** Adds an entry to the outbox of the license's shard that no script of this version writes. */
  writeOutbox(licenseId: string, fields: Readonly<Record<string, string>>): Promise<void>;
  /** The store's content for the license's pool. */
  readPoolState(licenseId: string): Promise<PoolState>;
  /** The store's whole content, of all licenses, as text. */
  readEverything(): Promise<string>;
  /** Kinds of keys that the store has for this license. */
  kindsOfKeyLeft(licenseId: string): Promise<string[]>;
  /** The store loses the copy or the sessions of a license, or all of these but their number, and nothing else. */
  losePart(licenseId: string, part: 'copy' | 'sessions' | 'all but the number of seats'): Promise<void>;
  /** The license's copy, or the facts of one of its sessions, become those of a release that this one cannot read. */
  rewriteByNewer(licenseId: string, sessionId?: string): Promise<void>;
  /** The store loses everything, like a flushed cache. */
  loseEverything(): Promise<void>;
  close(): Promise<void>;
}

export interface SeatEvent {
  readonly type: string;
  readonly sessionId: string;
  readonly atMs: number;
  readonly more: Readonly<Record<string, string>>;
}

/** Everything stored, also what has expired and is not collected yet. */
export interface PoolState {
  /** The first to end first. */
  readonly seats: readonly { readonly holder: string; readonly endMs: number }[];
  readonly sessions: readonly StoredSession[];
  /** The sessions that are listed for each holder. */
  readonly sessionsOf: Readonly<Record<string, readonly string[]>>;
  /** Sessions that ended, the first to be forgotten first. */
  readonly gone: readonly {
    readonly sessionId: string;
    readonly forgetMs: number;
    readonly why: 'expired' | 'released' | 'evicted';
  }[];
  /** Holder to the end of its latest loan. */
  readonly loans: Readonly<Record<string, number>>;
  /** Holders of whom signatures are stored. */
  readonly signed: readonly string[];
  /** `holder:machine` to the end of what was signed for it. */
  readonly signers: Readonly<Record<string, number>>;
  /** When the sweep will look at this license's seats next. */
  readonly dueMs: number | undefined;
  /** When it will report denials. */
  readonly deniedDueMs: number | undefined;
}

export interface StoredSession {
  readonly sessionId: string;
  readonly holder: string;
  readonly machine: string;
  readonly kind: SessionKind;
  readonly acquiredMs: number;
  readonly endMs: number;
}

export const TRUSTED: Proof = { kind: 'trusted' };
export const TTL_MS = 360_000;
export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** How long an ended session is remembered, and can be revived if its lease expired. */
export const MEMORY_MS = 3_600_000;

/** Names a seat by its machine, or by the pseudonym of each unit. */
type HolderOf = string | Holders;

interface AskOptions {
  /** By default the id of a new instance. */
  readonly sessionId?: string;
  /** By default `instance`. */
  readonly kind?: 'instance' | 'machine';
  /** By default `holders.machine`. */
  readonly machine?: string;
  readonly facts?: SessionFacts;
  readonly offlineSinceMs?: number;
}

type Beat = HeartbeatRequest['sessions'][number];
type Revival = ReviveRequest['sessions'][number];

/** One license's pool. Every call is followed by a consistency check of its keys. */
export interface Pool {
  readonly licenseId: string;
  readonly terms: Entitlement;
  /** The same pool with another proof; the default is `TRUSTED`. */
  as(proof: Proof): Pool;
  newSession(): string;
  /** The next version of the license. */
  put(change: Partial<Entitlement>, event?: EventType): Promise<'STORED' | 'STALE' | 'MISSING'>;
  /** Puts back what was lost. */
  restore(lost?: Partial<LostLicense>): Promise<Restored>;
  acquire(holder: HolderOf, options?: AskOptions): Promise<AcquireVerdict>;
  borrow(holder: HolderOf, days: number, options?: Omit<AskOptions, 'kind'>): Promise<BorrowVerdict>;
  /** Acquires, and throws if no seat is granted. */
  seat(holder: HolderOf, options?: AskOptions): Promise<Session>;
  /** Borrows, and throws if no seat is granted. */
  loan(holder: HolderOf, days: number, options?: Omit<AskOptions, 'kind'>): Promise<Session>;
  /** Seats for holders `${prefix}0`, `${prefix}1` …, acquired concurrently. */
  seatMany(count: number, prefix?: string, facts?: SessionFacts): Promise<Session[]>;
  beat(session: Session | string, proven?: Session): Promise<HeartbeatResult>;
  beatAll(sessions: readonly Beat[]): Promise<readonly HeartbeatResult[]>;
  /** Asks for revival with a token, by default that of the session; `isCleared` is true unless given. */
  revive(session: Session | string, options?: Partial<Revival>): Promise<ReviveResult>;
  reviveAll(sessions: readonly Revival[]): Promise<readonly ReviveResult[]>;
  release(session: Session | string, proven?: Session): Promise<ReleaseVerdict['verdict']>;
  evict(session: Session | string, scope?: EvictRequest['scope']): Promise<EvictVerdict>;
  read(session: Session | string): Promise<SessionVerdict>;
  list(limit?: number, after?: SeatPage['after']): Promise<readonly Seat[]>;
  countActive(): Promise<number>;
  /** `type sessionId seat` of every event of a session so far, without `session.`. */
  story(): Promise<string[]>;
  events(): Promise<SeatEvent[]>;
  /** Minute and number of the denials reported so far. */
  denials(): Promise<[number, string | undefined][]>;
  state(): Promise<PoolState>;
}

export function newEntitlement(change: Partial<Entitlement> = {}): Entitlement {
  const tenantId = newTenantId(16);
  const licenseId = newLicenseId(tenantId);
  return {
    licenseId,
    tenantId,
    version: 1,
    max: 3,
    overdraft: 0,
    ttlSeconds: TTL_MS / 1000,
    heartbeatSeconds: 300,
    unit: 'machine',
    status: 'active',
    validUntilMs: null,
    offlineGraceDays: 7,
    borrowMaxDays: 0,
    borrowLowWater: 0,
    maxSessions: 8,
    signedLimit: 10,
    offlineStartDays: 0,
    requestsPerMinute: 10_000,
    entitlements: { plan: 'team', features: ['export'], limits: { projects: 5 } },
    keyHash: hashSecret(newLicenseKey(licenseId)),
    previousKeyHash: null,
    previousKeyUntilMs: null,
    ...change,
  };
}

export async function openPool(under: SeatsUnderTest, change: Partial<Entitlement> = {}): Promise<Pool> {
  const { seats } = under;
  let terms = newEntitlement(change);
  const { licenseId } = terms;
  const readState = () => under.readPoolState(licenseId);

  async function thenCheckState<T>(verb: Promise<T>): Promise<T> {
    const result = await verb;
    expectConsistent(await readState(), under.nowMs());
    return result;
  }

  function askOf(proof: Proof, holder: HolderOf, options: AskOptions) {
    const holders = typeof holder === 'string' ? { machine: holder } : holder;
    const machine = options.machine ?? holders.machine;
    return {
      licenseId,
      proof,
      by: BY,
      holders,
      machine,
      sessionId: options.sessionId ?? newSessionId(licenseId),
      facts: options.facts ?? { fingerprint: `fingerprint of ${machine}` },
      offlineSinceMs: options.offlineSinceMs,
    };
  }

  const poolOf = (proof: Proof): Pool => {
    const ask = (holder: HolderOf, { kind = 'instance', ...options }: AskOptions = {}) =>
      seats.acquire({ ...askOf(proof, holder, options), kind });

    const pool: Pool = {
      licenseId,
      as: poolOf,
      get terms() {
        return terms;
      },
      newSession: () => newSessionId(licenseId),
      put(next, type) {
        terms = { ...terms, version: terms.version + 1, ...next };
        return thenCheckState(
          seats.putLicense(terms, type && { type, atMs: under.nowMs(), ...BY, detail: {} }),
        );
      },
      restore: (lost) => thenCheckState(seats.restore({ entitlement: terms, loans: [], bars: [], ...lost })),
      acquire: (holder, options) => thenCheckState(ask(holder, options)),
      borrow: (holder, days, options = {}) =>
        thenCheckState(seats.borrow({ ...askOf(proof, holder, options), days })),
      seat: async (holder, options) => heldIn(await pool.acquire(holder, options)),
      loan: async (holder, days, options) => heldIn(await pool.borrow(holder, days, options)),
      async seatMany(count, prefix = 'holder-', facts) {
        const requests = Array.from({ length: count }, (_, i) =>
          ask(`${prefix}${i}`, { ...(facts && { facts }) }),
        );
        return (await thenCheckState(Promise.all(requests))).map(heldIn);
      },
      async beat(session, proven) {
        return onlyOne(await pool.beatAll([{ sessionId: idOf(session), proven }]));
      },
      async beatAll(sessions) {
        const verdict = await thenCheckState(seats.heartbeat({ licenseId, proof, sessions, toldVersion: 0 }));
        if (verdict.verdict !== 'OK') throw new Error(`no heartbeat: ${verdict.verdict}`);
        return verdict.results;
      },
      async revive(session, options) {
        const proven = typeof session === 'string' ? undefined : session;
        return onlyOne(
          await pool.reviveAll([{ sessionId: idOf(session), proven, isCleared: true, ...options }]),
        );
      },
      async reviveAll(sessions) {
        const verdict = await thenCheckState(seats.revive({ licenseId, proof, by: BY, sessions }));
        if (verdict.verdict !== 'OK') throw new Error(`no revival: ${verdict.verdict}`);
        return verdict.results;
      },
      async release(session, proven) {
        const sessionId = idOf(session);
        return (await thenCheckState(seats.release({ licenseId, proof, by: BY, sessionId, proven }))).verdict;
      },
      evict: (session, scope = 'session') =>
        thenCheckState(seats.evict({ licenseId, sessionId: idOf(session), scope, by: BY })),
      read: (session) => thenCheckState(seats.readSession({ licenseId, proof, sessionId: idOf(session) })),
      async list(limit = 100, after) {
        const listed = await seats.listSeats(licenseId, { limit, after });
        if (listed.verdict !== 'OK') throw new Error(`no list: ${listed.verdict}`);
        return listed.seats;
      },
      async countActive() {
        const listed = await seats.listSeats(licenseId, { limit: 0 });
        if (listed.verdict !== 'OK') throw new Error(`no count: ${listed.verdict}`);
        return listed.active;
      },
      async story() {
        const events = (await pool.events()).filter(({ type }) => type.startsWith('session.'));
        return events.map(({ type, sessionId, more }) =>
          [type.slice('session.'.length), sessionId, more.seat].join(' '),
        );
      },
      events: () => under.readOutbox(licenseId),
      async denials() {
        const denied = (await pool.events()).filter(({ type }) => type === 'seat.denied');
        return denied.map(({ atMs, more }) => [atMs, more.count]);
      },
      state: readState,
    };
    return pool;
  };
  await seats.restore({ entitlement: terms, loans: [], bars: [] });
  return poolOf(TRUSTED);
}

/**
 * A seat for each holder of sessions, with the latest of their ends; loans as the sessions say; and the sweep's next
 * check soon after what it must report.
 */
function expectConsistent({ seats, sessions, sessionsOf, loans, dueMs }: PoolState, nowMs: number): void {
  const byHolder = Map.groupBy(sessions, ({ holder }) => holder);
  const ids = [...byHolder].map(([holder, held]) => [holder, held.map(({ sessionId }) => sessionId).sort()]);
  const listed = Object.entries(sessionsOf).map(([holder, each]) => [holder, [...each].sort()] as const);
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(ids));
  const ends = [...byHolder].map(([holder, held]) => [holder, Math.max(...held.map(({ endMs }) => endMs))]);
  expect(Object.fromEntries(seats.map(({ holder, endMs }) => [holder, endMs]))).toEqual(
    Object.fromEntries(ends),
  );
  const lent = sessions.filter(({ kind, endMs }) => kind === 'loan' && endMs > nowMs);
  expect(Object.fromEntries(Object.entries(loans).filter(([, endMs]) => endMs > nowMs))).toEqual(
    Object.fromEntries(
      [...Map.groupBy(lent, ({ holder }) => holder)].map(([holder, of]) => [
        holder,
        Math.max(...of.map(({ endMs }) => endMs)),
      ]),
    ),
  );
  // After a program left others on its seat, the sweep may be late by a lease.
  if (seats[0]) expect(dueMs ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(seats[0].endMs + TTL_MS);
}

/** The session of a verdict that grants one. */
export function heldIn(verdict: AcquireVerdict | BorrowVerdict): Session {
  if (!('session' in verdict)) throw new Error(`no seat: ${verdict.verdict}`);
  return verdict.session;
}

/** The verdicts of every call that takes a proof: acquire, borrow, heartbeat, revive, read-session, release. */
export async function verdictsOfAll(
  seats: Seats,
  licenseId: string,
  proof: Proof,
  sessionId: string = newSessionId(licenseId),
): Promise<string[]> {
  const request = { licenseId, proof, by: BY, sessionId };
  const newcomer = {
    licenseId,
    proof,
    by: BY,
    sessionId: newSessionId(licenseId),
    holders: { machine: 'a-machine' },
    machine: 'a-machine',
    facts: { fingerprint: 'a-machine' },
  };
  const verdicts = [
    await seats.acquire({ ...newcomer, kind: 'instance' }),
    await seats.borrow({ ...newcomer, days: 1 }),
    await seats.heartbeat({ licenseId, proof, sessions: [{ sessionId }], toldVersion: 0 }),
    await seats.revive({ licenseId, proof, by: BY, sessions: [{ sessionId, isCleared: true }] }),
    await seats.readSession(request),
    await seats.release(request),
  ];
  return verdicts.map(({ verdict }) => verdict);
}

/** The number of calls in `verdictsOfAll`. */
export const CALLS_WITH_PROOF = 6;

export function all<T>(verdict: T): T[] {
  return Array.from({ length: CALLS_WITH_PROOF }, () => verdict);
}

/** The elements, of which there must be at least as many as are destructured. */
export function first<T>(list: readonly T[]): T {
  const [only] = list;
  if (only === undefined) throw new Error('an empty list');
  return only;
}

function onlyOne<T>(results: readonly T[]): T {
  expect(results).toHaveLength(1);
  return first(results);
}

export function idOf(session: Session | string): string {
  return typeof session === 'string' ? session : session.sessionId;
}
