import { type AuditEvent, AuditEventSchema, type ChainHead, ChainHeadSchema } from '../domain/audit-chain.ts';
import { type Bar, BarSchema } from '../domain/bar.ts';
import {
  type BillingAccount,
  BillingAccountSchema,
  type StoredEvent,
  StoredEventSchema,
} from '../domain/billing-event.ts';
import { type Checkout, type CheckoutKey, CheckoutKeySchema, CheckoutSchema } from '../domain/checkout.ts';
import { type DeviceSignIn, DeviceSignInSchema } from '../domain/device-sign-in.ts';
import { type ErasedId, ErasedIdSchema } from '../domain/erased-id.ts';
import { type Erasure, ErasureSchema, type ErasureTrace, ErasureTraceSchema } from '../domain/erasure.ts';
import { IdempotencyKeySchema, type StoredIdempotencyKey } from '../domain/idempotency.ts';
import { type License, LicenseSchema } from '../domain/license.ts';
import { type Loan, LoanSchema } from '../domain/loan.ts';
import {
  type MeterErrorReport,
  MeterErrorReportSchema,
  type MeteredDay,
  MeteredDaySchema,
  type UsageRecord,
  UsageRecordSchema,
} from '../domain/metering.ts';
import { type OpenInvitations, OpenInvitationsSchema } from '../domain/open-invitations.ts';
import {
  type HealthProbe,
  HealthProbeSchema,
  type SweepSuccess,
  SweepSuccessSchema,
} from '../domain/operations.ts';
import { type OperatorToken, OperatorTokenSchema } from '../domain/operator-token.ts';
import { type ReconcilePass, ReconcilePassSchema } from '../domain/reconcile.ts';
import { type RetentionPass, RetentionPassSchema } from '../domain/retention.ts';
import { type Revocations, RevocationsSchema } from '../domain/revocations.ts';
import { type SessionHistory, SessionHistorySchema } from '../domain/session-history.ts';
import { type SignIn, type SignInCode, SignInCodeSchema, SignInSchema } from '../domain/sign-in.ts';
import { type Subscription, SubscriptionSchema } from '../domain/subscription.ts';
import { type TrialClaim, TrialClaimSchema } from '../domain/trial-claim.ts';
import { type UsageHour, UsageHourSchema } from '../domain/usage.ts';
import {
  type Account,
  AccountSchema,
  type DomainClaim,
  DomainClaimSchema,
  type FormerMembership,
  FormerMembershipSchema,
  type Invitation,
  InvitationSchema,
  type Membership,
  MembershipSchema,
  type Tenant,
  TenantSchema,
  type User,
  UserSchema,
} from '../domain/users.ts';
import type { Collection } from './records.ts';

export const LICENSES: Collection<License> = { name: 'licenses', schema: LicenseSchema };
export const TENANTS: Collection<Tenant> = { name: 'tenants', schema: TenantSchema };
/** One document, `signatures`. */
export const REVOCATIONS: Collection<Revocations> = { name: 'revocations', schema: RevocationsSchema };
/** By event id. */
export const AUDIT: Collection<AuditEvent> = { name: 'audit', schema: AuditEventSchema };
/** By tenant id. */
export const CHAIN_HEADS: Collection<ChainHead> = { name: 'chain-heads', schema: ChainHeadSchema };
/** By session id. */
export const SESSION_HISTORIES: Collection<SessionHistory> = {
  name: 'session-histories',
  schema: SessionHistorySchema,
};
/** By session id: the seats that are borrowed now, and ended loans until the next day. */
export const LOANS: Collection<Loan> = { name: 'loans', schema: LoanSchema };
/** By `usageHourId`. */
export const USAGE_HOURS: Collection<UsageHour> = { name: 'usage-hours', schema: UsageHourSchema };

export const USERS: Collection<User> = { name: 'users', schema: UserSchema };
/** By a pseudonym of the account at the sign-in provider. */
export const ACCOUNTS: Collection<Account> = { name: 'accounts', schema: AccountSchema };
/** By `membershipId`. */
export const MEMBERSHIPS: Collection<Membership> = { name: 'memberships', schema: MembershipSchema };
/** By `membershipId`. */
export const FORMER_MEMBERSHIPS: Collection<FormerMembership> = {
  name: 'former-memberships',
  schema: FormerMembershipSchema,
};
/** By `barId`. */
export const BARS: Collection<Bar> = { name: 'bars', schema: BarSchema };
export const INVITATIONS: Collection<Invitation> = { name: 'invitations', schema: InvitationSchema };
/** By tenant id, and by `addressListId`. */
export const OPEN_INVITATIONS: Collection<OpenInvitations> = {
  name: 'open-invitations',
  schema: OpenInvitationsSchema,
};
/** By domain. */
export const DOMAIN_CLAIMS: Collection<DomainClaim> = { name: 'domain-claims', schema: DomainClaimSchema };
/** By the hash of the code. */
export const SIGN_IN_CODES: Collection<SignInCode> = { name: 'sign-in-codes', schema: SignInCodeSchema };
/** By a pseudonym of the user code. */
export const DEVICE_SIGN_INS: Collection<DeviceSignIn> = {
  name: 'device-sign-ins',
  schema: DeviceSignInSchema,
};
export const SIGN_INS: Collection<SignIn> = { name: 'sign-ins', schema: SignInSchema };

/** By `tokenId`. */
export const OPERATOR_TOKENS: Collection<OperatorToken> = {
  name: 'operator-tokens',
  schema: OperatorTokenSchema,
};

/** One document, `reconcile`. */
export const RECONCILE_PASSES: Collection<ReconcilePass> = {
  name: 'maintenance',
  schema: ReconcilePassSchema,
};
/** One document, `retention`. */
export const RETENTION_PASSES: Collection<RetentionPass> = {
  name: 'maintenance',
  schema: RetentionPassSchema,
};

/** One document, `sweep`. */
export const SWEEP_SUCCESSES: Collection<SweepSuccess> = {
  name: 'maintenance',
  schema: SweepSuccessSchema,
};
/** One document, `health`. */
export const HEALTH_PROBES: Collection<HealthProbe> = { name: 'maintenance', schema: HealthProbeSchema };

export const ERASURES: Collection<Erasure> = { name: 'erasures', schema: ErasureSchema };
/** By `traceId`. */
export const ERASURE_TRACES: Collection<ErasureTrace> = {
  name: 'erasure-traces',
  schema: ErasureTraceSchema,
};

/** By hash, for as long as an event could bring the id back. */
export const ERASED_IDS: Collection<ErasedId> = { name: 'erased-ids', schema: ErasedIdSchema };

/** By tenant id. */
export const BILLING_ACCOUNTS: Collection<BillingAccount> = {
  name: 'billing-accounts',
  schema: BillingAccountSchema,
};
/** By Stripe's id. */
export const SUBSCRIPTIONS: Collection<Subscription> = { name: 'subscriptions', schema: SubscriptionSchema };
/** By Stripe's id. */
export const BILLING_EVENTS: Collection<StoredEvent> = { name: 'billing-events', schema: StoredEventSchema };
/** By license id. */
export const CHECKOUTS: Collection<Checkout> = { name: 'checkouts', schema: CheckoutSchema };
export const CHECKOUT_KEYS: Collection<CheckoutKey> = { name: 'checkout-keys', schema: CheckoutKeySchema };
/** By `keyId`. */
export const IDEMPOTENCY_KEYS: Collection<StoredIdempotencyKey> = {
  name: 'idempotency-keys',
  schema: IdempotencyKeySchema,
};
export const TRIAL_CLAIMS: Collection<TrialClaim> = { name: 'trial-claims', schema: TrialClaimSchema };
export const USAGE_RECORDS: Collection<UsageRecord> = { name: 'usage-records', schema: UsageRecordSchema };
export const METERED_DAYS: Collection<MeteredDay> = { name: 'metered-days', schema: MeteredDaySchema };
/** By the event's id at Stripe. */
export const METER_ERRORS: Collection<MeterErrorReport> = {
  name: 'meter-errors',
  schema: MeterErrorReportSchema,
};
