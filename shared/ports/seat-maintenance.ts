import type { Entitlement } from '../domain/entitlement.ts';
import type { SeatEvent } from '../domain/event.ts';
import type { SessionFacts } from '../domain/session.ts';
import { eachPage } from './each-document.ts';

/**
 * What keeps the seat store in order behind its clients' backs, one shard or license at a time. Every call is one
 * atomic, bounded step, and safe to repeat or to run twice at once. `shard` is two digits. A store that does not answer
 * throws `Unavailable('seats', …)`.
 */
export interface SeatMaintenance {
  /**
   * Makes known what has come to its end in pools of the shard: leases that ran out, minutes in which seats were
   * refused. Looks at the given licenses (at most 32) and names those that need a look next. At most 64 leases a call.
   */
  expire(shard: string, licenseIds: readonly string[]): Promise<ShardNews>;

  /** The oldest entries of the shard's outbox, at most `limit`; those after `after` where that is given. */
  readOutbox(shard: string, page: { limit: number; after?: string | undefined }): Promise<OutboxEntry[]>;

  /** Takes entries out of the outbox; ones that are not there any more are no matter. */
  trimOutbox(shard: string, positions: readonly string[]): Promise<void>;

  /** Entitlement copies of the shard in the order of their license ids, at most `limit`. */
  listCopies(shard: string, page: { limit: number; after?: string | undefined }): Promise<Entitlement[]>;

  /**
   * Removes the copy of a license that the records do not know, unless it has changed since `version` or a seat is
   * still held (`KEPT`).
   */
  dropCopy(licenseId: string, version: number): Promise<'DROPPED' | 'KEPT'>;

  /** Which of these sessions of the license hold a seat now. */
  whichSeated(licenseId: string, sessionIds: readonly string[]): Promise<ReadonlySet<string>>;

  /**
   * From now on, and for so many seconds, the person's own word (`Proof` of kind `user`) opens no license of the tenant,
   * whatever their access token still says. A bar never gets shorter by another.
   */
  bar(tenantId: string, userId: string, seconds: number): Promise<void>;

  /** The person's word counts again. */
  unbar(tenantId: string, userId: string): Promise<void>;

  /**
   * One page of the sessions of a license of which facts are kept: those with a seat, and those whose lease ran out within
   * the last hour. `cursor` is `nextCursor` of the page before; a page may be empty, and a session may come twice. Nobody
   * is missed who stays from the first page to the last. Whoever forgets sessions of a page may miss others unless they
   * read that page again, until it holds none to forget. A session that comes back to its seat meanwhile may be missed, as
   * is one that is acquired meanwhile.
   */
  readFacts(licenseId: string, cursor?: string): Promise<FactsPage>;

  /**
   * Ends these sessions (at most 32) for good and forgets everything that is kept of them; those that hold a seat lose it,
   * which is told as `session.evicted`. `UNKNOWN_LICENSE`: one holds a seat and there is no entitlement copy to tell it
   * by, so nothing was changed; put one, then ask again.
   */
  forgetSessions(licenseId: string, sessionIds: readonly string[]): Promise<'FORGOTTEN' | 'UNKNOWN_LICENSE'>;
}

export interface FactsPage {
  readonly sessions: readonly KnownSession[];
  /** Absent on the last page. */
  readonly nextCursor?: string | undefined;
}

export interface KnownSession {
  readonly sessionId: string;
  readonly holder: string;
  readonly facts: SessionFacts;
  readonly isSeated: boolean;
}

export interface ShardNews {
  /** Redis' time of the look, milliseconds. */
  readonly atMs: number;
  /** Leases that this call found to have run out. */
  readonly expired: number;
  /** Licenses to look at next; none when all is known. */
  readonly due: readonly string[];
  /** Licenses that have something due and no entitlement copy: put one, then look again. */
  readonly unknown: readonly string[];
  /** Entries in the outbox after this call. */
  readonly pending: number;
  /** When the oldest of them was written, milliseconds; `null` where there is none. */
  readonly oldestAtMs: number | null;
}

export interface OutboxEntry {
  readonly position: string;
  /** `undefined` for an entry that this version cannot read: another version wrote it, and may yet publish it. */
  readonly event: SeatEvent | undefined;
}

/** Every session of a license of which the seat store still knows what its client said, page by page. */
export async function* eachKnownSession(seatMaintenance: SeatMaintenance, licenseId: string) {
  const pages = eachPage((cursor) => seatMaintenance.readFacts(licenseId, cursor));
  for await (const { sessions } of pages) yield* sessions;
}
