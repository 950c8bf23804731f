import type { Call } from '../api-call.ts';
import { useConsole } from '../console.ts';
import { MemberPage } from '../pages/member.tsx';
import { NotFoundPage } from '../pages/not-found.tsx';
import { tenantPageOf } from '../pages.ts';
import { isAdmin, ownTenants, type TenantInView, type Viewer } from '../viewer.ts';
import { Loaded } from './loaded.tsx';
import { Shell } from './shell.tsx';
import { useLoad } from './use-load.ts';

interface FrameProps {
  readonly tenantId: string;
  readonly slug: string;
}

/** Shows a page of a tenant once the tenant and the viewer's role in it are loaded. */
export function TenantFrame({ tenantId, slug }: FrameProps) {
  const { call, viewer } = useConsole();
  const own = ownTenants(viewer).find((tenant) => tenant.tenantId === tenantId);
  const isOwn = own !== undefined;
  const foreign = useLoad(
    async () => (isOwn ? undefined : readForeign(call, viewer, tenantId)),
    [isOwn, tenantId],
  );
  if (own) return <TenantPage tenant={own} slug={slug} />;
  return (
    <Loaded
      of={foreign}
      wrap={(shown) => <Shell>{shown}</Shell>}
      render={(tenant) =>
        tenant ? (
          <TenantPage tenant={tenant} slug={slug} />
        ) : (
          <Shell>
            <NotFoundPage />
          </Shell>
        )
      }
    />
  );
}

/** Reads a tenant that the viewer is not a member of. Only operators can. */
async function readForeign(call: Call, viewer: Viewer, tenantId: string): Promise<TenantInView | undefined> {
  if (!viewer.isOperator) return undefined;
  const { name } = await call('tenantsRead', { params: { tenant_id: tenantId } });
  return { tenantId, name, role: 'operator' };
}

function TenantPage({ tenant, slug }: { readonly tenant: TenantInView; readonly slug: string }) {
  const Page = tenantPageOf(slug, tenant.role);
  return (
    <Shell tenant={tenant}>
      {Page ? (
        <Page key={slug} tenant={tenant} />
      ) : isAdmin(tenant.role) ? (
        <NotFoundPage />
      ) : (
        <MemberPage tenant={tenant} />
      )}
    </Shell>
  );
}
