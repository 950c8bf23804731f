import { useConsole } from '../console.ts';
import { DomainForm } from '../members/domain-form.tsx';
import { InvitationList } from '../members/invitation-list.tsx';
import { InviteForm } from '../members/invite-form.tsx';
import { MemberList } from '../members/member-list.tsx';
import { TenantTerms } from '../members/tenant-terms.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { Page } from '../ui/page.tsx';
import { useLoad } from '../ui/use-load.ts';
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
  const canManage = tenant.role === 'owner' || tenant.role === 'operator';
  const terms = useLoad((signal) => call('tenantsRead', { params, signal }), [call, tenant.tenantId]);
  return (
    <Page title="Members" of={tenant.name}>
      <MemberList tenant={tenant} transfer={terms.value?.transfer ?? null} onTransfer={terms.again} />
      <InviteForm tenant={tenant} onInvited={invitations.load.again} />
      <InvitationList tenant={tenant} of={invitations} />
      {canManage && (
        <Loaded
          of={terms}
          render={(value) => (
            <>
              <DomainForm tenant={value} onChanged={terms.again} />
              <TenantTerms key={value.tenant_id} tenant={value} />
            </>
          )}
        />
      )}
    </Page>
  );
}
