export type Unit = 'machine' | 'user' | 'process';

/**
 * Days that a seat can be borrowed for, and that a client can run without a heartbeat, at most: after that time nobody
 * can hold a signed license that still counts, so it is how long a replaced signing key must be kept.
 */
export const LONGEST_OFFLINE_DAYS = 90;

/** What a license grants, as the seat scripts need it. */
export interface Entitlement {
  licenseId: string;
  tenantId: string;
  /** Goes up with every change of the license; an older one never replaces a newer one. */
  version: number;
  max: number;
  /** Seats beyond `max` that are granted all the same, and said so. */
  overdraft: number;
  ttlSeconds: number;
  heartbeatSeconds: number;
  unit: Unit;
  status: 'active' | 'suspended';
  /** Milliseconds since the epoch, or `null` for a license without end. */
  validUntilMs: number | null;
  offlineGraceDays: number;
  /** Days that a seat may be borrowed for; 0 where none may be. */
  borrowMaxDays: number;
  /** Seats of `max` that are never borrowed, so that there are some to use online. */
  borrowLowWater: number;
  /** How often clients may ask, in the long run and at once; `null` in a copy from before there were paces: no limit. */
  requestsPerMinute: number | null;
  keyHash: string;
  /** The key before the last rotation, good until `previousKeyUntilMs`. */
  previousKeyHash: string | null;
  previousKeyUntilMs: number | null;
}
