import * as z from 'zod/mini';
import { accessOf, ROLES } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { EmailAddress, InvitationId, PAGING, TenantId, text, UserId } from '../../shared/http/fields.ts';
import { InvitationView, MemberView, TenantView } from '../../shared/http/tenant-view.ts';

const Params = z.strictObject({ tenant_id: TenantId });
const MemberParams = z.strictObject({ tenant_id: TenantId, user_id: UserId });
const Paging = z.strictObject(PAGING);
const Domain = z.string().check(z.maxLength(253), z.regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'must be a domain'));

const INVITING = { by: 'caller', requests: 1_000, windowSeconds: 3600, uncounted: 'serve' } as const;

const TenantPage = z.strictObject({ tenants: z.array(TenantView), next_cursor: z.nullable(z.string()) });

const MemberPage = z.strictObject({ members: z.array(MemberView), next_cursor: z.nullable(z.string()) });

const InvitationPage = z.strictObject({
  invitations: z.array(InvitationView),
  next_cursor: z.nullable(z.string()),
});

export default defineFunction({
  name: 'tenants',
  summary: 'Manages tenants, their members and invitations.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seatMaintenance', 'shards'],
  endpoints: {
    create: {
      method: 'POST',
      path: '/api/v1/tenants',
      summary: 'Create a tenant.',
      description:
        'You become its owner. A tenant that an operator creates has no owner until an invited owner signs in.',
      auth: accessOf('tenants.create'),
      idempotencyKey: 'once',
      limit: { by: 'caller', requests: 60, windowSeconds: 3600, uncounted: 'serve' },
      body: z.strictObject({ name: text(100) }),
      answers: { created: { status: 201, description: 'The tenant.', body: TenantView } },
      problems: ['TOO_MANY_TENANTS', 'USER_NOT_FOUND', 'RATE_LIMITED'],
    },
    list: {
      method: 'GET',
      path: '/api/v1/tenants',
      summary: 'List tenants.',
      description:
        'Returns the tenants that you belong to. For operators, it returns all tenants, newest first.',
      auth: accessOf('tenants.list'),
      query: Paging,
      answers: {
        tenants: {
          status: 200,
          description: 'One page of tenants.',
          body: TenantPage,
        },
      },
      problems: ['INVALID_CURSOR'],
    },
    read: {
      method: 'GET',
      path: '/api/v1/tenants/{tenant_id}',
      summary: 'Get a tenant.',
      auth: accessOf('tenants.read'),
      params: Params,
      answers: { tenant: { status: 200, description: 'The tenant.', body: TenantView } },
      problems: ['TENANT_NOT_FOUND', 'FORBIDDEN'],
    },
    change: {
      method: 'PATCH',
      path: '/api/v1/tenants/{tenant_id}',
      summary: 'Update a tenant.',
      description:
        'Renames the tenant, or sets `join_domain`: new users of that Google Workspace domain join the tenant at their first sign-in. Owners can set only their own domain.',
      auth: accessOf('tenants.change'),
      params: Params,
      body: z
        .strictObject({ name: z.optional(text(100)), join_domain: z.optional(z.nullable(Domain)) })
        .check(
          z.refine((terms) => Object.keys(terms).length > 0, 'must contain at least one field to change'),
        ),
      answers: { tenant: { status: 200, description: 'The updated tenant.', body: TenantView } },
      problems: ['TENANT_NOT_FOUND', 'TENANT_CLOSED', 'FORBIDDEN', 'DOMAIN_TAKEN'],
    },
    members: {
      method: 'GET',
      path: '/api/v1/tenants/{tenant_id}/members',
      summary: 'List the members of a tenant.',
      description: 'Returns members in the order in which they joined.',
      auth: accessOf('tenants.members'),
      params: Params,
      query: Paging,
      answers: {
        members: {
          status: 200,
          description: 'One page of members.',
          body: MemberPage,
        },
      },
      problems: ['TENANT_NOT_FOUND', 'FORBIDDEN', 'INVALID_CURSOR'],
    },
    changeRole: {
      method: 'PATCH',
      path: '/api/v1/tenants/{tenant_id}/members/{user_id}',
      summary: 'Change the role of a member.',
      description: 'Makes a member an admin, or an admin a member.',
      auth: accessOf('tenants.changeRole'),
      params: MemberParams,
      body: z.strictObject({ role: z.enum(['admin', 'member']) }),
      answers: {
        changed: {
          status: 204,
          description: 'The role was changed. Access tokens of the member reflect it within 15 minutes.',
        },
      },
      problems: ['TENANT_NOT_FOUND', 'USER_NOT_FOUND', 'FORBIDDEN', 'OWNER_MUST_STAY'],
    },
    remove: {
      method: 'DELETE',
      path: '/api/v1/tenants/{tenant_id}/members/{user_id}',
      summary: 'Remove a member, or leave a tenant.',
      description: 'Seats that the member acquired with an access token are no longer extended.',
      auth: accessOf('tenants.remove'),
      params: MemberParams,
      answers: { removed: { status: 204, description: 'The user is no longer a member, or never was.' } },
      problems: ['TENANT_NOT_FOUND', 'FORBIDDEN', 'OWNER_MUST_STAY'],
    },
    transfer: {
      method: 'POST',
      path: '/api/v1/tenants/{tenant_id}/transfer',
      summary: 'Transfer the ownership of a tenant.',
      description: 'The new owner must be a member. The previous owner becomes an admin.',
      auth: accessOf('tenants.transfer'),
      params: Params,
      body: z.strictObject({ user_id: UserId }),
      answers: { transferred: { status: 200, description: 'The updated tenant.', body: TenantView } },
      problems: ['TENANT_NOT_FOUND', 'TENANT_CLOSED', 'USER_NOT_FOUND', 'FORBIDDEN'],
    },
    invite: {
      method: 'POST',
      path: '/api/v1/tenants/{tenant_id}/invitations',
      summary: 'Invite a user to a tenant.',
      description:
        'The user with that verified e-mail address joins at their next sign-in within 14 days. Operators can invite an owner only if the tenant has none.',
      auth: accessOf('tenants.invite'),
      idempotencyKey: 'once',
      limit: INVITING,
      params: Params,
      body: z.strictObject({ email: EmailAddress, role: z.enum(ROLES) }),
      answers: { invited: { status: 201, description: 'The invitation.', body: InvitationView } },
      problems: ['TENANT_NOT_FOUND', 'TENANT_CLOSED', 'FORBIDDEN', 'RATE_LIMITED'],
    },
    invitations: {
      method: 'GET',
      path: '/api/v1/tenants/{tenant_id}/invitations',
      summary: 'List open invitations.',
      description: 'Returns invitations that were not accepted yet, newest first.',
      auth: accessOf('tenants.invitations'),
      params: Params,
      query: Paging,
      answers: {
        invitations: {
          status: 200,
          description: 'One page of invitations.',
          body: InvitationPage,
        },
      },
      problems: ['TENANT_NOT_FOUND', 'FORBIDDEN', 'INVALID_CURSOR'],
    },
    withdraw: {
      method: 'DELETE',
      path: '/api/v1/tenants/{tenant_id}/invitations/{invitation_id}',
      summary: 'Withdraw an invitation.',
      auth: accessOf('tenants.withdraw'),
      params: z.strictObject({ tenant_id: TenantId, invitation_id: InvitationId }),
      answers: { withdrawn: { status: 204, description: 'The invitation was deleted, or did not exist.' } },
      problems: ['TENANT_NOT_FOUND', 'FORBIDDEN'],
    },
  },
});
