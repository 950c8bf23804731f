import * as z from 'zod/mini';
import { accessOf, ROLES } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { EmailAddress, InvitationId, PAGING, TenantId, text, UserId } from '../../shared/http/fields.ts';
import {
  InvitationView,
  MemberView,
  OfferView,
  TenantView,
  TransferOfferView,
} from '../../shared/http/tenant-view.ts';

const Params = z.strictObject({ tenant_id: TenantId });
const MemberParams = z.strictObject({ tenant_id: TenantId, user_id: UserId });
const Paging = z.strictObject(PAGING);
/** In lower case, with labels as RFC 1123 section 2.1 has them. */
const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const Domain = z
  .string()
  .check(z.maxLength(230), z.regex(new RegExp(`^${LABEL}(\\.${LABEL})+$`), 'must be a domain'));

const INVITING = { by: 'caller', requests: 1_000, windowSeconds: 3600, uncounted: 'serve' } as const;

const ANSWERING = { by: 'caller', requests: 60, windowSeconds: 60, uncounted: 'serve' } as const;

/** Each one looks something up in the domain name system. */
const VERIFYING = { by: 'caller', requests: 20, windowSeconds: 60, uncounted: 'refuse' } as const;

const InvitationParams = z.strictObject({ invitation_id: InvitationId });

const TenantPage = z.strictObject({ tenants: z.array(TenantView), next_cursor: z.nullable(z.string()) });

const MemberPage = z.strictObject({ members: z.array(MemberView), next_cursor: z.nullable(z.string()) });

const InvitationPage = z.strictObject({
  invitations: z.array(InvitationView),
  next_cursor: z.nullable(z.string()),
});

const Offers = z.strictObject({
  invitations: z.array(OfferView),
  /** Tenants that you are a member of, and whose ownership is offered to you. */
  transfers: z.array(TransferOfferView),
});

const Joined = z.strictObject({ tenant_id: TenantId, role: z.enum(ROLES) });

export default defineFunction({
  name: 'tenants',
  summary: 'Manages tenants, their members and invitations.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seatMaintenance', 'shards', 'pseudonymOf', 'dns'],
  endpoints: {
    create: {
      method: 'POST',
      path: '/api/v1/tenants',
      summary: 'Create a tenant.',
      description:
        'You become its owner. A tenant that an operator creates has no owner until an invited owner accepts.',
      auth: accessOf('tenants.create'),
      idempotencyKey: 'once',
      limit: { by: 'caller', requests: 60, windowSeconds: 3600, uncounted: 'serve' },
      body: z.strictObject({ name: text(100) }),
      answers: { created: { status: 201, description: 'The tenant.', body: TenantView } },
      problems: ['USER_NOT_FOUND', 'TOO_MANY_TENANTS', 'RATE_LIMITED'],
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
      summary: 'Rename a tenant.',
      auth: accessOf('tenants.change'),
      params: Params,
      body: z.strictObject({ name: text(100) }),
      answers: { tenant: { status: 200, description: 'The updated tenant.', body: TenantView } },
      problems: ['TENANT_NOT_FOUND', 'TENANT_CLOSED', 'FORBIDDEN'],
    },
    claimDomain: {
      method: 'PUT',
      path: '/api/v1/tenants/{tenant_id}/domain',
      summary: 'Claim a Google Workspace domain.',
      description:
        'New users of the domain join the tenant at their first sign-in, once the claim is verified. Set the TXT record in `pending_domain`, then verify. Until then the claim has no effect. The claim of an operator needs no record.',
      auth: accessOf('tenants.claimDomain'),
      params: Params,
      body: z.strictObject({ domain: Domain }),
      answers: {
        claimed: { status: 200, description: 'The tenant, with the record to set.', body: TenantView },
      },
      problems: ['TENANT_NOT_FOUND', 'TENANT_CLOSED', 'FORBIDDEN', 'DOMAIN_PUBLIC', 'DOMAIN_TAKEN'],
    },
    verifyDomain: {
      method: 'POST',
      path: '/api/v1/tenants/{tenant_id}/domain/verify',
      summary: 'Verify the claimed domain by its TXT record.',
      description:
        'Keep the record: without it, another tenant that proves the domain takes it over. A changed record can take hours to be seen everywhere.',
      auth: accessOf('tenants.verifyDomain'),
      limit: VERIFYING,
      params: Params,
      answers: {
        verified: { status: 200, description: 'The tenant, with its `join_domain`.', body: TenantView },
      },
      problems: [
        'TENANT_NOT_FOUND',
        'TENANT_CLOSED',
        'FORBIDDEN',
        'DOMAIN_NOT_CLAIMED',
        'DOMAIN_NOT_VERIFIED',
        'DOMAIN_TAKEN',
        'RATE_LIMITED',
      ],
    },
    releaseDomain: {
      method: 'DELETE',
      path: '/api/v1/tenants/{tenant_id}/domain',
      summary: 'Release the domain.',
      description: 'From now on, no user joins the tenant by its domain. Members stay.',
      auth: accessOf('tenants.releaseDomain'),
      params: Params,
      answers: { released: { status: 204, description: 'The tenant has no domain, verified or claimed.' } },
      problems: ['TENANT_NOT_FOUND', 'FORBIDDEN'],
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
      description:
        'Seats that the member acquired with an access token are no longer extended. Open invitations by and for the member are withdrawn.',
      auth: accessOf('tenants.remove'),
      params: MemberParams,
      answers: { removed: { status: 204, description: 'The user is no longer a member, or never was.' } },
      problems: ['TENANT_NOT_FOUND', 'FORBIDDEN', 'OWNER_MUST_STAY'],
    },
    transfer: {
      method: 'POST',
      path: '/api/v1/tenants/{tenant_id}/transfer',
      summary: 'Offer the ownership of a tenant to a member.',
      description:
        'When the member accepts within 14 days, they become the owner, and the previous owner becomes an admin. Until then nothing changes. A new offer replaces the last one.',
      auth: accessOf('tenants.transfer'),
      params: Params,
      body: z.strictObject({ user_id: UserId }),
      answers: { offered: { status: 200, description: 'The tenant, with the offer.', body: TenantView } },
      problems: ['TENANT_NOT_FOUND', 'TENANT_CLOSED', 'USER_NOT_FOUND', 'ALREADY_OWNER', 'FORBIDDEN'],
    },
    withdrawTransfer: {
      method: 'DELETE',
      path: '/api/v1/tenants/{tenant_id}/transfer',
      summary: 'Withdraw the offer of the ownership.',
      description: 'Only operators can withdraw the offer of an operator.',
      auth: accessOf('tenants.withdrawTransfer'),
      params: Params,
      answers: { withdrawn: { status: 204, description: 'The ownership is not offered to anyone.' } },
      problems: ['TENANT_NOT_FOUND', 'FORBIDDEN'],
    },
    acceptTransfer: {
      method: 'POST',
      path: '/api/v1/tenants/{tenant_id}/transfer/accept',
      summary: 'Accept the ownership of a tenant.',
      description: 'Only the member to whom it was offered can accept.',
      auth: accessOf('tenants.acceptTransfer'),
      limit: ANSWERING,
      params: Params,
      answers: {
        accepted: { status: 200, description: 'The tenant, which is now yours.', body: TenantView },
      },
      problems: ['TENANT_NOT_FOUND', 'TENANT_CLOSED', 'TRANSFER_NOT_FOUND', 'FORBIDDEN', 'RATE_LIMITED'],
    },
    declineTransfer: {
      method: 'POST',
      path: '/api/v1/tenants/{tenant_id}/transfer/decline',
      summary: 'Decline the ownership of a tenant.',
      auth: accessOf('tenants.declineTransfer'),
      limit: ANSWERING,
      params: Params,
      answers: {
        declined: { status: 204, description: 'The offer was deleted. The owner stays the owner.' },
      },
      problems: ['TENANT_NOT_FOUND', 'TRANSFER_NOT_FOUND', 'FORBIDDEN', 'RATE_LIMITED'],
    },
    invite: {
      method: 'POST',
      path: '/api/v1/tenants/{tenant_id}/invitations',
      summary: 'Invite a user to a tenant.',
      description:
        'The user who signs in with that verified e-mail address can accept within 14 days. Until then nothing changes. Another invitation to the address replaces the role and starts the 14 days again. If 50 tenants have invited the address, the oldest invitation by the user who sent most of them is withdrawn, or this one is refused. Operators can invite an owner only if the tenant has none.',
      auth: accessOf('tenants.invite'),
      idempotencyKey: 'once',
      limit: INVITING,
      params: Params,
      body: z.strictObject({ email: EmailAddress, role: z.enum(ROLES) }),
      answers: { invited: { status: 201, description: 'The invitation.', body: InvitationView } },
      problems: ['TENANT_NOT_FOUND', 'TENANT_CLOSED', 'FORBIDDEN', 'TOO_MANY_INVITATIONS', 'RATE_LIMITED'],
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
    offers: {
      method: 'GET',
      path: '/api/v1/invitations',
      summary: 'List what is offered to you.',
      description:
        'Returns the open invitations to the e-mail address that you signed in with last, newest first: at most 50. Also returns the tenants whose ownership is offered to you.',
      auth: accessOf('tenants.offers'),
      answers: { offers: { status: 200, description: 'What you can accept or decline.', body: Offers } },
      problems: ['USER_NOT_FOUND'],
    },
    accept: {
      method: 'POST',
      path: '/api/v1/invitations/{invitation_id}/accept',
      summary: 'Accept an invitation.',
      description:
        'You join the tenant with the role of the invitation; members keep their role. Then refresh your access token: it lists your tenants.',
      auth: accessOf('tenants.accept'),
      limit: ANSWERING,
      params: InvitationParams,
      answers: { joined: { status: 200, description: 'You are a member of the tenant.', body: Joined } },
      problems: ['INVITATION_NOT_FOUND', 'TOO_MANY_TENANTS', 'TENANT_HAS_OWNER', 'RATE_LIMITED'],
    },
    decline: {
      method: 'POST',
      path: '/api/v1/invitations/{invitation_id}/decline',
      summary: 'Decline an invitation.',
      auth: accessOf('tenants.decline'),
      limit: ANSWERING,
      params: InvitationParams,
      answers: { declined: { status: 204, description: 'The invitation was deleted.' } },
      problems: ['INVITATION_NOT_FOUND', 'RATE_LIMITED'],
    },
  },
});
