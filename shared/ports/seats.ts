import type { Entitlement, Unit } from '../domain/entitlement.ts';
import type { SeatEvent } from '../domain/event.ts';
import type { Session, SessionFacts } from '../domain/session.ts';

/**
 * Who holds which seat until when. Every rule of seat counting is behind this port, in the Lua files; callers only get
 * verdicts. Each method is one atomic step and safe to repeat. If the store does not answer, it throws
 * `Unavailable('seats', …)`: no seat is granted on a guess.
 */
export interface Seats {
  acquire(request: AcquireRequest): Promise<AcquireVerdict>;

  /**
   * All sessions belong to `licenseId`; results are in the order of the sessions. With 0 sessions, only the proof is
   * checked. A heartbeat that is due is never rate limited, however often other clients call.
   */
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatVerdict>;

  /** A session that holds a seat now, with what was last signed for it. Extends no lease. */
  readSession(request: SessionRequest): Promise<SessionVerdict>;

  /** Stores what was signed for a session for as long as it holds its seat; `GONE` if it no longer does. */
  keepSigned(licenseId: string, sessionId: string, signed: string): Promise<'KEPT' | 'GONE'>;

  /** Ends a session and frees its seat at once. */
  release(request: ReleaseRequest): Promise<ReleaseVerdict>;

  /**
   * Replaces the entitlement copy unless its version is as new or newer. `event` reports the change that created this
   * version; it is published once, even if several callers put the version.
   */
  putLicense(entitlement: Entitlement, event?: LicenseChanged): Promise<'STORED' | 'STALE'>;

  /** The sessions that hold a seat now, the first to expire first. `limit` 0 only counts them. */
  listSessions(licenseId: string, page: SessionPage): Promise<SessionListVerdict>;

  close(): Promise<void>;
}

/** The part of the license's change event that the seat store cannot derive itself. */
export type LicenseChanged = Pick<SeatEvent, 'type' | 'atMs'>;

/** What authorises the caller. */
export type Proof =
  /** The hash of a license key, checked in the same step. */
  | { readonly kind: 'license-key'; readonly keyHash: string }
  /**
   * A signed-in user, with the tenants of a verified access token. In the same step it is checked whether one of them
   * owns the license, and whether the user was removed from it since. The user can access only sessions whose facts
   * name them; other sessions are treated as non-existent.
   */
  | { readonly kind: 'user'; readonly userId: string; readonly tenantIds: readonly string[] }
  /** The vendor's own caller, verified before. It is never rate limited. */
  | { readonly kind: 'trusted' };

/** The license's request limit is exceeded. Nothing changed. */
export interface TooOften {
  verdict: 'TOO_OFTEN';
  /** Whole seconds, 1 or more, until one request is allowed. */
  retryAfterSeconds: number;
}

/**
 * Why a caller is refused before anything else is checked. `NOT_YOURS` is only returned to signed-in users: the license
 * belongs to none of their tenants.
 */
export type EntryRefusal = { verdict: 'UNKNOWN_LICENSE' | 'WRONG_KEY' | 'NOT_YOURS' } | TooOften;

/** Why a license as a whole grants nothing. */
export type LicenseRefusal = EntryRefusal | { verdict: 'SUSPENDED' | 'EXPIRED' };

/** The intervals that a client must keep. (`atMs` beside it is Redis' time of the verdict, milliseconds.) */
export interface Rhythm {
  ttlSeconds: number;
  heartbeatSeconds: number;
  offlineGraceDays: number;
}

export interface AcquireRequest {
  licenseId: string;
  proof: Proof;
  /** The id to use if a seat is granted; the same id again is a retry. */
  proposedSessionId: string;
  /** Pseudonyms by unit; the license decides which one counts. */
  holders: { machine: string; user?: string | undefined; process?: string | undefined };
  facts: SessionFacts;
  /**
   * Borrows the seat: its lease then lasts this many days and needs no heartbeat. Borrowing again extends the loan and
   * never shortens it. A change of less than a minute counts as a retry.
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
  /** `maxDays` is 0 if seats of the license cannot be borrowed. Nothing was granted. */
  | { verdict: 'BORROW_TOO_LONG'; maxDays: number }
  /** No more seats can be borrowed. Nothing was granted. */
  | { verdict: 'BORROW_LIMIT'; borrowed: number; borrowable: number }
  | LicenseRefusal;

export interface HeartbeatRequest {
  licenseId: string;
  proof: Proof;
  sessions: readonly HeartbeatOf[];
}

export interface HeartbeatOf {
  sessionId: string;
  /** The session from its verified token, in case Redis has lost it. */
  proven?: Session | undefined;
}

export type HeartbeatVerdict =
  | { verdict: 'OK'; atMs: number; rhythm: Rhythm; results: readonly HeartbeatResult[] }
  | LicenseRefusal;

export type HeartbeatResult =
  | { verdict: 'RENEWED' | 'REVIVED'; session: Session }
  /** Ended for good, never existed, or its holder has taken another seat. */
  | { verdict: 'GONE'; sessionId: string }
  /** The lease expired and all seats have been taken since. */
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
      /** Version of the license in the seat store. */
      version: number;
      /** End of the license in that version; `null` if it does not expire. */
      validUntilMs: number | null;
      rhythm: Rhythm;
      atMs: number;
      signed: string | undefined;
    }
  | { verdict: 'GONE' }
  | LicenseRefusal;

export interface ReleaseRequest {
  licenseId: string;
  proof: Proof;
  sessionId: string;
  reason: 'released' | 'evicted';
  /** The session from its verified token: even if Redis has lost it, its end is recorded. */
  proven?: Session | undefined;
  /**
   * When the holder sent the release, by Redis' clock, if known; it can be too early, never too late. With it, a
   * delayed release does not end a session that its holder has acquired again since.
   */
  sentAtMs?: number | undefined;
}

export type ReleaseVerdict =
  | { verdict: 'ENDED' | 'ALREADY_ENDED' | 'UNKNOWN_SESSION' }
  /** Its holder has acquired the session again since this was sent, so the seat is kept. */
  | { verdict: 'OVERTAKEN' }
  | EntryRefusal;

export interface SessionPage {
  /** 0 to 100. */
  limit: number;
  /** The last session of the previous page. */
  after?: { sessionId: string; expiresAtMs: number } | undefined;
}

export type SessionListVerdict =
  | {
      verdict: 'OK';
      /** Includes sessions that cannot be read. */
      active: number;
      max: number;
      overdraft: number;
      sessions: readonly Session[];
      /** Ids of sessions that would be on this page, but are stored in the format of another release. */
      unreadable?: readonly string[];
      /** Where the next page starts, if this one is full. */
      next?: SessionPage['after'];
    }
  | { verdict: 'UNKNOWN_LICENSE' };
