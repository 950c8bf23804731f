import { expect } from 'vitest';
import type { Entitlement } from '../../../domain/entitlement.ts';
import type { EventType } from '../../../domain/event.ts';
import { hashSecret, newLicenseId, newLicenseKey, newSessionId, newTenantId } from '../../../domain/ids.ts';
import type { Session, SessionFacts } from '../../../domain/session.ts';
import type { SeatMaintenance } from '../../../ports/seat-maintenance.ts';
import type {
  AcquireRequest,
  AcquireVerdict,
  HeartbeatOf,
  HeartbeatResult,
  Proof,
  ReleaseVerdict,
  Seats,
  SessionVerdict,
} from '../../../ports/seats.ts';

/** A seat store with access to its content and clock. */
export interface SeatsUnderTest {
  readonly seats: Seats;
  readonly seatMaintenance: SeatMaintenance;
  /** Milliseconds, by the clock that leases use. It stands still unless moved. */
  nowMs(): number;
  /** Forward only. */
  moveClockTo(ms: number): Promise<void>;
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
  /** The store loses the terms or the leases of a license, and nothing else. */
  losePart(licenseId: string, part: 'terms' | 'leases'): Promise<void>;
  /** The license's terms, or the facts of one of its sessions, become those of a release that this one cannot read. */
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

export interface PoolState {
  /** Soonest expiry first; includes expired leases that are not collected yet. */
  readonly leases: readonly { readonly sessionId: string; readonly expiresAtMs: number }[];
  /** Holder to session. */
  readonly seatedOf: Readonly<Record<string, string>>;
  readonly sessions: readonly string[];
  readonly ended: readonly string[];
  readonly lapsed: readonly string[];
  /** Session to the end of its loan; may include ended loans. */
  readonly loans: Readonly<Record<string, number>>;
  /** Sessions with a stored signed license. */
  readonly signed: readonly string[];
  /** When the sweep will check this license next. */
  readonly dueMs: number | undefined;
  readonly hasDenials: boolean;
}

export const TRUSTED: Proof = { kind: 'trusted' };
export const TTL_MS = 360_000;

/** How long an ended session is remembered, and can be revived if its lease expired. */
export const MEMORY_MS = 3_600_000;

export type Holders = AcquireRequest['holders'];

interface AcquireOptions {
  readonly proposed?: string;
  readonly facts?: SessionFacts;
  readonly proof?: Proof;
  readonly days?: number;
}

/** One license's pool. Every call is followed by a consistency check of its keys. */
export interface Pool {
  readonly licenseId: string;
  readonly terms: Entitlement;
  /** The same pool with another proof; the default is `TRUSTED`. */
  as(proof: Proof): Pool;
  newSession(): string;
  /** The next version of the license. */
  put(change: Partial<Entitlement>, event?: EventType): Promise<'STORED' | 'STALE'>;
  acquire(holder: string | Holders, options?: AcquireOptions): Promise<AcquireVerdict>;
  /** Acquires, and throws if no seat is granted. */
  seat(holder: string | Holders, options?: AcquireOptions): Promise<Session>;
  /** Seats for holders `${prefix}0`, `${prefix}1` …, acquired concurrently. */
  seatMany(count: number, prefix?: string, facts?: SessionFacts): Promise<Session[]>;
  beat(session: Session | string, proven?: Session): Promise<HeartbeatResult>;
  beatAll(sessions: readonly HeartbeatOf[]): Promise<readonly HeartbeatResult[]>;
  release(
    session: Session | string,
    reason?: 'released' | 'evicted',
    proven?: Session,
    sentAtMs?: number,
  ): Promise<ReleaseVerdict['verdict']>;
  read(session: Session | string): Promise<SessionVerdict>;
  countActive(): Promise<number>;
  /** `type sessionId` of every event so far, except those of the license itself. */
  story(): Promise<string[]>;
  events(): Promise<SeatEvent[]>;
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
    maxSessions: 64,
    signedLimit: 30,
    offlineGraceDays: 7,
    offlineStartDays: 0,
    borrowMaxDays: 0,
    borrowLowWater: 0,
    requestsPerMinute: 10_000,
    entitlements: { plan: 'pro', features: ['export'], limits: { projects: 20 } },
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
    expectConsistent(await readState());
    return result;
  }

  function ask(holder: string | Holders, options: AcquireOptions = {}): Promise<AcquireVerdict> {
    return seats.acquire({
      licenseId,
      proof: options.proof ?? TRUSTED,
      proposedSessionId: options.proposed ?? newSessionId(licenseId),
      holders: typeof holder === 'string' ? { machine: holder } : holder,
      facts: options.facts ?? { fingerprint: 'a-machine' },
      borrowDays: options.days,
    });
  }

  const poolOf = (proof: Proof): Pool => {
    const pool: Pool = {
      licenseId,
      as: poolOf,
      get terms() {
        return terms;
      },
      newSession: () => newSessionId(licenseId),
      async put(next, type) {
        terms = { ...terms, version: terms.version + 1, ...next };
        return thenCheckState(seats.putLicense(terms, type && { type, atMs: under.nowMs() }));
      },
      acquire: (holder, options) => thenCheckState(ask(holder, { proof, ...options })),
      seat: async (holder, options) => seatedIn(await pool.acquire(holder, options)),
      async seatMany(count, prefix = 'holder-', facts) {
        const requests = Array.from({ length: count }, (_, i) =>
          ask(`${prefix}${i}`, { proof, ...(facts && { facts }) }),
        );
        return (await thenCheckState(Promise.all(requests))).map(seatedIn);
      },
      async beat(session, proven) {
        const [result] = await pool.beatAll([{ sessionId: idOf(session), proven }]);
        if (!result) throw new Error('the heartbeat has no result');
        return result;
      },
      async beatAll(sessions) {
        const verdict = await thenCheckState(seats.heartbeat({ licenseId, proof, sessions }));
        if (verdict.verdict !== 'OK') throw new Error(`no heartbeat: ${verdict.verdict}`);
        return verdict.results;
      },
      async release(session, reason = 'released', proven, sentAtMs) {
        const ending = seats.release({
          licenseId,
          proof,
          sessionId: idOf(session),
          reason,
          proven,
          sentAtMs,
        });
        return (await thenCheckState(ending)).verdict;
      },
      read: (session) => thenCheckState(seats.readSession({ licenseId, proof, sessionId: idOf(session) })),
      async countActive() {
        const listed = await seats.listSessions(licenseId, { limit: 0 });
        if (listed.verdict !== 'OK') throw new Error(`no count: ${listed.verdict}`);
        return listed.active;
      },
      async story() {
        const events = (await pool.events()).filter(({ type }) => type.startsWith('session.'));
        return events.map(({ type, sessionId }) => `${type} ${sessionId}`);
      },
      events: () => under.readOutbox(licenseId),
      state: readState,
    };
    return pool;
  };
  await seats.putLicense(terms);
  return poolOf(TRUSTED);
}

/**
 * One lease, holder and session per seat, no loan or signed license without a seat, and the sweep's next check is set.
 */
function expectConsistent({ leases, seatedOf, sessions, loans, signed, dueMs }: PoolState): void {
  const leased = leases.map(({ sessionId }) => sessionId).sort();
  expect([...sessions].sort()).toEqual(leased);
  expect(Object.values(seatedOf).sort()).toEqual(leased);
  expect(leased).toEqual(expect.arrayContaining([...Object.keys(loans), ...signed]));
  expect(dueMs).toBe(leases[0]?.expiresAtMs);
}

export function seatedIn(verdict: AcquireVerdict): Session {
  if (verdict.verdict !== 'GRANTED' && verdict.verdict !== 'RENEWED')
    throw new Error(`no seat: ${verdict.verdict}`);
  return verdict.session;
}

/** The verdicts of every call that takes a proof, in the order acquire, heartbeat, read-session, release. */
export async function verdictsOfAll(
  seats: Seats,
  licenseId: string,
  proof: Proof,
  sessionId: string = newSessionId(licenseId),
): Promise<string[]> {
  const request = { licenseId, proof, sessionId };
  const facts = { fingerprint: 'a-machine' };
  const acquired = await seats.acquire({
    ...request,
    proposedSessionId: newSessionId(licenseId),
    holders: { machine: 'a-machine' },
    facts,
  });
  const beaten = await seats.heartbeat({ ...request, sessions: [{ sessionId }] });
  const read = await seats.readSession(request);
  const released = await seats.release({ ...request, reason: 'released' });
  return [acquired, beaten, read, released].map(({ verdict }) => verdict);
}

function idOf(session: Session | string): string {
  return typeof session === 'string' ? session : session.sessionId;
}
