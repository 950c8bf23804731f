import type { Entitlement, Unit } from '../domain/entitlement.ts';
import type { SeatEvent } from '../domain/event.ts';
import type { Session, SessionFacts } from '../domain/session.ts';

/**
 * Who holds which seat until when. Every rule of seat counting lives behind this port, in the Lua files; what comes
 * out are verdicts. Each verb is one atomic step and safe to repeat. A store that does not answer throws
 * `Unavailable('seats', …)`: nothing is granted on a guess.
 */
export interface Seats {
  acquire(request: AcquireRequest): Promise<AcquireVerdict>;

  /**
   * All sessions are of `licenseId`; results come in the order of the sessions. 0 sessions check the proof alone. A call
   * that extends a lease when it is time to is never asked to wait, however often others call.
   */
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatVerdict>;

  /** A session that holds a seat now, with what was last signed for it. Extends nothing. */
  readSession(request: SessionRequest): Promise<SessionVerdict>;

  /** Keeps what was signed for a session as long as it holds its seat; `GONE` where it holds none any more. */
  keepSigned(licenseId: string, sessionId: string, signed: string): Promise<'KEPT' | 'GONE'>;

  /** Ends a session and frees its seat at once. */
  release(request: ReleaseRequest): Promise<ReleaseVerdict>;

  /**
   * Replaces the entitlement copy unless it is as new or newer. `event` tells subscribers of the change that made this
   * version; it is told once, whoever puts the version first.
   */
  putLicense(entitlement: Entitlement, event?: LicenseChanged): Promise<'STORED' | 'STALE'>;

  /** Who holds a seat now, the soonest to run out first. `limit` 0 counts only. */
  listSessions(licenseId: string, page: SessionPage): Promise<SessionListVerdict>;

  /** Resolves when the store answers; throws `Unavailable` when it does not. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

/** The event of the license's change, as far as the seat store does not know it by itself. */
export type LicenseChanged = Pick<SeatEvent, 'type' | 'atMs'>;

/** What entitles the caller. */
export type Proof =
  /** The hash of a license key, checked in the same step. */
  | { readonly kind: 'license-key'; readonly keyHash: string }
  /**
   * A person who is signed in, and their tenants by a token that was checked before; whether the license is of one of
   * those, and whether the person was removed from it since, is checked in the same step. Sessions are theirs where the
   * facts name them as the user: any other is to them one that never was.
   */
  | { readonly kind: 'user'; readonly userId: string; readonly tenantIds: readonly string[] }
  /** The vendor's own hand, checked before. It is never asked to wait. */
  | { readonly kind: 'trusted' };

/** The license was asked more often than its pace allows. Nothing changed. */
export interface TooOften {
  verdict: 'TOO_OFTEN';
  /** Whole seconds, 1 or more, after which one call is let through. */
  retryAfterSeconds: number;
}

/**
 * Why a caller is turned away at the door. `NOT_YOURS` is said to signed-in people alone: the license is of no tenant of
 * theirs.
 */
export type EntryRefusal = { verdict: 'UNKNOWN_LICENSE' | 'WRONG_KEY' | 'NOT_YOURS' } | TooOften;

/** Why a license as a whole gives nothing. */
export type LicenseTrouble = EntryRefusal | { verdict: 'SUSPENDED' | 'EXPIRED' };

/** The rhythm that a client has to keep. (`atMs` beside it is Redis' time of the verdict, milliseconds.) */
export interface Rhythm {
  ttlSeconds: number;
  heartbeatSeconds: number;
  offlineGraceDays: number;
}

export interface AcquireRequest {
  licenseId: string;
  proof: Proof;
  /** The id to use if a seat is granted; the same one again is the same request again. */
  proposedSessionId: string;
  /** Pseudonyms by unit; the license decides which one counts. */
  holders: { machine: string; user?: string | undefined; process?: string | undefined };
  facts: SessionFacts;
  /**
   * To borrow the seat: its lease then lasts that many days and needs no heartbeat. Borrowing again extends it; it
   * never gets shorter. A change of less than a minute counts as the same request again.
   */
  borrowDays?: number | undefined;
}

export type AcquireVerdict =
  | {
      verdict: 'GRANTED' | 'RENEWED';
      session: Session;
      active: number;
      max: number;
      atMs: number;
      rhythm: Rhythm;
    }
  | { verdict: 'FULL'; active: number; max: number; retryAfterSeconds: number }
  | { verdict: 'HOLDER_REQUIRED'; unit: Unit }
  /** `maxDays` is 0 where the license lends no seats. Nothing was granted, as below. */
  | { verdict: 'BORROW_TOO_LONG'; maxDays: number }
  /** As many seats are borrowed as may be. */
  | { verdict: 'BORROW_LIMIT'; borrowed: number; borrowable: number }
  | LicenseTrouble;

export interface HeartbeatRequest {
  licenseId: string;
  proof: Proof;
  sessions: readonly HeartbeatOf[];
}

export interface HeartbeatOf {
  sessionId: string;
  /** The session as its token proves it, in case Redis has lost it. */
  proven?: Session | undefined;
}

export type HeartbeatVerdict =
  | { verdict: 'OK'; atMs: number; rhythm: Rhythm; results: readonly HeartbeatResult[] }
  | LicenseTrouble;

export type HeartbeatResult =
  | { verdict: 'RENEWED' | 'REVIVED'; session: Session }
  /** Ended for good, never was, or its holder has taken another seat. */
  | { verdict: 'GONE'; sessionId: string }
  /** The lease ran out and every seat has been taken since. */
  | { verdict: 'NO_ROOM'; sessionId: string };

export interface SessionRequest {
  licenseId: string;
  proof: Proof;
  sessionId: string;
}

export type SessionVerdict =
  | {
      verdict: 'OK';
      session: Session;
      /** Of the license, as the seat store knows it. */
      version: number;
      /** End of the license by that version; `null` for one without end. */
      validUntilMs: number | null;
      rhythm: Rhythm;
      atMs: number;
      signed: string | undefined;
    }
  | { verdict: 'GONE' }
  | LicenseTrouble;

export interface ReleaseRequest {
  licenseId: string;
  proof: Proof;
  sessionId: string;
  reason: 'released' | 'evicted';
  /** The session as its token proves it: where Redis has lost it, its end is remembered all the same. */
  proven?: Session | undefined;
  /** When its holder sent this, by Redis' clock and no later than it was, if known: what is long on its way can then do no harm. */
  sentAtMs?: number | undefined;
}

export type ReleaseVerdict =
  | { verdict: 'ENDED' | 'ALREADY_ENDED' | 'UNKNOWN_SESSION' }
  /** Its holder has acquired the session again since this was sent: it holds its seat. */
  | { verdict: 'OVERTAKEN' }
  | EntryRefusal;

export interface SessionPage {
  /** 0 to 100. */
  limit: number;
  /** The last session of the page before. */
  after?: { sessionId: string; expiresAtMs: number } | undefined;
}

export type SessionListVerdict =
  | { verdict: 'OK'; active: number; max: number; overdraft: number; sessions: readonly Session[] }
  | { verdict: 'UNKNOWN_LICENSE' };
