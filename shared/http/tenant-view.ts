import * as z from 'zod/mini';
import { ROLES } from '../domain/authorization.ts';
import { recordNameOf, recordValueOf } from '../domain/join-domain.ts';
import type { Invitation, Membership, Tenant, Transfer, User } from '../domain/users.ts';
import type { Offer } from '../use-cases/invitations.ts';
import { InvitationId, TenantId, Timestamp, timestamp, UserId } from './fields.ts';

export const TenantView = z.strictObject({
  tenant_id: TenantId,
  name: z.string(),
  created_at: Timestamp,
  /** null for a tenant that an operator created, until its first owner joins. */
  owner_id: z.nullable(UserId),
  /** Users of this Google Workspace domain join the tenant when they first sign in. The tenant has proved the domain. */
  join_domain: z.nullable(z.string()),
  /** A domain that was claimed and is not verified yet. It has no effect. null if there is none. */
  pending_domain: z.nullable(
    z.strictObject({
      domain: z.string(),
      /** Name of the TXT record that proves the claim. */
      record_name: z.string(),
      /** Text of the TXT record. */
      record_value: z.string(),
      claimed_at: Timestamp,
    }),
  ),
  /** An offer of the ownership to a member, who has not accepted it yet; null if there is none. */
  transfer: z.nullable(z.strictObject({ user_id: UserId, offered_at: Timestamp, expires_at: Timestamp })),
});

/** A tenant as the API returns it to its members and to operators. */
export function viewOfTenant(
  { tenantId, name, createdAtMs, ownerId, joinDomain, pendingDomain, transfer }: Tenant,
  nowMs: number,
): z.infer<typeof TenantView> {
  return {
    tenant_id: tenantId,
    name,
    created_at: timestamp(createdAtMs),
    owner_id: ownerId,
    join_domain: joinDomain,
    pending_domain: pendingDomain && {
      domain: pendingDomain.domain,
      record_name: recordNameOf(pendingDomain.domain),
      record_value: recordValueOf(pendingDomain),
      claimed_at: timestamp(pendingDomain.claimedAtMs),
    },
    transfer:
      transfer && nowMs < transfer.expiresAtMs
        ? {
            user_id: transfer.userId,
            offered_at: timestamp(transfer.offeredAtMs),
            expires_at: timestamp(transfer.expiresAtMs),
          }
        : null,
  };
}

export const MemberView = z.strictObject({
  user_id: UserId,
  email: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  joined_at: Timestamp,
});

/** A membership and its user. */
export interface Member {
  readonly membership: Membership;
  readonly user: User;
}

export function viewOfMember({ membership, user }: Member): z.infer<typeof MemberView> {
  const { userId, role, joinedAtMs } = membership;
  return { user_id: userId, email: user.email, name: user.name, role, joined_at: timestamp(joinedAtMs) };
}

export const InvitationView = z.strictObject({
  invitation_id: InvitationId,
  /** The address that the invited user must sign in with. */
  email: z.string(),
  /** The role that the invited user gets in the tenant. */
  role: z.enum(ROLES),
  /** The member who invited; null for an operator. */
  invited_by: z.nullable(UserId),
  invited_at: Timestamp,
  expires_at: Timestamp,
});

export function viewOfInvitation(invitation: Invitation): z.infer<typeof InvitationView> {
  const { invitationId, email, role, invitedBy, invitedAtMs, expiresAtMs } = invitation;
  return {
    invitation_id: invitationId,
    email,
    role,
    invited_by: invitedBy,
    invited_at: timestamp(invitedAtMs),
    expires_at: timestamp(expiresAtMs),
  };
}

export const OfferView = z.strictObject({
  invitation_id: InvitationId,
  tenant_id: TenantId,
  tenant_name: z.string(),
  /** The role that you get in the tenant. */
  role: z.enum(ROLES),
  /** The member who invites you; null if the vendor does, or if the member is gone. */
  invited_by: z.nullable(z.strictObject({ name: z.string(), email: z.string() })),
  invited_at: Timestamp,
  expires_at: Timestamp,
});

export const TransferOfferView = z.strictObject({
  tenant_id: TenantId,
  tenant_name: z.string(),
  offered_at: Timestamp,
  expires_at: Timestamp,
});

/** An offer of the ownership as the member sees it to whom it was made. */
export function viewOfTransferOffer(
  { tenantId, name }: Tenant,
  { offeredAtMs, expiresAtMs }: Transfer,
): z.infer<typeof TransferOfferView> {
  return {
    tenant_id: tenantId,
    tenant_name: name,
    offered_at: timestamp(offeredAtMs),
    expires_at: timestamp(expiresAtMs),
  };
}

/** An invitation as the invited user sees it. */
export function viewOfOffer({ invitation, tenant, inviter }: Offer): z.infer<typeof OfferView> {
  const { invitation_id, role, invited_at, expires_at } = viewOfInvitation(invitation);
  return {
    invitation_id,
    tenant_id: tenant.tenantId,
    tenant_name: tenant.name,
    role,
    invited_by: inviter ? { name: inviter.name, email: inviter.email } : null,
    invited_at,
    expires_at,
  };
}
