import type { Entitlement } from '../domain/entitlement.ts';
import type { SeatEvent } from '../domain/event.ts';

/**
 * What keeps the seat store in order behind its clients' backs, one shard or license at a time. Every call is one
 * atomic, bounded step, and safe to repeat or to run twice at once. `shard` is two digits. A store that does not answer
 * throws `Unavailable('seats', …)`.
 */
export interface SeatUpkeep {
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
