import type { AuditEvent } from '../domain/audit-chain.ts';
import type { Bar } from '../domain/bar.ts';
import type { BillingAccount, StoredEvent } from '../domain/billing-event.ts';
import type { Checkout, CheckoutKey } from '../domain/checkout.ts';
import type { DeviceSignIn } from '../domain/device-sign-in.ts';
import type { ErasedId } from '../domain/erased-id.ts';
import type { Erasure, ErasureTrace } from '../domain/erasure.ts';
import type { StoredIdempotencyKey } from '../domain/idempotency.ts';
import type { License } from '../domain/license.ts';
import type { Loan } from '../domain/loan.ts';
import type { MeterErrorReport, MeteredDay, UsageRecord } from '../domain/metering.ts';
import type { OpenInvitations } from '../domain/open-invitations.ts';
import type { OperatorToken } from '../domain/operator-token.ts';
import type { SessionHistory } from '../domain/session-history.ts';
import type { SignIn, SignInCode } from '../domain/sign-in.ts';
import type { Subscription } from '../domain/subscription.ts';
import type { TrialClaim } from '../domain/trial-claim.ts';
import type { UsageHour } from '../domain/usage.ts';
import type { DomainClaim, FormerMembership, Invitation, Membership, Tenant, User } from '../domain/users.ts';
import {
  AUDIT,
  BARS,
  BILLING_ACCOUNTS,
  BILLING_EVENTS,
  CHECKOUT_KEYS,
  CHECKOUTS,
  DEVICE_SIGN_INS,
  DOMAIN_CLAIMS,
  ERASED_IDS,
  ERASURE_TRACES,
  ERASURES,
  FORMER_MEMBERSHIPS,
  IDEMPOTENCY_KEYS,
  INVITATIONS,
  LICENSES,
  LOANS,
  MEMBERSHIPS,
  METER_ERRORS,
  METERED_DAYS,
  OPEN_INVITATIONS,
  OPERATOR_TOKENS,
  SESSION_HISTORIES,
  SIGN_IN_CODES,
  SIGN_INS,
  SUBSCRIPTIONS,
  TENANTS,
  TRIAL_CLAIMS,
  USAGE_HOURS,
  USAGE_RECORDS,
  USERS,
} from './collections.ts';
import type { Query } from './records.ts';

/** All queries: Firestore needs an index for each. */

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

/** What an audit query can be narrowed to, narrowest first: a session id implies its license. */
export const AUDIT_SCOPES = ['sessionId', 'licenseId', 'tenantId'] as const;
export type AuditScope = (typeof AUDIT_SCOPES)[number];

/** The audit log, newest first, within `scope` (`undefined`: all of it) and, if `byType`, of one type. */
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
/** Sealed events only: the others have no `seq` to order by. */
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
/** Ordered by id, so that the sessions of one license are adjacent. */
export const OPEN_SESSIONS: Query<SessionHistory> = {
  name: 'open-sessions',
  collection: SESSION_HISTORIES,
  where: ['isOpen'],
  orderBy: { field: 'sessionId', direction: 'asc' },
};
/** Ended loans are among them until the next day. */
export const LOANS_OF_LICENSE: Query<Loan> = {
  name: 'loans-of-license',
  collection: LOANS,
  where: ['licenseId'],
  orderBy: { field: 'untilMs', direction: 'asc' },
};
export const LOANS_OF_HOLDER: Query<Loan> = {
  name: 'loans-of-holder',
  collection: LOANS,
  where: ['holder'],
  orderBy: { field: 'untilMs', direction: 'asc' },
};
/** Ordered by id, so that the loans of one license are adjacent. */
export const ALL_LOANS: Query<Loan> = {
  name: 'all-loans',
  collection: LOANS,
  where: [],
  orderBy: { field: 'sessionId', direction: 'asc' },
};
export const USAGE_OF_LICENSE: Query<UsageHour> = {
  name: 'usage-of-license',
  collection: USAGE_HOURS,
  where: ['licenseId'],
  orderBy: { field: 'hourMs', direction: 'desc' },
};

export const ALL_TENANTS: Query<Tenant> = {
  name: 'all-tenants',
  collection: TENANTS,
  where: [],
  orderBy: { field: 'createdAtMs', direction: 'desc' },
};
export const ALL_USERS: Query<User> = {
  name: 'all-users',
  collection: USERS,
  where: [],
  orderBy: { field: 'createdAtMs', direction: 'desc' },
};
export const USERS_BY_EMAIL: Query<User> = {
  name: 'users-by-email',
  collection: USERS,
  where: ['email'],
  orderBy: { field: 'createdAtMs', direction: 'asc' },
};
export const MEMBERSHIPS_OF_USER: Query<Membership> = {
  name: 'memberships-of-user',
  collection: MEMBERSHIPS,
  where: ['userId'],
  orderBy: { field: 'joinedAtMs', direction: 'asc' },
};
export const MEMBERS_OF_TENANT: Query<Membership> = {
  name: 'members-of-tenant',
  collection: MEMBERSHIPS,
  where: ['tenantId'],
  orderBy: { field: 'joinedAtMs', direction: 'asc' },
};
export const FORMER_MEMBERSHIPS_OF_USER: Query<FormerMembership> = {
  name: 'former-memberships-of-user',
  collection: FORMER_MEMBERSHIPS,
  where: ['userId'],
  orderBy: { field: 'untilMs', direction: 'asc' },
};
export const FORMER_MEMBERS_OF_TENANT: Query<FormerMembership> = {
  name: 'former-members-of-tenant',
  collection: FORMER_MEMBERSHIPS,
  where: ['tenantId'],
  orderBy: { field: 'untilMs', direction: 'asc' },
};
export const BARS_OF_TENANT: Query<Bar> = {
  name: 'bars-of-tenant',
  collection: BARS,
  where: ['tenantId'],
  orderBy: { field: 'untilMs', direction: 'asc' },
};
export const INVITATIONS_OF_TENANT: Query<Invitation> = {
  name: 'invitations-of-tenant',
  collection: INVITATIONS,
  where: ['tenantId'],
  orderBy: { field: 'invitedAtMs', direction: 'desc' },
};
export const INVITATIONS_FOR_EMAIL: Query<Invitation> = {
  name: 'invitations-for-email',
  collection: INVITATIONS,
  where: ['email'],
  orderBy: { field: 'invitedAtMs', direction: 'asc' },
};
export const CLAIMS_OF_TENANT: Query<DomainClaim> = {
  name: 'claims-of-tenant',
  collection: DOMAIN_CLAIMS,
  where: ['tenantId'],
  orderBy: { field: 'domain', direction: 'asc' },
};
export const SIGN_INS_OF_USER: Query<SignIn> = {
  name: 'sign-ins-of-user',
  collection: SIGN_INS,
  where: ['userId'],
  orderBy: { field: 'createdAtMs', direction: 'desc' },
};

export const CODES_OF_USER: Query<SignInCode> = {
  name: 'codes-of-user',
  collection: SIGN_IN_CODES,
  where: ['userId'],
  orderBy: { field: 'expiresAtMs', direction: 'asc' },
};

export const ALL_OPERATOR_TOKENS: Query<OperatorToken> = {
  name: 'all-operator-tokens',
  collection: OPERATOR_TOKENS,
  where: [],
  orderBy: { field: 'createdAtMs', direction: 'desc' },
};
export const OPERATOR_TOKENS_OF_CREATOR: Query<OperatorToken> = {
  name: 'operator-tokens-of-creator',
  collection: OPERATOR_TOKENS,
  where: ['createdBy.id'],
  orderBy: { field: 'createdAtMs', direction: 'asc' },
};
export const OPERATOR_TOKENS_BY_END: Query<OperatorToken> = {
  name: 'operator-tokens-by-end',
  collection: OPERATOR_TOKENS,
  where: [],
  orderBy: { field: 'endsAtMs', direction: 'asc' },
};
export const DEVICE_SIGN_INS_OF_USER: Query<DeviceSignIn> = {
  name: 'device-sign-ins-of-user',
  collection: DEVICE_SIGN_INS,
  where: ['userId'],
  orderBy: { field: 'expiresAtMs', direction: 'asc' },
};

/** Sessions whose holder was erased are not found. */
export const SESSIONS_OF_HOLDER: Query<SessionHistory> = {
  name: 'sessions-of-holder',
  collection: SESSION_HISTORIES,
  where: ['holder'],
  orderBy: { field: 'acquiredAtMs', direction: 'desc' },
};
export const EVENTS_OF_HOLDER: Query<AuditEvent> = {
  name: 'events-of-holder',
  collection: AUDIT,
  where: ['detail.holder'],
  orderBy: { field: 'atMs', direction: 'desc' },
};
/** Events that a user caused. */
export const EVENTS_OF_ACTOR: Query<AuditEvent> = {
  name: 'events-of-actor',
  collection: AUDIT,
  where: ['actor.id'],
  orderBy: { field: 'atMs', direction: 'desc' },
};
export const TENANT_EVENTS_OF_ACTOR: Query<AuditEvent> = {
  name: 'tenant-events-of-actor',
  collection: AUDIT,
  where: ['tenantId', 'actor.id'],
  orderBy: { field: 'atMs', direction: 'desc' },
};
/** Events about a user. */
export const EVENTS_OF_SUBJECT: Query<AuditEvent> = {
  name: 'events-of-subject',
  collection: AUDIT,
  where: ['subject'],
  orderBy: { field: 'atMs', direction: 'desc' },
};
export const SESSIONS_OF_TENANT: Query<SessionHistory> = {
  name: 'sessions-of-tenant',
  collection: SESSION_HISTORIES,
  where: ['tenantId'],
  orderBy: { field: 'acquiredAtMs', direction: 'desc' },
};
/** The erasures that the sweep must handle next come first. */
export const ERASURES_BY_DUE: Query<Erasure> = {
  name: 'erasures-by-due',
  collection: ERASURES,
  where: [],
  orderBy: { field: 'dueAtMs', direction: 'asc' },
};
export const TRACES_OF_ERASURE: Query<ErasureTrace> = {
  name: 'traces-of-erasure',
  collection: ERASURE_TRACES,
  where: ['erasureId'],
  orderBy: { field: 'at', direction: 'asc' },
};
export const ERASED_IDS_BY_END: Query<ErasedId> = {
  name: 'erased-ids-by-end',
  collection: ERASED_IDS,
  where: [],
  orderBy: { field: 'untilMs', direction: 'asc' },
};

/** With `isOpen` false: open sessions have no end. */
export const SESSIONS_BY_END: Query<SessionHistory> = {
  name: 'sessions-by-end',
  collection: SESSION_HISTORIES,
  where: ['isOpen'],
  orderBy: { field: 'endedAtMs', direction: 'asc' },
};
export const LOANS_BY_END: Query<Loan> = {
  name: 'loans-by-end',
  collection: LOANS,
  where: [],
  orderBy: { field: 'untilMs', direction: 'asc' },
};
export const BARS_BY_END: Query<Bar> = {
  name: 'bars-by-end',
  collection: BARS,
  where: [],
  orderBy: { field: 'untilMs', direction: 'asc' },
};
export const FORMER_MEMBERSHIPS_BY_END: Query<FormerMembership> = {
  name: 'former-memberships-by-end',
  collection: FORMER_MEMBERSHIPS,
  where: [],
  orderBy: { field: 'untilMs', direction: 'asc' },
};
/** Ordered by recording, not by when they happened: a late event must not be sorted before what was already handled. */
export const EVENTS_BY_RECORDING: Query<AuditEvent> = {
  name: 'events-by-recording',
  collection: AUDIT,
  where: [],
  orderBy: { field: 'recordedAtMs', direction: 'asc' },
};
export const INVITATIONS_BY_END: Query<Invitation> = {
  name: 'invitations-by-end',
  collection: INVITATIONS,
  where: [],
  orderBy: { field: 'expiresAtMs', direction: 'asc' },
};
export const INVITATION_LISTS_BY_END: Query<OpenInvitations> = {
  name: 'invitation-lists-by-end',
  collection: OPEN_INVITATIONS,
  where: [],
  orderBy: { field: 'expiresAtMs', direction: 'asc' },
};
export const CODES_BY_END: Query<SignInCode> = {
  name: 'codes-by-end',
  collection: SIGN_IN_CODES,
  where: [],
  orderBy: { field: 'expiresAtMs', direction: 'asc' },
};
export const DEVICE_SIGN_INS_BY_END: Query<DeviceSignIn> = {
  name: 'device-sign-ins-by-end',
  collection: DEVICE_SIGN_INS,
  where: [],
  orderBy: { field: 'expiresAtMs', direction: 'asc' },
};
export const SIGN_INS_BY_END: Query<SignIn> = {
  name: 'sign-ins-by-end',
  collection: SIGN_INS,
  where: [],
  orderBy: { field: 'expiresAtMs', direction: 'asc' },
};

export const ACCOUNTS_OF_CUSTOMER: Query<BillingAccount> = {
  name: 'accounts-of-customer',
  collection: BILLING_ACCOUNTS,
  where: ['customerId'],
  orderBy: { field: 'createdAtMs', direction: 'asc' },
};
export const SUBSCRIPTIONS_OF_TENANT: Query<Subscription> = {
  name: 'subscriptions-of-tenant',
  collection: SUBSCRIPTIONS,
  where: ['tenantId'],
  orderBy: { field: 'createdAtMs', direction: 'desc' },
};
/** Ended subscriptions are left out: they are not fetched again. */
export const SUBSCRIPTIONS_BY_LOOK: Query<Subscription> = {
  name: 'subscriptions-by-look',
  collection: SUBSCRIPTIONS,
  where: [],
  orderBy: { field: 'lookAtMs', direction: 'asc' },
};
/** Only open ones: the others are not tried again. */
export const BILLING_EVENTS_BY_NEXT_TRY: Query<StoredEvent> = {
  name: 'billing-events-by-next-try',
  collection: BILLING_EVENTS,
  where: [],
  orderBy: { field: 'nextTryAtMs', direction: 'asc' },
};
/** Open ones are left out: they are kept. */
export const BILLING_EVENTS_BY_END: Query<StoredEvent> = {
  name: 'billing-events-by-end',
  collection: BILLING_EVENTS,
  where: [],
  orderBy: { field: 'keptUntilMs', direction: 'asc' },
};
export const BILLING_EVENTS_IN_STATE: Query<StoredEvent> = {
  name: 'billing-events-in-state',
  collection: BILLING_EVENTS,
  where: ['state'],
  orderBy: { field: 'receivedAtMs', direction: 'desc' },
};
export const CHECKOUTS_BY_END: Query<Checkout> = {
  name: 'checkouts-by-end',
  collection: CHECKOUTS,
  where: [],
  orderBy: { field: 'expiresAtMs', direction: 'asc' },
};
export const CHECKOUT_KEYS_BY_END: Query<CheckoutKey> = {
  name: 'checkout-keys-by-end',
  collection: CHECKOUT_KEYS,
  where: [],
  orderBy: { field: 'expiresAtMs', direction: 'asc' },
};
export const IDEMPOTENCY_KEYS_BY_END: Query<StoredIdempotencyKey> = {
  name: 'idempotency-keys-by-end',
  collection: IDEMPOTENCY_KEYS,
  where: [],
  orderBy: { field: 'expiresAtMs', direction: 'asc' },
};
export const TRIAL_CLAIMS_BY_AGE: Query<TrialClaim> = {
  name: 'trial-claims-by-age',
  collection: TRIAL_CLAIMS,
  where: [],
  orderBy: { field: 'claimedAtMs', direction: 'asc' },
};
/** With `isOpen` true: those that are not processed yet. */
export const USAGE_RECORDS_BY_RECEIPT: Query<UsageRecord> = {
  name: 'usage-records-by-receipt',
  collection: USAGE_RECORDS,
  where: ['isOpen'],
  orderBy: { field: 'receivedAtMs', direction: 'asc' },
};
/** Ordered by tenant, so that the next tenant is found by one read. */
export const OPEN_USAGE_BY_TENANT: Query<UsageRecord> = {
  name: 'open-usage-by-tenant',
  collection: USAGE_RECORDS,
  where: ['isOpen'],
  orderBy: { field: 'tenantId', direction: 'asc' },
};
export const OPEN_USAGE_OF_TENANT: Query<UsageRecord> = {
  name: 'open-usage-of-tenant',
  collection: USAGE_RECORDS,
  where: ['tenantId', 'isOpen'],
  orderBy: { field: 'receivedAtMs', direction: 'asc' },
};
export const USAGE_RECORDS_OF_LICENSE: Query<UsageRecord> = {
  name: 'usage-records-of-license',
  collection: USAGE_RECORDS,
  where: ['licenseId'],
  orderBy: { field: 'receivedAtMs', direction: 'desc' },
};
export const USAGE_RECORDS_BY_STATE: Query<UsageRecord> = {
  name: 'usage-records-by-state',
  collection: USAGE_RECORDS,
  where: ['licenseId', 'state'],
  orderBy: { field: 'receivedAtMs', direction: 'desc' },
};
/** With bounds, the usage of one day. */
export const USAGE_RECORDS_OF_METER: Query<UsageRecord> = {
  name: 'usage-records-of-meter',
  collection: USAGE_RECORDS,
  where: ['licenseId', 'meter'],
  orderBy: { field: 'atMs', direction: 'asc' },
};
export const METER_ERRORS_BY_RECEIPT: Query<MeterErrorReport> = {
  name: 'meter-errors-by-receipt',
  collection: METER_ERRORS,
  where: [],
  orderBy: { field: 'receivedAtMs', direction: 'desc' },
};
export const METER_ERRORS_BY_AGE: Query<MeterErrorReport> = {
  name: 'meter-errors-by-age',
  collection: METER_ERRORS,
  where: [],
  orderBy: { field: 'receivedAtMs', direction: 'asc' },
};
export const METERED_DAYS_OF_LICENSE: Query<MeteredDay> = {
  name: 'metered-days-of-license',
  collection: METERED_DAYS,
  where: ['licenseId'],
  orderBy: { field: 'dayMs', direction: 'asc' },
};

/** The query catalogue. `npm run generate` creates Firestore's index file from it. */
export const QUERIES = [
  ALL_LICENSES,
  LICENSES_OF_TENANT,
  ...[undefined, ...AUDIT_SCOPES].flatMap((scope) => [auditQuery(scope, false), auditQuery(scope, true)]),
  UNSEALED_EVENTS,
  CHAIN_OF_TENANT,
  SESSIONS_OF_LICENSE,
  OPEN_SESSIONS,
  LOANS_OF_LICENSE,
  LOANS_OF_HOLDER,
  ALL_LOANS,
  USAGE_OF_LICENSE,
  ALL_TENANTS,
  ALL_USERS,
  USERS_BY_EMAIL,
  MEMBERSHIPS_OF_USER,
  MEMBERS_OF_TENANT,
  FORMER_MEMBERSHIPS_OF_USER,
  FORMER_MEMBERS_OF_TENANT,
  BARS_OF_TENANT,
  INVITATIONS_OF_TENANT,
  INVITATIONS_FOR_EMAIL,
  CLAIMS_OF_TENANT,
  SIGN_INS_OF_USER,
  CODES_OF_USER,
  ALL_OPERATOR_TOKENS,
  OPERATOR_TOKENS_OF_CREATOR,
  OPERATOR_TOKENS_BY_END,
  DEVICE_SIGN_INS_OF_USER,
  SESSIONS_OF_HOLDER,
  EVENTS_OF_HOLDER,
  EVENTS_OF_ACTOR,
  TENANT_EVENTS_OF_ACTOR,
  EVENTS_OF_SUBJECT,
  SESSIONS_OF_TENANT,
  ERASURES_BY_DUE,
  TRACES_OF_ERASURE,
  ERASED_IDS_BY_END,
  SESSIONS_BY_END,
  LOANS_BY_END,
  BARS_BY_END,
  FORMER_MEMBERSHIPS_BY_END,
  EVENTS_BY_RECORDING,
  INVITATIONS_BY_END,
  INVITATION_LISTS_BY_END,
  CODES_BY_END,
  DEVICE_SIGN_INS_BY_END,
  SIGN_INS_BY_END,
  ACCOUNTS_OF_CUSTOMER,
  SUBSCRIPTIONS_OF_TENANT,
  SUBSCRIPTIONS_BY_LOOK,
  BILLING_EVENTS_BY_NEXT_TRY,
  BILLING_EVENTS_BY_END,
  BILLING_EVENTS_IN_STATE,
  CHECKOUTS_BY_END,
  CHECKOUT_KEYS_BY_END,
  IDEMPOTENCY_KEYS_BY_END,
  TRIAL_CLAIMS_BY_AGE,
  USAGE_RECORDS_BY_RECEIPT,
  OPEN_USAGE_BY_TENANT,
  OPEN_USAGE_OF_TENANT,
  USAGE_RECORDS_OF_LICENSE,
  USAGE_RECORDS_BY_STATE,
  USAGE_RECORDS_OF_METER,
  METER_ERRORS_BY_RECEIPT,
  METER_ERRORS_BY_AGE,
  METERED_DAYS_OF_LICENSE,
] as const;
