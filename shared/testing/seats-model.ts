import type { Entitlement } from '../domain/entitlement.ts';
import type { Session } from '../domain/session.ts';
import type {
  AcquireRequest,
  AcquireVerdict,
  HeartbeatOf,
  HeartbeatRequest,
  HeartbeatResult,
  HeartbeatVerdict,
  LicenseChanged,
  LicenseTrouble,
  Proof,
  ReleaseRequest,
  ReleaseVerdict,
  SessionListVerdict,
} from '../ports/seats.ts';

/** How long an ended session is remembered after the longest lease that it was ever promised. */
export const MEMORY_MS = 3_600_000;
const MINUTE_MS = 60_000;

export interface ModelEvent {
  readonly type: string;
  readonly sessionId: string;
  readonly atMs: number;
  readonly count?: string;
}

interface Known extends Session {
  state: 'seated' | 'ran out' | 'ended';
  promisedUntilMs: number;
}

/** The rules of one license's pool in plain words: what the Lua must answer, tell and remember. */
export class PoolModel {
  /** Everything told so far. */
  readonly events: ModelEvent[] = [];
  #terms: Entitlement | undefined;
  #isChangeTold = false;
  #known: Known[] = [];
  #denials: { minuteMs: number; count: number; last: string } | undefined;

  put(terms: Entitlement, event: LicenseChanged | undefined): 'STORED' | 'STALE' {
    const before = this.#terms?.version ?? Number.NEGATIVE_INFINITY;
    if (terms.version > before) {
      this.#terms = terms;
      this.#isChangeTold = false;
    }
    if (event && terms.version >= before && !this.#isChangeTold) {
      this.#isChangeTold = true;
      this.#tell(event.type, '', event.atMs);
    }
    return terms.version > before ? 'STORED' : 'STALE';
  }

  acquire(request: AcquireRequest, nowMs: number): AcquireVerdict | { verdict: 'ENDED' } {
    const terms = this.#enter(request.proof, nowMs);
    if ('verdict' in terms) return terms;
    const standing = standingOf(terms, nowMs);
    if (standing) return standing;
    const { proposedSessionId, facts } = request;
    const holder = request.holders[terms.unit];
    if (!holder) return { verdict: 'HOLDER_REQUIRED', unit: terms.unit };

    const expiresAtMs = leaseEnd(terms, nowMs);
    const own = this.#seated().find((session) => session.holder === holder);
    if (own) {
      own.facts = facts;
      promise(own, expiresAtMs);
      return this.#grant(own.sessionId === proposedSessionId ? 'GRANTED' : 'RENEWED', own, terms, nowMs);
    }
    if (this.#find(proposedSessionId)) return { verdict: 'ENDED' };
    const room = terms.max + terms.overdraft - this.#seated().length;
    if (room <= 0) return this.#refuse(proposedSessionId, room, terms, nowMs);

    const session: Known = {
      sessionId: proposedSessionId,
      holder,
      acquiredAtMs: nowMs,
      expiresAtMs,
      facts,
      state: 'seated',
      promisedUntilMs: expiresAtMs,
    };
    this.#known.push(session);
    this.#tell('session.acquired', proposedSessionId, nowMs);
    return this.#grant('GRANTED', session, terms, nowMs);
  }

  heartbeat({ proof, sessions }: HeartbeatRequest, nowMs: number): HeartbeatVerdict {
    const terms = this.#enter(proof, nowMs);
    if ('verdict' in terms) return terms;
    const standing = standingOf(terms, nowMs);
    if (standing) return standing;
    const results = sessions.map((beat) => this.#beat(beat, terms, nowMs));
    return { verdict: 'OK', atMs: nowMs, rhythm: rhythmOf(terms), results };
  }

  release({ proof, sessionId, reason, proven }: ReleaseRequest, nowMs: number): ReleaseVerdict {
    const terms = this.#enter(proof, nowMs);
    if ('verdict' in terms) return terms;
    const session = this.#find(sessionId) ?? this.#lost(proven, nowMs);
    if (!session) return { verdict: 'UNKNOWN_SESSION' };
    const wasSeated = session.state === 'seated';
    session.state = 'ended';
    if (!this.#known.includes(session)) this.#known.push(session);
    if (wasSeated) this.#tell(`session.${reason}`, sessionId, nowMs);
    return { verdict: wasSeated ? 'ENDED' : 'ALREADY_ENDED' };
  }

  /** All pages at once. Reading needs no proof and notices nothing. */
  list(nowMs: number): SessionListVerdict {
    if (!this.#terms) return { verdict: 'UNKNOWN_LICENSE' };
    const { max, overdraft } = this.#terms;
    const living = this.#seated().filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    const sessions = living.sort(bySoonestEnd).map(withoutState);
    return { verdict: 'OK', active: sessions.length, max, overdraft, sessions };
  }

  /** Redis was flushed. */
  lose(): void {
    this.#terms = undefined;
    this.#known = [];
    this.#denials = undefined;
  }

  /** Session and expiry of every lease that has not ended, by session. */
  leasesAt(nowMs: number): [string, number][] {
    const living = this.#seated().filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    return living.map(({ sessionId, expiresAtMs }): [string, number] => [sessionId, expiresAtMs]).sort();
  }

  /** A caller with the right key notices what has run out, and what nobody needs to remember any more. */
  #enter(proof: Proof, nowMs: number): Entitlement | Extract<ReleaseVerdict, LicenseTrouble> {
    const terms = this.#terms;
    if (!terms) return { verdict: 'UNKNOWN_LICENSE' };
    if (!opens(terms, proof, nowMs)) return { verdict: 'WRONG_KEY' };
    const ranOut = this.#seated().filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
    for (const session of ranOut.sort(bySoonestEnd)) {
      session.state = 'ran out';
      this.#tell('session.expired', session.sessionId, session.expiresAtMs);
    }
    this.#known = this.#known.filter(({ promisedUntilMs }) => promisedUntilMs + MEMORY_MS > nowMs);
    return terms;
  }

  #grant(verdict: 'GRANTED' | 'RENEWED', seated: Known, terms: Entitlement, nowMs: number): AcquireVerdict {
    const session = withoutState(seated);
    const active = this.#seated().length;
    return { verdict, session, active, max: terms.max, atMs: nowMs, rhythm: rhythmOf(terms) };
  }

  #refuse(proposed: string, room: number, terms: Entitlement, nowMs: number): AcquireVerdict {
    const minuteMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    if (this.#denials && this.#denials.minuteMs < minuteMs) {
      this.#tell('seat.denied', '', this.#denials.minuteMs, String(this.#denials.count));
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

  #beat({ sessionId, proven }: HeartbeatOf, terms: Entitlement, nowMs: number): HeartbeatResult {
    const session = this.#find(sessionId) ?? this.#lost(proven, nowMs);
    if (!session || session.state === 'ended') return { verdict: 'GONE', sessionId };

    const verdict = session.state === 'seated' ? 'RENEWED' : 'REVIVED';
    if (verdict === 'REVIVED') {
      if (this.#seated().some(({ holder }) => holder === session.holder))
        return { verdict: 'GONE', sessionId };
      if (this.#seated().length >= terms.max + terms.overdraft) return { verdict: 'NO_ROOM', sessionId };
      if (!this.#known.includes(session)) this.#known.push(session);
      this.#tell('session.revived', sessionId, nowMs);
    }
    session.state = 'seated';
    promise(session, leaseEnd(terms, nowMs));
    return { verdict, session: withoutState(session) };
  }

  /** A session that Redis has lost, as its token tells of it while that may still be used. */
  #lost(proven: Session | undefined, nowMs: number): Known | undefined {
    if (!proven || proven.expiresAtMs + MEMORY_MS <= nowMs) return undefined;
    return { ...proven, state: 'ran out', promisedUntilMs: proven.expiresAtMs };
  }

  #seated(): Known[] {
    return this.#known.filter(({ state }) => state === 'seated');
  }

  #find(sessionId: string): Known | undefined {
    return this.#known.find((session) => session.sessionId === sessionId);
  }

  #tell(type: string, sessionId: string, atMs: number, count?: string): void {
    this.events.push({ type, sessionId, atMs, ...(count === undefined ? {} : { count }) });
  }
}

function opens(terms: Entitlement, proof: Proof, nowMs: number): boolean {
  if (proof.kind === 'trusted' || proof.keyHash === terms.keyHash) return true;
  return proof.keyHash === terms.previousKeyHash && nowMs < (terms.previousKeyUntilMs ?? 0);
}

function standingOf(
  { status, validUntilMs }: Entitlement,
  nowMs: number,
): { verdict: 'SUSPENDED' | 'EXPIRED' } | undefined {
  if (status === 'suspended') return { verdict: 'SUSPENDED' };
  return validUntilMs !== null && nowMs >= validUntilMs ? { verdict: 'EXPIRED' } : undefined;
}

function leaseEnd({ ttlSeconds, validUntilMs }: Entitlement, nowMs: number): number {
  return Math.min(nowMs + ttlSeconds * 1000, validUntilMs ?? Number.POSITIVE_INFINITY);
}

function promise(session: Known, expiresAtMs: number): void {
  session.expiresAtMs = expiresAtMs;
  session.promisedUntilMs = Math.max(session.promisedUntilMs, expiresAtMs);
}

function rhythmOf({ ttlSeconds, heartbeatSeconds, offlineGraceDays }: Entitlement) {
  return { ttlSeconds, heartbeatSeconds, offlineGraceDays };
}

function withoutState({ state: _, promisedUntilMs: __, ...session }: Known): Session {
  return session;
}

function bySoonestEnd(a: Session, b: Session): number {
  return a.expiresAtMs - b.expiresAtMs || (a.sessionId < b.sessionId ? -1 : 1);
}
