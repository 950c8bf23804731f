import type { Entitlement } from '../../domain/entitlement.ts';
import type { Session } from '../../domain/session.ts';
import type {
  AcquireRequest,
  AcquireVerdict,
  EntryRefusal,
  HeartbeatOf,
  HeartbeatRequest,
  HeartbeatResult,
  HeartbeatVerdict,
  LicenseChanged,
  Proof,
  ReleaseRequest,
  ReleaseVerdict,
  SessionListVerdict,
  SessionRequest,
  SessionVerdict,
  TooOften,
} from '../../ports/seats.ts';

/** How long an ended session is remembered after the end of the longest lease that it ever had. */
export const MEMORY_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const STRANGERS_PER_MINUTE = 20;

export interface ModelEvent {
  readonly type: string;
  readonly sessionId: string;
  readonly atMs: number;
  readonly count?: string;
  readonly untilMs?: string;
}

interface Known extends Session {
  /** When its holder last acquired it, the first time or again. */
  lastAcquiredAtMs: number;
  state: 'seated' | 'expired' | 'ended';
  promisedUntilMs: number;
  /** Until when the seat was borrowed, even if that has passed; 0 for never. */
  loanUntilMs: number;
  signed: string | undefined;
}

/** Users barred from tenants, until when (ms). All pools of the store share this list. */
export class BarsModel {
  readonly #untilMs = new Map<string, number>();

  bar(tenantId: string, userId: string, untilMs: number): void {
    const who = `${tenantId} ${userId}`;
    this.#untilMs.set(who, Math.max(untilMs, this.#untilMs.get(who) ?? 0));
  }

  unbar(tenantId: string, userId: string): void {
    this.#untilMs.delete(`${tenantId} ${userId}`);
  }

  isBarred(tenantId: string, userId: string, nowMs: number): boolean {
    return (this.#untilMs.get(`${tenantId} ${userId}`) ?? 0) > nowMs;
  }

  lose(): void {
    this.#untilMs.clear();
  }
}

/** The request limit of one kind of call. */
class PaceModel {
  /** When the next call would be due if calls came evenly. */
  #dueMicros = 0;

  /** Counts a call unless it comes more than a minute before it is due. */
  call(perMinute: number, nowMs: number): TooOften | undefined {
    const minute = MINUTE_MS * 1000;
    const now = nowMs * 1000;
    const due = Math.max(this.#dueMicros, now) + Math.floor(minute / perMinute);
    if (due > now + minute)
      return { verdict: 'TOO_OFTEN', retryAfterSeconds: Math.ceil((due - now - minute) / 1_000_000) };
    this.#dueMicros = due;
    return undefined;
  }
}

/** The rules of one license's pool: the results, events and memory that the Lua scripts must have. */
export class PoolModel {
  /** All events so far. */
  readonly events: ModelEvent[] = [];
  #terms: Entitlement | undefined;
  #isChangeReported = false;
  #known: Known[] = [];
  #denials: { minuteMs: number; count: number; last: string } | undefined;
  #acquires = new PaceModel();
  #earlyBeats = new PaceModel();
  #strangers = new PaceModel();
  readonly #bars: BarsModel;

  constructor(bars: BarsModel) {
    this.#bars = bars;
  }

  put(terms: Entitlement, event: LicenseChanged | undefined): 'STORED' | 'STALE' {
    const before = this.#terms?.version ?? Number.NEGATIVE_INFINITY;
    const isStored = terms.version > before;
    if (isStored) this.#terms = terms;
    if (terms.version > before) this.#isChangeReported = false;
    if (event && terms.version >= before && !this.#isChangeReported) {
      this.#isChangeReported = true;
      this.#append(event.type, '', event.atMs);
    }
    return isStored ? 'STORED' : 'STALE';
  }

  acquire(request: AcquireRequest, nowMs: number): AcquireVerdict | { verdict: 'ENDED' } {
    const terms = this.#enter(request.proof, nowMs, ({ requestsPerMinute }) =>
      this.#acquires.call(requestsPerMinute, nowMs),
    );
    if ('verdict' in terms) return terms;
    const standing = standingOf(terms, nowMs);
    if (standing) return standing;
    const { proposedSessionId, facts, borrowDays = 0 } = request;
    const holder = request.holders[terms.unit];
    if (!holder) return { verdict: 'HOLDER_REQUIRED', unit: terms.unit };
    if (borrowDays > terms.borrowMaxDays) return { verdict: 'BORROW_TOO_LONG', maxDays: terms.borrowMaxDays };
    const wantedMs = borrowDays > 0 ? withinLicense(terms, nowMs + borrowDays * DAY_MS) : 0;

    const own = this.#seated().find((session) => session.holder === holder);
    if (own) {
      const loanMs = loanAt(own, nowMs);
      if (wantedMs - loanMs >= MINUTE_MS) {
        const refusal = loanMs === 0 ? this.#loanRefusal(terms, nowMs) : undefined;
        if (refusal) return refusal;
        this.#lend(own, wantedMs, nowMs);
      }
      own.facts = facts;
      if (own.sessionId !== proposedSessionId) own.lastAcquiredAtMs = nowMs;
      promise(own, leaseEnd(terms, nowMs, loanAt(own, nowMs)));
      return this.#grant(own.sessionId === proposedSessionId ? 'GRANTED' : 'RENEWED', own, terms, nowMs);
    }
    if (this.#find(proposedSessionId)) return { verdict: 'ENDED' };
    const room = terms.max + terms.overdraft - this.#seated().length;
    if (room <= 0) return this.#refuse(proposedSessionId, room, terms, nowMs);
    const refusal = wantedMs > 0 ? this.#loanRefusal(terms, nowMs) : undefined;
    if (refusal) return refusal;

    const expiresAtMs = leaseEnd(terms, nowMs, wantedMs);
    const session: Known = {
      sessionId: proposedSessionId,
      holder,
      acquiredAtMs: nowMs,
      lastAcquiredAtMs: nowMs,
      expiresAtMs,
      facts,
      state: 'seated',
      promisedUntilMs: expiresAtMs,
      loanUntilMs: 0,
      signed: undefined,
    };
    this.#known.push(session);
    this.#append('session.acquired', proposedSessionId, nowMs);
    if (wantedMs > 0) this.#lend(session, wantedMs, nowMs);
    return this.#grant('GRANTED', session, terms, nowMs);
  }

  heartbeat({ proof, sessions }: HeartbeatRequest, nowMs: number): HeartbeatVerdict {
    const terms = this.#enter(proof, nowMs, (unpaced) => {
      const isNeeded = sessions.some(({ sessionId }) => this.#needsBeat(sessionId, proof, unpaced, nowMs));
      return isNeeded ? undefined : this.#earlyBeats.call(unpaced.requestsPerMinute, nowMs);
    });
    if ('verdict' in terms) return terms;
    const standing = standingOf(terms, nowMs);
    if (standing) return standing;
    const results = sessions.map((beat) => this.#beat(beat, proof, terms, nowMs));
    return { verdict: 'OK', atMs: nowMs, rhythm: rhythmOf(terms), results };
  }

  readSession({ proof, sessionId }: SessionRequest, nowMs: number): SessionVerdict {
    const terms = this.#enter(proof, nowMs);
    if ('verdict' in terms) return terms;
    const standing = standingOf(terms, nowMs);
    if (standing) return standing;
    const session = this.#find(sessionId);
    if (session?.state !== 'seated' || !isFor(proof, session)) return { verdict: 'GONE' };
    const { version, validUntilMs } = terms;
    const { signed } = session;
    return {
      verdict: 'OK',
      session: shown(session, nowMs),
      version,
      validUntilMs,
      rhythm: rhythmOf(terms),
      atMs: nowMs,
      signed,
    };
  }

  /** Needs no proof and collects nothing. */
  keepSigned(sessionId: string, signed: string, nowMs: number): 'KEPT' | 'GONE' {
    const session = this.#find(sessionId);
    if (session?.state !== 'seated' || session.expiresAtMs <= nowMs) return 'GONE';
    session.signed = signed;
    return 'KEPT';
  }

  release({ proof, sessionId, reason, proven, sentAtMs }: ReleaseRequest, nowMs: number): ReleaseVerdict {
    const terms = this.#enter(proof, nowMs);
    if ('verdict' in terms) return terms;
    const session = this.#find(sessionId) ?? this.#lost(proven, nowMs);
    // For an ended session the store has nothing left that names its user.
    const source = session?.state === 'ended' ? proven : session;
    if (!session || !isFor(proof, source)) return { verdict: 'UNKNOWN_SESSION' };
    const wasSeated = session.state === 'seated';
    if (wasSeated && sentAtMs !== undefined && sentAtMs < session.lastAcquiredAtMs)
      return { verdict: 'OVERTAKEN' };
    session.state = 'ended';
    clearLoanAndSigned(session);
    if (!this.#known.includes(session)) this.#known.push(session);
    if (wasSeated) this.#append(`session.${reason}`, sessionId, nowMs);
    return { verdict: wasSeated ? 'ENDED' : 'ALREADY_ENDED' };
  }

  /** All pages at once. Reading needs no proof and collects nothing. */
  list(nowMs: number): SessionListVerdict {
    if (!this.#terms) return { verdict: 'UNKNOWN_LICENSE' };
    const { max, overdraft } = this.#terms;
    const living = this.#seated().filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    const sessions = living.sort(bySoonestEnd).map((session) => shown(session, nowMs));
    return { verdict: 'OK', active: sessions.length, max, overdraft, sessions };
  }

  /** Only the mark that it must not be revived is kept. */
  forget(sessionIds: readonly string[], nowMs: number): 'FORGOTTEN' | 'UNKNOWN_LICENSE' {
    const terms = this.#terms;
    const isSeated = (sessionId: string): boolean => this.#find(sessionId)?.state === 'seated';
    if (!terms && sessionIds.some(isSeated)) return 'UNKNOWN_LICENSE';
    this.#known = this.#known.filter(
      ({ state, promisedUntilMs }) => state === 'seated' || promisedUntilMs + MEMORY_MS > nowMs,
    );
    for (const sessionId of sessionIds) {
      const session = this.#find(sessionId) ?? this.#unknownSession(sessionId, nowMs);
      const hasExpired = session.state === 'seated' && session.expiresAtMs <= nowMs;
      // It ended so long ago that it is forgotten: the same as one that Redis has lost.
      if (hasExpired && session.promisedUntilMs + MEMORY_MS <= nowMs)
        session.promisedUntilMs = this.#lastLeaseEnd(nowMs);
      if (hasExpired) this.#append('session.expired', sessionId, session.expiresAtMs);
      else if (session.state === 'seated') this.#append('session.evicted', sessionId, nowMs);
      session.state = 'ended';
      clearLoanAndSigned(session);
    }
    return 'FORGOTTEN';
  }

  /** When the longest possible lease granted now would end. */
  #lastLeaseEnd(nowMs: number): number {
    const { ttlSeconds = 0, borrowMaxDays = 0 } = this.#terms ?? {};
    return nowMs + Math.max(ttlSeconds * 1000, borrowMaxDays * DAY_MS);
  }

  /** A session that Redis has lost: the end of its last token is unknown, so the latest possible end is assumed. */
  #unknownSession(sessionId: string, nowMs: number): Known {
    const promisedUntilMs = this.#lastLeaseEnd(nowMs);
    const nothing = {
      holder: '',
      acquiredAtMs: 0,
      lastAcquiredAtMs: 0,
      expiresAtMs: 0,
      facts: { fingerprint: '' },
      loanUntilMs: 0,
    };
    const session: Known = { sessionId, ...nothing, state: 'ended', promisedUntilMs, signed: undefined };
    this.#known.push(session);
    return session;
  }

  /** Redis was flushed. */
  lose(): void {
    this.#terms = undefined;
    this.#known = [];
    this.#denials = undefined;
    this.#acquires = new PaceModel();
    this.#earlyBeats = new PaceModel();
    this.#strangers = new PaceModel();
  }

  /** Session and expiry of every unexpired lease, ordered by session. */
  leasesAt(nowMs: number): [string, number][] {
    const living = this.#seated().filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    return living.map(({ sessionId, expiresAtMs }): [string, number] => [sessionId, expiresAtMs]).sort();
  }

  /** Sessions that were ever borrowed, and those with a signed license; only those with an unexpired lease. */
  loansAndSignedAt(nowMs: number): { loans: string[]; signed: string[] } {
    const living = this.#seated().filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    const idsOf = (sessions: Known[]): string[] => sessions.map(({ sessionId }) => sessionId).sort();
    return {
      loans: idsOf(living.filter(({ loanUntilMs }) => loanUntilMs > 0)),
      signed: idsOf(living.filter(({ signed }) => signed !== undefined)),
    };
  }

  /** A caller who is allowed collects expired leases, and what need not be remembered any more. */
  #enter(
    proof: Proof,
    nowMs: number,
    pace: (terms: Entitlement) => TooOften | undefined = () => undefined,
  ): Entitlement | EntryRefusal {
    const terms = this.#terms;
    if (!terms) return { verdict: 'UNKNOWN_LICENSE' };
    const denied = this.#accessRefusal(terms, proof, nowMs);
    if (denied) return this.#strangers.call(STRANGERS_PER_MINUTE, nowMs) ?? denied;
    const tooOften = proof.kind === 'trusted' ? undefined : pace(terms);
    if (tooOften) return tooOften;
    const expired = this.#seated().filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
    for (const session of expired.sort(bySoonestEnd)) {
      session.state = 'expired';
      clearLoanAndSigned(session);
      this.#append('session.expired', session.sessionId, session.expiresAtMs);
    }
    this.#known = this.#known.filter(({ promisedUntilMs }) => promisedUntilMs + MEMORY_MS > nowMs);
    return terms;
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

  #needsBeat(sessionId: string, proof: Proof, terms: Entitlement, nowMs: number): boolean {
    const session = this.#find(sessionId);
    if (standingOf(terms, nowMs) || session?.state !== 'seated' || session.expiresAtMs <= nowMs) return false;
    const gainMs = leaseEnd(terms, nowMs, session.loanUntilMs) - session.expiresAtMs;
    return isFor(proof, session) && gainMs >= (terms.heartbeatSeconds * 1000) / 2;
  }

  #grant(verdict: 'GRANTED' | 'RENEWED', seated: Known, terms: Entitlement, nowMs: number): AcquireVerdict {
    const session = shown(seated, nowMs);
    const active = this.#seated().length;
    return { verdict, session, active, max: terms.max, atMs: nowMs, rhythm: rhythmOf(terms) };
  }

  #loanRefusal(terms: Entitlement, nowMs: number): AcquireVerdict | undefined {
    const borrowed = this.#seated().filter((session) => loanAt(session, nowMs) > 0).length;
    const borrowable = Math.max(0, terms.max - terms.borrowLowWater);
    return borrowed >= borrowable ? { verdict: 'BORROW_LIMIT', borrowed, borrowable } : undefined;
  }

  #lend(session: Known, untilMs: number, nowMs: number): void {
    session.loanUntilMs = untilMs;
    this.#append('session.borrowed', session.sessionId, nowMs, { untilMs: String(untilMs) });
  }

  #refuse(proposed: string, room: number, terms: Entitlement, nowMs: number): AcquireVerdict {
    const minuteMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    if (this.#denials && this.#denials.minuteMs < minuteMs) {
      this.#append('seat.denied', '', this.#denials.minuteMs, { count: String(this.#denials.count) });
      this.#denials = undefined;
    }
    const { count, last } = this.#denials ?? { count: 0, last: undefined };
    this.#denials = { minuteMs, count: last === proposed ? count : count + 1, last: proposed };

    const seated = this.#seated().sort(bySoonestEnd);
    const lastThatMustEnd = terms.max + terms.overdraft > 0 ? seated[-room] : undefined;
    const waitMs = lastThatMustEnd ? lastThatMustEnd.expiresAtMs - nowMs : terms.ttlSeconds * 1000;
    const retryAfterSeconds = Math.ceil(waitMs / 1000);
    return { verdict: 'FULL', active: seated.length, max: terms.max, retryAfterSeconds };
  }

  #beat(
    { sessionId, proven }: HeartbeatOf,
    proof: Proof,
    terms: Entitlement,
    nowMs: number,
  ): HeartbeatResult {
    const session = this.#find(sessionId) ?? this.#lost(proven, nowMs);
    if (!session || session.state === 'ended' || !isFor(proof, session))
      return { verdict: 'GONE', sessionId };

    const verdict = session.state === 'seated' ? 'RENEWED' : 'REVIVED';
    if (verdict === 'REVIVED') {
      if (this.#seated().some(({ holder }) => holder === session.holder))
        return { verdict: 'GONE', sessionId };
      if (this.#seated().length >= terms.max + terms.overdraft) return { verdict: 'NO_ROOM', sessionId };
      if (!this.#known.includes(session)) this.#known.push(session);
      const { loanUntilMs } = session;
      this.#append(
        'session.revived',
        sessionId,
        nowMs,
        loanUntilMs > 0 ? { untilMs: String(loanUntilMs) } : {},
      );
    }
    session.state = 'seated';
    promise(session, leaseEnd(terms, nowMs, loanAt(session, nowMs)));
    return { verdict, session: shown(session, nowMs) };
  }

  /** A session that Redis has lost, as its token describes it, while the token can still be used. */
  #lost(proven: Session | undefined, nowMs: number): Known | undefined {
    if (!proven || proven.expiresAtMs + MEMORY_MS <= nowMs) return undefined;
    const { borrowedUntilMs = 0, ...session } = proven;
    const loanUntilMs = borrowedUntilMs > nowMs ? borrowedUntilMs : 0;
    return {
      ...session,
      lastAcquiredAtMs: session.acquiredAtMs,
      state: 'expired',
      promisedUntilMs: proven.expiresAtMs,
      loanUntilMs,
      signed: undefined,
    };
  }

  #seated(): Known[] {
    return this.#known.filter(({ state }) => state === 'seated');
  }

  #find(sessionId: string): Known | undefined {
    return this.#known.find((session) => session.sessionId === sessionId);
  }

  #append(type: string, sessionId: string, atMs: number, more: Partial<ModelEvent> = {}): void {
    this.events.push({ type, sessionId, atMs, ...more });
  }
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

function leaseEnd(terms: Entitlement, nowMs: number, loanMs: number): number {
  return withinLicense(terms, Math.max(nowMs + terms.ttlSeconds * 1000, loanMs));
}

function withinLicense({ validUntilMs }: Entitlement, atMs: number): number {
  return Math.min(atMs, validUntilMs ?? Number.POSITIVE_INFINITY);
}

/** Until when the seat is borrowed now, or 0. */
function loanAt({ loanUntilMs }: Known, nowMs: number): number {
  return loanUntilMs > nowMs ? loanUntilMs : 0;
}

/** Loans and signed licenses end with the seat. */
function clearLoanAndSigned(session: Known): void {
  session.loanUntilMs = 0;
  session.signed = undefined;
}

function promise(session: Known, expiresAtMs: number): void {
  session.expiresAtMs = expiresAtMs;
  session.promisedUntilMs = Math.max(session.promisedUntilMs, expiresAtMs);
}

function rhythmOf({ ttlSeconds, heartbeatSeconds, offlineGraceDays }: Entitlement) {
  return { ttlSeconds, heartbeatSeconds, offlineGraceDays };
}

/** The session as it is returned. */
function shown(known: Known, nowMs: number): Session {
  const {
    state: _,
    promisedUntilMs: __,
    loanUntilMs: ___,
    signed: ____,
    lastAcquiredAtMs: _____,
    ...session
  } = known;
  const borrowedUntilMs = Math.min(loanAt(known, nowMs), session.expiresAtMs);
  return borrowedUntilMs > 0 ? { ...session, borrowedUntilMs } : session;
}

function bySoonestEnd(a: Session, b: Session): number {
  return a.expiresAtMs - b.expiresAtMs || (a.sessionId < b.sessionId ? -1 : 1);
}
