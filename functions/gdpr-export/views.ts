import type { AuditEvent } from '../../shared/domain/audit-chain.ts';
import type { BillingAccount } from '../../shared/domain/billing-event.ts';
import { eventToJson } from '../../shared/domain/event-message.ts';
import { entitlementOf, type License } from '../../shared/domain/license.ts';
import type { MeteredDay } from '../../shared/domain/metering.ts';
import type { Invitation, Membership, Tenant, User } from '../../shared/domain/people.ts';
import type { SignIn } from '../../shared/domain/sign-in.ts';
import type { Subscription } from '../../shared/domain/subscription.ts';
import type { TrialClaim } from '../../shared/domain/trial.ts';
import { timestamp, timestampOrNull } from '../../shared/http/fields.ts';
import type { KnownSession } from '../../shared/ports/seat-maintenance.ts';

/** Records as exports tell them: all that is personal, and nothing that opens a door. */

export function viewOfPerson({ userId, email, name, hostedDomain, createdAtMs, lastSignInAtMs }: User) {
  return {
    user_id: userId,
    email,
    name,
    hosted_domain: hostedDomain,
    created_at: timestamp(createdAtMs),
    last_sign_in_at: timestamp(lastSignInAtMs),
  };
}

export function viewOfMembership({ membership, tenant }: { membership: Membership; tenant: Tenant }) {
  const { tenantId, role, joinedAtMs } = membership;
  return { tenant_id: tenantId, tenant_name: tenant.name, role, joined_at: timestamp(joinedAtMs) };
}

export function viewOfMember({ membership, user }: { membership: Membership; user: User }) {
  const { userId, role, joinedAtMs } = membership;
  return { user_id: userId, email: user.email, name: user.name, role, joined_at: timestamp(joinedAtMs) };
}

export function viewOfSignIn(signIn: SignIn, nowMs: number) {
  const { signInId, createdAtMs, lastUsedAtMs, expiresAtMs, revoked } = signIn;
  return {
    sign_in_id: signInId,
    created_at: timestamp(createdAtMs),
    last_used_at: timestamp(lastUsedAtMs),
    expires_at: timestamp(expiresAtMs),
    ended: revoked ?? (nowMs < expiresAtMs ? null : ('expired' as const)),
  };
}

export function viewOfInvitation(invitation: Invitation) {
  const { invitationId, tenantId, email, role, invitedAtMs, expiresAtMs } = invitation;
  return {
    invitation_id: invitationId,
    tenant_id: tenantId,
    email,
    role,
    invited_at: timestamp(invitedAtMs),
    expires_at: timestamp(expiresAtMs),
  };
}

export function viewOfSession(licenseId: string, { sessionId, holder, facts, isSeated }: KnownSession) {
  return {
    session_id: sessionId,
    license_id: licenseId,
    holder,
    is_seated: isSeated,
    fingerprint: facts.fingerprint,
    hostname: facts.hostname ?? null,
    user_id: facts.userId ?? null,
    process_id: facts.processId ?? null,
    app_version: facts.appVersion ?? null,
  };
}

export function viewOfEvent(event: AuditEvent) {
  return { ...eventToJson(event), recorded_at: timestamp(event.recordedAtMs) };
}

export function viewOfTenant({ tenantId, name, ownerId, joinDomain, createdAtMs, closedAtMs }: Tenant) {
  return {
    tenant_id: tenantId,
    name,
    owner_id: ownerId,
    join_domain: joinDomain,
    created_at: timestamp(createdAtMs),
    closed_at: timestampOrNull(closedAtMs),
  };
}

export function viewOfLicense(license: License) {
  const { status, offlineGraceDays } = entitlementOf(license);
  return {
    license_id: license.licenseId,
    plan: license.plan,
    features: license.features,
    max: license.max,
    overdraft: license.overdraft,
    unit: license.unit,
    ttl_seconds: license.ttlSeconds,
    heartbeat_seconds: license.heartbeatSeconds,
    status,
    hold: license.hold,
    subscription_id: license.subscriptionId,
    trial: license.trial,
    valid_until: timestampOrNull(license.validUntilMs),
    offline_grace_days: offlineGraceDays,
    borrow: { max_days: license.borrow.maxDays, low_water: license.borrow.lowWater },
    created_at: timestamp(license.createdAtMs),
    updated_at: timestamp(license.updatedAtMs),
  };
}

export function viewOfTrial({ claimedAtMs, given }: TrialClaim) {
  return { began_at: timestamp(claimedAtMs), license_id: given?.licenseId ?? null };
}

export function viewOfAccount({ customerId, formerCustomerIds, createdAtMs }: BillingAccount) {
  return {
    customer_id: customerId,
    former_customer_ids: formerCustomerIds,
    created_at: timestamp(createdAtMs),
  };
}

export function viewOfSubscription(subscription: Subscription) {
  return {
    subscription_id: subscription.subscriptionId,
    customer_id: subscription.customerId,
    license_id: subscription.licenseId,
    plan: subscription.plan,
    seats: subscription.seats,
    status: subscription.status,
    created_at: timestamp(subscription.createdAtMs),
    period_end: timestamp(subscription.periodEndMs),
    cancel_at: timestampOrNull(subscription.cancelAtMs),
    ended_at: timestampOrNull(subscription.endedAtMs),
    unpaid_since: timestampOrNull(subscription.unpaidSinceMs),
    latest_invoice_id: subscription.latestInvoiceId,
    disputes: subscription.disputes,
    refunded_invoice_ids: subscription.refundedInvoiceIds,
  };
}

export function viewOfMeteredDay({ licenseId, meter, dayMs, quantity, records }: MeteredDay) {
  return { license_id: licenseId, meter, day: timestamp(dayMs), quantity, records };
}
