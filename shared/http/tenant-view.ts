import * as z from 'zod/mini';
import { ROLES } from '../domain/authorization.ts';
import type { Invitation, Membership, Tenant, User } from '../domain/users.ts';
import { InvitationId, TenantId, Timestamp, timestamp, UserId } from './fields.ts';

export const TenantView = z.strictObject({
  tenant_id: TenantId,
  name: z.string(),
  created_at: Timestamp,
  /** null for a tenant that an operator created, until its first owner joins. */
  owner_id: z.nullable(UserId),
  /** Users of this Google Workspace domain join the tenant when they first sign in. */
  join_domain: z.nullable(z.string()),
});

/** A tenant as the API returns it to its members and to operators. */
export function viewOfTenant({
  tenantId,
  name,
  createdAtMs,
  ownerId,
  joinDomain,
}: Tenant): z.infer<typeof TenantView> {
  return {
    tenant_id: tenantId,
    name,
    created_at: timestamp(createdAtMs),
    owner_id: ownerId,
    join_domain: joinDomain,
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
  invited_at: Timestamp,
  expires_at: Timestamp,
});

export function viewOfInvitation(invitation: Invitation): z.infer<typeof InvitationView> {
  const { invitationId, email, role, invitedAtMs, expiresAtMs } = invitation;
  return {
    invitation_id: invitationId,
    email,
    role,
    invited_at: timestamp(invitedAtMs),
    expires_at: timestamp(expiresAtMs),
  };
}
