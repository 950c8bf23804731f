import type { By } from '../domain/actor.ts';
import type { Entitlement, Unit } from '../domain/entitlement.ts';
import type { SeatEvent } from '../domain/event.ts';
import type { Session, SessionFacts } from '../domain/session.ts';
import type { Ended } from '../errors.ts';

/**
 * Who holds which seat until when. A seat belongs to one holder (a machine, user or process) and has one or more
 * sessions: one for each program. It ends with the last of them. Every rule of seat counting is behind this port, in the
 * Lua files; callers only get verdicts. Each method is one atomic step and safe to repeat. If the store does not answer,
 * it throws `Unavailable('seats', …)`: no seat is granted on a guess.
 */
export interface Seats {
  acquire(request: AcquireRequest): Promise<AcquireVerdict>;

  /** Lends the holder a seat: a session of kind `loan`, one for each seat and machine, which needs no heartbeat. */
  borrow(request: BorrowRequest): Promise<BorrowVerdict>;

  /**
   * Extends sessions of one license; results are in the order of the sessions. With 0 sessions, only the proof is
   * checked. A heartbeat that is due is never rate limited. A loan is acknowledged and not extended.
   */
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatVerdict>;

  /** For sessions that `heartbeat` found `MISSING`: gives them their seat again, or returns how they ended. */
  revive(request: ReviveRequest): Promise<ReviveVerdict>;

  /** A living session, with what was last signed for its holder on its machine. Extends no lease. */
  readSession(request: SessionRequest): Promise<SessionVerdict>;

  /** Counts a new signature against the limits of the seat and the license, before it is made. */
  reserveSignature(request: SignatureRequest): Promise<ReserveVerdict>;

  /** Stores what was signed for a session's holder and machine until `untilMs`, and reports it. */
  keepSigned(
    request: SignatureRequest & { readonly signed: string; readonly jti: string; readonly by: By },
  ): Promise<'KEPT' | 'GONE'>;

  /** Ends one session. Its seat is free at once if it was the last. */
  release(request: ReleaseRequest): Promise<ReleaseVerdict>;

  /** Ends one session or all sessions of its seat, on behalf of an administrator. */
  evict(request: EvictRequest): Promise<EvictVerdict>;

  /**
   * Replaces the entitlement copy unless its version is as new or newer. If more seats are in use than the license has
   * from now on, those acquired last end, each with all its sessions: they can be acquired again and revived once there
   * is room. Loans count and never end by this. While they alone exceed the license, they are not extended, and their
   * seats have no other sessions. `event` reports the change that created this version; it is published once, even if
   * several callers put the version. `MISSING`: there is no copy to replace, so nothing was stored: `restore` it with
   * what belongs to it.
   */
  putLicense(entitlement: Entitlement, event?: LicenseChanged): Promise<'STORED' | 'STALE' | 'MISSING'>;

  /** Restores what the store has lost of a license. What it still has is not changed; a newer copy is as if it was put. */
  restore(lost: LostLicense): Promise<Restored>;

  /**
   * The seats that are held now, the first to end first, each with its living sessions. `limit` 0 only counts them.
   */
  listSeats(licenseId: string, page: SeatPage): Promise<SeatListVerdict>;

  close(): Promise<void>;
}

/** The part of the license's change event that the seat store cannot derive itself; of the detail, what changed. */
export type LicenseChanged = Pick<SeatEvent, 'type' | 'atMs' | 'actor' | 'requestId' | 'detail'>;

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

/** The request limit of the holder is exceeded. Nothing changed. */
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

/** What a client must know of the license. (`atMs` beside it is Redis' time of the verdict, milliseconds.) */
export interface Rhythm {
  ttlSeconds: number;
  heartbeatSeconds: number;
  offlineGraceDays: number;
  offlineStartDays: number;
}

/** What the license gives beside seats, and its version. */
export type Told = Entitlement['entitlements'] & { readonly version: number };

/** Pseudonyms by unit; the license decides which one counts. */
export interface Holders {
  readonly machine: string;
  readonly user?: string | undefined;
  readonly process?: string | undefined;
}

export interface AcquireRequest {
  licenseId: string;
  proof: Proof;
  /** Who asks, for the event. */
  by: By;
  holders: Holders;
  /** Pseudonym of the machine, whatever the license counts by. */
  machine: string;
  /**
   * `instance`: `sessionId` is derived from the program's instance, so a repeat finds the same session. `machine`:
   * `sessionId` is new, and used only if the machine has no such session on its seat yet.
   */
  kind: 'instance' | 'machine';
  sessionId: string;
  facts: SessionFacts;
  /**
   * When the program started without the server, by its own clock. It is reported once, with the session that this
   * creates, and limited to the time from 90 days ago until now.
   */
  offlineSinceMs?: number | undefined;
}

/** A session with its seat, as it is after the call. */
export interface Held {
  session: Session;
  /** Seats in use, this one included. */
  active: number;
  max: number;
  atMs: number;
  rhythm: Rhythm;
  told: Told;
}

export type AcquireVerdict =
  /** A new seat; an existing session, extended; or a new session on the seat that the holder has. */
  | ({ verdict: 'GRANTED' | 'RENEWED' | 'JOINED' } & Held)
  | Full
  /** The seat has the maximum number of programs. Nothing changed. */
  | { verdict: 'SESSIONS_EXHAUSTED'; maxSessions: number }
  /** This instance was released or evicted within the last hour. */
  | { verdict: 'SESSION_ENDED'; ended: 'released' | 'evicted' }
  | { verdict: 'HOLDER_REQUIRED'; unit: Unit }
  | LicenseRefusal;

export interface Full {
  verdict: 'FULL';
  active: number;
  max: number;
  retryAfterSeconds: number;
}

export interface BorrowRequest extends Omit<AcquireRequest, 'kind'> {
  /**
   * 1 to 90. Borrowing again extends the loan and never shortens it. A change of less than a minute counts as a retry.
   * `sessionId` is new, and used only if the machine has no loan on its seat yet.
   */
  days: number;
}

export type BorrowVerdict =
  | ({ verdict: 'GRANTED' | 'RENEWED' | 'JOINED' } & Held)
  | Full
  | { verdict: 'HOLDER_REQUIRED'; unit: Unit }
  /** `maxDays` is 0 if seats of the license cannot be borrowed. Nothing was granted. */
  | { verdict: 'BORROW_TOO_LONG'; maxDays: number }
  /** No more seats can be borrowed. Nothing was granted. Both count seats with a loan. */
  | { verdict: 'BORROW_LIMIT'; borrowed: number; borrowable: number }
  /** The seat has the maximum number of loans. Nothing was granted. */
  | { verdict: 'SESSIONS_EXHAUSTED'; maxSessions: number }
  | LicenseRefusal;

export interface HeartbeatRequest {
  licenseId: string;
  proof: Proof;
  sessions: readonly { readonly sessionId: string; readonly proven?: Session | undefined }[];
  /** Version of the license whose entitlements the caller got last; 0 if that is unknown. */
  toldVersion: number;
}

export type HeartbeatVerdict =
  | {
      verdict: 'OK';
      atMs: number;
      rhythm: Rhythm;
      version: number;
      /** Present if `toldVersion` is not the current version. */
      told?: Told | undefined;
      results: readonly HeartbeatResult[];
    }
  | LicenseRefusal;

export type HeartbeatResult =
  | { verdict: 'RENEWED'; session: Session }
  /** It holds no seat now, or belongs to another user. */
  | { verdict: 'MISSING'; sessionId: string };

export interface ReviveRequest {
  licenseId: string;
  proof: Proof;
  by: By;
  sessions: readonly {
    readonly sessionId: string;
    /** From its verified token. Without it, nothing is revived. */
    readonly proven?: Session | undefined;
    /** The records do not say that it ended. Needed if the store has forgotten the session. */
    readonly isCleared: boolean;
  }[];
}

export type ReviveVerdict =
  | { verdict: 'OK'; atMs: number; rhythm: Rhythm; told: Told; results: readonly ReviveResult[] }
  | LicenseRefusal;

export type ReviveResult =
  | { verdict: 'REVIVED' | 'RENEWED'; session: Session }
  | { verdict: 'ENDED'; sessionId: string; ended: Ended }
  /** Its lease expired, and all seats, or all 64 places on its holder's seat, have been taken since. */
  | { verdict: 'NO_ROOM'; sessionId: string }
  /** The store has forgotten it, and its token is valid: look at the records, then retry with `isCleared`. */
  | { verdict: 'FORGOTTEN'; sessionId: string };

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

export interface SignatureRequest {
  licenseId: string;
  sessionId: string;
  /** When the signed license ends. */
  untilMs: number;
}

export type ReserveVerdict =
  | { verdict: 'RESERVED' | 'GONE' }
  /** The maximum number of machines have a signed license. */
  | { verdict: 'SIGNED_LIMIT'; limit: number }
  /** The seat has used up its signatures of the day (UTC). */
  | TooOften;

export interface ReleaseRequest {
  licenseId: string;
  proof: Proof;
  by: By;
  sessionId: string;
  /** The session from its verified token: even if Redis has lost it, it cannot be revived afterwards. */
  proven?: Session | undefined;
}

export type ReleaseVerdict =
  | { verdict: 'ENDED'; kind: Session['kind'] }
  | { verdict: 'ALREADY_ENDED' | 'UNKNOWN_SESSION' }
  | EntryRefusal;

export interface EvictRequest {
  licenseId: string;
  by: By;
  sessionId: string;
  /** `seat`: the session's whole seat, with all its sessions. */
  scope: 'session' | 'seat';
}

export type EvictVerdict =
  /** The sessions that were ended, and when. Empty if the session had ended before; nothing changes then. */
  | { verdict: 'EVICTED'; atMs: number; sessions: readonly Session[] }
  | { verdict: 'UNKNOWN_SESSION' | 'UNKNOWN_LICENSE' };

/** A license as the records know it. */
export interface LostLicense {
  entitlement: Entitlement;
  event?: LicenseChanged | undefined;
  /** Seats that are borrowed according to the records. */
  loans: readonly Session[];
  /** Users whose own tokens are rejected for the license's tenant. */
  bars: readonly { readonly userId: string; readonly untilMs: number }[];
}

export interface Restored {
  /** Whether the copy was missing, or older. */
  isCopyStored: boolean;
  /** Sessions of loans that have their seat again. */
  seated: readonly string[];
  /** Loans for which there is no free seat any more. */
  noRoom: readonly string[];
}

export interface SeatPage {
  /** Seats, 0 to 100. */
  limit: number;
  /** The last seat of the previous page. */
  after?: { holder: string; expiresAtMs: number } | undefined;
}

export interface Seat {
  holder: string;
  /** The latest end of its sessions. */
  expiresAtMs: number;
  /** The living ones, the first acquired first. */
  sessions: readonly Session[];
}

export type SeatListVerdict =
  | {
      verdict: 'OK';
      active: number;
      max: number;
      overdraft: number;
      /** Seats with a loan. */
      lent: number;
      seats: readonly Seat[];
      /** Ids of sessions of these seats that are stored in the format of another release. */
      unreadable?: readonly string[];
      /** Where the next page starts, if this one is full. */
      next?: SeatPage['after'];
    }
  | { verdict: 'UNKNOWN_LICENSE' };
