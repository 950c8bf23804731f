import * as z from 'zod/mini';
import tenants from '../../../functions/tenants/contract.ts';
import type { Answered, Api } from './api.ts';
import { type Command, defineCommand, EXIT } from './command.ts';
import { Trouble } from './command-error.ts';
import { type Column, facts, indented } from './format.ts';
import { LICENSE_COLUMNS, licensesOf } from './licenses.ts';
import { firstRows, listed } from './lists.ts';
import { Email, Invitation, Limit, maybe, Name, Role, Tenant, User } from './options.ts';

type TenantView = Answered<typeof tenants.endpoints.read>;
type MemberView = Answered<typeof tenants.endpoints.members>['members'][number];
type InvitationView = Answered<typeof tenants.endpoints.invite>;

const TENANT_COLUMNS: readonly Column<TenantView>[] = [
  ['TENANT', ({ tenant_id }) => tenant_id],
  ['NAME', ({ name }) => name],
  ['OWNER', ({ owner_id }) => owner_id],
  ['MADE', ({ created_at }) => created_at],
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

export const TENANTS_COMMANDS: readonly Command[] = [
  defineCommand({
    name: 'tenants list',
    summary: 'Lists tenants, the newest first.',
    asked: z.object({ limit: Limit }),
    async run({ limit }, { api }) {
      const server = api();
      const found = await firstRows(
        limit,
        (query) => server.call(tenants, 'list', { query }),
        (page) => page.tenants,
        (tenant) => tenant.tenant_id,
      );
      return {
        exit: EXIT.well,
        words: listed(found, 'tenants', TENANT_COLUMNS).join('\n'),
        json: { tenants: found.rows, more: found.more },
      };
    },
  }),
  defineCommand({
    name: 'tenants show',
    summary: 'Shows a tenant, who belongs to it, whom it has invited, and its licenses.',
    asked: z.object({ tenant: Tenant, limit: Limit }),
    async run({ tenant: tenant_id, limit }, { api }) {
      const server = api();
      const params = { tenant_id };
      const tenant = await server.call(tenants, 'read', { params });
      const members = await firstRows(
        limit,
        (query) => server.call(tenants, 'members', { params, query }),
        (page) => page.members,
        (member) => member.user_id,
      );
      const invitations = await firstRows(
        limit,
        (query) => server.call(tenants, 'invitations', { params, query }),
        (page) => page.invitations,
        (invitation) => invitation.invitation_id,
      );
      const licenses = await licensesOf(server, tenant_id, limit);
      return {
        exit: EXIT.well,
        words: [
          ...inWords(tenant),
          'Members',
          ...indented(listed(members, 'members', MEMBER_COLUMNS)),
          'Invitations that nobody has taken up',
          ...indented(listed(invitations, 'invitations', INVITATION_COLUMNS)),
          'Licenses',
          ...indented(listed(licenses, 'licenses', LICENSE_COLUMNS)),
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
  defineCommand({
    name: 'tenants create',
    summary: 'Makes a tenant. With --owner it invites whoever will own it.',
    asked: z.object({ name: Name, owner: maybe(Email) }),
    async run({ name, owner }, { api }) {
      const server = api();
      const tenant = await server.call(tenants, 'create', { body: { name } });
      const invitation = owner === undefined ? null : await inviteOwner(server, tenant, owner);
      return {
        exit: EXIT.well,
        words: [
          `Made the tenant ${tenant.tenant_id}: ${tenant.name}.`,
          invitation
            ? invited(invitation)
            : `Nobody owns it yet. Invite somebody: tenants invite --tenant ${tenant.tenant_id} --role owner --email …`,
        ].join('\n'),
        json: { tenant, invitation },
      };
    },
  }),
  defineCommand({
    name: 'tenants invite',
    summary: 'Lets in whoever next signs in with that address. An owner only where there is none.',
    asked: z.object({ tenant: Tenant, email: Email, role: Role }),
    async run({ tenant, email, role }, { api }) {
      const params = { tenant_id: tenant };
      const invitation = await api().call(tenants, 'invite', { params, body: { email, role } });
      return { exit: EXIT.well, words: invited(invitation), json: { invitation } };
    },
  }),
  defineCommand({
    name: 'tenants withdraw',
    summary: 'Withdraws an invitation.',
    asked: z.object({ tenant: Tenant, invitation: Invitation }),
    async run({ tenant: tenant_id, invitation: invitation_id }, { api }) {
      await api().call(tenants, 'withdraw', { params: { tenant_id, invitation_id } });
      return {
        exit: EXIT.well,
        words: `${invitation_id} lets nobody into ${tenant_id} any more.`,
        json: { tenant_id, invitation_id },
      };
    },
  }),
  defineCommand({
    name: 'tenants remove',
    summary: 'Removes a member. The seats that they hold are not extended any more.',
    asked: z.object({ tenant: Tenant, user: User }),
    async run({ tenant: tenant_id, user: user_id }, { api }) {
      await api().call(tenants, 'remove', { params: { tenant_id, user_id } });
      return {
        exit: EXIT.well,
        words: `${user_id} does not belong to ${tenant_id} any more.`,
        json: { tenant_id, user_id },
      };
    },
  }),
  defineCommand({
    name: 'tenants transfer',
    summary: 'Hands the ownership to another member. The owner before stays as admin.',
    asked: z.object({ tenant: Tenant, user: User }),
    async run({ tenant: tenant_id, user: user_id }, { api }) {
      const tenant = await api().call(tenants, 'transfer', { params: { tenant_id }, body: { user_id } });
      return { exit: EXIT.well, words: `${user_id} owns ${tenant_id} now.`, json: { tenant } };
    },
  }),
];

/** The tenant is there by now: whoever repeats the command would make another. */
async function inviteOwner(server: Api, { tenant_id }: TenantView, email: string): Promise<InvitationView> {
  try {
    return await server.call(tenants, 'invite', { params: { tenant_id }, body: { email, role: 'owner' } });
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    throw new Trouble(
      `${error.message}\nThe tenant ${tenant_id} was made, its owner not invited. To do that: tenants invite --tenant ${tenant_id} --role owner --email ${email}`,
    );
  }
}

function invited({ email, role, expires_at }: InvitationView): string {
  return `Whoever signs in as ${email} until ${expires_at} becomes its ${role}. Seatlease sends no mail: tell them.`;
}

function inWords({ tenant_id, name, owner_id, join_domain, created_at }: TenantView): string[] {
  return [
    name,
    ...facts([
      ['tenant', tenant_id],
      ['owner', owner_id ?? 'nobody yet'],
      ['made', created_at],
      ['joined by', join_domain ? `whoever signs in from ${join_domain}` : 'invitation only'],
    ]),
  ];
}
