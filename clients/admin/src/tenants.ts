import * as z from 'zod/mini';
import tenants from '../../../functions/tenants/contract.ts';
import { CommandError } from '../../command-line/errors.ts';
import { optional } from '../../command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../command-line/program.ts';
import type { AnswerOf, Api } from './api.ts';
import { type Column, facts, indented } from './format.ts';
import { LICENSE_COLUMNS, licensesOf } from './licenses.ts';
import { firstRows, formatList } from './lists.ts';
import { Domain, Email, Invitation, Limit, Name, Role, Tenant, User } from './options.ts';

type TenantView = AnswerOf<typeof tenants.endpoints.read>;
type MemberView = AnswerOf<typeof tenants.endpoints.members>['members'][number];
type InvitationView = AnswerOf<typeof tenants.endpoints.invite>;

const TENANT_COLUMNS: readonly Column<TenantView>[] = [
  ['TENANT', ({ tenant_id }) => tenant_id],
  ['NAME', ({ name }) => name],
  ['OWNER', ({ owner_id }) => owner_id],
  ['CREATED', ({ created_at }) => created_at],
];
const MEMBER_COLUMNS: readonly Column<MemberView>[] = [
  ['USER', ({ user_id }) => user_id],
  ['E-MAIL', ({ email }) => email],
  ['NAME', ({ name }) => name],
  ['ROLE', ({ role }) => role],
  ['SINCE', ({ joined_at }) => joined_at],
];
const INVITATION_COLUMNS: readonly Column<InvitationView>[] = [
  ['INVITATION', ({ invitation_id }) => invitation_id],
  ['E-MAIL', ({ email }) => email],
  ['ROLE', ({ role }) => role],
  ['UNTIL', ({ expires_at }) => expires_at],
];

export const TENANTS_COMMANDS: readonly Command<Api>[] = [
  defineCommand('tenants list', {
    summary: 'Lists tenants, newest first.',
    options: z.object({ limit: Limit }),
    async run({ limit }, api: Api) {
      const found = await firstRows(
        limit,
        (query) => api.call(tenants, 'list', { query }),
        (page) => page.tenants,
        (tenant) => tenant.tenant_id,
      );
      return {
        exit: EXIT.ok,
        text: formatList(found, 'tenants', TENANT_COLUMNS).join('\n'),
        json: { tenants: found.rows, more: found.more },
      };
    },
  }),
  defineCommand('tenants show', {
    summary: 'Shows a tenant with its members, open invitations and licenses.',
    options: z.object({ tenant: Tenant, limit: Limit }),
    async run({ tenant: tenant_id, limit }, api: Api) {
      const params = { tenant_id };
      const tenant = await api.call(tenants, 'read', { params });
      const members = await firstRows(
        limit,
        (query) => api.call(tenants, 'members', { params, query }),
        (page) => page.members,
        (member) => member.user_id,
      );
      const invitations = await firstRows(
        limit,
        (query) => api.call(tenants, 'invitations', { params, query }),
        (page) => page.invitations,
        (invitation) => invitation.invitation_id,
      );
      const licenses = await licensesOf(api, tenant_id, limit);
      return {
        exit: EXIT.ok,
        text: [
          ...formatTenant(tenant),
          'Members',
          ...indented(formatList(members, 'members', MEMBER_COLUMNS)),
          'Open invitations',
          ...indented(formatList(invitations, 'invitations', INVITATION_COLUMNS)),
          'Licenses',
          ...indented(formatList(licenses, 'licenses', LICENSE_COLUMNS)),
        ].join('\n'),
        json: {
          tenant,
          members: members.rows,
          invitations: invitations.rows,
          licenses: licenses.rows,
          more: { members: members.more, invitations: invitations.more, licenses: licenses.more },
        },
      };
    },
  }),
  defineCommand('tenants create', {
    summary: 'Creates a tenant. With --owner, also invites its owner.',
    options: z.object({ name: Name, owner: optional(Email) }),
    async run({ name, owner }, api: Api) {
      const tenant = await api.call(tenants, 'create', { body: { name } });
      const invitation = owner === undefined ? null : await inviteOwner(api, tenant, owner);
      return {
        exit: EXIT.ok,
        text: [
          `Created tenant ${tenant.tenant_id}: ${tenant.name}.`,
          invitation
            ? invited(invitation)
            : `It has no owner yet. Invite one: tenants invite --tenant ${tenant.tenant_id} --role owner --email …`,
        ].join('\n'),
        json: { tenant, invitation },
      };
    },
  }),
  defineCommand('tenants invite', {
    summary: 'Invites a user by e-mail address. Role owner only if the tenant has no owner.',
    options: z.object({ tenant: Tenant, email: Email, role: Role }),
    async run({ tenant, email, role }, api: Api) {
      const params = { tenant_id: tenant };
      const invitation = await api.call(tenants, 'invite', { params, body: { email, role } });
      return { exit: EXIT.ok, text: invited(invitation), json: { invitation } };
    },
  }),
  defineCommand('tenants withdraw', {
    summary: 'Withdraws an invitation.',
    options: z.object({ tenant: Tenant, invitation: Invitation }),
    async run({ tenant: tenant_id, invitation: invitation_id }, api: Api) {
      await api.call(tenants, 'withdraw', { params: { tenant_id, invitation_id } });
      return {
        exit: EXIT.ok,
        text: `Withdrew ${invitation_id}: it can no longer be used to join ${tenant_id}.`,
        json: { tenant_id, invitation_id },
      };
    },
  }),
  defineCommand('tenants remove', {
    summary: 'Removes a member. The seats of the member end with their leases.',
    options: z.object({ tenant: Tenant, user: User }),
    async run({ tenant: tenant_id, user: user_id }, api: Api) {
      await api.call(tenants, 'remove', { params: { tenant_id, user_id } });
      return {
        exit: EXIT.ok,
        text: `Removed ${user_id} from ${tenant_id}.`,
        json: { tenant_id, user_id },
      };
    },
  }),
  defineCommand('tenants transfer', {
    summary: 'Offers the ownership to a member. When they accept, the owner becomes an admin.',
    options: z.object({ tenant: Tenant, user: User }),
    async run({ tenant: tenant_id, user: user_id }, api: Api) {
      const tenant = await api.call(tenants, 'transfer', { params: { tenant_id }, body: { user_id } });
      const until = tenant.transfer?.expires_at ?? '';
      return {
        exit: EXIT.ok,
        text: `Offered the ownership of ${tenant_id} to ${user_id}, until ${until}. Ask the user to accept it.`,
        json: { tenant },
      };
    },
  }),
  defineCommand('tenants withdraw-transfer', {
    summary: 'Withdraws the offer of the ownership.',
    options: z.object({ tenant: Tenant }),
    async run({ tenant: tenant_id }, api: Api) {
      await api.call(tenants, 'withdrawTransfer', { params: { tenant_id } });
      return {
        exit: EXIT.ok,
        text: `The ownership of ${tenant_id} is not offered to anyone.`,
        json: { tenant_id },
      };
    },
  }),
  defineCommand('tenants approve-domain', {
    summary: 'Lets users of a domain join a tenant, without a TXT record: check first whose domain it is.',
    options: z.object({ tenant: Tenant, domain: Domain }),
    async run({ tenant: tenant_id, domain }, api: Api) {
      const tenant = await api.call(tenants, 'claimDomain', { params: { tenant_id }, body: { domain } });
      return {
        exit: EXIT.ok,
        text: `New users of ${domain} join ${tenant_id} when they first sign in.`,
        json: { tenant },
      };
    },
  }),
  defineCommand('tenants verify-domain', {
    summary: 'Verifies the domain that a tenant has claimed, by its TXT record.',
    options: z.object({ tenant: Tenant }),
    async run({ tenant: tenant_id }, api: Api) {
      const tenant = await api.call(tenants, 'verifyDomain', { params: { tenant_id } });
      return {
        exit: EXIT.ok,
        text: `${tenant.join_domain} is verified: its new users join ${tenant_id}.`,
        json: { tenant },
      };
    },
  }),
  defineCommand('tenants release-domain', {
    summary: 'Ends the claim of a domain. Members stay.',
    options: z.object({ tenant: Tenant }),
    async run({ tenant: tenant_id }, api: Api) {
      await api.call(tenants, 'releaseDomain', { params: { tenant_id } });
      return { exit: EXIT.ok, text: `No user joins ${tenant_id} by a domain.`, json: { tenant_id } };
    },
  }),
];

/** The error reports that the tenant exists: repeating the whole command would create another one. */
async function inviteOwner(api: Api, { tenant_id }: TenantView, email: string): Promise<InvitationView> {
  try {
    return await api.call(tenants, 'invite', { params: { tenant_id }, body: { email, role: 'owner' } });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(
      `${error.message}\nThe tenant ${tenant_id} was created, but its owner was not invited. Invite the owner: tenants invite --tenant ${tenant_id} --role owner --email ${email}`,
    );
  }
}

function invited({ email, role, expires_at }: InvitationView): string {
  return `Invited ${email} as ${role}, until ${expires_at}. Seatlease sends no e-mail: ask the user to sign in and accept before then.`;
}

function formatTenant(tenant: TenantView): string[] {
  const { tenant_id, name, owner_id, join_domain, pending_domain, transfer, created_at } = tenant;
  return [
    name,
    ...facts([
      ['tenant', tenant_id],
      ['owner', owner_id ?? 'none yet'],
      ['created', created_at],
      ['joined by', join_domain ? `any user of ${join_domain}` : 'invitation only'],
      ...(pending_domain
        ? [
            ['claimed', `${pending_domain.domain}, not verified`] as const,
            ['TXT record', `${pending_domain.record_name} "${pending_domain.record_value}"`] as const,
          ]
        : []),
      ...(transfer ? [['offered to', `${transfer.user_id}, until ${transfer.expires_at}`] as const] : []),
    ]),
  ];
}
