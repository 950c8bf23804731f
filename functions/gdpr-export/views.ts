import type { AuditEvent } from '../../shared/domain/audit-chain.ts';
import { auditEventToJson } from '../../shared/domain/audit-event.ts';
import type { BillingAccount } from '../../shared/domain/billing-event.ts';
import type { License } from '../../shared/domain/license.ts';
import type { Loan } from '../../shared/domain/loan.ts';
import type { MeteredDay } from '../../shared/domain/metering.ts';
import type { SignIn } from '../../shared/domain/sign-in.ts';
import type { Subscription } from '../../shared/domain/subscription.ts';
import type { TrialClaim } from '../../shared/domain/trial-claim.ts';
import type { FormerMembership, Invitation, Membership, Tenant, User } from '../../shared/domain/users.ts';
import { timestamp, timestampOrNull } from '../../shared/http/fields.ts';
import { viewOfLicense } from '../../shared/http/license-view.ts';
import { viewOfSubscription } from '../../shared/http/subscription-view.ts';
import { viewOfInvitation, viewOfTenant } from '../../shared/http/tenant-view.ts';
import type { KnownSession } from '../../shared/ports/seat-maintenance.ts';

/** Records as exports contain them: all personal data, and no secrets. Built on the API's views. */

export function exportOfPerson(user: User) {
  const { userId, email, addresses, name, hostedDomain, createdAtMs, lastSignInAtMs } = user;
  return {
    user_id: userId,
    email,
    emails: addresses.map(({ email, fromMs, untilMs }) => ({
      email,
      from: timestamp(fromMs),
      until: timestampOrNull(untilMs),
    })),
    name,
    hosted_domain: hostedDomain,
    created_at: timestamp(createdAtMs),
    last_sign_in_at: timestamp(lastSignInAtMs),
  };
}

export function exportOfMembership({ membership, tenant }: { membership: Membership; tenant: Tenant }) {
  const { tenantId, role, joinedAtMs } = membership;
  return { tenant_id: tenantId, tenant_name: tenant.name, role, joined_at: timestamp(joinedAtMs) };
}

export function exportOfFormerMembership({ tenantId, fromMs, untilMs }: FormerMembership) {
  return { tenant_id: tenantId, joined_at: timestamp(fromMs), left_at: timestamp(untilMs) };
}

export function exportOfFormerMember({ userId, fromMs, untilMs }: FormerMembership) {
  return { user_id: userId, joined_at: timestamp(fromMs), left_at: timestamp(untilMs) };
}

export function exportOfSignIn(signIn: SignIn, nowMs: number) {
  const { signInId, createdAtMs, lastUsedAtMs, expiresAtMs, revoked } = signIn;
  return {
    sign_in_id: signInId,
    created_at: timestamp(createdAtMs),
    last_used_at: timestamp(lastUsedAtMs),
    expires_at: timestamp(expiresAtMs),
    ended: revoked ?? (nowMs < expiresAtMs ? null : ('expired' as const)),
  };
}

export function exportOfInvitation(invitation: Invitation) {
  return { ...viewOfInvitation(invitation), tenant_id: invitation.tenantId };
}

export function exportOfSession(licenseId: string, session: KnownSession) {
  const { sessionId, kind, holder, facts, isLiving } = session;
  return {
    session_id: sessionId,
    license_id: licenseId,
    kind: kind === 'loan' ? ('loan' as const) : ('program' as const),
    holder,
    is_seated: isLiving,
    fingerprint: facts.fingerprint,
    hostname: facts.hostname ?? null,
    user_id: facts.userId ?? null,
    process_id: facts.processId ?? null,
    app_version: facts.appVersion ?? null,
  };
}

export function exportOfLoan(loan: Loan) {
  const { sessionId, licenseId, holder, machine, acquiredAtMs, untilMs } = loan;
  return {
    session_id: sessionId,
    license_id: licenseId,
    holder,
    machine,
    acquired_at: timestamp(acquiredAtMs),
    borrowed_until: timestamp(untilMs),
  };
}

export function exportOfEvent(event: AuditEvent) {
  return { ...auditEventToJson(event, 'tenant'), recorded_at: timestamp(event.recordedAtMs) };
}

export function exportOfTenant(tenant: Tenant, nowMs: number) {
  return { ...viewOfTenant(tenant, nowMs), closed_at: timestampOrNull(tenant.closedAtMs) };
}

export function exportOfLicense(license: License) {
  const { tenant_id: _, requests_per_minute: __, overrides: ___, ...view } = viewOfLicense(license);
  return view;
}

export function exportOfTrial({ claimedAtMs, given }: TrialClaim) {
  return { began_at: timestamp(claimedAtMs), license_id: given?.licenseId ?? null };
}

export function exportOfAccount({ customerId, formerCustomerIds, createdAtMs }: BillingAccount) {
  return {
    customer_id: customerId,
    former_customer_ids: formerCustomerIds,
    created_at: timestamp(createdAtMs),
  };
}

export function exportOfSubscription(subscription: Subscription) {
  const {
    tenant_id: _,
    grace_until: __,
    hold: ___,
    collection_paused: ____,
    pending_change: _____,
    collection: ______,
    unchangeable: _______,
    current_period_end,
    ...view
  } = viewOfSubscription(subscription);
  return {
    ...view,
    customer_id: subscription.customerId,
    period_end: current_period_end,
    unpaid_since: timestampOrNull(subscription.unpaidSinceMs),
    latest_invoice_id: subscription.latestInvoiceId,
    disputes: Object.fromEntries(
      Object.entries(subscription.payments.disputes).map(([id, { status }]) => [id, status]),
    ),
    refunded_invoice_ids: Object.keys(subscription.payments.refunds),
  };
}

export function exportOfMeteredDay({ licenseId, meter, dayMs, quantity, records }: MeteredDay) {
  return { license_id: licenseId, meter, day: timestamp(dayMs), quantity, records };
}
