import { useState } from 'preact/hooks';
import type { Tenant } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { NewTenantDialog } from '../operator/new-tenant.tsx';
import { tenantHref } from '../pages.ts';
import { Button } from '../ui/button.tsx';
import { Moment } from '../ui/moment.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { usePages } from '../ui/use-pages.ts';

export function OperatorTenantsPage() {
  const { call } = useConsole();
  const [isMaking, setMaking] = useState(false);
  const tenants = usePages(
    async (cursor, signal) => {
      const page = await call('tenantsList', { query: cursor, signal });
      return { rows: page.tenants, nextCursor: page.next_cursor };
    },
    [call],
  );
  return (
    <Page
      title="Tenants"
      aside={
        <Button kind="primary" onClick={() => setMaking(true)}>
          New tenant
        </Button>
      }
    >
      <Paged of={tenants} empty={<NoTenants />} render={(rows) => <TenantTable tenants={rows} />} />
      {isMaking && (
        <NewTenantDialog
          onClose={() => setMaking(false)}
          onMade={() => {
            setMaking(false);
            tenants.load.again();
          }}
        />
      )}
    </Page>
  );
}

function NoTenants() {
  return (
    <div class="empty">
      <h2>No tenant yet</h2>
      <p>Each customer is a tenant: it owns licenses, and people belong to it.</p>
    </div>
  );
}

function TenantTable({ tenants }: { readonly tenants: readonly Tenant[] }) {
  return (
    <div class="table-frame">
      <table class="cards">
        <caption class="sr-only">Tenants, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Id</th>
            <th scope="col">Owner</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          {tenants.map(({ tenant_id, name, owner_id, created_at }) => (
            <tr key={tenant_id}>
              <th scope="row">
                <a href={tenantHref(tenant_id, 'licenses')}>{name}</a>
              </th>
              <td data-label="Id">
                <code>{tenant_id}</code>
              </td>
              <td data-label="Owner">
                {owner_id === null ? <span class="badge warn">none yet</span> : <code>{owner_id}</code>}
              </td>
              <td data-label="Since">
                <Moment at={created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
