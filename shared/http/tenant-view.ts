import * as z from 'zod/mini';
import { ROLES } from '../domain/authorization.ts';
import type { Invitation, Membership, Tenant, User } from '../domain/people.ts';
import { InvitationId, TenantId, Timestamp, timestamp, UserId } from './fields.ts';

export const TenantView = z.strictObject({
  tenant_id: TenantId,
  name: z.string(),
  created_at: Timestamp,
  /** null until the first owner of a tenant that an operator made has come. */
  owner_id: z.nullable(UserId),
  /** People of this Google Workspace domain join when they first sign in. */
  join_domain: z.nullable(z.string()),
});

/** A tenant as its people and operators see it. */
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

/** A membership, and the user whose it is. */
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
  /** The address that the person must sign in with. */
  email: z.string(),
  /** The role that the person gets in the tenant. */
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
