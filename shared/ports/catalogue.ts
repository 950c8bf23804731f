import { type AuditEvent, AuditEventSchema, type ChainHead, ChainHeadSchema } from '../domain/audit-chain.ts';
import { type License, LicenseSchema, type Tenant, TenantSchema } from '../domain/license.ts';
import { type ReconcilePass, ReconcilePassSchema } from '../domain/reconcile.ts';
import { type SessionHistory, SessionHistorySchema } from '../domain/session-history.ts';
import { type UsageHour, UsageHourSchema } from '../domain/usage.ts';
import type { Collection, Query } from './records.ts';

/** Every collection, and every query that is ever asked of one: Firestore needs an index for each. */

export const LICENSES: Collection<License> = { name: 'licenses', schema: LicenseSchema };
export const TENANTS: Collection<Tenant> = { name: 'tenants', schema: TenantSchema };
/** By event id. */
export const AUDIT: Collection<AuditEvent> = { name: 'audit', schema: AuditEventSchema };
/** By tenant id. */
export const CHAIN_HEADS: Collection<ChainHead> = { name: 'chain-heads', schema: ChainHeadSchema };
/** By session id. */
export const SESSION_HISTORIES: Collection<SessionHistory> = {
  name: 'session-histories',
  schema: SessionHistorySchema,
};
/** By `usageHourId`. */
export const USAGE_HOURS: Collection<UsageHour> = { name: 'usage-hours', schema: UsageHourSchema };

/** One document, `reconcile`. */
export const UPKEEP: Collection<ReconcilePass> = { name: 'upkeep', schema: ReconcilePassSchema };

export const ALL_LICENSES: Query<License> = {
  name: 'all-licenses',
  collection: LICENSES,
  where: [],
  orderBy: { field: 'createdAtMs', direction: 'desc' },
};
export const LICENSES_OF_TENANT: Query<License> = {
  name: 'licenses-of-tenant',
  collection: LICENSES,
  where: ['tenantId'],
  orderBy: { field: 'createdAtMs', direction: 'desc' },
};

/** What an audit query narrows to, the narrowest first: whoever names a session need not name its license. */
export const AUDIT_SCOPES = ['sessionId', 'licenseId', 'tenantId'] as const;
export type AuditScope = (typeof AUDIT_SCOPES)[number];

/** The audit log, the newest first, within `scope` (all of it without one) and, where `byType`, of one type. */
export function auditQuery(scope: AuditScope | undefined, byType: boolean): Query<AuditEvent> {
  const where = [...(scope ? [scope] : []), ...(byType ? ['type'] : [])];
  return {
    name: ['audit', ...where].join('-by-'),
    collection: AUDIT,
    where,
    orderBy: { field: 'atMs', direction: 'desc' },
  };
}

export const UNSEALED_EVENTS: Query<AuditEvent> = {
  name: 'unsealed-events',
  collection: AUDIT,
  where: ['sealed'],
  orderBy: { field: 'recordedAtMs', direction: 'asc' },
};
/** Sealed events only: the others have no place to be ordered by. */
export const CHAIN_OF_TENANT: Query<AuditEvent> = {
  name: 'chain-of-tenant',
  collection: AUDIT,
  where: ['tenantId'],
  orderBy: { field: 'link.seq', direction: 'asc' },
};
export const SESSIONS_OF_LICENSE: Query<SessionHistory> = {
  name: 'sessions-of-license',
  collection: SESSION_HISTORIES,
  where: ['licenseId'],
  orderBy: { field: 'acquiredAtMs', direction: 'desc' },
};
/** In the order of ids, so that those of one license come together. */
export const OPEN_SESSIONS: Query<SessionHistory> = {
  name: 'open-sessions',
  collection: SESSION_HISTORIES,
  where: ['isOpen'],
  orderBy: { field: 'sessionId', direction: 'asc' },
};
export const USAGE_OF_LICENSE: Query<UsageHour> = {
  name: 'usage-of-license',
  collection: USAGE_HOURS,
  where: ['licenseId'],
  orderBy: { field: 'hourMs', direction: 'desc' },
};

/** The query catalogue. `npm run generate` makes Firestore's index file from it. */
export const QUERIES = [
  ALL_LICENSES,
  LICENSES_OF_TENANT,
  ...[undefined, ...AUDIT_SCOPES].flatMap((scope) => [auditQuery(scope, false), auditQuery(scope, true)]),
  UNSEALED_EVENTS,
  CHAIN_OF_TENANT,
  SESSIONS_OF_LICENSE,
  OPEN_SESSIONS,
  USAGE_OF_LICENSE,
] as const;
