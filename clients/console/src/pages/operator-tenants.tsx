import { useConsole } from '../console.ts';
import { CreateTenant } from '../operator/create-tenant.tsx';
import { BASE } from '../router.ts';
import { Moment } from '../ui/moment.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { Table } from '../ui/table.tsx';
import { usePages } from '../ui/use-pages.ts';
import { tenantHref } from '../viewer.ts';

export function OperatorTenantsPage() {
  const { call } = useConsole();
  const tenants = usePages(
    async (query, signal) => {
      const page = await call('tenantsList', { query, signal });
      return { rows: page.tenants, nextCursor: page.next_cursor };
    },
    [call],
  );
  return (
    <Page title="Tenants" of="Operator">
      <CreateTenant onCreated={tenants.load.again} />
      <Paged
        of={tenants}
        empty={
          <div class="empty">
            <p>No tenants yet. Create one above.</p>
          </div>
        }
        render={(rows) => (
          <Table caption="Tenants, newest first" columns={['Tenant', 'Owner', 'Created', 'Go to']}>
            {rows.map(({ tenant_id, name, owner_id, join_domain, created_at }) => (
              <tr key={tenant_id}>
                <th scope="row">
                  {name}
                  <span class="second-line">
                    <code>{tenant_id}</code>
                    {join_domain !== null && `, users of ${join_domain} join`}
                  </span>
                </th>
                <td data-label="Owner">
                  {owner_id === null ? <span class="badge warn">None yet</span> : <code>{owner_id}</code>}
                </td>
                <td data-label="Created">
                  <Moment at={created_at} />
                </td>
                <td data-label="Go to">
                  <ul class="ways">
                    <li>
                      <a href={`${BASE}/operator/licenses?tenant=${tenant_id}`}>
                        Licenses<span class="sr-only"> of {name}</span>
                      </a>
                    </li>
                    <li>
                      <a href={tenantHref(tenant_id, 'members')}>
                        Members<span class="sr-only"> of {name}</span>
                      </a>
                    </li>
                    <li>
                      <a href={tenantHref(tenant_id, 'seats')}>
                        Seats<span class="sr-only"> of {name}</span>
                      </a>
                    </li>
                  </ul>
                </td>
              </tr>
            ))}
          </Table>
        )}
      />
    </Page>
  );
}
