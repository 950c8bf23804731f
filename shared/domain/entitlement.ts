import type { Plan } from './plans.ts';

export type Unit = 'machine' | 'user' | 'process';

/**
 * The most days that a seat can be borrowed for, and that a client can run without a heartbeat. After that no signed
 * license is still valid, so a replaced signing key must be kept for this long.
 */
export const LONGEST_OFFLINE_DAYS = 90;

/** What a license grants, as the seat scripts need it. */
export interface Entitlement {
  licenseId: string;
  tenantId: string;
  /** Increases with every change of the license; an older version never replaces a newer one. */
  version: number;
  max: number;
  /** Seats beyond `max` that are granted too, and marked as overdraft. */
  overdraft: number;
  ttlSeconds: number;
  heartbeatSeconds: number;
  unit: Unit;
  status: 'active' | 'suspended';
  /** Milliseconds since the epoch, or `null` for a license that does not expire. */
  validUntilMs: number | null;
  /** Sessions that one seat can have at once. */
  maxSessions: number;
  /** Machines that can have a signed license at once. */
  signedLimit: number;
  offlineGraceDays: number;
  /** Days after its last contact that a client can start offline although it released its seat. */
  offlineStartDays: number;
  /** Days that a seat can be borrowed for; 0: seats cannot be borrowed. */
  borrowMaxDays: number;
  /** Seats of `max` that cannot be borrowed, so that some stay available online. */
  borrowLowWater: number;
  /** Requests per minute, in the long run and in one burst. */
  requestsPerMinute: number;
  /** What clients get as the `entitlements` of the license. The seat scripts only store it. */
  entitlements: Entitlements;
  keyHash: string;
  /** The key before the last rotation, valid until `previousKeyUntilMs`. */
  previousKeyHash: string | null;
  previousKeyUntilMs: number | null;
}

export interface Entitlements {
  readonly plan: Plan;
  readonly features: readonly string[];
  /** By name. */
  readonly limits: Readonly<Record<string, number>>;
}
