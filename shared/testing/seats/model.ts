import { type By, system } from '../../domain/actor.ts';
import type { Entitlement } from '../../domain/entitlement.ts';
import { MOST_SESSIONS } from '../../domain/plans.ts';
import { SESSION_KINDS, type Session } from '../../domain/session.ts';
import type { Ended } from '../../errors.ts';
import type {
  AcquireRequest,
  AcquireVerdict,
  BorrowRequest,
  BorrowVerdict,
  EntryRefusal,
  EvictRequest,
  EvictVerdict,
  Full,
  HeartbeatRequest,
  HeartbeatResult,
  HeartbeatVerdict,
  Held,
  LicenseChanged,
  LostLicense,
  Proof,
  ReleaseRequest,
  ReleaseVerdict,
  ReserveVerdict,
  Restored,
  ReviveRequest,
  ReviveResult,
  ReviveVerdict,
  Rhythm,
  Seat,
  SeatListVerdict,
  Seats,
  SessionRequest,
  SessionVerdict,
  SignatureRequest,
  Told,
  TooOften,
} from '../../ports/seats.ts';

/** How long an ended session is remembered after its end. */
export const MEMORY_MS = 3_600_000;
export const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** How late the sweep may notice that a seat ended sooner than it was going to. */
export const LATEST_SWEEP_MS = 3_600_000;

const SEATS: By = { actor: system('seats') };
const ERASURE: By = { actor: system('erasure') };

const STRANGERS_PER_MINUTE = 20;
const LEAST_PER_MINUTE = 30;
const SIGNATURES_PER_DAY = 24;

/** An event that the store must report, without what depends on when it is reported. */
export interface ModelEvent {
  readonly type: string;
  /** Empty for events of the license. */
  readonly sessionId: string;
  readonly atMs: number;
  readonly by: By;
  readonly holder?: string;
  readonly acquiredAtMs?: number;
  readonly seat?: 'taken' | 'kept' | 'freed';
  readonly borrowedUntilMs?: number;
  readonly offlineSinceMs?: number;
  readonly reason?: 'lease_ran_out' | 'seats_reduced';
  readonly count?: number;
}

/** A session whose lease expired, until the store reports its end. */
interface Dead {
  readonly session: Session;
  readonly event: ModelEvent;
}

type Why = 'expired' | 'released' | 'evicted';

/** All that one license's pool knows. It can be copied, as a copy of Redis can. */
interface PoolState {
  terms: Entitlement | undefined;
  isChangeReported: boolean;
  /** Living only: the model ends each session at its very millisecond. */
  sessions: Session[];
  dead: Dead[];
  gone: Map<string, { forgetMs: number; why: Why }>;
  /** By holder and machine. */
  signed: Map<string, { holder: string; machine: string; untilMs: number; text: string | undefined }>;
  /** By holder, and of all as '': how many on its latest day. */
  signatures: Map<string, { dayMs: number; count: number }>;
  denials: { minuteMs: number; count: number; last: string } | undefined;
  /** Of minutes that have passed, until the store reports them. */
  deniedMinutes: ModelEvent[];
  /** By bucket: when the next call would be due if calls came evenly, microseconds. */
  dueMicros: Map<string, number>;
  /** The latest end that has passed. */
  lastEndMs: number;
  /** Of all terms so far. */
  longestTtlMs: number;
}

function emptyPool(): PoolState {
  return {
    terms: undefined,
    isChangeReported: false,
    sessions: [],
    dead: [],
    gone: new Map(),
    signed: new Map(),
    signatures: new Map(),
    denials: undefined,
    deniedMinutes: [],
    dueMicros: new Map(),
    lastEndMs: 0,
    longestTtlMs: 0,
  };
}

/** Users barred from tenants, until when (ms). All pools of the store share this list. */
export class BarsModel {
  #untilMs = new Map<string, number>();

  bar(tenantId: string, { userId, untilMs }: { readonly userId: string; readonly untilMs: number }): void {
    const who = `${tenantId} ${userId}`;
    this.#untilMs.set(who, Math.max(untilMs, this.#untilMs.get(who) ?? 0));
  }

  unbar(tenantId: string, userId: string): void {
    this.#untilMs.delete(`${tenantId} ${userId}`);
  }

  isBarred(tenantId: string, userId: string, nowMs: number): boolean {
    return this.endOf(tenantId, userId) > nowMs;
  }

  /** 0 for nobody. */
  endOf(tenantId: string, userId: string): number {
    return this.#untilMs.get(`${tenantId} ${userId}`) ?? 0;
  }

  hasEndWithin(fromMs: number, toMs: number): boolean {
    return [...this.#untilMs.values()].some((untilMs) => untilMs > fromMs && untilMs <= toMs);
  }

  copy(): ReadonlyMap<string, number> {
    return new Map(this.#untilMs);
  }

  setBack(copy: ReadonlyMap<string, number>): void {
    this.#untilMs = new Map(copy);
  }

  lose(): void {
    this.#untilMs.clear();
  }
}

/**
 * The rules of one license's pool, as plainly as they can be written: the results, events and memory that the Lua
 * scripts must have. A session ends here at the millisecond of its end; when the store collects it must not show.
 */
export class PoolModel {
  /** What the store must have reported since `takeEvents`, in this order. */
  #events: ModelEvent[] = [];
  #state = emptyPool();
  readonly #bars: BarsModel;

  constructor(bars: BarsModel) {
    this.#bars = bars;
  }

  /** Ends what ends until `nowMs`. Called before every command. */
  moveTo(nowMs: number): void {
    const state = this.#state;
    for (const session of state.sessions
      .filter(({ expiresAtMs }) => expiresAtMs <= nowMs)
      .sort(bySoonestEnd)) {
      const { sessionId, expiresAtMs: atMs } = session;
      const seat = this.#remove(session);
      const event = {
        ...aboutSession('session.expired', session, atMs, SEATS),
        seat,
        reason: 'lease_ran_out' as const,
      };
      state.dead.push({ session, event });
      state.gone.set(sessionId, { forgetMs: atMs + MEMORY_MS, why: 'expired' });
      state.lastEndMs = Math.max(state.lastEndMs, atMs);
    }
    const { denials } = state;
    if (denials && denials.minuteMs < minuteOf(nowMs)) {
      const { minuteMs: atMs, count } = denials;
      state.deniedMinutes.push({ type: 'seat.denied', sessionId: '', atMs, by: SEATS, count });
      state.denials = undefined;
    }
  }

  /** Whether nothing ended or was forgotten since `ms`, so that the clock can step back to it. */
  canStepBackTo(ms: number, nowMs: number): boolean {
    const { lastEndMs, gone, signed } = this.#state;
    const ends = [
      lastEndMs,
      ...[...gone.values()].map(({ forgetMs }) => forgetMs),
      ...[...signed.values()].map(({ untilMs }) => untilMs),
    ];
    return minuteOf(ms) === minuteOf(nowMs) && ends.every((endMs) => endMs <= ms || endMs > nowMs);
  }

  /** Events that are due at once. Those of expired leases and of denials may come later. */
  takeEvents(): ModelEvent[] {
    return this.#events.splice(0);
  }

  get hasEvents(): boolean {
    return this.#events.length > 0;
  }

  /** The report of an expired lease of this session, taken off the list of what is missing. */
  takeExpired(sessionId: string, atMs: number): ModelEvent | undefined {
    const { dead } = this.#state;
    const at = dead.findIndex(({ event }) => event.sessionId === sessionId && event.atMs === atMs);
    return dead.splice(at, at === -1 ? 0 : 1)[0]?.event;
  }

  takeDenied(atMs: number): ModelEvent | undefined {
    const { deniedMinutes } = this.#state;
    const at = deniedMinutes.findIndex((event) => event.atMs === atMs);
    return deniedMinutes.splice(at, at === -1 ? 0 : 1)[0];
  }

  /** Ends that the store has not reported yet, in the order in which they happened. */
  unreported(): ModelEvent[] {
    return this.#state.dead.map(({ event }) => event);
  }

  /** Ends that a sweep must have reported: of seats without a living session, whose sweep is at most a lease late. */
  overdue(nowMs: number): ModelEvent[] {
    const { dead, longestTtlMs } = this.#state;
    const lateMs = Math.min(longestTtlMs, LATEST_SWEEP_MS);
    return dead
      .filter(({ session, event }) => !this.#isSeatLiving(session.holder) && event.atMs + lateMs <= nowMs)
      .map(({ event }) => event);
  }

  unreportedDenials(): readonly ModelEvent[] {
    return this.#state.deniedMinutes;
  }

  get lastEndMs(): number {
    return Math.max(0, ...this.#state.sessions.map(({ expiresAtMs }) => expiresAtMs));
  }

  acquire(request: AcquireRequest, nowMs: number): AcquireVerdict {
    const terms = this.#enterAsHolder(request, nowMs);
    if ('verdict' in terms) return terms;
    const { by, kind, sessionId, machine, facts, offlineSinceMs } = request;
    const holder = request.holders[terms.unit];
    if (!holder) return { verdict: 'HOLDER_REQUIRED', unit: terms.unit };

    const own = kind === 'instance' ? this.#living(sessionId) : this.#ownOf('machine', holder, machine);
    if (own) {
      own.facts = facts;
      this.#renew(own, terms, nowMs);
      return { verdict: 'RENEWED', ...this.#held(own, terms, nowMs) };
    }
    const isJoining = this.#isSeatLiving(holder);
    const { maxSessions } = terms;
    if (isJoining && this.#programsOf(holder).length >= maxSessions)
      return { verdict: 'SESSIONS_EXHAUSTED', maxSessions };
    if (!this.#hasRoom(holder, terms)) return this.#refuse(sessionId, terms, nowMs);
    const why = this.#whyGone(sessionId, nowMs);
    if (why === 'released' || why === 'evicted') return { verdict: 'SESSION_ENDED', ended: why };

    const expiresAtMs = leaseEnd(terms, nowMs);
    const session = { sessionId, kind, holder, machine, acquiredAtMs: nowMs, expiresAtMs, facts };
    this.#add(
      session,
      why === 'expired' ? 'session.revived' : 'session.acquired',
      by,
      nowMs,
      offlineSince(offlineSinceMs, nowMs),
    );
    return { verdict: isJoining ? 'JOINED' : 'GRANTED', ...this.#held(session, terms, nowMs) };
  }

  borrow(request: BorrowRequest, nowMs: number): BorrowVerdict {
    const terms = this.#enterAsHolder(request, nowMs);
    if ('verdict' in terms) return terms;
    const { by, days, sessionId, machine, facts, offlineSinceMs } = request;
    const holder = request.holders[terms.unit];
    if (!holder) return { verdict: 'HOLDER_REQUIRED', unit: terms.unit };
    if (days > terms.borrowMaxDays) return { verdict: 'BORROW_TOO_LONG', maxDays: terms.borrowMaxDays };
    const borrowedUntilMs = withinLicense(terms, nowMs + days * DAY_MS);

    const own = this.#ownOf('loan', holder, machine);
    if (own) {
      const isExtended = borrowedUntilMs >= own.expiresAtMs + MINUTE_MS;
      if (isExtended && !this.#hasRoom(holder, terms)) return this.#refuse(sessionId, terms, nowMs);
      own.facts = facts;
      if (isExtended) {
        own.expiresAtMs = borrowedUntilMs;
        this.#report({
          ...aboutSession('session.borrowed', own, nowMs, by),
          seat: 'kept',
          borrowedUntilMs,
          ...offlineSince(offlineSinceMs, nowMs),
        });
      }
      return { verdict: 'RENEWED', ...this.#held(own, terms, nowMs) };
    }
    const isJoining = this.#isSeatLiving(holder);
    if (!this.#hasRoom(holder, terms)) return this.#refuse(sessionId, terms, nowMs);
    const lent = new Set(this.#loans().map((loan) => loan.holder));
    const borrowable = Math.max(0, terms.max - terms.borrowLowWater);
    if (!lent.has(holder) && lent.size >= borrowable)
      return { verdict: 'BORROW_LIMIT', borrowed: lent.size, borrowable };

    const session: Session = {
      sessionId,
      kind: 'loan',
      holder,
      machine,
      acquiredAtMs: nowMs,
      expiresAtMs: borrowedUntilMs,
      facts,
    };
    this.#add(session, 'session.borrowed', by, nowMs, {
      borrowedUntilMs,
      ...offlineSince(offlineSinceMs, nowMs),
    });
    return { verdict: isJoining ? 'JOINED' : 'GRANTED', ...this.#held(session, terms, nowMs) };
  }

  heartbeat({ proof, sessions, toldVersion }: HeartbeatRequest, nowMs: number): HeartbeatVerdict {
    const terms = this.#enter(proof, nowMs, (unpaced) => {
      const isDue = sessions.some(({ sessionId }) => this.#isBeatDue(sessionId, proof, unpaced, nowMs));
      return isDue ? undefined : this.#chargeFor(sessions[0], proof, unpaced, nowMs);
    });
    const refusal = 'verdict' in terms ? terms : standingOf(terms, nowMs);
    if ('verdict' in terms) return terms;
    if (refusal) return refusal;
    const results = sessions.map(({ sessionId, proven }): HeartbeatResult => {
      const session = this.#accessible(sessionId, proof, proven);
      if (!session) return { verdict: 'MISSING', sessionId };
      return { verdict: 'RENEWED', session: this.#beat(session, proven, terms, nowMs) };
    });
    const { version } = terms;
    const ok = { verdict: 'OK' as const, atMs: nowMs, rhythm: rhythmOf(terms), version, results };
    return toldVersion === version ? ok : { ...ok, told: toldOf(terms) };
  }

  revive({ proof, by, sessions }: ReviveRequest, nowMs: number): ReviveVerdict {
    const terms = this.#enter(proof, nowMs, (unpaced) => this.#chargeFor(sessions[0], proof, unpaced, nowMs));
    if ('verdict' in terms) return terms;
    const standing = standingOf(terms, nowMs);
    if (standing) return standing;
    const results = sessions.map((each) => this.#revive(each, proof, by, terms, nowMs));
    return { verdict: 'OK', atMs: nowMs, rhythm: rhythmOf(terms), told: toldOf(terms), results };
  }

  #revive(
    { sessionId, proven, isCleared }: ReviveRequest['sessions'][number],
    proof: Proof,
    by: By,
    terms: Entitlement,
    nowMs: number,
  ): ReviveResult {
    const living = this.#accessible(sessionId, proof, proven);
    const ended = (why: Ended): ReviveResult => ({ verdict: 'ENDED', sessionId, ended: why });
    if (living) return { verdict: 'RENEWED', session: this.#beat(living, proven, terms, nowMs) };
    if (this.#living(sessionId) || !isFor(proof, proven)) return ended('unknown');
    const why = this.#whyGone(sessionId, nowMs);
    if (why === 'released' || why === 'evicted') return ended(why);
    if (!isRevivable(proven, nowMs)) return ended(why ?? 'unknown');
    if (!why && !isCleared) return { verdict: 'FORGOTTEN', sessionId };
    if (!this.#hasRoom(proven.holder, terms) || this.#programsOf(proven.holder).length >= MOST_SESSIONS)
      return { verdict: 'NO_ROOM', sessionId };
    const session = { ...proven, expiresAtMs: leaseEnd(terms, nowMs) };
    this.#add(session, 'session.revived', by, nowMs);
    return { verdict: 'REVIVED', session: { ...session } };
  }

  readSession({ proof, sessionId }: SessionRequest, nowMs: number): SessionVerdict {
    const terms = this.#enter(proof, nowMs, (unpaced) =>
      this.#chargeFor({ sessionId }, proof, unpaced, nowMs),
    );
    if ('verdict' in terms) return terms;
    const standing = standingOf(terms, nowMs);
    if (standing) return standing;
    const session = this.#accessible(sessionId, proof);
    if (!session) return { verdict: 'GONE' };
    const kept = this.#signedOf(session, nowMs);
    const { version, validUntilMs } = terms;
    return {
      verdict: 'OK',
      session: { ...session },
      version,
      validUntilMs,
      rhythm: rhythmOf(terms),
      atMs: nowMs,
      signed: kept?.text,
    };
  }

  reserveSignature({ sessionId, untilMs }: SignatureRequest, nowMs: number): ReserveVerdict {
    const session = this.#living(sessionId);
    const { terms, signed, signatures } = this.#state;
    if (!session || !terms) return { verdict: 'GONE' };
    const own = this.#signedOf(session, nowMs);
    const others = [...signed.values()].filter((entry) => entry !== own && entry.untilMs > nowMs);
    const limit = terms.signedLimit;
    if (!own && others.length >= limit) return { verdict: 'SIGNED_LIMIT', limit };
    const { holder, machine } = session;
    const dayMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
    const countOf = (whom: string) => {
      const latest = signatures.get(whom);
      return latest?.dayMs === dayMs ? latest.count : 0;
    };
    if (countOf(holder) >= SIGNATURES_PER_DAY || countOf('') >= SIGNATURES_PER_DAY * limit) {
      return { verdict: 'TOO_OFTEN', retryAfterSeconds: Math.ceil((dayMs + DAY_MS - nowMs) / 1000) };
    }
    for (const whom of [holder, '']) signatures.set(whom, { dayMs, count: countOf(whom) + 1 });
    signed.set(placeOf(session), {
      holder,
      machine,
      untilMs: Math.max(own?.untilMs ?? 0, untilMs),
      text: own?.text,
    });
    return { verdict: 'RESERVED' };
  }

  keepSigned(
    { sessionId, untilMs, signed: text, by }: Parameters<Seats['keepSigned']>[0],
    nowMs: number,
  ): 'KEPT' | 'GONE' {
    const session = this.#living(sessionId);
    if (!session) return 'GONE';
    const { holder, machine, acquiredAtMs } = session;
    const isRepeat = this.#state.signed.get(placeOf(session))?.text === text;
    this.#state.signed.set(placeOf(session), { holder, machine, untilMs, text });
    if (!isRepeat) this.#report({ type: 'license.signed', sessionId, atMs: nowMs, by, holder, acquiredAtMs });
    return 'KEPT';
  }

  release({ proof, by, sessionId, proven }: ReleaseRequest, nowMs: number): ReleaseVerdict {
    const session = this.#accessible(sessionId, proof, proven);
    const terms = this.#enter(proof, nowMs, (unpaced) =>
      session ? undefined : this.#chargeFor({ sessionId, proven }, proof, unpaced, nowMs),
    );
    if ('verdict' in terms) return terms;
    if (session) {
      this.#end(session, 'released', by, terms, nowMs);
      return { verdict: 'ENDED', kind: session.kind };
    }
    if (this.#living(sessionId) || !isFor(proof, proven)) return { verdict: 'UNKNOWN_SESSION' };
    const gone = this.#gone(sessionId, nowMs);
    if (gone?.why === 'expired') gone.why = 'released';
    if (gone) return { verdict: 'ALREADY_ENDED' };
    if (!isRevivable(proven, nowMs)) return { verdict: 'UNKNOWN_SESSION' };
    this.#state.gone.set(sessionId, { forgetMs: proven.expiresAtMs + MEMORY_MS, why: 'released' });
    return { verdict: 'ALREADY_ENDED' };
  }

  evict({ sessionId, scope, by }: EvictRequest, nowMs: number): EvictVerdict {
    const { terms, sessions, signed } = this.#state;
    if (!terms) return { verdict: 'UNKNOWN_LICENSE' };
    const session = this.#living(sessionId);
    if (!session) {
      const isKnown = this.#gone(sessionId, nowMs) !== undefined;
      return isKnown ? { verdict: 'EVICTED', atMs: nowMs, sessions: [] } : { verdict: 'UNKNOWN_SESSION' };
    }
    const ending =
      scope === 'session'
        ? [session]
        : sessions.filter(({ holder }) => holder === session.holder).sort(byFirstAcquired);
    for (const each of ending) this.#end(each, 'evicted', by, terms, nowMs);
    if (scope === 'seat') {
      for (const [place, { holder }] of signed) if (holder === session.holder) signed.delete(place);
    }
    return { verdict: 'EVICTED', atMs: nowMs, sessions: ending };
  }

  forget(sessionIds: readonly string[], nowMs: number): 'FORGOTTEN' | 'UNKNOWN_LICENSE' {
    const { terms, dead, gone, signed } = this.#state;
    if (!terms && sessionIds.some((sessionId) => this.#living(sessionId))) return 'UNKNOWN_LICENSE';
    for (const sessionId of sessionIds) {
      const living = this.#living(sessionId);
      const stored = living ?? dead.find(({ session }) => session.sessionId === sessionId)?.session;
      const forgetMs = living
        ? whenForgotten(living, nowMs)
        : (this.#gone(sessionId, nowMs)?.forgetMs ?? nowMs + (terms?.ttlSeconds ?? 0) * 1000 + MEMORY_MS);
      if (living) {
        const seat = this.#remove(living);
        this.#report({ ...aboutSession('session.evicted', living, nowMs, ERASURE), seat });
      }
      gone.set(sessionId, { forgetMs, why: 'evicted' });
      if (stored) for (const kind of SESSION_KINDS) signed.delete(placeOf({ ...stored, kind }));
    }
    return 'FORGOTTEN';
  }

  put(
    entitlement: Entitlement,
    event: LicenseChanged | undefined,
    nowMs: number,
  ): 'STORED' | 'STALE' | 'MISSING' {
    const { terms } = this.#state;
    if (!terms) return 'MISSING';
    const isNewer = entitlement.version > terms.version;
    if (isNewer) this.#store(entitlement);
    if (entitlement.version === this.#state.terms?.version) this.#reportChange(event);
    this.#endExcess(nowMs);
    return isNewer ? 'STORED' : 'STALE';
  }

  restore({ entitlement, event, loans, bars }: LostLicense, nowMs: number): Restored {
    const state = this.#state;
    for (const bar of bars) if (bar.untilMs > nowMs) this.#bars.bar(entitlement.tenantId, bar);
    const isCopyStored = !state.terms || entitlement.version > state.terms.version;
    const isLost = !state.terms && state.sessions.length === 0;
    const [seated, noRoom]: [string[], string[]] = [[], []];
    for (const loan of loans) {
      const { sessionId, holder, expiresAtMs } = loan;
      const living = this.#living(sessionId);
      const why = this.#whyGone(sessionId, nowMs);
      if (living) living.expiresAtMs = Math.max(living.expiresAtMs, expiresAtMs);
      if (living || expiresAtMs <= nowMs || why === 'released' || why === 'evicted') continue;
      const isFree = this.#seats().length < limitOf(state.terms ?? entitlement);
      const hasSeat = isLost || isFree || this.#isSeatLiving(holder);
      if (hasSeat) this.#putBack(loan);
      (hasSeat ? seated : noRoom).push(sessionId);
    }
    if (isCopyStored) this.#store(entitlement);
    if (entitlement.version === state.terms?.version) this.#reportChange(event);
    this.#endExcess(nowMs);
    return { isCopyStored, seated, noRoom };
  }

  /** All pages at once. Reading needs no proof and collects nothing. */
  list(): Omit<Extract<SeatListVerdict, { verdict: 'OK' }>, 'next'> | { verdict: 'UNKNOWN_LICENSE' } {
    const { terms, sessions } = this.#state;
    if (!terms) return { verdict: 'UNKNOWN_LICENSE' };
    const { max, overdraft } = terms;
    const seats = this.#seats().sort(
      (a, b) => a.expiresAtMs - b.expiresAtMs || (a.holder < b.holder ? -1 : 1),
    );
    const listed = seats.map(({ holder, expiresAtMs }) => ({
      holder,
      expiresAtMs,
      sessions: sessions.filter((session) => session.holder === holder).sort(byFirstAcquired),
    }));
    const lent = new Set(this.#loans().map(({ holder }) => holder)).size;
    return { verdict: 'OK', active: seats.length, max, overdraft, lent, seats: listed };
  }

  livingIds(): string[] {
    return this.#state.sessions.map(({ sessionId }) => sessionId);
  }

  isLiving(sessionId: string): boolean {
    return this.#living(sessionId) !== undefined;
  }

  copy(): PoolState {
    return structuredClone(this.#state);
  }

  setBack(copy: PoolState): void {
    this.#state = structuredClone(copy);
  }

  /** Redis was flushed. */
  lose(): void {
    this.#state = emptyPool();
  }

  #enterAsHolder(
    { proof, holders, machine }: AcquireRequest | BorrowRequest,
    nowMs: number,
  ): Entitlement | EntryRefusal | { verdict: 'SUSPENDED' | 'EXPIRED' } {
    const terms = this.#enter(proof, nowMs, (unpaced) =>
      this.#charge(holders[unpaced.unit] ?? machine, unpaced, nowMs),
    );
    return 'verdict' in terms ? terms : (standingOf(terms, nowMs) ?? terms);
  }

  #enter(
    proof: Proof,
    nowMs: number,
    pace: (terms: Entitlement) => TooOften | undefined,
  ): Entitlement | EntryRefusal {
    const { terms } = this.#state;
    if (!terms) return { verdict: 'UNKNOWN_LICENSE' };
    const denied = this.#accessRefusal(terms, proof, nowMs);
    if (denied) return this.#count('strangers', STRANGERS_PER_MINUTE, nowMs) ?? denied;
    return (proof.kind === 'trusted' ? undefined : pace(terms)) ?? terms;
  }

  #accessRefusal(terms: Entitlement, proof: Proof, nowMs: number): EntryRefusal | undefined {
    switch (proof.kind) {
      case 'trusted':
        return undefined;
      case 'license-key':
        return acceptsKey(terms, proof.keyHash, nowMs) ? undefined : { verdict: 'WRONG_KEY' };
      case 'user': {
        const { tenantId } = terms;
        const hasAccess =
          proof.tenantIds.includes(tenantId) && !this.#bars.isBarred(tenantId, proof.userId, nowMs);
        return hasAccess ? undefined : { verdict: 'NOT_YOURS' };
      }
    }
  }

  /** The first session pays; a call without a session pays nothing. */
  #chargeFor(
    first: { readonly sessionId: string; readonly proven?: Session | undefined } | undefined,
    proof: Proof,
    terms: Entitlement,
    nowMs: number,
  ): TooOften | undefined {
    if (!first) return undefined;
    const { sessionId, proven } = first;
    const session = this.#accessible(sessionId, proof, proven);
    return this.#charge(session?.holder ?? sessionId.slice(-16), terms, nowMs);
  }

  #charge(whom: string, { requestsPerMinute }: Entitlement, nowMs: number): TooOften | undefined {
    return this.#count(whom.charAt(0), Math.max(LEAST_PER_MINUTE, Math.floor(requestsPerMinute / 8)), nowMs);
  }

  /** Counts a call unless it comes more than a minute before it is due. */
  #count(bucket: string, perMinute: number, nowMs: number): TooOften | undefined {
    const minute = MINUTE_MS * 1000;
    const now = nowMs * 1000;
    const before = Math.min(Math.max(this.#state.dueMicros.get(bucket) ?? 0, now), now + minute);
    const due = before + Math.floor(minute / perMinute);
    if (due > now + minute)
      return { verdict: 'TOO_OFTEN', retryAfterSeconds: Math.ceil((due - now - minute) / 1_000_000) };
    this.#state.dueMicros.set(bucket, due);
    return undefined;
  }

  #isBeatDue(sessionId: string, proof: Proof, terms: Entitlement, nowMs: number): boolean {
    const session = this.#accessible(sessionId, proof);
    if (!session || session.kind === 'loan' || standingOf(terms, nowMs)) return false;
    return leaseEnd(terms, nowMs) - session.expiresAtMs >= (terms.heartbeatSeconds * 1000) / 2;
  }

  #beat(session: Session, proven: Session | undefined, terms: Entitlement, nowMs: number): Session {
    if (session.facts.fingerprint === '' && proven) session.facts = proven.facts;
    if (session.kind !== 'loan') this.#renew(session, terms, nowMs);
    return { ...session };
  }

  /** No lease gets shorter. */
  #renew(session: Session, terms: Entitlement, nowMs: number): void {
    session.expiresAtMs = Math.max(session.expiresAtMs, leaseEnd(terms, nowMs));
  }

  #refuse(asking: string, terms: Entitlement, nowMs: number): Full {
    const { count, last } = this.#state.denials ?? { count: 0, last: undefined };
    const minuteMs = minuteOf(nowMs);
    this.#state.denials = { minuteMs, count: last === asking ? count : count + 1, last: asking };

    const limit = limitOf(terms);
    const ends = this.#seats()
      .map(({ expiresAtMs }) => expiresAtMs)
      .sort((a, b) => a - b);
    const waitMs = limit === 0 ? terms.ttlSeconds * 1000 : (ends[ends.length - limit] ?? 0) - nowMs;
    return {
      verdict: 'FULL',
      active: ends.length,
      max: terms.max,
      retryAfterSeconds: Math.ceil(waitMs / 1000),
    };
  }

  #add(session: Session, type: string, by: By, nowMs: number, more: Partial<ModelEvent> = {}): void {
    const seat = this.#isSeatLiving(session.holder) ? 'kept' : 'taken';
    this.#state.gone.delete(session.sessionId);
    this.#state.sessions.push(session);
    this.#report({ ...aboutSession(type, session, nowMs, by), seat, ...more });
  }

  /** Its end may have been reported, by a Redis that knew less of it. */
  #putBack(loan: Session): void {
    this.#state.sessions.push({ ...loan });
  }

  /** Programs on the newest seats beyond the limit; and on all seats with a loan, if loans alone exceed it. */
  #endExcess(nowMs: number): void {
    const { terms, sessions } = this.#state;
    if (!terms) return;
    const seats = [...Map.groupBy(sessions, ({ holder }) => holder).values()].sort(byLastTaken);
    const [lent, others] = [true, false].map((isLent) =>
      seats.filter((seat) => seat.some(({ kind }) => kind === 'loan') === isLent),
    ) as [Session[][], Session[][]];
    const excess = others.slice(0, Math.max(0, seats.length - limitOf(terms)));
    for (const seat of lent.length > limitOf(terms) ? [...excess, ...lent] : excess) {
      for (const session of seat.filter(({ kind }) => kind !== 'loan').sort(byFirstAcquired))
        this.#end(session, 'expired', SEATS, terms, nowMs, { reason: 'seats_reduced' });
    }
  }

  #end(
    session: Session,
    why: Why,
    by: By,
    terms: Entitlement,
    nowMs: number,
    more: Partial<ModelEvent> = {},
  ): void {
    const { sessionId } = session;
    const seat = this.#remove(session);
    this.#state.gone.set(sessionId, { forgetMs: whenForgotten(session, nowMs), why });
    this.#report({ ...aboutSession(`session.${why}`, session, nowMs, by), seat, ...more });
    const isPlaceLeft = this.#state.sessions.some((other) => placeOf(other) === placeOf(session));
    if (terms.offlineStartDays === 0 && !isPlaceLeft) this.#state.signed.delete(placeOf(session));
  }

  /** Returns what became of the seat. */
  #remove(session: Session): 'kept' | 'freed' {
    this.#state.sessions = this.#state.sessions.filter((other) => other !== session);
    return this.#isSeatLiving(session.holder) ? 'kept' : 'freed';
  }

  #store(entitlement: Entitlement): void {
    this.#state.terms = entitlement;
    this.#state.longestTtlMs = Math.max(this.#state.longestTtlMs, entitlement.ttlSeconds * 1000);
    this.#state.isChangeReported = false;
  }

  #reportChange(event: LicenseChanged | undefined): void {
    if (!event || this.#state.isChangeReported) return;
    this.#state.isChangeReported = true;
    const { type, atMs, actor, requestId } = event;
    this.#report({ type, sessionId: '', atMs, by: { actor, ...(requestId !== undefined && { requestId }) } });
  }

  #held(session: Session, terms: Entitlement, nowMs: number): Held {
    return {
      session: { ...session },
      active: this.#seats().length,
      max: terms.max,
      atMs: nowMs,
      rhythm: rhythmOf(terms),
      told: toldOf(terms),
    };
  }

  /** Each holder that has a session, with the latest end of its sessions. */
  #seats(): Omit<Seat, 'sessions'>[] {
    const byHolder = Map.groupBy(this.#state.sessions, ({ holder }) => holder);
    return [...byHolder].map(([holder, sessions]) => ({
      holder,
      expiresAtMs: Math.max(...sessions.map(({ expiresAtMs }) => expiresAtMs)),
    }));
  }

  /** While loans exceed the limit, there is none on a seat that is held either. */
  #hasRoom(holder: string, terms: Entitlement): boolean {
    const [active, limit] = [this.#seats().length, limitOf(terms)];
    return active < limit || (active === limit && this.#isSeatLiving(holder));
  }

  #isSeatLiving(holder: string): boolean {
    return this.#state.sessions.some((session) => session.holder === holder);
  }

  #living(sessionId: string): Session | undefined {
    return this.#state.sessions.find((session) => session.sessionId === sessionId);
  }

  /** A restored loan has no facts yet: they are those of its token. */
  #accessible(sessionId: string, proof: Proof, proven?: Session): Session | undefined {
    const session = this.#living(sessionId);
    const source = session?.facts.fingerprint === '' ? (proven ?? session) : session;
    return isFor(proof, source) ? session : undefined;
  }

  /** A lost session can have come back beside its successor: then the first of the two is the machine's. */
  #ownOf(kind: 'machine' | 'loan', holder: string, machine: string): Session | undefined {
    return this.#state.sessions
      .filter((session) => session.kind === kind && session.holder === holder && session.machine === machine)
      .sort(byFirstAcquired)[0];
  }

  #programsOf(holder: string): Session[] {
    return this.#state.sessions.filter((session) => session.holder === holder && session.kind !== 'loan');
  }

  #loans(): Session[] {
    return this.#state.sessions.filter(({ kind }) => kind === 'loan');
  }

  #gone(sessionId: string, nowMs: number): { forgetMs: number; why: Why } | undefined {
    const gone = this.#state.gone.get(sessionId);
    return gone && gone.forgetMs > nowMs ? gone : undefined;
  }

  #whyGone(sessionId: string, nowMs: number): Why | undefined {
    return this.#gone(sessionId, nowMs)?.why;
  }

  #signedOf(session: Session, nowMs: number) {
    const entry = this.#state.signed.get(placeOf(session));
    return entry && entry.untilMs > nowMs ? entry : undefined;
  }

  #report(event: ModelEvent): void {
    this.#events.push(event);
  }
}

function aboutSession(
  type: string,
  { sessionId, holder, acquiredAtMs }: Session,
  atMs: number,
  by: By,
): ModelEvent {
  return { type, sessionId, atMs, by, holder, acquiredAtMs };
}

/** When no token can revive a session that ends now. That of a loan revives nothing. */
function whenForgotten({ kind, expiresAtMs }: Session, nowMs: number): number {
  return (kind === 'loan' ? nowMs : expiresAtMs) + MEMORY_MS;
}

/** Signed licenses belong to a holder and a machine, and those of loans to the loan there. */
function placeOf({ holder, machine, kind }: Pick<Session, 'holder' | 'machine' | 'kind'>): string {
  return `${holder} ${machine} ${kind === 'loan' ? 'loan' : 'programs'}`;
}

/** Whether a token proves a session that can live again, if nothing else speaks against it. */
function isRevivable(proven: Session | undefined, nowMs: number): proven is Session {
  return proven !== undefined && proven.kind !== 'loan' && proven.expiresAtMs + MEMORY_MS > nowMs;
}

function offlineSince(reportedMs: number | undefined, nowMs: number): Partial<ModelEvent> {
  if (reportedMs === undefined) return {};
  if (reportedMs > nowMs) return { offlineSinceMs: nowMs };
  return { offlineSinceMs: Math.max(reportedMs, nowMs - 90 * DAY_MS) };
}

function acceptsKey(terms: Entitlement, keyHash: string, nowMs: number): boolean {
  if (keyHash === terms.keyHash) return true;
  return keyHash === terms.previousKeyHash && nowMs < (terms.previousKeyUntilMs ?? 0);
}

/** For a signed-in user, sessions of other users do not exist. */
function isFor(proof: Proof, session: Session | undefined): boolean {
  return proof.kind !== 'user' || session?.facts.userId === proof.userId;
}

function standingOf(
  { status, validUntilMs }: Entitlement,
  nowMs: number,
): { verdict: 'SUSPENDED' | 'EXPIRED' } | undefined {
  if (status === 'suspended') return { verdict: 'SUSPENDED' };
  return validUntilMs !== null && nowMs >= validUntilMs ? { verdict: 'EXPIRED' } : undefined;
}

function limitOf({ max, overdraft }: Entitlement): number {
  return max + overdraft;
}

function leaseEnd(terms: Entitlement, nowMs: number): number {
  return withinLicense(terms, nowMs + terms.ttlSeconds * 1000);
}

function withinLicense({ validUntilMs }: Entitlement, atMs: number): number {
  return Math.min(atMs, validUntilMs ?? Number.POSITIVE_INFINITY);
}

function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS) * MINUTE_MS;
}

function rhythmOf({ ttlSeconds, heartbeatSeconds, offlineGraceDays, offlineStartDays }: Entitlement): Rhythm {
  return { ttlSeconds, heartbeatSeconds, offlineGraceDays, offlineStartDays };
}

function toldOf({ entitlements, version }: Entitlement): Told {
  return { ...entitlements, version };
}

function bySoonestEnd(a: Session, b: Session): number {
  return a.expiresAtMs - b.expiresAtMs || (a.sessionId < b.sessionId ? -1 : 1);
}

/** Seats, as their sessions: the one whose first session began last comes first. */
function byLastTaken(a: readonly Session[], b: readonly Session[]): number {
  const startOf = (seat: readonly Session[]) => Math.min(...seat.map(({ acquiredAtMs }) => acquiredAtMs));
  return startOf(b) - startOf(a) || ((a[0]?.holder ?? '') > (b[0]?.holder ?? '') ? -1 : 1);
}

function byFirstAcquired(a: Session, b: Session): number {
  return a.acquiredAtMs - b.acquiredAtMs || (a.sessionId < b.sessionId ? -1 : 1);
}
