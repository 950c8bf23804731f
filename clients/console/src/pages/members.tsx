import { useConsole } from '../console.ts';
import { InvitationList } from '../members/invitation-list.tsx';
import { InviteForm } from '../members/invite-form.tsx';
import { MemberList } from '../members/member-list.tsx';
import { TenantTerms } from '../members/tenant-terms.tsx';
import { Page } from '../ui/page.tsx';
import { usePages } from '../ui/use-pages.ts';
import type { TenantPageProps } from '../viewer.ts';

/** The tenant's members, invitations, name and domain. */
export function MembersPage({ tenant }: TenantPageProps) {
  const { call } = useConsole();
  const params = { tenant_id: tenant.tenantId };
  const invitations = usePages(
    async (query, signal) => {
      const page = await call('tenantsInvitations', { params, query, signal });
      return { rows: page.invitations, nextCursor: page.next_cursor };
    },
    [call, tenant.tenantId],
  );
  return (
    <Page title="Members" of={tenant.name}>
      <MemberList tenant={tenant} />
      <InviteForm tenant={tenant} onInvited={invitations.load.again} />
      <InvitationList tenant={tenant} of={invitations} />
      {(tenant.role === 'owner' || tenant.role === 'operator') && <TenantTerms tenant={tenant} />}
    </Page>
  );
}
