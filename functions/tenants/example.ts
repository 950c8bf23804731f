import type { ExamplesOf } from '../example.ts';
import type contract from './contract.ts';

export default {
  create: () => ({ body: { name: 'Acme and daughters' } }),
  list: () => ({}),
  read: ({ tenantId }) => ({ params: { tenant_id: tenantId } }),
  change: ({ tenantId }) => ({ params: { tenant_id: tenantId }, body: { name: 'Acme and sons' } }),
  claimDomain: ({ tenantId, fresh }) => ({
    params: { tenant_id: tenantId },
    body: { domain: `${fresh('acme')}.example` },
  }),
  verifyDomain: ({ tenantId }) => ({ params: { tenant_id: tenantId } }),
  releaseDomain: ({ tenantId }) => ({ params: { tenant_id: tenantId } }),
  members: ({ tenantId }) => ({ params: { tenant_id: tenantId } }),
  changeRole: ({ tenantId, userId }) => ({
    params: { tenant_id: tenantId, user_id: userId },
    body: { role: 'admin' },
  }),
  remove: ({ tenantId, userId }) => ({ params: { tenant_id: tenantId, user_id: userId } }),
  transfer: ({ tenantId, userId }) => ({ params: { tenant_id: tenantId }, body: { user_id: userId } }),
  withdrawTransfer: ({ tenantId }) => ({ params: { tenant_id: tenantId } }),
  acceptTransfer: ({ tenantId }) => ({ params: { tenant_id: tenantId } }),
  declineTransfer: ({ tenantId }) => ({ params: { tenant_id: tenantId } }),
  invite: ({ tenantId, fresh }) => ({
    params: { tenant_id: tenantId },
    body: { email: `${fresh('grace')}@example.com`, role: 'member' },
  }),
  invitations: ({ tenantId }) => ({ params: { tenant_id: tenantId } }),
  withdraw: ({ tenantId, invitationId }) => ({
    params: { tenant_id: tenantId, invitation_id: invitationId },
  }),
  offers: () => ({}),
  accept: ({ invitationId }) => ({ params: { invitation_id: invitationId } }),
  decline: ({ invitationId }) => ({ params: { invitation_id: invitationId } }),
} satisfies ExamplesOf<typeof contract>;
