import type { Entitlement } from '../domain/entitlement.ts';
import type { SeatEvent } from '../domain/event.ts';
import type { Period } from '../domain/person.ts';
import type { SessionFacts, SessionKind } from '../domain/session.ts';
import { eachPage } from './each-document.ts';

/**
 * Background maintenance of the seat store, one shard or license at a time. Every call is one atomic, bounded step, and
 * safe to repeat or to run concurrently. `shard` is two digits. If the store does not answer, it throws
 * `Unavailable('seats', …)`.
 */
export interface SeatMaintenance {
  /**
   * Writes events for what has expired in pools of the shard: sessions of seats that ended, and minutes in which seats
   * were denied. Checks what is given (at most 32, as an earlier call returned it) and returns what to check next. Ends
   * at most 64 seats per call.
   */
  expire(shard: string, due: readonly Due[]): Promise<ShardNews>;

  /**
   * Resolves if the store accepts writes of the shard, as a granted seat needs; throws `Unavailable` if not, even if
   * the store can be read.
   */
  probe(shard: string): Promise<Backlog>;

  /** The oldest entries of the shard's outbox, at most `limit`; only those after `after` if it is given. */
  readOutbox(shard: string, page: { limit: number; after?: string | undefined }): Promise<OutboxEntry[]>;

  /** Removes entries from the outbox; entries that are already removed are ignored. */
  trimOutbox(shard: string, positions: readonly string[]): Promise<void>;

  /** Entitlement copies of the shard, ordered by license id, at most `limit`. */
  listCopies(shard: string, page: { limit: number; after?: string | undefined }): Promise<ListedCopy[]>;

  /**
   * Removes the copy of a license that the records do not know. `KEPT`: the copy has changed since `version`, or a seat
   * is still held.
   */
  dropCopy(licenseId: string, version: number): Promise<'DROPPED' | 'KEPT'>;

  /** Which of these sessions of the license live now. Those that have expired are reported, with their true ends. */
  whichLiving(licenseId: string, sessionIds: readonly string[]): Promise<ReadonlySet<string>>;

  /**
   * Until `untilMs` by Redis' clock, the user's own access tokens (`Proof` of kind `user`) are rejected for licenses of
   * the tenant, whatever tenants a token still names. A second bar never shortens the first. The records have the bar
   * too: see `shared/use-cases/bars.ts`.
   */
  bar(
    tenantId: string,
    bars: readonly { readonly userId: string; readonly untilMs: number }[],
  ): Promise<void>;

  /** Removes the bar. */
  unbar(tenantId: string, userId: string): Promise<void>;

  /**
   * One page of the license's sessions whose facts are stored: those of seats that are held now or whose end was not
   * reported yet. `cursor` is `nextCursor` of the previous page. A page may be empty, and a session may be returned
   * twice. A session that exists from the first page to the last is not missed, with one exception: after sessions of a
   * page were forgotten, read the same page again, until it has no more sessions to forget. A session that is acquired
   * or revived meanwhile may be missed.
   */
  readFacts(licenseId: string, cursor?: string): Promise<FactsPage>;

  /**
   * Ends these sessions (at most 32) for good and deletes everything stored of them, also what was signed for their
   * holders on their machines. Living ones end now, which is reported as `session.evicted`; other sessions stay.
   * `UNKNOWN_LICENSE`: one holds a seat, but the entitlement copy that its event needs is missing, so nothing was
   * changed; restore the copy, then retry.
   */
  forgetSessions(licenseId: string, sessionIds: readonly string[]): Promise<'FORGOTTEN' | 'UNKNOWN_LICENSE'>;

  /** Deletes what was signed for these holders (at most 32); if a period is given, only what was last signed in it. */
  forgetSigned(licenseId: string, holders: readonly string[], within?: Period): Promise<void>;
}

export interface ListedCopy {
  readonly licenseId: string;
  /** `undefined`: lost, or in the format of another release. Every call on the license then finds no copy either. */
  readonly copy: Entitlement | undefined;
}

export interface FactsPage {
  readonly sessions: readonly KnownSession[];
  /** Ids of sessions of this page whose facts are in the format of another release. */
  readonly unreadable?: readonly string[];
  /** Absent on the last page. */
  readonly nextCursor?: string | undefined;
}

export interface KnownSession {
  readonly sessionId: string;
  readonly kind: SessionKind;
  readonly holder: string;
  readonly acquiredAtMs: number;
  readonly facts: SessionFacts;
  /** Whether it lives now; if not, its end is not reported yet. */
  readonly isLiving: boolean;
}

/** The events of a shard that are not published yet. */
export interface Backlog {
  /** Redis' time of the check, milliseconds. */
  readonly atMs: number;
  /** Entries in the outbox. */
  readonly pending: number;
  /** When the oldest entry was written, milliseconds; `null` if the outbox is empty. */
  readonly oldestAtMs: number | null;
}

/** Something of a license to check. */
export interface Due {
  readonly licenseId: string;
  /** `seats`: ended seats, and what can be forgotten. `denials`: a minute in which seats were denied. */
  readonly what: 'seats' | 'denials';
  /** When it was due; it may have moved since. */
  readonly dueMs: number;
}

/** What `expire` found; its backlog is that after the call. */
export interface ShardNews extends Backlog {
  /** Sessions whose end this call reported. */
  readonly expired: number;
  /** What to check next; empty when there is nothing left to report. */
  readonly due: readonly Due[];
  /** Licenses that have something due but no entitlement copy: restore the copy, then check again. */
  readonly unknown: readonly string[];
}

export interface OutboxEntry {
  readonly position: string;
  /** `undefined` for an entry that this version cannot read: another version wrote it, and may still publish it. */
  readonly event: SeatEvent | undefined;
}

/**
 * All sessions of a license whose facts the seat store still has, page by page. `onUnreadable` is called for each session
 * that is left out because this release cannot read it; if absent, such a session throws.
 */
export async function* eachKnownSession(
  seatMaintenance: SeatMaintenance,
  licenseId: string,
  onUnreadable = refuseUnreadable,
) {
  const pages = eachPage((cursor) => seatMaintenance.readFacts(licenseId, cursor));
  for await (const { sessions, unreadable = [] } of pages) {
    for (const sessionId of unreadable) onUnreadable(sessionId);
    yield* sessions;
  }
}

/** For those who must not miss a session. */
export function refuseUnreadable(sessionId: string): void {
  throw new Error(whyUnreadable(sessionId));
}

/** For the log: what it means, and what an operator can do. */
export function whyUnreadable(sessionId: string): string {
  return `The session ${sessionId} has facts of another release and cannot be read. It keeps its seat: evict it, or deploy the newer release.`;
}
