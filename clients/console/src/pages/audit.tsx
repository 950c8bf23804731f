import { EventTable } from '../audit/event-table.tsx';
import { filterOf, queryOf } from '../audit/filter.ts';
import { FilterForm } from '../audit/filter-form.tsx';
import { readNames } from '../audit/names.ts';
import { VerifyCard } from '../audit/verify-card.tsx';
import { useConsole } from '../console.ts';
import { periodOf } from '../days.ts';
import { readLicenses } from '../licenses.ts';
import { navigate, useAddress } from '../router.ts';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { useLoad } from '../ui/use-load.ts';
import { usePages } from '../ui/use-pages.ts';
import type { TenantPageProps } from '../viewer.ts';

export function AuditPage({ tenant }: TenantPageProps) {
  const { call } = useConsole();
  const { tenantId } = tenant;
  const address = useAddress();
  const filter = filterOf(address.searchParams);
  const isFiltered = queryOf(filter) !== '';
  const licenses = useLoad((signal) => readLicenses(call, tenantId, '', signal), [call, tenantId]);
  const members = useLoad((signal) => readNames(call, tenantId, signal), [call, tenantId]);
  const events = usePages(
    async (cursor, signal) => {
      const { type, license, session } = filter;
      const page = await call('auditList', {
        query: {
          tenant_id: tenantId,
          ...(type !== '' && { type }),
          ...(license !== '' && { license_id: license }),
          ...(session !== '' && { session_id: session }),
          ...periodOf(filter),
          ...cursor,
        },
        signal,
      });
      return { rows: page.events, nextCursor: page.next_cursor };
    },
    [call, tenantId, queryOf(filter)],
  );
  return (
    <Page title="Audit log" of={tenant.name}>
      <FilterForm
        filter={filter}
        licenses={licenses.value ?? []}
        onFilter={(wanted) => navigate(`${address.pathname}${queryOf(wanted)}`, 'replace')}
      />
      <section class="part" aria-label="Events">
        <Paged
          of={events}
          empty={
            <div class="empty">
              <p>
                {isFiltered
                  ? 'No events match these filters. Change or clear them.'
                  : `${tenant.name} has no events yet. They appear here once a license is created.`}
              </p>
            </div>
          }
          render={(rows) => <EventTable events={rows} names={members.value ?? new Map()} />}
        />
        <p class="quiet small footnote">New events appear here after up to two minutes.</p>
      </section>
      <VerifyCard tenantId={tenantId} />
    </Page>
  );
}
