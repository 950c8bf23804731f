// Made from clients/openapi.json by `npm run generate`.

export type TenantId = string;
/**
 * A moment as RFC 3339 text.
 */
export type Timestamp = string;
export type LicenseId = string;
export type Cursor = string;
/**
 * An e-mail address, in lower case: no provider that people sign in with tells addresses apart by case.
 */
export type EmailAddress = string;
export type ErasureId = string;
export type UserId = string;
export type InvitationId = string;
export type SessionId = string;
/**
 * Names of features, as the vendor's app knows them.
 *
 * @maxItems 64
 */
export type Features = string[];
export type HeartbeatRequest =
  | {
      session_id: SessionId;
      /**
       * The newest token of the session. With it the session survives even the loss of Redis.
       */
      session_token?: string;
    }
  | {
      /**
       * @minItems 1
       * @maxItems 100
       */
      sessions: {
        session_id: SessionId;
        /**
         * The newest token of the session. With it the session survives even the loss of Redis.
         */
        session_token?: string;
      }[];
    };
/**
 * Rows a page holds at most, as the text of a query parameter.
 */
export type PageLimit = number;
/**
 * Checked for its seal elsewhere; one that does not open counts as none.
 */
export type SessionToken = string;
/**
 * A moment as RFC 3339 text.
 */
export type SettableTimestamp = string;
export type TokenRequest =
  | {
      grant_type: 'authorization_code';
      code: string;
      code_verifier: string;
      redirect_uri: string;
    }
  | {
      grant_type: 'refresh_token';
      refresh_token: string;
    };

export interface AcquireRequest {
  /**
   * What tells this machine from others; the same on every start.
   */
  fingerprint: string;
  /**
   * Needed where you are signed in; a license key says it by itself.
   */
  license_id?: string;
  /**
   * Needed with a license key where the license counts seats by user; whoever is signed in is the user.
   */
  user_id?: string;
  /**
   * Needed where the license counts seats by process.
   */
  process_id?: string;
  hostname?: string;
  app_version?: string;
  /**
   * Borrows the seat: it is held that long without a heartbeat. `sign` then gives a license to go offline with.
   */
  borrow_days?: number;
}
/**
 * A problem document (RFC 9457). Branch on `code`, which is stable.
 */
export interface Problem {
  /**
   * `urn:seatlease:problem:` and the code.
   */
  type: string;
  /**
   * What the code means, in words that may change.
   */
  title: string;
  /**
   * The status of the answer.
   */
  status: number;
  /**
   * What went wrong.
   */
  code: string;
  /**
   * What is particular about this time.
   */
  detail?: string;
  /**
   * Name it when you ask for help.
   */
  request_id: string;
}
export interface AlreadySubscribedProblem {
  status: 409;
  code: 'ALREADY_SUBSCRIBED';
}
export interface AuditCheck {
  tenant_id: TenantId;
  /**
   * Events in the chain that were checked in this part.
   */
  sealed: number;
  /**
   * Events that are not in the chain yet, of which nothing can be said.
   */
  unsealed: number;
  /**
   * The end of the chain, told with its last events: keep it, and it shows when all of the chain is replaced.
   */
  head: {
    seq: number;
    hash: string;
  } | null;
  problems: {
    kind: 'CHANGED' | 'REMOVED' | 'INSERTED';
    /**
     * Place in the chain.
     */
    seq: number;
    event_id: string | null;
    detail: string;
  }[];
  /**
   * Ask on with it; null where all was checked.
   */
  next_cursor: string | null;
}
export interface AuditEvent {
  event_id: string;
  type:
    | 'session.acquired'
    | 'session.borrowed'
    | 'session.revived'
    | 'session.expired'
    | 'session.released'
    | 'session.evicted'
    | 'seat.denied'
    | 'license.created'
    | 'license.updated'
    | 'license.key_rotated'
    | 'subscription.trial_ending'
    | 'subscription.paid'
    | 'subscription.payment_failed'
    | 'subscription.refunded'
    | 'subscription.disputed'
    | 'subscription.ended';
  tenant_id: string;
  license_id: string;
  session_id: string | null;
  at: string;
  /**
   * Orders events of one millisecond.
   */
  position: string;
  /**
   * Pseudonym of the machine, user or process that holds the seat.
   */
  holder?: string;
  acquired_at?: string;
  borrowed_until?: string;
  /**
   * Seats taken right after it.
   */
  active?: number;
  /**
   * Seats of the license then, without overdraft.
   */
  max?: number;
  /**
   * Why a session ended, where its type does not say it all.
   */
  reason?: 'lease_ran_out' | 'lost';
  /**
   * Requests that were refused within the minute that began when the event came true.
   */
  count?: number;
  /**
   * Version of the license that the event made.
   */
  version?: number;
  recorded_at: Timestamp;
  /**
   * Place in the tenant's chain; null until the event is sealed, which takes up to a minute.
   */
  seq: number | null;
}
export interface AuditPage {
  events: AuditEvent[];
  next_cursor: string | null;
}
export interface AuthenticationRequiredProblem {
  status: 401;
  code: 'AUTHENTICATION_REQUIRED';
}
export interface BilledBySubscriptionProblem {
  status: 409;
  code: 'BILLED_BY_SUBSCRIPTION';
  /**
   * What is wrong, field by field.
   */
  errors: FieldError[];
}
export interface FieldError {
  /**
   * A JSON pointer into the body (RFC 6901), or the name of a parameter or header; empty for the whole.
   */
  at: string;
  /**
   * What is wrong there.
   */
  detail: string;
}
export interface BillingNotSetUpProblem {
  status: 503;
  code: 'BILLING_NOT_SET_UP';
}
export interface BillingUnavailableProblem {
  status: 503;
  code: 'BILLING_UNAVAILABLE';
}
export interface BorrowLimitReachedProblem {
  status: 409;
  code: 'BORROW_LIMIT_REACHED';
  /**
   * Seats that are borrowed.
   */
  borrowed: number;
  /**
   * Seats that may be borrowed at once.
   */
  borrowable: number;
}
export interface BorrowNotAllowedProblem {
  status: 403;
  code: 'BORROW_NOT_ALLOWED';
  /**
   * Days that a seat is lent for at most; 0 for not at all.
   */
  max_days: number;
}
export interface CancelRequest {
  license_id: LicenseId;
  /**
   * period_end unless given.
   */
  when?: 'period_end' | 'now';
}
export interface CancelUndoRequest {
  license_id: LicenseId;
}
export interface Checkout {
  checkout_url: string;
  license_id: LicenseId;
  expires_at: Timestamp;
}
export interface CheckoutCreateRequest {
  /**
   * Needed unless there is only one that the caller may buy for.
   */
  tenant_id?: string;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  /**
   * How often it is paid; month unless given.
   */
  interval?: 'month' | 'year';
  seats: number;
  license_id?: LicenseId;
}
export interface CheckoutPortalRequest {
  tenant_id?: TenantId;
}
export interface ConfirmationInvalidProblem {
  status: 400;
  code: 'CONFIRMATION_INVALID';
}
export interface CredentialsInvalidProblem {
  status: 401;
  code: 'CREDENTIALS_INVALID';
}
export interface DomainTakenProblem {
  status: 409;
  code: 'DOMAIN_TAKEN';
}
export interface ErasurePlan {
  /**
   * Good for whoever asked, for ten minutes.
   */
  confirmation_token: string;
  expires_at: Timestamp;
  /**
   * Who would go; null where it is a tenant alone.
   */
  user_id: UserId | null;
  /**
   * Tenants that would go: the one named, or those in which the person is alone.
   */
  tenants_that_go: TenantId[];
}
export interface ErasureReceipt {
  erasure_id: ErasureId;
  requested_at: Timestamp;
  /**
   * null where there is so much that it goes on by itself: send the request again to see.
   */
  completed_at: Timestamp | null;
  erased: {
    /**
     * Sessions that were ended, with all that their clients said of themselves.
     */
    sessions: number;
    /**
     * Session histories that no more tell who held the seat.
     */
    session_histories: number;
    /**
     * Audit events that no more tell who held the seat; the chain stays whole.
     */
    audit_events: number;
    memberships: number;
    invitations: number;
    sign_ins: number;
    /**
     * Tenants that are closed, their licenses suspended.
     */
    tenants: number;
    users: number;
  };
}
export interface EventsUnavailableProblem {
  status: 503;
  code: 'EVENTS_UNAVAILABLE';
}
export interface ExportedEvent {
  event_id: string;
  type:
    | 'session.acquired'
    | 'session.borrowed'
    | 'session.revived'
    | 'session.expired'
    | 'session.released'
    | 'session.evicted'
    | 'seat.denied'
    | 'license.created'
    | 'license.updated'
    | 'license.key_rotated'
    | 'subscription.trial_ending'
    | 'subscription.paid'
    | 'subscription.payment_failed'
    | 'subscription.refunded'
    | 'subscription.disputed'
    | 'subscription.ended';
  tenant_id: string;
  license_id: string;
  session_id: string | null;
  at: string;
  /**
   * Orders events of one millisecond.
   */
  position: string;
  /**
   * Pseudonym of the machine, user or process that holds the seat.
   */
  holder?: string;
  acquired_at?: string;
  borrowed_until?: string;
  /**
   * Seats taken right after it.
   */
  active?: number;
  /**
   * Seats of the license then, without overdraft.
   */
  max?: number;
  /**
   * Why a session ended, where its type does not say it all.
   */
  reason?: 'lease_ran_out' | 'lost';
  /**
   * Requests that were refused within the minute that began when the event came true.
   */
  count?: number;
  /**
   * Version of the license that the event made.
   */
  version?: number;
  /**
   * A moment as RFC 3339 text.
   */
  recorded_at: string;
}
export interface ExportedInvitation {
  invitation_id: InvitationId;
  /**
   * The address that the person must sign in with.
   */
  email: string;
  /**
   * The role that the person gets in the tenant.
   */
  role: 'member' | 'admin' | 'owner';
  invited_at: Timestamp;
  expires_at: Timestamp;
  tenant_id: TenantId;
}
export interface ExportedLicense {
  license_id: LicenseId;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Seats.
   */
  max: number;
  /**
   * Seats granted beyond those.
   */
  overdraft: number;
  /**
   * How long a seat is held without a heartbeat, and how often one is due.
   */
  ttl_seconds: number;
  heartbeat_seconds: number;
  /**
   * What seats are counted by.
   */
  unit: 'machine' | 'user' | 'process';
  /**
   * As it is in force: suspended also while `hold` says why.
   */
  status: 'active' | 'suspended';
  /**
   * Why its subscription gives no seats: nothing that the vendor lifts by `status`.
   */
  hold: ('payment' | 'paused' | 'dispute' | 'refund') | null;
  /**
   * The subscription that pays for it, or did last.
   */
  subscription_id: string | null;
  /**
   * Given for trying out, until somebody pays for it.
   */
  trial: boolean;
  /**
   * null for a license without end.
   */
  valid_until: Timestamp | null;
  /**
   * How long a client may run without a heartbeat.
   */
  offline_grace_days: number;
  /**
   * How long seats are lent, 0 for not at all, and how many never are.
   */
  borrow: {
    max_days: number;
    low_water: number;
  };
  created_at: Timestamp;
  updated_at: Timestamp;
}
/**
 * A session of which we still know what its client said: it holds a seat, or its lease ran out within the last hour.
 */
export interface ExportedSession {
  session_id: SessionId;
  license_id: LicenseId;
  /**
   * The pseudonym that the seat is counted by: of the machine, the user or the process.
   */
  holder: string;
  /**
   * Whether it holds a seat now.
   */
  is_seated: boolean;
  /**
   * What tells the machine from others, as the app made it.
   */
  fingerprint: string;
  /**
   * The machine's name, where the app told it.
   */
  hostname: string | null;
  /**
   * The user's id here, or the one that the vendor's app gave.
   */
  user_id: string | null;
  /**
   * The process on the machine, where the license counts those.
   */
  process_id: string | null;
  app_version: string | null;
}
export interface ExportedSubscription {
  subscription_id: string;
  /**
   * The license that it pays for.
   */
  license_id: string;
  /**
   * null for a price that is of no plan.
   */
  plan: ('free' | 'pro' | 'team' | 'enterprise') | null;
  seats: number;
  /**
   * In Stripe's words.
   */
  status:
    | 'incomplete'
    | 'incomplete_expired'
    | 'trialing'
    | 'active'
    | 'past_due'
    | 'unpaid'
    | 'paused'
    | 'canceled';
  created_at: Timestamp;
  /**
   * When it ends for good, where it is to.
   */
  cancel_at: Timestamp | null;
  /**
   * A moment as RFC 3339 text.
   */
  ended_at: Timestamp | null;
  /**
   * The customer at Stripe.
   */
  customer_id: string;
  /**
   * A moment as RFC 3339 text.
   */
  period_end: string;
  /**
   * Since when a payment has been overdue.
   */
  unpaid_since: Timestamp | null;
  latest_invoice_id: string | null;
  /**
   * Disputes about its payments, by their ids at Stripe.
   */
  disputes: {
    [k: string]: 'open' | 'won' | 'lost';
  };
  /**
   * Invoices whose payment was refunded.
   */
  refunded_invoice_ids: string[];
}
export interface ExtendedSession {
  status: 'heartbeat_acknowledged';
  session_id: SessionId;
  /**
   * Takes the place of the one before.
   */
  session_token: string;
  /**
   * Seconds from now to `expires_at`: the license's TTL, or what is left of a loan or of the license.
   */
  ttl_extended_to: number;
  expires_at: Timestamp;
  next_heartbeat_due: Timestamp;
  /**
   * Only there, and true, where the lease had run out and a free seat was taken again.
   */
  revived?: true;
}
export interface ExtendedSessions {
  results: (
    | ExtendedSession
    | {
        status: 'session_not_found';
        session_id: SessionId;
      }
  )[];
}
export interface ForbiddenProblem {
  status: 403;
  code: 'FORBIDDEN';
}
export interface GdprDeleteAskRequest {
  /**
   * Whom to erase, for operators: on a request that did not come through this API.
   */
  user_id?: string;
  /**
   * A whole tenant, and nobody: its members stay people of their own.
   */
  tenant_id?: string;
}
export interface GdprDeleteConfirmRequest {
  confirmation_token: string;
}
export interface GrantInvalidProblem {
  status: 400;
  code: 'GRANT_INVALID';
}
export interface Health {
  status: 'ok' | 'unavailable';
  /**
   * Only with `deep=1`.
   */
  parts?: {
    seats: 'ok' | 'unavailable';
    records: 'ok' | 'unavailable';
    events: 'ok' | 'unavailable';
    signing: 'ok' | 'unavailable';
  };
}
export interface HolderRequiredProblem {
  status: 400;
  code: 'HOLDER_REQUIRED';
}
export interface IdempotencyKeyReusedProblem {
  status: 422;
  code: 'IDEMPOTENCY_KEY_REUSED';
}
export interface IdentityUnavailableProblem {
  status: 503;
  code: 'IDENTITY_UNAVAILABLE';
}
export interface InternalProblem {
  status: 500;
  code: 'INTERNAL';
}
export interface InvalidCursorProblem {
  status: 400;
  code: 'INVALID_CURSOR';
}
export interface InvalidJsonProblem {
  status: 400;
  code: 'INVALID_JSON';
}
export interface Invitation {
  invitation_id: InvitationId;
  /**
   * The address that the person must sign in with.
   */
  email: string;
  /**
   * The role that the person gets in the tenant.
   */
  role: 'member' | 'admin' | 'owner';
  invited_at: Timestamp;
  expires_at: Timestamp;
}
export interface InvitationPage {
  invitations: Invitation[];
  next_cursor: string | null;
}
export interface JsonWebKeySet {
  keys: LicenseJwk[];
}
/**
 * A public key as a JSON Web Key (RFC 7517 section 4, RFC 7518 section 6.3.1).
 */
export interface LicenseJwk {
  kty: 'RSA';
  n: string;
  e: string;
  alg: 'RS256';
  use: 'sig';
  kid: string;
}
export interface License {
  license_id: LicenseId;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Seats.
   */
  max: number;
  /**
   * Seats granted beyond those.
   */
  overdraft: number;
  /**
   * How long a seat is held without a heartbeat, and how often one is due.
   */
  ttl_seconds: number;
  heartbeat_seconds: number;
  /**
   * What seats are counted by.
   */
  unit: 'machine' | 'user' | 'process';
  /**
   * As it is in force: suspended also while `hold` says why.
   */
  status: 'active' | 'suspended';
  /**
   * Why its subscription gives no seats: nothing that the vendor lifts by `status`.
   */
  hold: ('payment' | 'paused' | 'dispute' | 'refund') | null;
  /**
   * The subscription that pays for it, or did last.
   */
  subscription_id: string | null;
  /**
   * Given for trying out, until somebody pays for it.
   */
  trial: boolean;
  /**
   * null for a license without end.
   */
  valid_until: Timestamp | null;
  /**
   * How long a client may run without a heartbeat.
   */
  offline_grace_days: number;
  /**
   * How long seats are lent, 0 for not at all, and how many never are.
   */
  borrow: {
    max_days: number;
    low_water: number;
  };
  created_at: Timestamp;
  updated_at: Timestamp;
  tenant_id: TenantId;
  /**
   * As it is in force, chosen or by size.
   */
  requests_per_minute: number;
}
/**
 * What a signed license says, in the names and forms that everybody who verifies one sees: a license that may be used on the machine of `fingerprint`, without asking anybody, until `offline_until`.
 */
export interface LicenseData {
  license_id: string;
  tenant_id: string;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Seats of the license: how many may be held at once, of which this is one.
   */
  seats: number;
  fingerprint: string;
  session_id: string;
  issued_at: string;
  /**
   * When this document ends; the same as `offline_until`, for those who look for an end by its usual name.
   */
  expires_at: string;
  offline_until: string;
}
export interface LicenseExpiredProblem {
  status: 403;
  code: 'LICENSE_EXPIRED';
}
export interface LicenseNotForSaleProblem {
  status: 409;
  code: 'LICENSE_NOT_FOR_SALE';
}
export interface LicenseNotFoundProblem {
  status: 404;
  code: 'LICENSE_NOT_FOUND';
}
export interface LicensePage {
  licenses: License[];
  next_cursor: string | null;
}
export interface LicenseSuspendedProblem {
  status: 403;
  code: 'LICENSE_SUSPENDED';
}
export interface LicenseUsage {
  license_id: LicenseId;
  /**
   * Seats of the license now.
   */
  max: number;
  from: Timestamp;
  to: Timestamp;
  peak_seats: number;
  denials: number;
  days: UsagePeriod[];
  hours: UsagePeriod[];
}
export interface UsagePeriod {
  at: Timestamp;
  peak_seats: number;
  denials: number;
}
export interface LicenseWithKey {
  license_id: LicenseId;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Seats.
   */
  max: number;
  /**
   * Seats granted beyond those.
   */
  overdraft: number;
  /**
   * How long a seat is held without a heartbeat, and how often one is due.
   */
  ttl_seconds: number;
  heartbeat_seconds: number;
  /**
   * What seats are counted by.
   */
  unit: 'machine' | 'user' | 'process';
  /**
   * As it is in force: suspended also while `hold` says why.
   */
  status: 'active' | 'suspended';
  /**
   * Why its subscription gives no seats: nothing that the vendor lifts by `status`.
   */
  hold: ('payment' | 'paused' | 'dispute' | 'refund') | null;
  /**
   * The subscription that pays for it, or did last.
   */
  subscription_id: string | null;
  /**
   * Given for trying out, until somebody pays for it.
   */
  trial: boolean;
  /**
   * null for a license without end.
   */
  valid_until: Timestamp | null;
  /**
   * How long a client may run without a heartbeat.
   */
  offline_grace_days: number;
  /**
   * How long seats are lent, 0 for not at all, and how many never are.
   */
  borrow: {
    max_days: number;
    low_water: number;
  };
  created_at: Timestamp;
  updated_at: Timestamp;
  tenant_id: TenantId;
  /**
   * As it is in force, chosen or by size.
   */
  requests_per_minute: number;
  /**
   * Shown this once; only its hash is stored.
   */
  license_key: string;
}
export interface LicenseWithSeats {
  license_id: LicenseId;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Seats.
   */
  max: number;
  /**
   * Seats granted beyond those.
   */
  overdraft: number;
  /**
   * How long a seat is held without a heartbeat, and how often one is due.
   */
  ttl_seconds: number;
  heartbeat_seconds: number;
  /**
   * What seats are counted by.
   */
  unit: 'machine' | 'user' | 'process';
  /**
   * As it is in force: suspended also while `hold` says why.
   */
  status: 'active' | 'suspended';
  /**
   * Why its subscription gives no seats: nothing that the vendor lifts by `status`.
   */
  hold: ('payment' | 'paused' | 'dispute' | 'refund') | null;
  /**
   * The subscription that pays for it, or did last.
   */
  subscription_id: string | null;
  /**
   * Given for trying out, until somebody pays for it.
   */
  trial: boolean;
  /**
   * null for a license without end.
   */
  valid_until: Timestamp | null;
  /**
   * How long a client may run without a heartbeat.
   */
  offline_grace_days: number;
  /**
   * How long seats are lent, 0 for not at all, and how many never are.
   */
  borrow: {
    max_days: number;
    low_water: number;
  };
  created_at: Timestamp;
  updated_at: Timestamp;
  tenant_id: TenantId;
  /**
   * As it is in force, chosen or by size.
   */
  requests_per_minute: number;
  seats: {
    active: number;
    max: number;
  };
}
export interface LicensesChangeRequest {
  max?: number;
  status?: 'active' | 'suspended';
  /**
   * Seats granted beyond `max` and marked `overdraft`.
   */
  overdraft?: number;
  /**
   * How long a seat is held without a heartbeat.
   */
  ttl_seconds?: number;
  /**
   * Shorter than ttl_seconds; five sixths of it unless given.
   */
  heartbeat_seconds?: number;
  plan?: 'free' | 'pro' | 'team' | 'enterprise';
  features?: Features;
  /**
   * For the enterprise plan; every other plan has its own. null to go by the plan.
   */
  offline_grace_days?: number | null;
  /**
   * How long a seat may be borrowed, 0 for not at all, and how many seats of `max` never are.
   */
  borrow?: {
    max_days: number;
    low_water?: number;
  };
  /**
   * How often its clients may acquire, and send heartbeats before their time. null to go by the number of seats.
   */
  requests_per_minute?: number | null;
  /**
   * null for a license without end.
   */
  valid_until?: string | null;
}
export interface LicensesCreateRequest {
  tenant_id?: TenantId;
  /**
   * Seats.
   */
  max: number;
  /**
   * What seats are counted by; machine unless given.
   */
  unit?: 'machine' | 'user' | 'process';
  /**
   * Seats granted beyond `max` and marked `overdraft`.
   */
  overdraft?: number;
  /**
   * How long a seat is held without a heartbeat.
   */
  ttl_seconds?: number;
  /**
   * Shorter than ttl_seconds; five sixths of it unless given.
   */
  heartbeat_seconds?: number;
  plan?: 'free' | 'pro' | 'team' | 'enterprise';
  features?: Features;
  /**
   * For the enterprise plan; every other plan has its own. null to go by the plan.
   */
  offline_grace_days?: number | null;
  /**
   * How long a seat may be borrowed, 0 for not at all, and how many seats of `max` never are.
   */
  borrow?: {
    max_days: number;
    low_water?: number;
  };
  /**
   * How often its clients may acquire, and send heartbeats before their time. null to go by the number of seats.
   */
  requests_per_minute?: number | null;
  /**
   * null for a license without end.
   */
  valid_until?: string | null;
}
export interface LicensesRotateKeyRequest {
  overlap_seconds?: number;
}
export interface LimitsUnavailableProblem {
  status: 503;
  code: 'LIMITS_UNAVAILABLE';
}
export interface Me {
  user_id: UserId;
  email: string;
  name: string;
  created_at: Timestamp;
  last_sign_in_at: Timestamp;
  is_operator: boolean;
  tenants: {
    tenant_id: TenantId;
    name: string;
    role: 'member' | 'admin' | 'owner';
  }[];
}
export interface Member {
  user_id: UserId;
  email: string;
  name: string;
  role: 'member' | 'admin' | 'owner';
  joined_at: Timestamp;
}
export interface MemberPage {
  members: Member[];
  next_cursor: string | null;
}
export interface MeterUnknownProblem {
  status: 400;
  code: 'METER_UNKNOWN';
}
/**
 * What a license used of a meter within a day (UTC).
 */
export interface MeteredDay {
  license_id: LicenseId;
  meter: string;
  day: Timestamp;
  quantity: number;
  /**
   * In how many records that was told.
   */
  records: number;
}
export interface NoBillingAccountProblem {
  status: 409;
  code: 'NO_BILLING_ACCOUNT';
}
export interface NotEntitledProblem {
  status: 403;
  code: 'NOT_ENTITLED';
  /**
   * What is wrong, field by field.
   */
  errors: FieldError[];
}
export interface OwnerMustStayProblem {
  status: 409;
  code: 'OWNER_MUST_STAY';
  /**
   * Tenants that need another owner first, where there may be several.
   */
  tenants?: TenantId[];
}
export interface PayloadTooLargeProblem {
  status: 413;
  code: 'PAYLOAD_TOO_LARGE';
}
export interface PersonExport {
  exported_at: Timestamp;
  /**
   * False where there is more than one file holds: ask again for shorter periods, with from and to.
   */
  complete: boolean;
  person: {
    user_id: UserId;
    /**
     * As the sign-in provider last told it, like the name and the domain.
     */
    email: string;
    name: string;
    /**
     * The Google Workspace domain that the account belongs to; null for one that belongs to nobody else.
     */
    hosted_domain: string | null;
    /**
     * A moment as RFC 3339 text.
     */
    created_at: string;
    last_sign_in_at: Timestamp;
  };
  /**
   * The tenants that they belong to.
   */
  memberships: {
    tenant_id: TenantId;
    tenant_name: string;
    role: 'member' | 'admin' | 'owner';
    joined_at: Timestamp;
  }[];
  /**
   * Sign-ins that are good, or have not ended long ago.
   */
  sign_ins: {
    sign_in_id: string;
    created_at: Timestamp;
    /**
     * A moment as RFC 3339 text.
     */
    last_used_at: string;
    /**
     * A moment as RFC 3339 text.
     */
    expires_at: string;
    /**
     * null while it is good; reused: a token was shown a second time, so that somebody may have stolen it.
     */
    ended: ('signed_out' | 'reused' | 'removed' | 'expired') | null;
  }[];
  /**
   * Invitations for their address that they have not taken up.
   */
  invitations: ExportedInvitation[];
  /**
   * The trial that their account has had; null where it had none, or that is long ago.
   */
  trial: {
    began_at: Timestamp;
    license_id: LicenseId | null;
  } | null;
  /**
   * Their sessions in the licenses of their tenants.
   */
  sessions: ExportedSession[];
  /**
   * What became of sessions that were counted by one of their pseudonyms.
   */
  session_histories: SessionHistory[];
  /**
   * Events that name one of their pseudonyms.
   */
  audit_events: ExportedEvent[];
}
/**
 * The life of a session as callers see it.
 */
export interface SessionHistory {
  session_id: SessionId;
  license_id: LicenseId;
  /**
   * Pseudonym of whoever held the seat; null once it was erased.
   */
  holder: string | null;
  /**
   * A moment as RFC 3339 text.
   */
  acquired_at: string;
  /**
   * null while a seat is held.
   */
  ended_at: Timestamp | null;
  end_reason: ('expired' | 'released' | 'evicted' | 'lost') | null;
  /**
   * Time with a seat, up to the last end.
   */
  seated_seconds: number;
  /**
   * How often its lease had run out and a seat was taken again.
   */
  revivals: number;
}
export interface Plan {
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  seats: {
    least: number;
    most: number;
  };
  ttl_seconds: number;
  offline_grace_days: number;
  borrow: {
    max_days: number;
    low_water: number;
  };
  features: string[];
  /**
   * Days that seats stay usable after a payment failed.
   */
  payment_grace_days: number;
  intervals: ('month' | 'year')[];
}
export interface PlanNotForSaleProblem {
  status: 409;
  code: 'PLAN_NOT_FOR_SALE';
}
export interface Plans {
  plans: Plan[];
}
export interface Portal {
  portal_url: string;
}
export interface PublicKeys {
  /**
   * SubjectPublicKeyInfo, PEM.
   */
  public_key: string;
  key_id: string;
  algorithm: 'RSA_SIGN_PKCS1_4096_SHA256';
  keys: {
    /**
     * SubjectPublicKeyInfo, PEM.
     */
    public_key: string;
    key_id: string;
    algorithm: 'RSA_SIGN_PKCS1_4096_SHA256';
  }[];
}
export interface RateLimitedProblem {
  status: 429;
  code: 'RATE_LIMITED';
}
export interface RecordsUnavailableProblem {
  status: 503;
  code: 'RECORDS_UNAVAILABLE';
}
export interface RedirectNotAllowedProblem {
  status: 400;
  code: 'REDIRECT_NOT_ALLOWED';
}
export interface ReleaseRequest {
  session_id: SessionId;
  session_token?: SessionToken;
  /**
   * Milliseconds from when `session_token` came to when this is sent, by a clock that nobody sets, rather too few than too many. With it, a release that is long on its way ends nothing where its holder has acquired the session again since.
   */
  sent_after_ms?: number;
}
export interface Seat {
  session_id: SessionId;
  /**
   * Shows that the session was yours, even after a loss of Redis: send it with heartbeats. Each heartbeat gives a new one.
   */
  session_token: string;
  license_id: LicenseId;
  /**
   * Of the license, this one among them.
   */
  seats: {
    active: number;
    max: number;
  };
  /**
   * Only there, and true, where the pool holds more than `max`.
   */
  overdraft?: true;
  expires_at: Timestamp;
  /**
   * A moment as RFC 3339 text.
   */
  borrowed_until?: string;
  /**
   * Seconds from now to `expires_at`: the license's TTL, or what is left of a loan or of the license.
   */
  ttl: number;
  /**
   * Seconds from one heartbeat to the next.
   */
  heartbeat_interval: number;
  next_heartbeat_due: Timestamp;
  /**
   * Days that a client may run without reaching the server, with its license signed.
   */
  offline_grace_days: number;
}
export interface SeatsExhaustedProblem {
  status: 409;
  code: 'SEATS_EXHAUSTED';
  /**
   * Seats taken.
   */
  active: number;
  /**
   * Seats of the license.
   */
  max: number;
  /**
   * Seconds until the next lease ends.
   */
  retry_after: number;
}
export interface SeatsUnavailableProblem {
  status: 503;
  code: 'SEATS_UNAVAILABLE';
}
export interface Session {
  session_id: SessionId;
  license_id: LicenseId;
  holder: string;
  fingerprint: string;
  hostname: string | null;
  user_id: string | null;
  process_id: string | null;
  app_version: string | null;
  acquired_at: Timestamp;
  expires_at: Timestamp;
  /**
   * null for a session that lives by its heartbeats.
   */
  borrowed_until: Timestamp | null;
}
export interface SessionHistoryPage {
  sessions: SessionHistory[];
  next_cursor: string | null;
}
export interface SessionNotFoundProblem {
  status: 404;
  code: 'SESSION_NOT_FOUND';
}
export interface SessionPage {
  seats: {
    active: number;
    max: number;
    overdraft: number;
  };
  sessions: Session[];
  next_cursor: string | null;
}
export interface SignInMismatchProblem {
  status: 400;
  code: 'SIGN_IN_MISMATCH';
}
export interface SignInNotSetUpProblem {
  status: 503;
  code: 'SIGN_IN_NOT_SET_UP';
}
export interface SignRequest {
  /**
   * Needed, here or in license_data.
   */
  session_id?: string;
  /**
   * What to sign, where it is to be less than the whole license: whatever is named must be within it.
   */
  license_data?: {
    license_id?: LicenseId;
    tenant_id?: TenantId;
    plan?: 'free' | 'pro' | 'team' | 'enterprise';
    features?: Features;
    seats?: number;
    fingerprint?: string;
    session_id?: SessionId;
    /**
     * A moment as RFC 3339 text.
     */
    expires_at?: string;
    /**
     * A moment as RFC 3339 text.
     */
    offline_until?: string;
  };
}
export interface SignedLicense {
  /**
   * RSASSA-PKCS1-v1_5 with SHA-256 over the bytes of license_json, base64.
   */
  signed_license: string;
  license_data: LicenseData;
  /**
   * license_data as it was signed: canonical JSON (RFC 8785), byte for byte.
   */
  license_json: string;
  /**
   * The same license as a JWT (RS256), in the claim `license`.
   */
  license_token: string;
  key_id: string;
  algorithm: 'RSA_SIGN_PKCS1_4096_SHA256';
}
export interface SigningBusyProblem {
  status: 503;
  code: 'SIGNING_BUSY';
}
export interface SigningUnavailableProblem {
  status: 502;
  code: 'SIGNING_UNAVAILABLE';
}
/**
 * A subscription as its tenant sees it.
 */
export interface Subscription {
  subscription_id: string;
  /**
   * The license that it pays for.
   */
  license_id: string;
  /**
   * null for a price that is of no plan.
   */
  plan: ('free' | 'pro' | 'team' | 'enterprise') | null;
  seats: number;
  /**
   * In Stripe's words.
   */
  status:
    | 'incomplete'
    | 'incomplete_expired'
    | 'trialing'
    | 'active'
    | 'past_due'
    | 'unpaid'
    | 'paused'
    | 'canceled';
  created_at: Timestamp;
  /**
   * When it ends for good, where it is to.
   */
  cancel_at: Timestamp | null;
  /**
   * A moment as RFC 3339 text.
   */
  ended_at: Timestamp | null;
  tenant_id: TenantId;
  /**
   * A moment as RFC 3339 text.
   */
  current_period_end: string;
  /**
   * While a payment is overdue: until when seats can be used all the same.
   */
  grace_until: Timestamp | null;
}
export interface SubscriptionEndedProblem {
  status: 409;
  code: 'SUBSCRIPTION_ENDED';
}
export interface SubscriptionNotFoundProblem {
  status: 404;
  code: 'SUBSCRIPTION_NOT_FOUND';
}
export interface SubscriptionPage {
  subscriptions: Subscription[];
  next_cursor: string | null;
}
export interface Tenant {
  tenant_id: TenantId;
  name: string;
  created_at: Timestamp;
  /**
   * null until the first owner of a tenant that an operator made has come.
   */
  owner_id: UserId | null;
  /**
   * People of this Google Workspace domain join when they first sign in.
   */
  join_domain: string | null;
}
export interface TenantClosedProblem {
  status: 409;
  code: 'TENANT_CLOSED';
}
export interface TenantExport {
  exported_at: Timestamp;
  /**
   * False where there is more than one file holds: ask again for shorter periods, with from and to.
   */
  complete: boolean;
  tenant: {
    tenant_id: TenantId;
    name: string;
    created_at: Timestamp;
    /**
     * null until the first owner of a tenant that an operator made has come.
     */
    owner_id: UserId | null;
    /**
     * People of this Google Workspace domain join when they first sign in.
     */
    join_domain: string | null;
    /**
     * When it was erased; null for one that was not.
     */
    closed_at: Timestamp | null;
  };
  members: Member[];
  /**
   * Invitations that nobody has taken up.
   */
  invitations: ExportedInvitation[];
  /**
   * Its licenses, without what their keys are known by.
   */
  licenses: ExportedLicense[];
  /**
   * Who it is at Stripe, which knows its cards and invoices; null where it has bought nothing yet.
   */
  billing: {
    /**
     * null where that customer was deleted.
     */
    customer_id: string | null;
    former_customer_ids: string[];
    created_at: Timestamp;
  } | null;
  subscriptions: ExportedSubscription[];
  /**
   * What its licenses used of what is metered.
   */
  metered_days: MeteredDay[];
  /**
   * All sessions of its licenses.
   */
  sessions: ExportedSession[];
  session_histories: SessionHistory[];
  audit_events: ExportedEvent[];
}
export interface TenantNotFoundProblem {
  status: 404;
  code: 'TENANT_NOT_FOUND';
}
export interface TenantPage {
  tenants: Tenant[];
  next_cursor: string | null;
}
export interface TenantsChangeRequest {
  name?: string;
  join_domain?: string | null;
}
export interface TenantsChangeRoleRequest {
  role: 'admin' | 'member';
}
export interface TenantsCreateRequest {
  name: string;
}
export interface TenantsInviteRequest {
  email: EmailAddress;
  role: 'member' | 'admin' | 'owner';
}
export interface TenantsTransferRequest {
  user_id: UserId;
}
export interface TokenSignOutRequest {
  refresh_token: string;
}
export interface Tokens {
  access_token: string;
  token_type: 'Bearer';
  /**
   * Seconds.
   */
  expires_in: number;
  /**
   * Takes the place of the one before: showing that again ends the sign-in.
   */
  refresh_token: string;
  user_id: UserId;
  tenants: {
    tenant_id: TenantId;
    role: 'member' | 'admin' | 'owner';
  }[];
}
export interface TooManyTenantsProblem {
  status: 409;
  code: 'TOO_MANY_TENANTS';
}
export interface Trial {
  license_id: LicenseId;
  /**
   * Shown this once; only its hash is stored.
   */
  license_key: string;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  seats: {
    max: number;
  };
  /**
   * A moment as RFC 3339 text.
   */
  valid_until: string;
}
export interface TrialActivateRequest {
  /**
   * Whose license it will be. Needed where you belong to more than one tenant.
   */
  tenant_id?: string;
  /**
   * What tells this machine from others; the same as in acquire.
   */
  fingerprint: string;
  /**
   * pro unless given.
   */
  plan?: 'free' | 'pro' | 'team' | 'enterprise';
}
export interface TrialAlreadyUsedProblem {
  status: 409;
  code: 'TRIAL_ALREADY_USED';
}
export interface TrialNotOfferedProblem {
  status: 403;
  code: 'TRIAL_NOT_OFFERED';
}
export interface UnsupportedMediaTypeProblem {
  status: 415;
  code: 'UNSUPPORTED_MEDIA_TYPE';
}
export interface UsageRecord {
  id: string;
  meter: string;
  quantity: number;
  timestamp: Timestamp;
  status: 'recorded' | 'already_recorded';
}
export interface UsageRecordConflictProblem {
  status: 409;
  code: 'USAGE_RECORD_CONFLICT';
}
export interface UsageRecordRequest {
  /**
   * The client's own name for this record: the same again is the same record.
   */
  id: string;
  meter: string;
  quantity: number;
  /**
   * A moment as RFC 3339 text.
   */
  timestamp?: string;
  /**
   * Needed where you are signed in; a license key says it by itself.
   */
  license_id?: string;
}
export interface UsageTimeRefusedProblem {
  status: 400;
  code: 'USAGE_TIME_REFUSED';
}
export interface UsageTotals {
  license_id: LicenseId;
  from: Timestamp;
  to: Timestamp;
  meters: {
    meter: string;
    quantity: number;
    records: number;
  }[];
  days: {
    at: Timestamp;
    meter: string;
    quantity: number;
    records: number;
  }[];
}
export interface User {
  user_id: UserId;
  email: string;
  name: string;
  created_at: Timestamp;
  last_sign_in_at: Timestamp;
}
export interface UserNotFoundProblem {
  status: 404;
  code: 'USER_NOT_FOUND';
}
export interface UserPage {
  users: User[];
  next_cursor: string | null;
}
export interface ValidationFailedProblem {
  status: 400;
  code: 'VALIDATION_FAILED';
  /**
   * What is wrong, field by field.
   */
  errors: FieldError[];
}
export interface Operations {
  acquire: {
    params: {};
    query: {};
    body: AcquireRequest;
    answer: Seat;
  };
  auditList: {
    params: {};
    query: {
      tenant_id?: TenantId;
      license_id?: LicenseId;
      session_id?: SessionId;
      type?:
        | 'session.acquired'
        | 'session.borrowed'
        | 'session.revived'
        | 'session.expired'
        | 'session.released'
        | 'session.evicted'
        | 'seat.denied'
        | 'license.created'
        | 'license.updated'
        | 'license.key_rotated'
        | 'subscription.trial_ending'
        | 'subscription.paid'
        | 'subscription.payment_failed'
        | 'subscription.refunded'
        | 'subscription.disputed'
        | 'subscription.ended';
      /**
       * A moment as RFC 3339 text.
       */
      from?: string;
      /**
       * A moment as RFC 3339 text.
       */
      to?: string;
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: AuditPage;
  };
  auditVerify: {
    params: {};
    query: {
      /**
       * Needed unless there is only one that the caller may ask for.
       */
      tenant_id?: string;
      cursor?: Cursor;
    };
    body: null;
    answer: AuditCheck;
  };
  callback: {
    params: {};
    query: {
      state: string;
      code?: string;
      error?: string;
    };
    body: null;
    answer: never;
  };
  cancel: {
    params: {};
    query: {};
    body: CancelRequest;
    answer: Subscription;
  };
  cancelUndo: {
    params: {};
    query: {};
    body: CancelUndoRequest;
    answer: Subscription;
  };
  checkoutPlans: {
    params: {};
    query: {};
    body: null;
    answer: Plans;
  };
  checkoutCreate: {
    params: {};
    query: {};
    body: CheckoutCreateRequest;
    answer: Checkout;
  };
  checkoutPortal: {
    params: {};
    query: {};
    body: CheckoutPortalRequest;
    answer: Portal;
  };
  gdprDeleteAsk: {
    params: {};
    query: {};
    body: GdprDeleteAskRequest;
    answer: ErasurePlan;
  };
  gdprDeleteConfirm: {
    params: {};
    query: {};
    body: GdprDeleteConfirmRequest;
    answer: ErasureReceipt;
  };
  gdprExportPerson: {
    params: {};
    query: {
      /**
       * A moment as RFC 3339 text.
       */
      from?: string;
      /**
       * A moment as RFC 3339 text.
       */
      to?: string;
    };
    body: null;
    answer: PersonExport;
  };
  gdprExportTenant: {
    params: {
      tenant_id: TenantId;
    };
    query: {
      /**
       * A moment as RFC 3339 text.
       */
      from?: string;
      /**
       * A moment as RFC 3339 text.
       */
      to?: string;
    };
    body: null;
    answer: TenantExport;
  };
  health: {
    params: {};
    query: {
      deep?: '1';
    };
    body: null;
    answer: Health;
  };
  heartbeat: {
    params: {};
    query: {};
    body: HeartbeatRequest;
    answer: ExtendedSession | ExtendedSessions;
  };
  licensesCreate: {
    params: {};
    query: {};
    body: LicensesCreateRequest;
    answer: LicenseWithKey;
  };
  licensesList: {
    params: {};
    query: {
      tenant_id?: TenantId;
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: LicensePage;
  };
  licensesRead: {
    params: {
      license_id: LicenseId;
    };
    query: {};
    body: null;
    answer: LicenseWithSeats;
  };
  licensesChange: {
    params: {
      license_id: LicenseId;
    };
    query: {};
    body: LicensesChangeRequest;
    answer: License;
  };
  licensesRotateKey: {
    params: {
      license_id: LicenseId;
    };
    query: {};
    body: LicensesRotateKeyRequest;
    answer: LicenseWithKey;
  };
  licensesUsage: {
    params: {
      license_id: LicenseId;
    };
    query: {
      /**
       * A moment as RFC 3339 text.
       */
      from?: string;
      /**
       * A moment as RFC 3339 text.
       */
      to?: string;
    };
    body: null;
    answer: LicenseUsage;
  };
  loginGoogle: {
    params: {};
    query: {
      response_type?: 'code';
      /**
       * A loopback address of a native app (RFC 8252), or one of those that the vendor has registered.
       */
      redirect_uri: string;
      /**
       * Given back with the code, so that the program knows its own request again.
       */
      state: string;
      /**
       * Base64url of the SHA-256 of a verifier that only the program knows (RFC 7636).
       */
      code_challenge: string;
      code_challenge_method: 'S256';
    };
    body: null;
    answer: never;
  };
  publicKey: {
    params: {};
    query: {};
    body: null;
    answer: PublicKeys;
  };
  publicKeyJwks: {
    params: {};
    query: {};
    body: null;
    answer: JsonWebKeySet;
  };
  release: {
    params: {};
    query: {};
    body: ReleaseRequest;
    answer: null;
  };
  releaseEnd: {
    params: {
      session_id: SessionId;
    };
    query: {};
    body: null;
    answer: null;
  };
  sessionsList: {
    params: {};
    query: {
      license_id: LicenseId;
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: SessionPage;
  };
  sessionsHistory: {
    params: {};
    query: {
      license_id: LicenseId;
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: SessionHistoryPage;
  };
  sign: {
    params: {};
    query: {};
    body: SignRequest;
    answer: SignedLicense;
  };
  subscriptionsList: {
    params: {};
    query: {
      /**
       * Needed unless there is only one that the caller may ask for.
       */
      tenant_id?: string;
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: SubscriptionPage;
  };
  tenantsCreate: {
    params: {};
    query: {};
    body: TenantsCreateRequest;
    answer: Tenant;
  };
  tenantsList: {
    params: {};
    query: {
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: TenantPage;
  };
  tenantsRead: {
    params: {
      tenant_id: TenantId;
    };
    query: {};
    body: null;
    answer: Tenant;
  };
  tenantsChange: {
    params: {
      tenant_id: TenantId;
    };
    query: {};
    body: TenantsChangeRequest;
    answer: Tenant;
  };
  tenantsMembers: {
    params: {
      tenant_id: TenantId;
    };
    query: {
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: MemberPage;
  };
  tenantsChangeRole: {
    params: {
      tenant_id: TenantId;
      user_id: UserId;
    };
    query: {};
    body: TenantsChangeRoleRequest;
    answer: null;
  };
  tenantsRemove: {
    params: {
      tenant_id: TenantId;
      user_id: UserId;
    };
    query: {};
    body: null;
    answer: null;
  };
  tenantsTransfer: {
    params: {
      tenant_id: TenantId;
    };
    query: {};
    body: TenantsTransferRequest;
    answer: Tenant;
  };
  tenantsInvite: {
    params: {
      tenant_id: TenantId;
    };
    query: {};
    body: TenantsInviteRequest;
    answer: Invitation;
  };
  tenantsInvitations: {
    params: {
      tenant_id: TenantId;
    };
    query: {
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: InvitationPage;
  };
  tenantsWithdraw: {
    params: {
      tenant_id: TenantId;
      invitation_id: InvitationId;
    };
    query: {};
    body: null;
    answer: null;
  };
  token: {
    params: {};
    query: {};
    body: TokenRequest;
    answer: Tokens;
  };
  tokenSignOut: {
    params: {};
    query: {};
    body: TokenSignOutRequest;
    answer: null;
  };
  trialActivate: {
    params: {};
    query: {};
    body: TrialActivateRequest;
    answer: Trial;
  };
  usageRecord: {
    params: {};
    query: {};
    body: UsageRecordRequest;
    answer: UsageRecord;
  };
  usageTotals: {
    params: {};
    query: {
      license_id: LicenseId;
      meter?: string;
      /**
       * A moment as RFC 3339 text.
       */
      from?: string;
      /**
       * A moment as RFC 3339 text.
       */
      to?: string;
    };
    body: null;
    answer: UsageTotals;
  };
  usersMe: {
    params: {};
    query: {};
    body: null;
    answer: Me;
  };
  usersList: {
    params: {};
    query: {
      email?: EmailAddress;
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: UserPage;
  };
}

/** Where each operation is. */
export const OPERATIONS = {
  acquire: { method: 'POST', path: '/api/v1/licenses/acquire' },
  auditList: { method: 'GET', path: '/api/v1/audit' },
  auditVerify: { method: 'GET', path: '/api/v1/audit/verify' },
  callback: { method: 'GET', path: '/auth/callback' },
  cancel: { method: 'POST', path: '/api/v1/subscriptions/cancel' },
  cancelUndo: { method: 'POST', path: '/api/v1/subscriptions/cancel/undo' },
  checkoutPlans: { method: 'GET', path: '/api/v1/plans' },
  checkoutCreate: { method: 'POST', path: '/api/v1/checkout/create-session' },
  checkoutPortal: { method: 'POST', path: '/api/v1/checkout/create-portal-session' },
  gdprDeleteAsk: { method: 'POST', path: '/api/v1/gdpr/delete' },
  gdprDeleteConfirm: { method: 'DELETE', path: '/api/v1/gdpr/delete' },
  gdprExportPerson: { method: 'GET', path: '/api/v1/gdpr/export' },
  gdprExportTenant: { method: 'GET', path: '/api/v1/gdpr/export/tenants/{tenant_id}' },
  health: { method: 'GET', path: '/health' },
  heartbeat: { method: 'PUT', path: '/api/v1/licenses/heartbeat' },
  licensesCreate: { method: 'POST', path: '/api/v1/licenses' },
  licensesList: { method: 'GET', path: '/api/v1/licenses' },
  licensesRead: { method: 'GET', path: '/api/v1/licenses/{license_id}' },
  licensesChange: { method: 'PATCH', path: '/api/v1/licenses/{license_id}' },
  licensesRotateKey: { method: 'POST', path: '/api/v1/licenses/{license_id}/rotate-key' },
  licensesUsage: { method: 'GET', path: '/api/v1/licenses/{license_id}/usage' },
  loginGoogle: { method: 'GET', path: '/auth/login/google' },
  publicKey: { method: 'GET', path: '/api/v1/public-key' },
  publicKeyJwks: { method: 'GET', path: '/.well-known/jwks.json' },
  release: { method: 'POST', path: '/api/v1/licenses/release' },
  releaseEnd: { method: 'DELETE', path: '/api/v1/licenses/sessions/{session_id}' },
  sessionsList: { method: 'GET', path: '/api/v1/sessions' },
  sessionsHistory: { method: 'GET', path: '/api/v1/sessions/history' },
  sign: { method: 'POST', path: '/api/v1/licenses/sign' },
  subscriptionsList: { method: 'GET', path: '/api/v1/subscriptions' },
  tenantsCreate: { method: 'POST', path: '/api/v1/tenants' },
  tenantsList: { method: 'GET', path: '/api/v1/tenants' },
  tenantsRead: { method: 'GET', path: '/api/v1/tenants/{tenant_id}' },
  tenantsChange: { method: 'PATCH', path: '/api/v1/tenants/{tenant_id}' },
  tenantsMembers: { method: 'GET', path: '/api/v1/tenants/{tenant_id}/members' },
  tenantsChangeRole: { method: 'PATCH', path: '/api/v1/tenants/{tenant_id}/members/{user_id}' },
  tenantsRemove: { method: 'DELETE', path: '/api/v1/tenants/{tenant_id}/members/{user_id}' },
  tenantsTransfer: { method: 'POST', path: '/api/v1/tenants/{tenant_id}/transfer' },
  tenantsInvite: { method: 'POST', path: '/api/v1/tenants/{tenant_id}/invitations' },
  tenantsInvitations: { method: 'GET', path: '/api/v1/tenants/{tenant_id}/invitations' },
  tenantsWithdraw: { method: 'DELETE', path: '/api/v1/tenants/{tenant_id}/invitations/{invitation_id}' },
  token: { method: 'POST', path: '/auth/token' },
  tokenSignOut: { method: 'POST', path: '/auth/sign-out' },
  trialActivate: { method: 'POST', path: '/api/v1/licenses/trial/activate' },
  usageRecord: { method: 'POST', path: '/api/v1/usage/record' },
  usageTotals: { method: 'GET', path: '/api/v1/usage' },
  usersMe: { method: 'GET', path: '/api/v1/users/me' },
  usersList: { method: 'GET', path: '/api/v1/users' },
} as const satisfies Record<keyof Operations, { readonly method: string; readonly path: string }>;
