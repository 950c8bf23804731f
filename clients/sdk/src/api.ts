// Generated from clients/openapi.json by `npm run generate`.

export type LicenseId = string;
/**
 * A point in time, as RFC 3339 text.
 */
export type Timestamp = string;
export type ChainId = TenantId | 'vendor';
export type TenantId = string;
export type CallbackAnswer = string;
export type Cursor = string;
export type DeviceDecideAnswer = string;
export type DevicePageAnswer = string;
/**
 * An e-mail address, in lower case: no sign-in provider treats addresses as case-sensitive.
 */
export type EmailAddress = string;
export type ErasureId = string;
export type UserId = string;
export type InvitationId = string;
export type SessionId = string;
/**
 * Feature names that the vendor's app defines.
 *
 * @maxItems 64
 */
export type Features = string[];
export type HeartbeatRequest =
  | {
      session_id: SessionId;
      /**
       * The latest token of the session. It revives the session after its lease has expired or Redis has lost its data. If you are signed in, `ended` is `unknown` without it.
       */
      session_token?: SessionToken | null;
      sessions?: null;
    }
  | {
      session_id?: null;
      /**
       * @minItems 1
       * @maxItems 100
       */
      sessions: {
        session_id: SessionId;
        /**
         * The latest token of the session. It revives the session after its lease has expired or Redis has lost its data. If you are signed in, `ended` is `unknown` without it.
         */
        session_token?: SessionToken | null;
      }[];
    };
/**
 * Its signature is checked elsewhere; an invalid token counts as no token.
 */
export type SessionToken = string;
export type MeterName = string;
export type OperatorTokenId = string;
/**
 * What an operator token allows: `<function>:read` or `<function>:write`, `read` for reading everything, or `all`.
 */
export type OperatorScope =
  | 'read'
  | 'all'
  | 'release:read'
  | 'release:write'
  | 'revocations:read'
  | 'revocations:write'
  | 'users:read'
  | 'users:write'
  | 'tenants:read'
  | 'tenants:write'
  | 'licenses:read'
  | 'licenses:write'
  | 'checkout:read'
  | 'checkout:write'
  | 'subscriptions:read'
  | 'subscriptions:write'
  | 'cancel:read'
  | 'cancel:write'
  | 'stripe-events:read'
  | 'stripe-events:write'
  | 'usage:read'
  | 'usage:write'
  | 'sessions:read'
  | 'sessions:write'
  | 'audit:read'
  | 'audit:write'
  | 'operator-tokens:read'
  | 'operator-tokens:write'
  | 'gdpr-export:read'
  | 'gdpr-export:write'
  | 'gdpr-delete:read'
  | 'gdpr-delete:write'
  | 'health:read'
  | 'health:write';
/**
 * Maximum number of items on a page, as the text of a query parameter.
 */
export type PageLimit = number;
/**
 * A point in time, as RFC 3339 text.
 */
export type SettableTimestamp = string;
export type StripeEventId = string;
export type TokenRequest =
  | {
      grant_type: 'authorization_code';
      /**
       * The program that began the sign-in.
       */
      client_id: string;
      code: string;
      code_verifier: string;
      redirect_uri: string;
    }
  | {
      grant_type: 'refresh_token';
      client_id: string;
      refresh_token: string;
    }
  | {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code';
      client_id: string;
      device_code: string;
    };
export type UsageVoidRequest =
  | {
      license_id: LicenseId;
      /**
       * @minItems 1
       * @maxItems 100
       */
      ids: string[];
      /**
       * Kept with the records and in the audit log. Do not enter personal data.
       */
      reason: string;
    }
  | {
      license_id: LicenseId;
      meter: MeterName;
      /**
       * All records of usage on this day (UTC).
       */
      day: string;
      /**
       * Kept with the records and in the audit log. Do not enter personal data.
       */
      reason: string;
      /**
       * `next_cursor` of the last request.
       */
      cursor?: string;
    };

export interface AcquireRequest {
  /**
   * Identifies the machine. Send the same value on every start.
   */
  fingerprint: string;
  /**
   * Names one start of your program. Choose a new random value whenever the program takes a seat, and send the same value when you repeat the request. Without it, all programs of the machine share one session.
   */
  instance_id?: string | null;
  /**
   * Required if you are signed in. With a license key it is optional, and must match the key.
   */
  license_id?: LicenseId | null;
  /**
   * Required with a license key if the license counts seats by user. If you are signed in, you are the user.
   */
  user_id?: string | null;
  /**
   * Required if the license counts seats by process and you send no `instance_id`.
   */
  process_id?: string | null;
  hostname?: string | null;
  app_version?: string | null;
  /**
   * When this program started without the server, by its own clock: see `offline_start_days`. It is written to the audit log with the new session. A time that cannot be right is not refused: it is recorded as at most 90 days ago, and as now if it is in the future.
   */
  offline_since?: Timestamp | null;
  /**
   * Borrows the seat for that many days, without heartbeats. `sign` then returns a license for use offline.
   */
  borrow_days?: number | null;
}
/**
 * A user, an operator, a license key or one of our own functions; `id` is null once it was erased.
 */
export interface ActorJson {
  type: 'user' | 'operator' | 'license' | 'system';
  /**
   * A user's id; of an operator, the id of the user or of the operator token, or `bootstrap` for the operator key of the configuration; the id of the license whose key was used; or a name of our own. `null` once it was erased.
   */
  id: string | null;
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
   * The meaning of the code, in words that may change.
   */
  title: string;
  /**
   * The HTTP status.
   */
  status: number;
  /**
   * What went wrong.
   */
  code: string;
  /**
   * Details of this occurrence.
   */
  detail?: string;
  /**
   * The request’s id. Include it when you contact support.
   */
  request_id: string;
}
export interface AlreadyOwnerProblem {
  status: 409;
  code: 'ALREADY_OWNER';
}
export interface AlreadySubscribedProblem {
  status: 409;
  code: 'ALREADY_SUBSCRIBED';
}
export interface AuditCheck {
  tenant_id: ChainId;
  /**
   * Sealed events verified by this call.
   */
  sealed: number;
  /**
   * Events that are not sealed yet. They cannot be verified.
   */
  unsealed: number;
  /**
   * End of the chain, returned with its last events. Keep it to detect later that the whole chain was replaced.
   */
  head: {
    seq: number;
    hash: string;
  } | null;
  problems: {
    kind: 'CHANGED' | 'REMOVED' | 'INSERTED';
    /**
     * Position in the chain; 0 if the event has none.
     */
    seq: number;
    event_id: string | null;
    detail: string;
  }[];
  /**
   * Pass it as `cursor` to verify the next part; null after the last part.
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
    | 'license.signed'
    | 'subscription.trial_ending'
    | 'subscription.paid'
    | 'subscription.payment_failed'
    | 'subscription.refunded'
    | 'subscription.disputed'
    | 'subscription.ended'
    | 'subscription.needs_review'
    | 'tenant.created'
    | 'tenant.updated'
    | 'tenant.closed'
    | 'member.joined'
    | 'member.role_changed'
    | 'member.removed'
    | 'invitation.created'
    | 'invitation.accepted'
    | 'invitation.declined'
    | 'invitation.withdrawn'
    | 'ownership.offered'
    | 'ownership.declined'
    | 'ownership.withdrawn'
    | 'ownership.transferred'
    | 'domain.claimed'
    | 'domain.released'
    | 'user.created'
    | 'user.signed_in'
    | 'user.signed_out'
    | 'checkout.created'
    | 'subscription.end_requested'
    | 'subscription.canceled'
    | 'subscription.kept'
    | 'subscription.paused'
    | 'subscription.resumed'
    | 'subscription.hold_lifted'
    | 'subscription.change_requested'
    | 'subscription.changed'
    | 'data.exported'
    | 'erasure.requested'
    | 'erasure.started'
    | 'erasure.completed'
    | 'operator_token.created'
    | 'operator_token.revoked'
    | 'signing_key.revoked'
    | 'signing_key.restored'
    | 'signature.revoked'
    | 'signature.restored'
    | 'usage.refused'
    | 'stripe_event.set_aside'
    | 'stripe_event.retried'
    | 'usage.rejected'
    | 'usage.voided';
  /**
   * `vendor` for events of no tenant.
   */
  tenant_id: string | 'vendor';
  license_id: string | null;
  session_id: string | null;
  at: string;
  /**
   * Orders events of one millisecond.
   */
  position: string;
  actor: ActorJson;
  /**
   * `X-Request-Id` of the request that caused it.
   */
  request_id?: string;
  /**
   * Pseudonym of the machine, user or process that holds the seat.
   */
  holder?: string;
  acquired_at?: string;
  borrowed_until?: string;
  /**
   * When the program started without the server, by its own clock: at most 90 days before `at`, and never after it. Present only if its client reported it.
   */
  offline_since?: string;
  /**
   * What became of the seat: the session took it, other sessions had or have it too, or the session was its last. In every event of type `session.*`.
   */
  seat?: 'taken' | 'kept' | 'freed';
  /**
   * The exact number of seats in use when the event was written, see `writtenAtMs`.
   */
  active?: number;
  /**
   * Seats of the license at that time, without overdraft.
   */
  max?: number;
  /**
   * Why a session ended, or why a subscription needs a review, if the event type does not show it.
   */
  reason?:
    | 'lease_ran_out'
    | 'lost'
    | 'seats_reduced'
    | 'no_plan'
    | 'several_plans'
    | 'price_replaced'
    | 'too_few_seats'
    | 'too_many_seats'
    | 'unknown_status'
    | 'not_at_stripe';
  /**
   * Requests denied within the minute that began at the event's time.
   */
  count?: number;
  /**
   * The id of the signed license. A license whose id is in no event was not signed by this service.
   */
  jti?: string;
  /**
   * The license version that the event created.
   */
  version?: number;
  /**
   * The fields that an update changed. `plan`, `status` and `hold` have their new values if they are among them.
   */
  fields?: string[];
  /**
   * The license's plan, the status that its vendor set, and why its subscription holds it back, if the event changed it.
   */
  plan?: string;
  status?: 'active' | 'suspended';
  hold?: string | null;
  /**
   * At Stripe: the invoice that was paid, not paid, refunded or disputed.
   */
  invoice_id?: string;
  /**
   * At Stripe: the dispute.
   */
  dispute_id?: string;
  /**
   * Id of what the event is about, if it is neither the tenant, the license nor the session; null if there is nothing else, or once it was erased.
   */
  subject: string | null;
  role?: 'member' | 'admin' | 'owner';
  previous_role?: 'member' | 'admin' | 'owner';
  /**
   * Why an operator did it. Only operators get it.
   */
  note?: string;
  quantity?: number;
  /**
   * Error code of Stripe.
   */
  because?: string;
  /**
   * Of a change of a subscription, with `plan` and the values before it.
   */
  seats?: number;
  previous_seats?: number;
  previous_plan?: string;
  interval?: string;
  previous_interval?: string;
  pause?: 'collection' | 'subscription';
  /**
   * Usage that was sent to Stripe right before the subscription ended, and what became of it.
   */
  usage?: {
    meter: string;
    outcome: 'sent' | 'late' | 'refused' | 'uncertain';
    records: number;
    quantity: number;
  }[];
  recorded_at: Timestamp;
  /**
   * Position in the tenant's chain; null until the event is sealed, which takes up to a minute.
   */
  seq: number | null;
}
export interface AuditPage {
  events: AuditEvent[];
  /**
   * Pass it as `cursor` to get the next page; null after the last page. With `order=recorded` it is never null: keep it, and pass it again later. If it is the cursor that you passed, nothing was recorded since.
   */
  next_cursor: string | null;
}
export interface AuthenticationRequiredProblem {
  status: 401;
  code: 'AUTHENTICATION_REQUIRED';
}
export interface AuthorizationPendingProblem {
  status: 400;
  code: 'AUTHORIZATION_PENDING';
}
export interface Backlog {
  /**
   * `late`: the oldest event has waited for 5 minutes. `unknown`: the seats are unavailable.
   */
  status: 'ok' | 'late' | 'unknown';
  /**
   * Events in the outbox, not published yet; null if unknown.
   */
  events: number | null;
  /**
   * Age of the oldest of them; null if there is none.
   */
  oldest_age_seconds: number | null;
}
export interface BilledBySubscriptionProblem {
  status: 409;
  code: 'BILLED_BY_SUBSCRIPTION';
  /**
   * The invalid fields.
   */
  errors: FieldError[];
}
export interface FieldError {
  /**
   * A JSON pointer into the body (RFC 6901), or the name of a parameter or header. Empty for the whole body.
   */
  at: string;
  /**
   * Why the value is invalid.
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
   * The most seats that can be borrowed at once.
   */
  borrowable: number;
}
export interface BorrowNotAllowedProblem {
  status: 403;
  code: 'BORROW_NOT_ALLOWED';
  /**
   * The most days that a seat can be borrowed for; 0 if borrowing is off.
   */
  max_days: number;
}
export interface CancelPauseRequest {
  license_id: LicenseId;
  kind: 'collection' | 'subscription';
  /**
   * Only with `collection`: what becomes of the invoices. Default: `keep_as_draft`.
   */
  behavior?: 'keep_as_draft' | 'mark_uncollectible' | 'void';
  /**
   * Only with `collection`: when collecting begins again. Default: when it is resumed.
   */
  resumes_at?: string;
}
export interface CancelRequest {
  license_id: LicenseId;
  /**
   * Default: `period_end`.
   */
  when?: 'period_end' | 'at' | 'now';
  /**
   * Only with `at`: a time in the future, at most five years ahead. Stripe counts in seconds.
   */
  cancel_at?: string;
}
export interface CancelResumeRequest {
  license_id: LicenseId;
}
export interface CancelUndoRequest {
  license_id: LicenseId;
}
export interface CanceledSubscription {
  subscription_id: string;
  /**
   * The license that the subscription pays for.
   */
  license_id: string;
  /**
   * null if no price of the subscription ever belonged to a plan.
   */
  plan: ('free' | 'pro' | 'team' | 'enterprise') | null;
  seats: number;
  /**
   * What its seats cost, by price: more than one if seats have different billing intervals, or cost different amounts.
   */
  items: SeatItem[];
  /**
   * Why the vendor must look at the subscription, else null. no_plan, several_plans and price_replaced: what it pays for is not recognised; the license keeps its plan and seats, and gets none if `plan` is null. too_few_seats and too_many_seats: outside what the plan is sold with. unknown_status and not_at_stripe: its status at Stripe is not known, or Stripe does not have it; it stays what it was until the end that it had.
   */
  needs_review:
    | (
        | 'no_plan'
        | 'several_plans'
        | 'price_replaced'
        | 'too_few_seats'
        | 'too_many_seats'
        | 'unknown_status'
        | 'not_at_stripe'
      )
    | null;
  /**
   * The status at Stripe.
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
   * When the subscription ends, if a cancellation is scheduled; else null.
   */
  cancel_at: Timestamp | null;
  ended_at: Timestamp | null;
  tenant_id: TenantId;
  /**
   * How invoices are paid. automatic: Stripe charges a saved payment method. invoice: Stripe sends each invoice, which is paid by its due date.
   */
  collection: 'automatic' | 'invoice';
  /**
   * Whether the vendor paused collecting payments. The status does not show it.
   */
  collection_paused: boolean;
  /**
   * A point in time, as RFC 3339 text.
   */
  current_period_end: string;
  /**
   * While an invoice is unpaid: until when seats can still be used. For an invoice with a due date, also before that date.
   */
  grace_until: Timestamp | null;
  /**
   * Why seats, plan and interval cannot be changed now; null if they can, as far as the subscription shows it, or if it has ended.
   */
  unchangeable: Unchangeable | null;
  /**
   * A change that waits for its payment, as last read from Stripe; null if none does.
   */
  pending_change: PendingChange | null;
  /**
   * Why the license grants no seats now; null if the subscription does not hold it back.
   */
  hold: TenantHold | null;
  /**
   * Usage that was sent to Stripe during this request, before the subscription ended now. Stripe processes usage later: compare what is `sent` with the final invoice.
   */
  final_usage: FinalUsage[];
  /**
   * Stripe's id of the final invoice of a subscription that ended now; null if there is nothing to pay.
   */
  final_invoice_id: string | null;
}
/**
 * Seats that are paid at one price.
 */
export interface SeatItem {
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  seats: number;
  interval: 'day' | 'week' | 'month' | 'year';
  /**
   * How many intervals a billing period has.
   */
  interval_count: number;
  /**
   * ISO 4217, in lower case.
   */
  currency: string;
  /**
   * In the smallest unit of the currency, as Stripe counts it (docs.stripe.com/currencies#minor-units); null if it is not a whole number, or if the price of a seat depends on the number of seats.
   */
  unit_amount: number | null;
  /**
   * The same with decimals; null if the price of a seat depends on the number of seats.
   */
  unit_amount_decimal: string | null;
  current_period_end: Timestamp;
}
/**
 * Why seats, plan and interval cannot be changed now: what `SUBSCRIPTION_UNCHANGEABLE` would answer.
 */
export interface Unchangeable {
  reason:
    | 'unpaid'
    | 'paused'
    | 'collection_paused'
    | 'scheduled'
    | 'ending'
    | 'held'
    | 'suspended'
    | 'lent'
    | 'several_items'
    | 'not_recognized'
    | 'changing'
    | 'rejected';
  what_to_do: string;
}
/**
 * A change that waits for its payment. Until then, the subscription stays as it is.
 */
export interface PendingChange {
  /**
   * After the change; null if its prices belong to no plan, or to several.
   */
  plan: ('free' | 'pro' | 'team' | 'enterprise') | null;
  seats: number | null;
  /**
   * null if it is not known, or differs between seats.
   */
  interval: ('day' | 'week' | 'month' | 'year') | null;
  /**
   * The page on which to pay for it, if there is one.
   */
  pay_url: string | null;
  /**
   * A point in time, as RFC 3339 text.
   */
  until: string;
}
/**
 * Why a license is held back, for its tenant.
 */
export interface TenantHold {
  code: 'payment' | 'paused' | 'dispute' | 'refund';
  /**
   * What ends it, and what the tenant can do.
   */
  what_to_do: string;
}
export interface FinalUsage {
  meter: string;
  /**
   * sent: Stripe has it. refused and uncertain: it is not billed, or perhaps not.
   */
  outcome: 'sent' | 'late' | 'refused' | 'uncertain';
  records: number;
  quantity: number;
}
/**
 * Amounts are in the smallest unit of the currency, such as cents.
 */
export interface ChangePreview {
  license_id: LicenseId;
  subscription_id: string;
  /**
   * After the change.
   */
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  interval: 'day' | 'week' | 'month' | 'year';
  seats: number;
  /**
   * How invoices are paid. automatic: Stripe charges a saved payment method. invoice: Stripe sends each invoice, which is paid by its due date.
   */
  collection: 'automatic' | 'invoice';
  /**
   * Three letters, in lower case (ISO 4217).
   */
  currency: string;
  /**
   * Invoiced now, after discounts, taxes and credit. Charged at once, or with `invoice` due as agreed.
   */
  amount_due: number;
  /**
   * Added to the credit of the tenant, which pays later invoices. It is not paid out.
   */
  credit: number;
  /**
   * The first lines of the invoice that the change makes now; empty if it makes none.
   */
  lines: {
    description: string | null;
    /**
     * Negative for time that is credited.
     */
    amount: number;
    from: Timestamp;
    to: Timestamp;
  }[];
  /**
   * The next regular invoice, for a whole period: with discounts, taxes and usage so far, before credit.
   */
  next_invoice: {
    amount: number;
    at: Timestamp;
  };
  /**
   * A point in time, as RFC 3339 text.
   */
  proration_date: string;
}
export interface Checkout {
  checkout_url: string;
  license_id: LicenseId;
  expires_at: Timestamp;
}
export interface CheckoutCreateRequest {
  /**
   * The tenant that pays.
   */
  tenant_id: string;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  /**
   * Billing interval. Default: `month`.
   */
  interval?: 'month' | 'year';
  seats: number;
  license_id?: LicenseId;
}
export interface CheckoutPortalRequest {
  tenant_id: TenantId;
}
export interface ClientNotAllowedProblem {
  status: 400;
  code: 'CLIENT_NOT_ALLOWED';
}
export interface ClientUnknownProblem {
  status: 401;
  code: 'CLIENT_UNKNOWN';
}
export interface ConfirmationInvalidProblem {
  status: 400;
  code: 'CONFIRMATION_INVALID';
}
export interface CredentialsInvalidProblem {
  status: 401;
  code: 'CREDENTIALS_INVALID';
}
export interface Dependencies {
  /**
   * Whether Redis accepts writes; otherwise the limit that it has reached, or that it did not answer.
   */
  seats: 'ok' | 'unavailable' | 'commands' | 'memory' | 'bandwidth' | 'read-only';
  /**
   * Whether Firestore accepts writes.
   */
  records: 'ok' | 'unavailable';
  /**
   * Whether the Pub/Sub topic exists. The backlog shows whether publishing works.
   */
  events: 'ok' | 'unavailable';
  /**
   * Whether the signing key can be reached.
   */
  signing: 'ok' | 'unavailable';
  /**
   * Whether Stripe answers and accepts our key, as of the last 30 seconds. `off`: payments are not configured.
   */
  billing: 'ok' | 'unavailable' | 'off';
}
export interface DeviceCodeExpiredProblem {
  status: 400;
  code: 'DEVICE_CODE_EXPIRED';
}
export interface DeviceDecideRequest {
  /**
   * From the page: what the user decides about.
   */
  ticket: string;
  decision: 'allow' | 'deny';
}
export interface DeviceStartAnswer {
  /**
   * Secret: only the program uses it.
   */
  device_code: string;
  /**
   * The user enters it at `verification_uri`, or compares it.
   */
  user_code: string;
  verification_uri: string;
  /**
   * The address with the code, for a QR code.
   */
  verification_uri_complete: string;
  /**
   * Seconds until both codes expire.
   */
  expires_in: number;
  /**
   * The fewest seconds between two requests for the token.
   */
  interval: number;
}
export interface DeviceStartRequest {
  /**
   * A registered native program. For your own: `seatlease-sdk`, or an id that the vendor has registered.
   */
  client_id: string;
}
export interface DomainNotClaimedProblem {
  status: 409;
  code: 'DOMAIN_NOT_CLAIMED';
}
export interface DomainNotVerifiedProblem {
  status: 409;
  code: 'DOMAIN_NOT_VERIFIED';
}
export interface DomainPublicProblem {
  status: 409;
  code: 'DOMAIN_PUBLIC';
}
export interface DomainTakenProblem {
  status: 409;
  code: 'DOMAIN_TAKEN';
}
/**
 * What the license gives to a program beside its seat.
 */
export interface Entitlements {
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Numbers that the vendor's app gives a meaning to.
   */
  limits: {
    [k: string]: number;
  };
  /**
   * Version of the license that grants them. It increases with every change.
   */
  version: number;
}
export interface ErasurePlan {
  /**
   * Valid for ten minutes, and only for the caller who requested it.
   */
  confirmation_token: string;
  expires_at: Timestamp;
  /**
   * User to be erased; null if only a tenant is erased.
   */
  user_id: UserId | null;
  /**
   * Tenants to be erased: the one in the request, or those whose only member is the user.
   */
  tenants_that_go: TenantId[];
}
export interface ErasureReceipt {
  erasure_id: ErasureId;
  requested_at: Timestamp;
  /**
   * null if one request is too short. The erasure then continues on its own: repeat the request to check.
   */
  completed_at: Timestamp | null;
  erased: {
    /**
     * Sessions that were ended and removed, with everything their clients sent about themselves.
     */
    sessions: number;
    /**
     * Session histories that no longer show who held the seat.
     */
    session_histories: number;
    /**
     * Audit events that no longer show who held the seat, who caused them or whom they are about. The audit chain stays intact.
     */
    audit_events: number;
    memberships: number;
    invitations: number;
    sign_ins: number;
    /**
     * Tenants that were closed. Their licenses are suspended.
     */
    tenants: number;
    users: number;
  };
  /**
   * Audit events that could not be read, at most 100. They may still show who is erased: update the server, then repeat the request.
   */
  unreadable: number;
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
    | 'license.signed'
    | 'subscription.trial_ending'
    | 'subscription.paid'
    | 'subscription.payment_failed'
    | 'subscription.refunded'
    | 'subscription.disputed'
    | 'subscription.ended'
    | 'subscription.needs_review'
    | 'tenant.created'
    | 'tenant.updated'
    | 'tenant.closed'
    | 'member.joined'
    | 'member.role_changed'
    | 'member.removed'
    | 'invitation.created'
    | 'invitation.accepted'
    | 'invitation.declined'
    | 'invitation.withdrawn'
    | 'ownership.offered'
    | 'ownership.declined'
    | 'ownership.withdrawn'
    | 'ownership.transferred'
    | 'domain.claimed'
    | 'domain.released'
    | 'user.created'
    | 'user.signed_in'
    | 'user.signed_out'
    | 'checkout.created'
    | 'subscription.end_requested'
    | 'subscription.canceled'
    | 'subscription.kept'
    | 'subscription.paused'
    | 'subscription.resumed'
    | 'subscription.hold_lifted'
    | 'subscription.change_requested'
    | 'subscription.changed'
    | 'data.exported'
    | 'erasure.requested'
    | 'erasure.started'
    | 'erasure.completed'
    | 'operator_token.created'
    | 'operator_token.revoked'
    | 'signing_key.revoked'
    | 'signing_key.restored'
    | 'signature.revoked'
    | 'signature.restored'
    | 'usage.refused'
    | 'stripe_event.set_aside'
    | 'stripe_event.retried'
    | 'usage.rejected'
    | 'usage.voided';
  /**
   * `vendor` for events of no tenant.
   */
  tenant_id: string | 'vendor';
  license_id: string | null;
  session_id: string | null;
  at: string;
  /**
   * Orders events of one millisecond.
   */
  position: string;
  actor: ActorJson;
  /**
   * `X-Request-Id` of the request that caused it.
   */
  request_id?: string;
  /**
   * Pseudonym of the machine, user or process that holds the seat.
   */
  holder?: string;
  acquired_at?: string;
  borrowed_until?: string;
  /**
   * When the program started without the server, by its own clock: at most 90 days before `at`, and never after it. Present only if its client reported it.
   */
  offline_since?: string;
  /**
   * What became of the seat: the session took it, other sessions had or have it too, or the session was its last. In every event of type `session.*`.
   */
  seat?: 'taken' | 'kept' | 'freed';
  /**
   * The exact number of seats in use when the event was written, see `writtenAtMs`.
   */
  active?: number;
  /**
   * Seats of the license at that time, without overdraft.
   */
  max?: number;
  /**
   * Why a session ended, or why a subscription needs a review, if the event type does not show it.
   */
  reason?:
    | 'lease_ran_out'
    | 'lost'
    | 'seats_reduced'
    | 'no_plan'
    | 'several_plans'
    | 'price_replaced'
    | 'too_few_seats'
    | 'too_many_seats'
    | 'unknown_status'
    | 'not_at_stripe';
  /**
   * Requests denied within the minute that began at the event's time.
   */
  count?: number;
  /**
   * The id of the signed license. A license whose id is in no event was not signed by this service.
   */
  jti?: string;
  /**
   * The license version that the event created.
   */
  version?: number;
  /**
   * The fields that an update changed. `plan`, `status` and `hold` have their new values if they are among them.
   */
  fields?: string[];
  /**
   * The license's plan, the status that its vendor set, and why its subscription holds it back, if the event changed it.
   */
  plan?: string;
  status?: 'active' | 'suspended';
  hold?: string | null;
  /**
   * At Stripe: the invoice that was paid, not paid, refunded or disputed.
   */
  invoice_id?: string;
  /**
   * At Stripe: the dispute.
   */
  dispute_id?: string;
  /**
   * Id of what the event is about, if it is neither the tenant, the license nor the session; null if there is nothing else, or once it was erased.
   */
  subject: string | null;
  role?: 'member' | 'admin' | 'owner';
  previous_role?: 'member' | 'admin' | 'owner';
  /**
   * Why an operator did it. Only operators get it.
   */
  note?: string;
  quantity?: number;
  /**
   * Error code of Stripe.
   */
  because?: string;
  /**
   * Of a change of a subscription, with `plan` and the values before it.
   */
  seats?: number;
  previous_seats?: number;
  previous_plan?: string;
  interval?: string;
  previous_interval?: string;
  pause?: 'collection' | 'subscription';
  /**
   * Usage that was sent to Stripe right before the subscription ended, and what became of it.
   */
  usage?: {
    meter: string;
    outcome: 'sent' | 'late' | 'refused' | 'uncertain';
    records: number;
    quantity: number;
  }[];
  /**
   * A point in time, as RFC 3339 text.
   */
  recorded_at: string;
}
export interface ExportedInvitation {
  invitation_id: InvitationId;
  /**
   * The address that the invited user must sign in with.
   */
  email: string;
  /**
   * The role that the invited user gets in the tenant.
   */
  role: 'member' | 'admin' | 'owner';
  /**
   * The member who invited; null for an operator.
   */
  invited_by: UserId | null;
  invited_at: Timestamp;
  expires_at: Timestamp;
  tenant_id: TenantId;
}
export interface ExportedLicense {
  license_id: LicenseId;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Limits that the vendor's app defines, by name.
   */
  limits: {
    [k: string]: number;
  };
  /**
   * Number of seats.
   */
  max: number;
  /**
   * Number of seats granted in addition to `max`.
   */
  overdraft: number;
  /**
   * How long a seat is held without a heartbeat.
   */
  ttl_seconds: number;
  /**
   * How often a client must send a heartbeat.
   */
  heartbeat_seconds: number;
  /**
   * What uses one seat: a machine, a user or a process.
   */
  unit: 'machine' | 'user' | 'process';
  /**
   * How many programs can use one seat at once.
   */
  max_sessions: number;
  /**
   * The status in effect. It is also `suspended` while `hold` is set.
   */
  status: 'active' | 'suspended';
  /**
   * Why the subscription gives no seats. The vendor cannot lift it by changing `status`.
   */
  hold: ('payment' | 'paused' | 'dispute' | 'refund') | null;
  /**
   * The subscription that pays for the license, or the last one that did.
   */
  subscription_id: string | null;
  /**
   * true for a trial, until the license is paid for.
   */
  trial: boolean;
  /**
   * When the license expires; null if it never expires.
   */
  valid_until: Timestamp | null;
  /**
   * How many days a client may run offline, without a heartbeat.
   */
  offline_grace_days: number;
  /**
   * How many days after its last contact a client may start offline, although it released its seat.
   */
  offline_start_days: number;
  /**
   * How many machines can have a signed license at once.
   */
  signed_limit: number;
  /**
   * `max_days`: how long a seat can be borrowed, 0 for never. `low_water`: seats that cannot be borrowed.
   */
  borrow: {
    max_days: number;
    low_water: number;
  };
  /**
   * Caps of metered usage on one day, by meter, that were set for this license. 0: it cannot use the meter.
   */
  usage_caps: {
    [k: string]: number;
  };
  /**
   * The least that one usage record can report, by meter, where it was set for this license.
   */
  usage_floors: {
    [k: string]: number;
  };
  created_at: Timestamp;
  updated_at: Timestamp;
}
/**
 * A borrowed seat, as it is recorded until a day after its end.
 */
export interface ExportedLoan {
  session_id: SessionId;
  license_id: LicenseId;
  /**
   * Pseudonyms of the seat's holder and of the machine.
   */
  holder: string;
  machine: string;
  acquired_at: Timestamp;
  borrowed_until: Timestamp;
}
/**
 * A session whose client data is still stored: it holds a seat, or its lease expired within the last hour.
 */
export interface ExportedSession {
  session_id: SessionId;
  license_id: LicenseId;
  /**
   * A program that runs, or a borrowed seat.
   */
  kind: 'program' | 'loan';
  /**
   * Pseudonym of the machine, user or process that the seat is counted by.
   */
  holder: string;
  /**
   * Whether it holds a seat now.
   */
  is_seated: boolean;
  /**
   * Identifies the machine, as the app sent it.
   */
  fingerprint: string;
  /**
   * Name of the machine, if the app sent it.
   */
  hostname: string | null;
  /**
   * The user's id in this API, or the id that the vendor's app sent.
   */
  user_id: string | null;
  /**
   * The process on the machine, if the app sent it.
   */
  process_id: string | null;
  app_version: string | null;
}
export interface ExportedSubscription {
  subscription_id: string;
  /**
   * The license that the subscription pays for.
   */
  license_id: string;
  /**
   * null if no price of the subscription ever belonged to a plan.
   */
  plan: ('free' | 'pro' | 'team' | 'enterprise') | null;
  seats: number;
  /**
   * What its seats cost, by price: more than one if seats have different billing intervals, or cost different amounts.
   */
  items: SeatItem[];
  /**
   * Why the vendor must look at the subscription, else null. no_plan, several_plans and price_replaced: what it pays for is not recognised; the license keeps its plan and seats, and gets none if `plan` is null. too_few_seats and too_many_seats: outside what the plan is sold with. unknown_status and not_at_stripe: its status at Stripe is not known, or Stripe does not have it; it stays what it was until the end that it had.
   */
  needs_review:
    | (
        | 'no_plan'
        | 'several_plans'
        | 'price_replaced'
        | 'too_few_seats'
        | 'too_many_seats'
        | 'unknown_status'
        | 'not_at_stripe'
      )
    | null;
  /**
   * The status at Stripe.
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
   * When the subscription ends, if a cancellation is scheduled; else null.
   */
  cancel_at: Timestamp | null;
  ended_at: Timestamp | null;
  /**
   * Id of the customer at Stripe.
   */
  customer_id: string;
  /**
   * A point in time, as RFC 3339 text.
   */
  period_end: string;
  /**
   * When the oldest unpaid invoice was due; null if nothing is unpaid.
   */
  unpaid_since: Timestamp | null;
  latest_invoice_id: string | null;
  /**
   * Disputes about payments: the status of each, by its id at Stripe.
   */
  disputes: {
    [k: string]: string;
  };
  /**
   * Invoices that were refunded and hold the license back.
   */
  refunded_invoice_ids: string[];
}
export interface ExtendedSession {
  status: 'heartbeat_acknowledged';
  session_id: SessionId;
  /**
   * Replaces the previous token.
   */
  session_token: string;
  /**
   * Seconds until `expires_at`: the license's TTL, or what remains of the loan or of the license.
   */
  ttl_extended_to: number;
  expires_at: Timestamp;
  next_heartbeat_due: Timestamp;
  /**
   * Present, and true, only if the session had lost its seat and got a seat again.
   */
  revived?: true;
  entitlements?: Entitlements1;
}
/**
 * Present only if they have changed since the token was issued, or if you sent no token.
 */
export interface Entitlements1 {
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Numbers that the vendor's app gives a meaning to.
   */
  limits: {
    [k: string]: number;
  };
  /**
   * Version of the license that grants them. It increases with every change.
   */
  version: number;
}
export interface ExtendedSessions {
  results: (
    | {
        status: 'heartbeat_acknowledged';
        session_id: SessionId;
        /**
         * Replaces the previous token.
         */
        session_token: string;
        /**
         * Seconds until `expires_at`: the license's TTL, or what remains of the loan or of the license.
         */
        ttl_extended_to: number;
        expires_at: Timestamp;
        next_heartbeat_due: Timestamp;
        /**
         * Present, and true, only if the session had lost its seat and got a seat again.
         */
        revived?: true;
      }
    | {
        status: 'session_not_found';
        session_id: SessionId;
        /**
         * Why it has ended. Treat other values like `unknown`. Acquire again after `expired` and `unknown`.
         */
        ended: 'released' | 'evicted' | 'expired' | 'unknown';
      }
  )[];
  entitlements?: Entitlements2;
}
/**
 * Present only if they have changed since a token was issued, or if a token is missing.
 */
export interface Entitlements2 {
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Numbers that the vendor's app gives a meaning to.
   */
  limits: {
    [k: string]: number;
  };
  /**
   * Version of the license that grants them. It increases with every change.
   */
  version: number;
}
export interface ForbiddenProblem {
  status: 403;
  code: 'FORBIDDEN';
}
export interface GdprDeleteAskRequest {
  /**
   * User to erase. For operators who received the request outside this API.
   */
  user_id?: string;
  /**
   * Tenant to erase. Its members keep their user accounts.
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
export interface GrantUnsupportedProblem {
  status: 400;
  code: 'GRANT_UNSUPPORTED';
}
/**
 * With `deep=1` it has all fields, otherwise only `status`.
 */
export interface Health {
  /**
   * `unavailable` if another status is not `ok`, except that without payments alone it is `degraded`: seats do not depend on Stripe.
   */
  status: 'ok' | 'degraded' | 'unavailable';
  dependencies?: Dependencies;
  sweep?: Sweep;
  backlog?: Backlog;
  /**
   * Version of the release.
   */
  version?: string;
  /**
   * Commit that it was bundled from, with `-dirty` if files were changed; null if unknown.
   */
  commit?: string | null;
}
export interface Sweep {
  /**
   * `late`: no sweep has succeeded for 10 minutes. `unknown`: the records are unavailable.
   */
  status: 'ok' | 'late' | 'unknown';
  /**
   * When the last sweep that reached every dependency ended; null if there was none.
   */
  succeeded_at: string | null;
}
/**
 * A hold, for operators.
 */
export interface Hold {
  /**
   * To lift it: the id of the dispute or of the refunded invoice.
   */
  hold_id: string;
  kind: 'payment' | 'paused' | 'dispute' | 'refund';
  /**
   * null if Stripe does not report it.
   */
  since: Timestamp | null;
  dispute_id: string | null;
  /**
   * The invoice that was refunded, or is unpaid.
   */
  invoice_id: string | null;
  refund_id: string | null;
  /**
   * At Stripe, when it was last read: the status of the dispute, the refund or the subscription.
   */
  status: string;
  /**
   * What ends it, if it is not lifted.
   */
  ends_when: string;
  /**
   * null if it was not lifted.
   */
  lifted: {
    at: Timestamp;
    by: ActorJson;
    reason: string;
  } | null;
}
export interface HoldNotFoundProblem {
  status: 404;
  code: 'HOLD_NOT_FOUND';
}
export interface HoldNotLiftableProblem {
  status: 409;
  code: 'HOLD_NOT_LIFTABLE';
}
export interface HolderRequiredProblem {
  status: 400;
  code: 'HOLDER_REQUIRED';
}
export interface IdempotencyKeyReusedProblem {
  status: 422;
  code: 'IDEMPOTENCY_KEY_REUSED';
}
export interface InsufficientScopeProblem {
  status: 403;
  code: 'INSUFFICIENT_SCOPE';
  /**
   * The missing scopes.
   */
  scopes: string[];
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
   * The address that the invited user must sign in with.
   */
  email: string;
  /**
   * The role that the invited user gets in the tenant.
   */
  role: 'member' | 'admin' | 'owner';
  /**
   * The member who invited; null for an operator.
   */
  invited_by: UserId | null;
  invited_at: Timestamp;
  expires_at: Timestamp;
}
export interface InvitationNotFoundProblem {
  status: 404;
  code: 'INVITATION_NOT_FOUND';
}
export interface InvitationPage {
  invitations: Invitation[];
  next_cursor: string | null;
}
export interface InvoiceNotPaidProblem {
  status: 409;
  code: 'INVOICE_NOT_PAID';
}
export interface Joined {
  tenant_id: TenantId;
  role: 'member' | 'admin' | 'owner';
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
   * Limits that the vendor's app defines, by name.
   */
  limits: {
    [k: string]: number;
  };
  /**
   * Number of seats.
   */
  max: number;
  /**
   * Number of seats granted in addition to `max`.
   */
  overdraft: number;
  /**
   * How long a seat is held without a heartbeat.
   */
  ttl_seconds: number;
  /**
   * How often a client must send a heartbeat.
   */
  heartbeat_seconds: number;
  /**
   * What uses one seat: a machine, a user or a process.
   */
  unit: 'machine' | 'user' | 'process';
  /**
   * How many programs can use one seat at once.
   */
  max_sessions: number;
  /**
   * The status in effect. It is also `suspended` while `hold` is set.
   */
  status: 'active' | 'suspended';
  /**
   * Why the subscription gives no seats. The vendor cannot lift it by changing `status`.
   */
  hold: ('payment' | 'paused' | 'dispute' | 'refund') | null;
  /**
   * The subscription that pays for the license, or the last one that did.
   */
  subscription_id: string | null;
  /**
   * true for a trial, until the license is paid for.
   */
  trial: boolean;
  /**
   * When the license expires; null if it never expires.
   */
  valid_until: Timestamp | null;
  /**
   * How many days a client may run offline, without a heartbeat.
   */
  offline_grace_days: number;
  /**
   * How many days after its last contact a client may start offline, although it released its seat.
   */
  offline_start_days: number;
  /**
   * How many machines can have a signed license at once.
   */
  signed_limit: number;
  /**
   * `max_days`: how long a seat can be borrowed, 0 for never. `low_water`: seats that cannot be borrowed.
   */
  borrow: {
    max_days: number;
    low_water: number;
  };
  /**
   * Caps of metered usage on one day, by meter, that were set for this license. 0: it cannot use the meter.
   */
  usage_caps: {
    [k: string]: number;
  };
  /**
   * The least that one usage record can report, by meter, where it was set for this license.
   */
  usage_floors: {
    [k: string]: number;
  };
  created_at: Timestamp;
  updated_at: Timestamp;
  tenant_id: TenantId;
  /**
   * The terms that were set for this license. All others follow from its plan and the number of seats.
   */
  overrides: (
    | 'features'
    | 'limits'
    | 'ttl_seconds'
    | 'heartbeat_seconds'
    | 'max_sessions'
    | 'offline_grace_days'
    | 'offline_start_days'
    | 'signed_limit'
    | 'borrow'
    | 'requests_per_minute'
    | 'usage_caps'
    | 'usage_floors'
  )[];
  /**
   * The rate limit in effect: the one that was set, or the default for the number of seats.
   */
  requests_per_minute: number;
}
/**
 * The content of a signed license, in the names and formats that everyone who verifies one sees: the license can be used offline on the machine with `fingerprint` until `offline_until`. It names no session, because later sessions of the same holder on that machine use it, too.
 */
export interface LicenseData {
  /**
   * Unique for each signed license: with it one can be revoked, and found in the audit log (RFC 7519 section 4.1.7).
   */
  jti: string;
  license_id: string;
  tenant_id: string;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Numbers that the vendor's app defines, by name.
   */
  limits: {
    [k: string]: number;
  };
  /**
   * Seats of the license: how many can be held at once, including this one.
   */
  seats: number;
  fingerprint: string;
  issued_at: string;
  /**
   * When this document expires. Equal to `offline_until`, for readers who expect the usual name.
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
   * Limits that the vendor's app defines, by name.
   */
  limits: {
    [k: string]: number;
  };
  /**
   * Number of seats.
   */
  max: number;
  /**
   * Number of seats granted in addition to `max`.
   */
  overdraft: number;
  /**
   * How long a seat is held without a heartbeat.
   */
  ttl_seconds: number;
  /**
   * How often a client must send a heartbeat.
   */
  heartbeat_seconds: number;
  /**
   * What uses one seat: a machine, a user or a process.
   */
  unit: 'machine' | 'user' | 'process';
  /**
   * How many programs can use one seat at once.
   */
  max_sessions: number;
  /**
   * The status in effect. It is also `suspended` while `hold` is set.
   */
  status: 'active' | 'suspended';
  /**
   * Why the subscription gives no seats. The vendor cannot lift it by changing `status`.
   */
  hold: ('payment' | 'paused' | 'dispute' | 'refund') | null;
  /**
   * The subscription that pays for the license, or the last one that did.
   */
  subscription_id: string | null;
  /**
   * true for a trial, until the license is paid for.
   */
  trial: boolean;
  /**
   * When the license expires; null if it never expires.
   */
  valid_until: Timestamp | null;
  /**
   * How many days a client may run offline, without a heartbeat.
   */
  offline_grace_days: number;
  /**
   * How many days after its last contact a client may start offline, although it released its seat.
   */
  offline_start_days: number;
  /**
   * How many machines can have a signed license at once.
   */
  signed_limit: number;
  /**
   * `max_days`: how long a seat can be borrowed, 0 for never. `low_water`: seats that cannot be borrowed.
   */
  borrow: {
    max_days: number;
    low_water: number;
  };
  /**
   * Caps of metered usage on one day, by meter, that were set for this license. 0: it cannot use the meter.
   */
  usage_caps: {
    [k: string]: number;
  };
  /**
   * The least that one usage record can report, by meter, where it was set for this license.
   */
  usage_floors: {
    [k: string]: number;
  };
  created_at: Timestamp;
  updated_at: Timestamp;
  tenant_id: TenantId;
  /**
   * The terms that were set for this license. All others follow from its plan and the number of seats.
   */
  overrides: (
    | 'features'
    | 'limits'
    | 'ttl_seconds'
    | 'heartbeat_seconds'
    | 'max_sessions'
    | 'offline_grace_days'
    | 'offline_start_days'
    | 'signed_limit'
    | 'borrow'
    | 'requests_per_minute'
    | 'usage_caps'
    | 'usage_floors'
  )[];
  /**
   * The rate limit in effect: the one that was set, or the default for the number of seats.
   */
  requests_per_minute: number;
  /**
   * Returned only once; only its hash is stored.
   */
  license_key: string;
}
export interface LicenseWithSeats {
  license_id: LicenseId;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  features: string[];
  /**
   * Limits that the vendor's app defines, by name.
   */
  limits: {
    [k: string]: number;
  };
  /**
   * Number of seats.
   */
  max: number;
  /**
   * Number of seats granted in addition to `max`.
   */
  overdraft: number;
  /**
   * How long a seat is held without a heartbeat.
   */
  ttl_seconds: number;
  /**
   * How often a client must send a heartbeat.
   */
  heartbeat_seconds: number;
  /**
   * What uses one seat: a machine, a user or a process.
   */
  unit: 'machine' | 'user' | 'process';
  /**
   * How many programs can use one seat at once.
   */
  max_sessions: number;
  /**
   * The status in effect. It is also `suspended` while `hold` is set.
   */
  status: 'active' | 'suspended';
  /**
   * Why the subscription gives no seats. The vendor cannot lift it by changing `status`.
   */
  hold: ('payment' | 'paused' | 'dispute' | 'refund') | null;
  /**
   * The subscription that pays for the license, or the last one that did.
   */
  subscription_id: string | null;
  /**
   * true for a trial, until the license is paid for.
   */
  trial: boolean;
  /**
   * When the license expires; null if it never expires.
   */
  valid_until: Timestamp | null;
  /**
   * How many days a client may run offline, without a heartbeat.
   */
  offline_grace_days: number;
  /**
   * How many days after its last contact a client may start offline, although it released its seat.
   */
  offline_start_days: number;
  /**
   * How many machines can have a signed license at once.
   */
  signed_limit: number;
  /**
   * `max_days`: how long a seat can be borrowed, 0 for never. `low_water`: seats that cannot be borrowed.
   */
  borrow: {
    max_days: number;
    low_water: number;
  };
  /**
   * Caps of metered usage on one day, by meter, that were set for this license. 0: it cannot use the meter.
   */
  usage_caps: {
    [k: string]: number;
  };
  /**
   * The least that one usage record can report, by meter, where it was set for this license.
   */
  usage_floors: {
    [k: string]: number;
  };
  created_at: Timestamp;
  updated_at: Timestamp;
  tenant_id: TenantId;
  /**
   * The terms that were set for this license. All others follow from its plan and the number of seats.
   */
  overrides: (
    | 'features'
    | 'limits'
    | 'ttl_seconds'
    | 'heartbeat_seconds'
    | 'max_sessions'
    | 'offline_grace_days'
    | 'offline_start_days'
    | 'signed_limit'
    | 'borrow'
    | 'requests_per_minute'
    | 'usage_caps'
    | 'usage_floors'
  )[];
  /**
   * The rate limit in effect: the one that was set, or the default for the number of seats.
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
   * Gives the license all terms that are not set for it.
   */
  plan?: 'free' | 'pro' | 'team' | 'enterprise';
  /**
   * Seconds that a seat is held after the last heartbeat. null to use the value of the plan.
   */
  ttl_seconds?: number | null;
  /**
   * Must be less than `ttl_seconds`. null for the default: five sixths of it.
   */
  heartbeat_seconds?: number | null;
  /**
   * Replaces the features of the plan. null to use the features of the plan.
   */
  features?: Features | null;
  /**
   * Added to the limits of the plan; a limit with the same name replaces the plan's. Replaces what was set before. null to use the limits of the plan.
   */
  limits?: Limits | null;
  /**
   * How many programs can use one seat at once. null to use the value of the plan.
   */
  max_sessions?: number | null;
  /**
   * Can be set only with the enterprise plan. null to use the value of the plan.
   */
  offline_grace_days?: number | null;
  /**
   * How many days after its last contact a client may start offline, although it released its seat. Must not exceed `offline_grace_days`. null to use the value of the plan.
   */
  offline_start_days?: number | null;
  /**
   * How many machines can have a signed license at once. null to use the value of the plan, or ten for each seat.
   */
  signed_limit?: number | null;
  /**
   * For how many days a seat can be borrowed (0: not at all), and how many seats of `max` can only be used online. null to use the values of the plan.
   */
  borrow?: {
    max_days: number;
    low_water?: number;
  } | null;
  /**
   * Limit for acquire requests and early heartbeats of all clients. null to derive it from the number of seats.
   */
  requests_per_minute?: number | null;
  /**
   * The most that can be used of a meter on one day (UTC), by meter, in place of `USAGE_CAPS`; 0: not at all. Replaces what was set before. null to use the setting for all meters.
   */
  usage_caps?: {
    [k: string]: number;
  } | null;
  /**
   * The least that one usage record can report, by meter, in place of `USAGE_FLOORS`. null to use the setting.
   */
  usage_floors?: {
    [k: string]: number;
  } | null;
  /**
   * null for a license that does not expire.
   */
  valid_until?: string | null;
}
/**
 * At most 32 limits that the vendor's app defines, by name.
 */
export interface Limits {
  [k: string]: number;
}
export interface LicensesCreateRequest {
  tenant_id?: TenantId;
  /**
   * Number of seats.
   */
  max: number;
  /**
   * What seats are counted by. Default: `machine`.
   */
  unit?: 'machine' | 'user' | 'process';
  /**
   * Seats granted beyond `max` and marked `overdraft`.
   */
  overdraft?: number;
  /**
   * Gives the license all terms that are not set for it.
   */
  plan?: 'free' | 'pro' | 'team' | 'enterprise';
  /**
   * Seconds that a seat is held after the last heartbeat. null to use the value of the plan.
   */
  ttl_seconds?: number | null;
  /**
   * Must be less than `ttl_seconds`. null for the default: five sixths of it.
   */
  heartbeat_seconds?: number | null;
  /**
   * Replaces the features of the plan. null to use the features of the plan.
   */
  features?: Features | null;
  /**
   * Added to the limits of the plan; a limit with the same name replaces the plan's. Replaces what was set before. null to use the limits of the plan.
   */
  limits?: Limits | null;
  /**
   * How many programs can use one seat at once. null to use the value of the plan.
   */
  max_sessions?: number | null;
  /**
   * Can be set only with the enterprise plan. null to use the value of the plan.
   */
  offline_grace_days?: number | null;
  /**
   * How many days after its last contact a client may start offline, although it released its seat. Must not exceed `offline_grace_days`. null to use the value of the plan.
   */
  offline_start_days?: number | null;
  /**
   * How many machines can have a signed license at once. null to use the value of the plan, or ten for each seat.
   */
  signed_limit?: number | null;
  /**
   * For how many days a seat can be borrowed (0: not at all), and how many seats of `max` can only be used online. null to use the values of the plan.
   */
  borrow?: {
    max_days: number;
    low_water?: number;
  } | null;
  /**
   * Limit for acquire requests and early heartbeats of all clients. null to derive it from the number of seats.
   */
  requests_per_minute?: number | null;
  /**
   * The most that can be used of a meter on one day (UTC), by meter, in place of `USAGE_CAPS`; 0: not at all. Replaces what was set before. null to use the setting for all meters.
   */
  usage_caps?: {
    [k: string]: number;
  } | null;
  /**
   * The least that one usage record can report, by meter, in place of `USAGE_FLOORS`. null to use the setting.
   */
  usage_floors?: {
    [k: string]: number;
  } | null;
  /**
   * null for a license that does not expire.
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
export interface ListedKey {
  /**
   * The public key: SubjectPublicKeyInfo in PEM.
   */
  public_key: string;
  key_id: string;
  algorithm: 'RSA_SIGN_PKCS1_4096_SHA256';
  /**
   * A point in time, as RFC 3339 text.
   */
  revoked_since?: string;
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
 * What a license used of one meter on one day (UTC).
 */
export interface MeteredDay {
  license_id: LicenseId;
  meter: string;
  day: Timestamp;
  quantity: number;
  /**
   * Number of usage records that `quantity` is the sum of.
   */
  records: number;
}
export interface NewOperatorToken {
  token_id: OperatorTokenId;
  name: string;
  /**
   * Scopes of another release can have other names.
   */
  scopes: string[];
  /**
   * `expiring`: it expires within 14 days.
   */
  status: 'active' | 'expiring' | 'expired' | 'revoked';
  created_at: Timestamp;
  created_by: ActorJson1;
  expires_at: Timestamp;
  /**
   * Up to an hour before the last call with it; null before the first.
   */
  last_used_at: Timestamp | null;
  revoked_at: Timestamp | null;
  /**
   * The token itself, `slo_…`. It is returned only here: keep it secret.
   */
  operator_token: string;
}
/**
 * A user, an operator, a license key or one of our own functions; `id` is null once it was erased.
 */
export interface ActorJson1 {
  type: 'user' | 'operator' | 'license' | 'system';
  /**
   * A user's id; of an operator, the id of the user or of the operator token, or `bootstrap` for the operator key of the configuration; the id of the license whose key was used; or a name of our own. `null` once it was erased.
   */
  id: string | null;
}
export interface NoBillingAccountProblem {
  status: 409;
  code: 'NO_BILLING_ACCOUNT';
}
export interface NotEntitledProblem {
  status: 403;
  code: 'NOT_ENTITLED';
  /**
   * The invalid fields.
   */
  errors: FieldError[];
}
/**
 * An OAuth error (RFC 6749 section 5.2), with the members of a problem.
 */
export interface OAuthError {
  /**
   * The error code of OAuth.
   */
  error: string;
  /**
   * What went wrong, in words that may change.
   */
  error_description: string;
}
export interface Offer {
  invitation_id: InvitationId;
  tenant_id: TenantId;
  tenant_name: string;
  /**
   * The role that you get in the tenant.
   */
  role: 'member' | 'admin' | 'owner';
  /**
   * The member who invites you; null if the vendor does, or if the member is gone.
   */
  invited_by: {
    name: string;
    email: string;
  } | null;
  invited_at: Timestamp;
  expires_at: Timestamp;
}
export interface Offers {
  invitations: Offer[];
  /**
   * Tenants that you are a member of, and whose ownership is offered to you.
   */
  transfers: TransferOffer[];
}
export interface TransferOffer {
  tenant_id: TenantId;
  tenant_name: string;
  offered_at: Timestamp;
  expires_at: Timestamp;
}
export interface OperatorToken {
  token_id: OperatorTokenId;
  name: string;
  /**
   * Scopes of another release can have other names.
   */
  scopes: string[];
  /**
   * `expiring`: it expires within 14 days.
   */
  status: 'active' | 'expiring' | 'expired' | 'revoked';
  created_at: Timestamp;
  created_by: ActorJson2;
  expires_at: Timestamp;
  /**
   * Up to an hour before the last call with it; null before the first.
   */
  last_used_at: Timestamp | null;
  revoked_at: Timestamp | null;
}
/**
 * A user, an operator, a license key or one of our own functions; `id` is null once it was erased.
 */
export interface ActorJson2 {
  type: 'user' | 'operator' | 'license' | 'system';
  /**
   * A user's id; of an operator, the id of the user or of the operator token, or `bootstrap` for the operator key of the configuration; the id of the license whose key was used; or a name of our own. `null` once it was erased.
   */
  id: string | null;
}
export interface OperatorTokenNotFoundProblem {
  status: 404;
  code: 'OPERATOR_TOKEN_NOT_FOUND';
}
export interface OperatorTokenPage {
  operator_tokens: OperatorToken[];
  next_cursor: string | null;
}
export interface OperatorTokensCreateRequest {
  name: string;
  /**
   * @minItems 1
   * @maxItems 34
   */
  scopes: OperatorScope[];
  /**
   * Days until it expires. By default 90, or until the token that creates it expires.
   */
  expires_in_days?: number;
}
export interface OwnerMustStayProblem {
  status: 409;
  code: 'OWNER_MUST_STAY';
  /**
   * Tenants that need another owner first. Present if there can be several.
   */
  tenants?: TenantId[];
}
export interface PayloadTooLargeProblem {
  status: 413;
  code: 'PAYLOAD_TOO_LARGE';
}
export interface PaymentRequiredProblem {
  status: 402;
  code: 'PAYMENT_REQUIRED';
  /**
   * The page of Stripe where the invoice can be paid. The change is made once it is paid.
   */
  pay_url: string | null;
  /**
   * The invoice can be paid until then. Later, request the change again.
   */
  pay_until: string | null;
}
export interface PersonExport {
  exported_at: Timestamp;
  /**
   * False if there is more data than fits into one file (export shorter periods with `from` and `to`), or if some data cannot be read.
   */
  complete: boolean;
  person: {
    user_id: UserId;
    /**
     * As last reported by the sign-in provider, like the name and the domain.
     */
    email: string;
    /**
     * All addresses of the account, oldest first. What others did under one of them before or since is not included.
     */
    emails: {
      email: string;
      /**
       * A point in time, as RFC 3339 text.
       */
      from: string;
      /**
       * When a sign-in showed that the account no longer has it; null for the current address.
       */
      until: Timestamp | null;
    }[];
    name: string;
    /**
     * Google Workspace domain that manages the account; null for a personal account.
     */
    hosted_domain: string | null;
    /**
     * A point in time, as RFC 3339 text.
     */
    created_at: string;
    last_sign_in_at: Timestamp;
  };
  /**
   * Tenants that the user belongs to.
   */
  memberships: {
    tenant_id: TenantId;
    tenant_name: string;
    role: 'member' | 'admin' | 'owner';
    joined_at: Timestamp;
  }[];
  /**
   * Tenants that the user left, as long as they can still have data of the user.
   */
  former_memberships: {
    tenant_id: TenantId;
    joined_at: Timestamp;
    left_at: Timestamp;
  }[];
  /**
   * Active sign-ins, and those that ended recently.
   */
  sign_ins: {
    sign_in_id: string;
    created_at: Timestamp;
    /**
     * A point in time, as RFC 3339 text.
     */
    last_used_at: string;
    /**
     * A point in time, as RFC 3339 text.
     */
    expires_at: string;
    /**
     * null while it is active. `reused`: a token was used a second time and may have been stolen.
     */
    ended: ('signed_out' | 'reused' | 'removed' | 'expired') | null;
  }[];
  /**
   * Open invitations to an e-mail address of the user, made while the user had it.
   */
  invitations: ExportedInvitation[];
  /**
   * The trial that the account has used; null if there was none or it is no longer on record.
   */
  trial: {
    began_at: Timestamp;
    license_id: LicenseId | null;
  } | null;
  /**
   * The user's sessions, in licenses of their tenants and of those that they left.
   */
  sessions: ExportedSession[];
  /**
   * The user's borrowed seats.
   */
  loans: ExportedLoan[];
  /**
   * Histories of these sessions, and of others that were counted by one of the user's pseudonyms.
   */
  session_histories: SessionHistory[];
  /**
   * Events of these sessions, others that contain one of the user's pseudonyms, and those that the user caused or that are about the user.
   */
  audit_events: ExportedEvent[];
}
/**
 * The history of one session, as the API returns it.
 */
export interface SessionHistory {
  session_id: SessionId;
  license_id: LicenseId;
  /**
   * Pseudonym of the seat's holder; null after it was erased.
   */
  holder: string | null;
  /**
   * A point in time, as RFC 3339 text.
   */
  acquired_at: string;
  /**
   * null while the session holds a seat.
   */
  ended_at: Timestamp | null;
  end_reason: ('expired' | 'released' | 'evicted' | 'lost' | 'seats_reduced') | null;
  /**
   * Total time with a seat, up to the last end, in seconds.
   */
  seated_seconds: number;
  /**
   * How often its lease expired and it then got a seat again.
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
  /**
   * How many programs can use one seat at once.
   */
  max_sessions: number;
  offline_grace_days: number;
  /**
   * How many days after its last contact a client may start offline, although it released its seat.
   */
  offline_start_days: number;
  /**
   * How many machines can have a signed license at once; null for ten machines for each seat.
   */
  signed_limit: number | null;
  borrow: {
    max_days: number;
    low_water: number;
  };
  features: string[];
  /**
   * Limits that the vendor's app defines, by name.
   */
  limits: {
    [k: string]: number;
  };
  /**
   * Days that seats stay usable after a failed payment.
   */
  payment_grace_days: number;
  intervals: ('month' | 'year')[];
  /**
   * What a seat costs in each interval; null while the payment service is unavailable. A few minutes old.
   */
  prices: Price[] | null;
}
export interface Price {
  interval: 'month' | 'year';
  /**
   * ISO 4217, in lower case.
   */
  currency: string;
  /**
   * In the smallest unit of the currency, as Stripe counts it (docs.stripe.com/currencies#minor-units); null if it is not a whole number, or if the price of a seat depends on the number of seats.
   */
  unit_amount: number | null;
  /**
   * The same with decimals; null if the price of a seat depends on the number of seats.
   */
  unit_amount_decimal: string | null;
  /**
   * Whether the price of a seat depends on the number of seats. Stripe shows the total at checkout.
   */
  tiers: boolean;
  /**
   * Whether the amount includes taxes; unspecified if the vendor has not set it.
   */
  tax_behavior: 'inclusive' | 'exclusive' | 'unspecified';
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
   * The public key: SubjectPublicKeyInfo in PEM.
   */
  public_key: string;
  key_id: string;
  algorithm: 'RSA_SIGN_PKCS1_4096_SHA256';
  keys: ListedKey[];
}
export interface RateLimitedProblem {
  status: 429;
  code: 'RATE_LIMITED';
}
export interface RecordsUnavailableProblem {
  status: 503;
  code: 'RECORDS_UNAVAILABLE';
}
export interface ReleaseRequest {
  session_id: SessionId;
  /**
   * The latest token of the session. With it the session stays ended even if Redis has lost its data.
   */
  session_token?: SessionToken | null;
}
export interface ResumedSubscription {
  subscription_id: string;
  /**
   * The license that the subscription pays for.
   */
  license_id: string;
  /**
   * null if no price of the subscription ever belonged to a plan.
   */
  plan: ('free' | 'pro' | 'team' | 'enterprise') | null;
  seats: number;
  /**
   * What its seats cost, by price: more than one if seats have different billing intervals, or cost different amounts.
   */
  items: SeatItem[];
  /**
   * Why the vendor must look at the subscription, else null. no_plan, several_plans and price_replaced: what it pays for is not recognised; the license keeps its plan and seats, and gets none if `plan` is null. too_few_seats and too_many_seats: outside what the plan is sold with. unknown_status and not_at_stripe: its status at Stripe is not known, or Stripe does not have it; it stays what it was until the end that it had.
   */
  needs_review:
    | (
        | 'no_plan'
        | 'several_plans'
        | 'price_replaced'
        | 'too_few_seats'
        | 'too_many_seats'
        | 'unknown_status'
        | 'not_at_stripe'
      )
    | null;
  /**
   * The status at Stripe.
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
   * When the subscription ends, if a cancellation is scheduled; else null.
   */
  cancel_at: Timestamp | null;
  ended_at: Timestamp | null;
  tenant_id: TenantId;
  /**
   * How invoices are paid. automatic: Stripe charges a saved payment method. invoice: Stripe sends each invoice, which is paid by its due date.
   */
  collection: 'automatic' | 'invoice';
  /**
   * Whether the vendor paused collecting payments. The status does not show it.
   */
  collection_paused: boolean;
  /**
   * A point in time, as RFC 3339 text.
   */
  current_period_end: string;
  /**
   * While an invoice is unpaid: until when seats can still be used. For an invoice with a due date, also before that date.
   */
  grace_until: Timestamp | null;
  /**
   * Why seats, plan and interval cannot be changed now; null if they can, as far as the subscription shows it, or if it has ended.
   */
  unchangeable: Unchangeable | null;
  /**
   * A change that waits for its payment, as last read from Stripe; null if none does.
   */
  pending_change: PendingChange | null;
  /**
   * Why the license grants no seats now; null if the subscription does not hold it back.
   */
  hold: TenantHold | null;
  /**
   * Page of the invoice for the new period, if the subscription stays paused until it is paid; else null.
   */
  pay_url: string | null;
}
export interface RevocationNotFoundProblem {
  status: 404;
  code: 'REVOCATION_NOT_FOUND';
}
export interface Revocations {
  /**
   * Increases with each change; 0 if nothing was ever revoked.
   */
  sequence: number;
  keys: {
    key_id: string;
    /**
     * Licenses that were issued earlier stay valid; null: none does.
     */
    since: Timestamp | null;
    revoked_at: Timestamp;
    /**
     * Whether the key has signed its own revocation: apps that have only this key in their build learn it only from that.
     */
    is_self_signed: boolean;
  }[];
  licenses: {
    jti: string;
    license_id: LicenseId;
    /**
     * A point in time, as RFC 3339 text.
     */
    until: string;
    revoked_at: Timestamp;
  }[];
}
export interface RevocationsFullProblem {
  status: 409;
  code: 'REVOCATIONS_FULL';
}
export interface RevocationsRevokeRequest {
  /**
   * Not the key that signs now: rotate first. It must be enabled, because it signs its own revocation.
   */
  key_id?: string;
  /**
   * A point in time, as RFC 3339 text.
   */
  since?: string;
  jti?: string;
  license_id?: LicenseId;
}
export interface Seat {
  session_id: SessionId;
  /**
   * Revives the session after its lease has expired or Redis has lost its data. Send it with heartbeats; each returns a new token.
   */
  session_token: string;
  license_id: LicenseId;
  /**
   * Seats of the license that are taken, including this one, and seats in total.
   */
  seats: {
    active: number;
    max: number;
  };
  /**
   * Present, and true, only if `active` exceeds `max`.
   */
  overdraft?: true;
  entitlements: Entitlements;
  expires_at: Timestamp;
  /**
   * A point in time, as RFC 3339 text.
   */
  borrowed_until?: string;
  /**
   * Seconds until `expires_at`: the license's TTL, or what remains of the loan or of the license.
   */
  ttl: number;
  /**
   * Seconds between heartbeats.
   */
  heartbeat_interval: number;
  next_heartbeat_due: Timestamp;
  /**
   * Days that a running program with a signed license can continue without reaching the server.
   */
  offline_grace_days: number;
  /**
   * Days after its last contact during which a program with a signed license can start offline. 0: it cannot.
   */
  offline_start_days: number;
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
  /**
   * `program`: a running program. `loan`: a borrowed seat.
   */
  kind: 'program' | 'loan';
  /**
   * Pseudonym of the seat's holder: the machine, user or process. Sessions with the same holder share one seat.
   */
  holder: string;
  /**
   * A point in time, as RFC 3339 text.
   */
  seat_expires_at: string;
  fingerprint: string;
  hostname: string | null;
  user_id: string | null;
  process_id: string | null;
  app_version: string | null;
  acquired_at: Timestamp;
  expires_at: Timestamp;
  /**
   * When a loan ends; null for a program.
   */
  borrowed_until: Timestamp | null;
}
export interface SessionEndedProblem {
  status: 409;
  code: 'SESSION_ENDED';
  /**
   * How the session ended.
   */
  ended: 'released' | 'evicted';
}
export interface SessionHistoryPage {
  sessions: SessionHistory[];
  next_cursor: string | null;
}
export interface SessionNotFoundProblem {
  status: 404;
  code: 'SESSION_NOT_FOUND';
  /**
   * Why the session has ended, if the caller may know. Treat other values like `unknown`.
   */
  ended?: 'released' | 'evicted' | 'expired' | 'unknown';
}
export interface SessionPage {
  /**
   * `active`: seats in use, however many sessions they have.
   */
  seats: {
    active: number;
    max: number;
    overdraft: number;
  };
  sessions: Session[];
  next_cursor: string | null;
}
export interface SessionsExhaustedProblem {
  status: 409;
  code: 'SESSIONS_EXHAUSTED';
  /**
   * The most programs that can share one seat.
   */
  max_sessions: number;
}
export interface SignInDeniedProblem {
  status: 400;
  code: 'SIGN_IN_DENIED';
}
export interface SignInNotSetUpProblem {
  status: 503;
  code: 'SIGN_IN_NOT_SET_UP';
}
export interface SignRequest {
  /**
   * Required, here or in `license_data`.
   */
  session_id?: SessionId | null;
  /**
   * Limits what is signed. No field can exceed the license. Omitted fields are filled in from the license. Unknown fields are refused.
   */
  license_data?: {
    license_id?: LicenseId | null;
    tenant_id?: TenantId | null;
    plan?: ('free' | 'pro' | 'team' | 'enterprise') | null;
    features?: Features | null;
    limits?: Limits | null;
    seats?: number | null;
    fingerprint?: string | null;
    /**
     * Names the session in place of the `session_id` beside `license_data`. It is not signed.
     */
    session_id?: SessionId | null;
    expires_at?: string | null;
    offline_until?: string | null;
  } | null;
}
export interface SignedLicense {
  /**
   * RSASSA-PKCS1-v1_5 signature with SHA-256 over the bytes of `license_json`, in base64.
   */
  signed_license: string;
  license_data: LicenseData;
  /**
   * `license_data` exactly as it was signed: canonical JSON (RFC 8785), byte for byte.
   */
  license_json: string;
  /**
   * The same license as a JWT (RS256), in the claim `license`.
   */
  license_token: string;
  key_id: string;
  algorithm: 'RSA_SIGN_PKCS1_4096_SHA256';
}
export interface SignedLimitProblem {
  status: 409;
  code: 'SIGNED_LIMIT';
  /**
   * The most machines that can hold a signed license at once.
   */
  limit: number;
}
export interface SignedRevocations {
  /**
   * JWTs (RS256, `typ` `license-revocations+jwt`), each signed by another key. Empty if nothing was ever revoked.
   */
  tokens: string[];
}
export interface SigningBusyProblem {
  status: 503;
  code: 'SIGNING_BUSY';
}
export interface SigningKeyInUseProblem {
  status: 409;
  code: 'SIGNING_KEY_IN_USE';
}
export interface SigningKeyNotFoundProblem {
  status: 404;
  code: 'SIGNING_KEY_NOT_FOUND';
}
export interface SigningUnavailableProblem {
  status: 502;
  code: 'SIGNING_UNAVAILABLE';
}
export interface SlowDownProblem {
  status: 400;
  code: 'SLOW_DOWN';
}
export interface StoredUsage {
  id: string;
  meter: string;
  quantity: number;
  timestamp: Timestamp;
  received_at: Timestamp;
  state: 'new' | 'sending' | 'sent' | 'unbilled' | 'late' | 'refused' | 'uncertain' | 'over_cap' | 'voided';
  /**
   * Why it is not billed, or may not be: `over_cap`, `no_customer`, `no_price`, `subscription_ended`, `invoice_closed`, `too_old`, `outage`, or Stripe's error code; null if it is.
   */
  problem: string | null;
  /**
   * When Stripe got it; null if it did not, or that is not known.
   */
  sent_at: Timestamp | null;
  voided: {
    at: Timestamp;
    /**
     * In the words of the operator. Only operators get it.
     */
    reason?: string;
    at_stripe: 'not_billed' | 'cancel_pending' | 'canceled' | 'credit_note_needed';
  } | null;
}
/**
 * An event that is not done. It is found at Stripe by its id.
 */
export interface StripeEvent {
  event_id: StripeEventId;
  /**
   * Stripe's name, such as `invoice.paid`; null if it could not be read.
   */
  type: string | null;
  /**
   * `open`: it is tried again at `next_try_at`. `done`: it was processed completely.
   */
  status: 'open' | 'set_aside' | 'unreadable' | 'done';
  /**
   * The object of Stripe that it is about; null if it could not be read.
   */
  object_id: string | null;
  /**
   * How often it failed. Times when a dependency was unavailable are not counted.
   */
  tries: number;
  /**
   * Why it failed last, or cannot be read.
   */
  last_error: string | null;
  /**
   * When the sweep tries it next; null if it does not.
   */
  next_try_at: Timestamp | null;
  /**
   * When it happened at Stripe; null if it could not be read.
   */
  created_at: Timestamp | null;
  received_at: Timestamp;
}
export interface StripeEventNotFoundProblem {
  status: 404;
  code: 'STRIPE_EVENT_NOT_FOUND';
}
export interface StripeEventNotRetryableProblem {
  status: 409;
  code: 'STRIPE_EVENT_NOT_RETRYABLE';
}
export interface StripeEventPage {
  stripe_events: StripeEvent[];
  next_cursor: string | null;
}
/**
 * A subscription as the API returns it to its tenant.
 */
export interface Subscription {
  subscription_id: string;
  /**
   * The license that the subscription pays for.
   */
  license_id: string;
  /**
   * null if no price of the subscription ever belonged to a plan.
   */
  plan: ('free' | 'pro' | 'team' | 'enterprise') | null;
  seats: number;
  /**
   * What its seats cost, by price: more than one if seats have different billing intervals, or cost different amounts.
   */
  items: SeatItem[];
  /**
   * Why the vendor must look at the subscription, else null. no_plan, several_plans and price_replaced: what it pays for is not recognised; the license keeps its plan and seats, and gets none if `plan` is null. too_few_seats and too_many_seats: outside what the plan is sold with. unknown_status and not_at_stripe: its status at Stripe is not known, or Stripe does not have it; it stays what it was until the end that it had.
   */
  needs_review:
    | (
        | 'no_plan'
        | 'several_plans'
        | 'price_replaced'
        | 'too_few_seats'
        | 'too_many_seats'
        | 'unknown_status'
        | 'not_at_stripe'
      )
    | null;
  /**
   * The status at Stripe.
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
   * When the subscription ends, if a cancellation is scheduled; else null.
   */
  cancel_at: Timestamp | null;
  ended_at: Timestamp | null;
  tenant_id: TenantId;
  /**
   * How invoices are paid. automatic: Stripe charges a saved payment method. invoice: Stripe sends each invoice, which is paid by its due date.
   */
  collection: 'automatic' | 'invoice';
  /**
   * Whether the vendor paused collecting payments. The status does not show it.
   */
  collection_paused: boolean;
  /**
   * A point in time, as RFC 3339 text.
   */
  current_period_end: string;
  /**
   * While an invoice is unpaid: until when seats can still be used. For an invoice with a due date, also before that date.
   */
  grace_until: Timestamp | null;
  /**
   * Why seats, plan and interval cannot be changed now; null if they can, as far as the subscription shows it, or if it has ended.
   */
  unchangeable: Unchangeable | null;
  /**
   * A change that waits for its payment, as last read from Stripe; null if none does.
   */
  pending_change: PendingChange | null;
  /**
   * Why the license grants no seats now; null if the subscription does not hold it back.
   */
  hold: TenantHold | null;
}
export interface SubscriptionChangedProblem {
  status: 409;
  code: 'SUBSCRIPTION_CHANGED';
  /**
   * The number of seats now.
   */
  seats: number;
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
export interface SubscriptionStillEndingProblem {
  status: 409;
  code: 'SUBSCRIPTION_STILL_ENDING';
}
export interface SubscriptionUnchangeableProblem {
  status: 409;
  code: 'SUBSCRIPTION_UNCHANGEABLE';
  /**
   * Why it cannot be changed. The detail says what to do.
   */
  reason:
    | 'unpaid'
    | 'paused'
    | 'collection_paused'
    | 'scheduled'
    | 'ending'
    | 'held'
    | 'suspended'
    | 'lent'
    | 'several_items'
    | 'not_recognized'
    | 'changing'
    | 'rejected'
    | 'not_begun'
    | 'invoice_sent'
    | 'trialing'
    | 'not_charged';
}
export interface SubscriptionsChangeRequest {
  seats?: number;
  plan?: 'free' | 'pro' | 'team' | 'enterprise';
  /**
   * Billing interval. Another interval begins a new period now.
   */
  interval?: 'month' | 'year';
  /**
   * A point in time, as RFC 3339 text.
   */
  proration_date?: string;
  /**
   * Refuses the change if the subscription has another number of seats, for example because someone else changed it.
   */
  expected_seats?: number;
}
export interface SubscriptionsHoldsAnswer {
  holds: Hold[];
}
export interface SubscriptionsLiftRequest {
  /**
   * The `hold_id`.
   */
  hold: string;
  /**
   * For the audit log and other operators. The tenant does not see it. Name no people.
   */
  reason: string;
}
/**
 * What to change. Absent fields stay as they are; one is required.
 */
export interface SubscriptionsPreviewRequest {
  seats?: number;
  plan?: 'free' | 'pro' | 'team' | 'enterprise';
  /**
   * Billing interval. Another interval begins a new period now.
   */
  interval?: 'month' | 'year';
}
export interface Tenant {
  tenant_id: TenantId;
  name: string;
  created_at: Timestamp;
  /**
   * null for a tenant that an operator created, until its first owner joins.
   */
  owner_id: UserId | null;
  /**
   * Users of this Google Workspace domain join the tenant when they first sign in. The tenant has proved the domain.
   */
  join_domain: string | null;
  /**
   * A domain that was claimed and is not verified yet. It has no effect. null if there is none.
   */
  pending_domain: {
    domain: string;
    /**
     * Name of the TXT record that proves the claim.
     */
    record_name: string;
    /**
     * Text of the TXT record.
     */
    record_value: string;
    claimed_at: Timestamp;
  } | null;
  /**
   * An offer of the ownership to a member, who has not accepted it yet; null if there is none.
   */
  transfer: {
    user_id: UserId;
    offered_at: Timestamp;
    expires_at: Timestamp;
  } | null;
}
export interface TenantClosedProblem {
  status: 409;
  code: 'TENANT_CLOSED';
}
export interface TenantExport {
  exported_at: Timestamp;
  /**
   * False if there is more data than fits into one file (export shorter periods with `from` and `to`), or if some data cannot be read.
   */
  complete: boolean;
  tenant: {
    tenant_id: TenantId;
    name: string;
    created_at: Timestamp;
    /**
     * null for a tenant that an operator created, until its first owner joins.
     */
    owner_id: UserId | null;
    /**
     * Users of this Google Workspace domain join the tenant when they first sign in. The tenant has proved the domain.
     */
    join_domain: string | null;
    /**
     * A domain that was claimed and is not verified yet. It has no effect. null if there is none.
     */
    pending_domain: {
      domain: string;
      /**
       * Name of the TXT record that proves the claim.
       */
      record_name: string;
      /**
       * Text of the TXT record.
       */
      record_value: string;
      claimed_at: Timestamp;
    } | null;
    /**
     * An offer of the ownership to a member, who has not accepted it yet; null if there is none.
     */
    transfer: {
      user_id: UserId;
      offered_at: Timestamp;
      expires_at: Timestamp;
    } | null;
    /**
     * When the tenant was erased; null if it was not.
     */
    closed_at: Timestamp | null;
  };
  members: Member[];
  /**
   * Users who left, as long as the tenant can still have data of them.
   */
  former_members: {
    user_id: UserId;
    joined_at: Timestamp;
    left_at: Timestamp;
  }[];
  /**
   * Open invitations.
   */
  invitations: ExportedInvitation[];
  /**
   * The tenant's licenses, without the hashes of their keys.
   */
  licenses: ExportedLicense[];
  /**
   * The customer at Stripe, where cards and invoices are stored; null if the tenant has bought nothing yet.
   */
  billing: {
    /**
     * null if that customer was deleted.
     */
    customer_id: string | null;
    former_customer_ids: string[];
    created_at: Timestamp;
  } | null;
  subscriptions: ExportedSubscription[];
  /**
   * Metered usage of the tenant's licenses.
   */
  metered_days: MeteredDay[];
  /**
   * All sessions of the tenant's licenses.
   */
  sessions: ExportedSession[];
  loans: ExportedLoan[];
  session_histories: SessionHistory[];
  audit_events: ExportedEvent[];
}
export interface TenantHasOwnerProblem {
  status: 409;
  code: 'TENANT_HAS_OWNER';
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
  name: string;
}
export interface TenantsChangeRoleRequest {
  role: 'admin' | 'member';
}
export interface TenantsClaimDomainRequest {
  domain: string;
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
export interface TimeNotInFutureProblem {
  status: 400;
  code: 'TIME_NOT_IN_FUTURE';
}
export interface TokenMetadataAnswer {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  revocation_endpoint: string;
  device_authorization_endpoint: string;
  scopes_supported: string[];
  response_types_supported: string[];
  response_modes_supported: string[];
  grant_types_supported: string[];
  token_endpoint_auth_methods_supported: string[];
  revocation_endpoint_auth_methods_supported: string[];
  code_challenge_methods_supported: string[];
  authorization_response_iss_parameter_supported: boolean;
}
export interface TokenRevokeRequest {
  /**
   * The program that the token was issued to.
   */
  client_id: string;
  token: string;
}
export interface Tokens {
  access_token: string;
  token_type: 'Bearer';
  /**
   * Seconds until the access token expires.
   */
  expires_in: number;
  /**
   * Replaces the previous refresh token, which is valid until this one is used: send it again if no answer arrives. After that, its use revokes the sign-in.
   */
  refresh_token: string;
  /**
   * A sign-in always has this scope, whatever the client asked for.
   */
  scope: 'seatlease';
  user_id: UserId;
  tenants: {
    tenant_id: TenantId;
    role: 'member' | 'admin' | 'owner';
  }[];
}
export interface TooManyInvitationsProblem {
  status: 409;
  code: 'TOO_MANY_INVITATIONS';
}
export interface TooManyTenantsProblem {
  status: 409;
  code: 'TOO_MANY_TENANTS';
}
export interface TransferNotFoundProblem {
  status: 404;
  code: 'TRANSFER_NOT_FOUND';
}
export interface Trial {
  license_id: LicenseId;
  /**
   * Returned only once; only its hash is stored.
   */
  license_key: string;
  plan: 'free' | 'pro' | 'team' | 'enterprise';
  seats: {
    max: number;
  };
  /**
   * A point in time, as RFC 3339 text.
   */
  valid_until: string;
}
export interface TrialActivateRequest {
  /**
   * Tenant that gets the license.
   */
  tenant_id: string;
  /**
   * Identifies the machine. Send the same value as in acquire.
   */
  fingerprint: string;
  /**
   * Default: `pro`.
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
export interface UsageBelowFloorProblem {
  status: 400;
  code: 'USAGE_BELOW_FLOOR';
}
export interface UsageCapReachedProblem {
  status: 409;
  code: 'USAGE_CAP_REACHED';
}
export interface UsageErrors {
  errors: {
    event_id: string;
    at: Timestamp;
    /**
     * null if Stripe names none: usage of meters that do not exist at Stripe.
     */
    meter: string | null;
    /**
     * Stripe's error code.
     */
    code: string;
    /**
     * How many records Stripe rejected with it.
     */
    count: number;
    /**
     * How many of them Stripe named: these are `refused`.
     */
    named: number;
  }[];
  next_cursor: string | null;
}
export interface UsageOutsideSessionProblem {
  status: 400;
  code: 'USAGE_OUTSIDE_SESSION';
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
   * The client's own id of this record. The same id is the same record.
   */
  id: string;
  meter: MeterName;
  quantity: number;
  /**
   * A point in time, as RFC 3339 text.
   */
  timestamp?: string;
  /**
   * Required if you are signed in. With a license key it is optional, and must match the key.
   */
  license_id?: string;
  /**
   * Required with a license key.
   */
  session_id?: string;
  /**
   * Its signature is checked elsewhere; an invalid token counts as no token.
   */
  session_token?: string;
}
export interface UsageRecords {
  license_id: LicenseId;
  records: StoredUsage[];
  next_cursor: string | null;
}
export interface UsageTimeRefusedProblem {
  status: 400;
  code: 'USAGE_TIME_REFUSED';
}
export interface UsageTotals {
  license_id: LicenseId;
  from: Timestamp;
  to: Timestamp;
  /**
   * All meters that usage can be recorded for (`USAGE_METERS`).
   */
  available_meters: string[];
  meters: {
    meter: string;
    quantity: number;
    records: number;
    /**
     * Usage by state. `over_cap` and `voided` are not in the totals beside it, and usage of the last minute in neither.
     */
    states: {
      state:
        'new' | 'sending' | 'sent' | 'unbilled' | 'late' | 'refused' | 'uncertain' | 'over_cap' | 'voided';
      quantity: number;
      records: number;
    }[];
  }[];
  days: {
    at: Timestamp;
    meter: string;
    quantity: number;
    records: number;
    /**
     * Usage by state. `over_cap` and `voided` are not in the totals beside it, and usage of the last minute in neither.
     */
    states: {
      state:
        'new' | 'sending' | 'sent' | 'unbilled' | 'late' | 'refused' | 'uncertain' | 'over_cap' | 'voided';
      quantity: number;
      records: number;
    }[];
  }[];
}
export interface UsageVoidedProblem {
  status: 409;
  code: 'USAGE_VOIDED';
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
   * The invalid fields.
   */
  errors: FieldError[];
}
export interface VoidedUsage {
  license_id: LicenseId;
  records: {
    id: string;
    status: 'voided' | 'already_voided' | 'not_found';
    /**
     * `not_billed`: Stripe does not have it. `cancel_pending`: it is canceled within minutes. `canceled`: Stripe accepted the cancellation. `credit_note_needed`: it may be on an invoice, and Stripe cancels it no more. null if not found.
     */
    at_stripe: ('not_billed' | 'cancel_pending' | 'canceled' | 'credit_note_needed') | null;
  }[];
  /**
   * Send the request again with it, as `cursor`, until it is null.
   */
  next_cursor: string | null;
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
      /**
       * For operators, also `vendor`: events that belong to no tenant.
       */
      tenant_id?: TenantId | 'vendor';
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
        | 'license.signed'
        | 'subscription.trial_ending'
        | 'subscription.paid'
        | 'subscription.payment_failed'
        | 'subscription.refunded'
        | 'subscription.disputed'
        | 'subscription.ended'
        | 'subscription.needs_review'
        | 'tenant.created'
        | 'tenant.updated'
        | 'tenant.closed'
        | 'member.joined'
        | 'member.role_changed'
        | 'member.removed'
        | 'invitation.created'
        | 'invitation.accepted'
        | 'invitation.declined'
        | 'invitation.withdrawn'
        | 'ownership.offered'
        | 'ownership.declined'
        | 'ownership.withdrawn'
        | 'ownership.transferred'
        | 'domain.claimed'
        | 'domain.released'
        | 'user.created'
        | 'user.signed_in'
        | 'user.signed_out'
        | 'checkout.created'
        | 'subscription.end_requested'
        | 'subscription.canceled'
        | 'subscription.kept'
        | 'subscription.paused'
        | 'subscription.resumed'
        | 'subscription.hold_lifted'
        | 'subscription.change_requested'
        | 'subscription.changed'
        | 'data.exported'
        | 'erasure.requested'
        | 'erasure.started'
        | 'erasure.completed'
        | 'operator_token.created'
        | 'operator_token.revoked'
        | 'signing_key.revoked'
        | 'signing_key.restored'
        | 'signature.revoked'
        | 'signature.restored'
        | 'usage.refused'
        | 'stripe_event.set_aside'
        | 'stripe_event.retried'
        | 'usage.rejected'
        | 'usage.voided';
      /**
       * Who caused the events: the id of a user, an operator token or a license, or `bootstrap`. Only a tenant and a time can be given with it.
       */
      actor_id?: string;
      /**
       * `newest`, the default: by time, newest first. `recorded`: in the order of the tenant's chain, oldest first, for programs that follow the log. It needs `tenant_id`, unless you have one tenant, and takes no other filter.
       */
      order?: 'newest' | 'recorded';
      /**
       * A point in time, as RFC 3339 text.
       */
      from?: string;
      /**
       * A point in time, as RFC 3339 text.
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
       * Required unless your role allows this in exactly one tenant. For operators, also `vendor`.
       */
      tenant_id?: TenantId | 'vendor';
      cursor?: Cursor;
    };
    body: null;
    answer: AuditCheck;
  };
  authorize: {
    params: {};
    query: {
      /**
       * A registered program. For your own native programs: `seatlease-sdk`, or an id that the vendor has registered.
       */
      client_id: string;
      /**
       * A loopback address of a native program (RFC 8252), or an address that the vendor has registered.
       */
      redirect_uri: string;
      /**
       * Must be `code`.
       */
      response_type?: string | string[];
      /**
       * 1 to 512 visible ASCII characters, returned with the code: the client matches it to its own request.
       */
      state?: string | string[];
      /**
       * Base64url of the SHA-256 of a `code_verifier` that only the client knows (RFC 7636).
       */
      code_challenge?: string | string[];
      /**
       * Must be `S256`.
       */
      code_challenge_method?: string | string[];
    };
    body: null;
    answer: never;
  };
  callback: {
    params: {};
    query: {
      state: string;
      code?: string;
      error?: string;
    };
    body: null;
    answer: CallbackAnswer;
  };
  cancel: {
    params: {};
    query: {};
    body: CancelRequest;
    answer: CanceledSubscription;
  };
  cancelUndo: {
    params: {};
    query: {};
    body: CancelUndoRequest;
    answer: Subscription;
  };
  cancelPause: {
    params: {};
    query: {};
    body: CancelPauseRequest;
    answer: Subscription;
  };
  cancelResume: {
    params: {};
    query: {};
    body: CancelResumeRequest;
    answer: ResumedSubscription;
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
  deviceStart: {
    params: {};
    query: {};
    body: DeviceStartRequest;
    answer: DeviceStartAnswer;
  };
  devicePage: {
    params: {};
    query: {
      /**
       * The code that the device shows, in any case, with or without its hyphen.
       */
      user_code?: string;
    };
    body: null;
    answer: DevicePageAnswer;
  };
  deviceDecide: {
    params: {};
    query: {};
    body: DeviceDecideRequest;
    answer: DeviceDecideAnswer;
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
       * A point in time, as RFC 3339 text.
       */
      from?: string;
      /**
       * A point in time, as RFC 3339 text.
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
       * A point in time, as RFC 3339 text.
       */
      from?: string;
      /**
       * A point in time, as RFC 3339 text.
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
       * A point in time, as RFC 3339 text.
       */
      from?: string;
      /**
       * A point in time, as RFC 3339 text.
       */
      to?: string;
    };
    body: null;
    answer: LicenseUsage;
  };
  operatorTokensCreate: {
    params: {};
    query: {};
    body: OperatorTokensCreateRequest;
    answer: NewOperatorToken;
  };
  operatorTokensList: {
    params: {};
    query: {
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: OperatorTokenPage;
  };
  operatorTokensRead: {
    params: {
      token_id: OperatorTokenId;
    };
    query: {};
    body: null;
    answer: OperatorToken;
  };
  operatorTokensRevoke: {
    params: {
      token_id: OperatorTokenId;
    };
    query: {};
    body: null;
    answer: null;
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
  publicKeyRevocations: {
    params: {};
    query: {};
    body: null;
    answer: SignedRevocations;
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
    query: {
      /**
       * `program` (default): ends this session. `seat`: ends all sessions of its seat, which is free then. Only operators and tenant admins can free a seat.
       */
      scope?: 'program' | 'seat';
    };
    body: null;
    answer: null;
  };
  revocationsList: {
    params: {};
    query: {};
    body: null;
    answer: Revocations;
  };
  revocationsRevoke: {
    params: {};
    query: {};
    body: RevocationsRevokeRequest;
    answer: Revocations;
  };
  revocationsUndo: {
    params: {
      id: string;
    };
    query: {};
    body: null;
    answer: Revocations;
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
  stripeEventsList: {
    params: {};
    query: {
      status?: 'set_aside' | 'unreadable' | 'open';
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: StripeEventPage;
  };
  stripeEventsRetry: {
    params: {
      event_id: StripeEventId;
    };
    query: {};
    body: null;
    answer: StripeEvent;
  };
  subscriptionsList: {
    params: {};
    query: {
      /**
       * Required unless your role allows this in exactly one tenant.
       */
      tenant_id?: string;
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: SubscriptionPage;
  };
  subscriptionsHolds: {
    params: {
      license_id: LicenseId;
    };
    query: {};
    body: null;
    answer: SubscriptionsHoldsAnswer;
  };
  subscriptionsLift: {
    params: {
      license_id: LicenseId;
    };
    query: {};
    body: SubscriptionsLiftRequest;
    answer: SubscriptionsHoldsAnswer;
  };
  subscriptionsSync: {
    params: {
      license_id: LicenseId;
    };
    query: {
      /**
       * Of Stripe, if the license does not know it: its first payment is missing here.
       */
      subscription_id?: string;
    };
    body: null;
    answer: Subscription;
  };
  subscriptionsPreview: {
    params: {
      license_id: LicenseId;
    };
    query: {};
    body: SubscriptionsPreviewRequest;
    answer: ChangePreview;
  };
  subscriptionsChange: {
    params: {
      license_id: LicenseId;
    };
    query: {};
    body: SubscriptionsChangeRequest;
    answer: Subscription;
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
  tenantsClaimDomain: {
    params: {
      tenant_id: TenantId;
    };
    query: {};
    body: TenantsClaimDomainRequest;
    answer: Tenant;
  };
  tenantsReleaseDomain: {
    params: {
      tenant_id: TenantId;
    };
    query: {};
    body: null;
    answer: null;
  };
  tenantsVerifyDomain: {
    params: {
      tenant_id: TenantId;
    };
    query: {};
    body: null;
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
  tenantsWithdrawTransfer: {
    params: {
      tenant_id: TenantId;
    };
    query: {};
    body: null;
    answer: null;
  };
  tenantsAcceptTransfer: {
    params: {
      tenant_id: TenantId;
    };
    query: {};
    body: null;
    answer: Tenant;
  };
  tenantsDeclineTransfer: {
    params: {
      tenant_id: TenantId;
    };
    query: {};
    body: null;
    answer: null;
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
  tenantsOffers: {
    params: {};
    query: {};
    body: null;
    answer: Offers;
  };
  tenantsAccept: {
    params: {
      invitation_id: InvitationId;
    };
    query: {};
    body: null;
    answer: Joined;
  };
  tenantsDecline: {
    params: {
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
  tokenRevoke: {
    params: {};
    query: {};
    body: TokenRevokeRequest;
    answer: null;
  };
  tokenMetadata: {
    params: {};
    query: {};
    body: null;
    answer: TokenMetadataAnswer;
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
       * A point in time, as RFC 3339 text.
       */
      from?: string;
      /**
       * A point in time, as RFC 3339 text.
       */
      to?: string;
    };
    body: null;
    answer: UsageTotals;
  };
  usageRecords: {
    params: {
      license_id: LicenseId;
    };
    query: {
      state?:
        'new' | 'sending' | 'sent' | 'unbilled' | 'late' | 'refused' | 'uncertain' | 'over_cap' | 'voided';
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: UsageRecords;
  };
  usageVoid: {
    params: {};
    query: {};
    body: UsageVoidRequest;
    answer: VoidedUsage;
  };
  usageErrors: {
    params: {};
    query: {
      limit?: PageLimit;
      cursor?: Cursor;
    };
    body: null;
    answer: UsageErrors;
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

/** Method and path of each operation. `form`: its body is a form in place of JSON. */
export const OPERATIONS = {
  acquire: { method: 'POST', path: '/api/v1/licenses/acquire' },
  auditList: { method: 'GET', path: '/api/v1/audit' },
  auditVerify: { method: 'GET', path: '/api/v1/audit/verify' },
  authorize: { method: 'GET', path: '/auth/authorize' },
  callback: { method: 'GET', path: '/auth/callback' },
  cancel: { method: 'POST', path: '/api/v1/subscriptions/cancel' },
  cancelUndo: { method: 'POST', path: '/api/v1/subscriptions/cancel/undo' },
  cancelPause: { method: 'POST', path: '/api/v1/subscriptions/pause' },
  cancelResume: { method: 'POST', path: '/api/v1/subscriptions/resume' },
  checkoutPlans: { method: 'GET', path: '/api/v1/plans' },
  checkoutCreate: { method: 'POST', path: '/api/v1/checkout/create-session' },
  checkoutPortal: { method: 'POST', path: '/api/v1/checkout/create-portal-session' },
  deviceStart: { method: 'POST', path: '/auth/device', form: true },
  devicePage: { method: 'GET', path: '/auth/device' },
  deviceDecide: { method: 'POST', path: '/auth/device/decision', form: true },
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
  operatorTokensCreate: { method: 'POST', path: '/api/v1/operator-tokens' },
  operatorTokensList: { method: 'GET', path: '/api/v1/operator-tokens' },
  operatorTokensRead: { method: 'GET', path: '/api/v1/operator-tokens/{token_id}' },
  operatorTokensRevoke: { method: 'DELETE', path: '/api/v1/operator-tokens/{token_id}' },
  publicKey: { method: 'GET', path: '/api/v1/public-key' },
  publicKeyJwks: { method: 'GET', path: '/.well-known/jwks.json' },
  publicKeyRevocations: { method: 'GET', path: '/.well-known/license-revocations.json' },
  release: { method: 'POST', path: '/api/v1/licenses/release' },
  releaseEnd: { method: 'DELETE', path: '/api/v1/licenses/sessions/{session_id}' },
  revocationsList: { method: 'GET', path: '/api/v1/revocations' },
  revocationsRevoke: { method: 'POST', path: '/api/v1/revocations' },
  revocationsUndo: { method: 'DELETE', path: '/api/v1/revocations/{id}' },
  sessionsList: { method: 'GET', path: '/api/v1/sessions' },
  sessionsHistory: { method: 'GET', path: '/api/v1/sessions/history' },
  sign: { method: 'POST', path: '/api/v1/licenses/sign' },
  stripeEventsList: { method: 'GET', path: '/api/v1/stripe-events' },
  stripeEventsRetry: { method: 'POST', path: '/api/v1/stripe-events/{event_id}/retry' },
  subscriptionsList: { method: 'GET', path: '/api/v1/subscriptions' },
  subscriptionsHolds: { method: 'GET', path: '/api/v1/subscriptions/{license_id}/holds' },
  subscriptionsLift: { method: 'POST', path: '/api/v1/subscriptions/{license_id}/holds/lift' },
  subscriptionsSync: { method: 'POST', path: '/api/v1/subscriptions/{license_id}/sync' },
  subscriptionsPreview: { method: 'POST', path: '/api/v1/subscriptions/{license_id}/preview' },
  subscriptionsChange: { method: 'PATCH', path: '/api/v1/subscriptions/{license_id}' },
  tenantsCreate: { method: 'POST', path: '/api/v1/tenants' },
  tenantsList: { method: 'GET', path: '/api/v1/tenants' },
  tenantsRead: { method: 'GET', path: '/api/v1/tenants/{tenant_id}' },
  tenantsChange: { method: 'PATCH', path: '/api/v1/tenants/{tenant_id}' },
  tenantsClaimDomain: { method: 'PUT', path: '/api/v1/tenants/{tenant_id}/domain' },
  tenantsReleaseDomain: { method: 'DELETE', path: '/api/v1/tenants/{tenant_id}/domain' },
  tenantsVerifyDomain: { method: 'POST', path: '/api/v1/tenants/{tenant_id}/domain/verify' },
  tenantsMembers: { method: 'GET', path: '/api/v1/tenants/{tenant_id}/members' },
  tenantsChangeRole: { method: 'PATCH', path: '/api/v1/tenants/{tenant_id}/members/{user_id}' },
  tenantsRemove: { method: 'DELETE', path: '/api/v1/tenants/{tenant_id}/members/{user_id}' },
  tenantsTransfer: { method: 'POST', path: '/api/v1/tenants/{tenant_id}/transfer' },
  tenantsWithdrawTransfer: { method: 'DELETE', path: '/api/v1/tenants/{tenant_id}/transfer' },
  tenantsAcceptTransfer: { method: 'POST', path: '/api/v1/tenants/{tenant_id}/transfer/accept' },
  tenantsDeclineTransfer: { method: 'POST', path: '/api/v1/tenants/{tenant_id}/transfer/decline' },
  tenantsInvite: { method: 'POST', path: '/api/v1/tenants/{tenant_id}/invitations' },
  tenantsInvitations: { method: 'GET', path: '/api/v1/tenants/{tenant_id}/invitations' },
  tenantsWithdraw: { method: 'DELETE', path: '/api/v1/tenants/{tenant_id}/invitations/{invitation_id}' },
  tenantsOffers: { method: 'GET', path: '/api/v1/invitations' },
  tenantsAccept: { method: 'POST', path: '/api/v1/invitations/{invitation_id}/accept' },
  tenantsDecline: { method: 'POST', path: '/api/v1/invitations/{invitation_id}/decline' },
  token: { method: 'POST', path: '/auth/token', form: true },
  tokenRevoke: { method: 'POST', path: '/auth/revoke', form: true },
  tokenMetadata: { method: 'GET', path: '/.well-known/oauth-authorization-server' },
  trialActivate: { method: 'POST', path: '/api/v1/licenses/trial/activate' },
  usageRecord: { method: 'POST', path: '/api/v1/usage/record' },
  usageTotals: { method: 'GET', path: '/api/v1/usage' },
  usageRecords: { method: 'GET', path: '/api/v1/licenses/{license_id}/usage-records' },
  usageVoid: { method: 'POST', path: '/api/v1/usage/void' },
  usageErrors: { method: 'GET', path: '/api/v1/usage/errors' },
  usersMe: { method: 'GET', path: '/api/v1/users/me' },
  usersList: { method: 'GET', path: '/api/v1/users' },
} as const satisfies Record<
  keyof Operations,
  { readonly method: string; readonly path: string; readonly form?: true }
>;

/**
 * How long to wait before a retry: first `Retry-After`, if the response has it; then a random time from 0 to `firstMs` × 2ⁿ,
 * at most `longestMs`, where n counts the retries from 0. Wait for at most five minutes of `Retry-After`. With `seat` it is the
 * longest wait, not the shortest: it is when a lease ends, and a seat can be released before.
 */
export const BACKOFFS = { outage: { firstMs: 1000, longestMs: 60000 }, seat: { firstMs: 2000, longestMs: 60000 }, repair: { firstMs: 30000, longestMs: 300000 } } as const;

/**
 * `stop`: only a person or another request can help. `acquire`: acquire anew, at once. Any other word is a backoff: retry.
 */
export type Step = 'stop' | 'acquire' | keyof typeof BACKOFFS;

export interface NextSteps {
  /** After any call, unless `whileHeld` applies. */
  readonly next: Step;
  /**
   * After a heartbeat, and after an acquire in place of a seat that was lost, if it differs from `next`. The program ends at
   * once after `stop`; else it runs on while its lease or its offline grace lasts.
   */
  readonly whileHeld?: Step;
  /** `lease`: a running program may use what is left of its lease, but no offline grace. */
  readonly within?: 'lease';
  /** Replaces `whileHeld` for some values of the problem's `ended`. */
  readonly byEnded?: Readonly<Record<string, Step>>;
}

/** Code of every problem of the API. */
export type ProblemCode =
  | 'ALREADY_OWNER'
  | 'ALREADY_SUBSCRIBED'
  | 'AUTHENTICATION_REQUIRED'
  | 'AUTHORIZATION_PENDING'
  | 'BILLED_BY_SUBSCRIPTION'
  | 'BILLING_NOT_SET_UP'
  | 'BILLING_UNAVAILABLE'
  | 'BORROW_LIMIT_REACHED'
  | 'BORROW_NOT_ALLOWED'
  | 'CLIENT_NOT_ALLOWED'
  | 'CLIENT_UNKNOWN'
  | 'CONFIRMATION_INVALID'
  | 'CREDENTIALS_INVALID'
  | 'DEVICE_CODE_EXPIRED'
  | 'DOMAIN_NOT_CLAIMED'
  | 'DOMAIN_NOT_VERIFIED'
  | 'DOMAIN_PUBLIC'
  | 'DOMAIN_TAKEN'
  | 'EVENTS_UNAVAILABLE'
  | 'FORBIDDEN'
  | 'GRANT_INVALID'
  | 'GRANT_UNSUPPORTED'
  | 'HOLD_NOT_FOUND'
  | 'HOLD_NOT_LIFTABLE'
  | 'HOLDER_REQUIRED'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'INSUFFICIENT_SCOPE'
  | 'INTERNAL'
  | 'INVALID_CURSOR'
  | 'INVALID_JSON'
  | 'INVITATION_NOT_FOUND'
  | 'INVOICE_NOT_PAID'
  | 'LICENSE_EXPIRED'
  | 'LICENSE_NOT_FOR_SALE'
  | 'LICENSE_NOT_FOUND'
  | 'LICENSE_SUSPENDED'
  | 'LIMITS_UNAVAILABLE'
  | 'METER_UNKNOWN'
  | 'NO_BILLING_ACCOUNT'
  | 'NOT_ENTITLED'
  | 'OPERATOR_TOKEN_NOT_FOUND'
  | 'OWNER_MUST_STAY'
  | 'PAYLOAD_TOO_LARGE'
  | 'PAYMENT_REQUIRED'
  | 'PLAN_NOT_FOR_SALE'
  | 'RATE_LIMITED'
  | 'RECORDS_UNAVAILABLE'
  | 'REVOCATION_NOT_FOUND'
  | 'REVOCATIONS_FULL'
  | 'SEATS_EXHAUSTED'
  | 'SEATS_UNAVAILABLE'
  | 'SESSION_ENDED'
  | 'SESSION_NOT_FOUND'
  | 'SESSIONS_EXHAUSTED'
  | 'SIGN_IN_DENIED'
  | 'SIGN_IN_NOT_SET_UP'
  | 'SIGNED_LIMIT'
  | 'SIGNING_BUSY'
  | 'SIGNING_KEY_IN_USE'
  | 'SIGNING_KEY_NOT_FOUND'
  | 'SIGNING_UNAVAILABLE'
  | 'SLOW_DOWN'
  | 'STRIPE_EVENT_NOT_FOUND'
  | 'STRIPE_EVENT_NOT_RETRYABLE'
  | 'SUBSCRIPTION_CHANGED'
  | 'SUBSCRIPTION_ENDED'
  | 'SUBSCRIPTION_NOT_FOUND'
  | 'SUBSCRIPTION_STILL_ENDING'
  | 'SUBSCRIPTION_UNCHANGEABLE'
  | 'TENANT_CLOSED'
  | 'TENANT_HAS_OWNER'
  | 'TENANT_NOT_FOUND'
  | 'TIME_NOT_IN_FUTURE'
  | 'TOO_MANY_INVITATIONS'
  | 'TOO_MANY_TENANTS'
  | 'TRANSFER_NOT_FOUND'
  | 'TRIAL_ALREADY_USED'
  | 'TRIAL_NOT_OFFERED'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'USAGE_BELOW_FLOOR'
  | 'USAGE_CAP_REACHED'
  | 'USAGE_OUTSIDE_SESSION'
  | 'USAGE_RECORD_CONFLICT'
  | 'USAGE_TIME_REFUSED'
  | 'USAGE_VOIDED'
  | 'USER_NOT_FOUND'
  | 'VALIDATION_FAILED';

/**
 * What to do after the problems of the endpoints that programs call. No answer, and any other code with status 429 or at least
 * 500, count as INTERNAL; any other code counts as VALIDATION_FAILED. Problems for which that is right have no row.
 */
export const NEXT_STEPS = {
  BORROW_LIMIT_REACHED: { next: 'stop' },
  BORROW_NOT_ALLOWED: { next: 'stop' },
  CREDENTIALS_INVALID: { next: 'stop' },
  FORBIDDEN: { next: 'stop' },
  GRANT_INVALID: { next: 'stop' },
  HOLDER_REQUIRED: { next: 'stop' },
  INTERNAL: { next: 'outage' },
  LICENSE_EXPIRED: { next: 'stop', whileHeld: 'repair', within: 'lease' },
  LICENSE_NOT_FOUND: { next: 'stop' },
  LICENSE_SUSPENDED: { next: 'stop', whileHeld: 'repair', within: 'lease' },
  NOT_ENTITLED: { next: 'stop' },
  SEATS_EXHAUSTED: { next: 'seat', within: 'lease' },
  SESSION_ENDED: { next: 'stop' },
  SESSION_NOT_FOUND: { next: 'stop', whileHeld: 'acquire', byEnded: { released: 'stop', evicted: 'stop' } },
  SESSIONS_EXHAUSTED: { next: 'seat', within: 'lease' },
  SIGNED_LIMIT: { next: 'stop' },
  VALIDATION_FAILED: { next: 'stop', whileHeld: 'repair' },
} as const satisfies Partial<Record<ProblemCode, NextSteps>>;
