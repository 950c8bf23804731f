import type { AuditEvent } from '../../../sdk/src/api.ts';
import { type Filter, queryOf } from '../audit/filter.ts';
import { FilterForm } from '../audit/filter-form.tsx';
import { VerifyLog } from '../audit/verify.tsx';
import { detailWords, typeWords } from '../audit/words.ts';
import { useConsole } from '../console.ts';
import { readLicenses } from '../licenses.ts';
import type { TenantPageProps } from '../pages.ts';
import { useQueryValue } from '../router.ts';
import { Moment } from '../ui/moment.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { Shortened } from '../ui/shortened.tsx';
import { useLoad } from '../ui/use-load.ts';
import { usePages } from '../ui/use-pages.ts';

const ROWS = 50;

export function AuditPage({ tenant }: TenantPageProps) {
  const { call } = useConsole();
  const { tenantId } = tenant;
  const [filter, change] = useFilter();
  const licenses = useLoad(
    (signal) => readLicenses(call, tenantId, filter.license, signal),
    [call, tenantId],
  );
  const events = usePages(
    async (cursor, signal) => {
      const query = { tenant_id: tenantId, limit: ROWS, ...queryOf(filter), ...cursor };
      const page = await call('auditList', { query, signal });
      return { rows: page.events, nextCursor: page.next_cursor };
    },
    [call, tenantId, ...Object.values(filter)],
  );
  return (
    <Page title="Audit log" of={tenant.name}>
      <p class="quiet">
        What happened to licenses and seats, the newest first. News takes up to two minutes.
      </p>
      <VerifyLog tenantId={tenantId} />
      <FilterForm filter={filter} licenses={licenses.value ?? []} onChange={change} />
      <Paged of={events} empty={<NothingFound />} render={(rows) => <EventTable events={rows} />} />
    </Page>
  );
}

/** Kept in the address, so that what somebody has found can be shown to somebody else. */
function useFilter(): [Filter, (name: keyof Filter, value: string) => void] {
  const [type, setType] = useQueryValue('type');
  const [license, setLicense] = useQueryValue('license');
  const [session, setSession] = useQueryValue('session');
  const [from, setFrom] = useQueryValue('from');
  const [to, setTo] = useQueryValue('to');
  const set = { type: setType, license: setLicense, session: setSession, from: setFrom, to: setTo };
  return [{ type, license, session, from, to }, (name, value) => set[name](value)];
}

function NothingFound() {
  return (
    <div class="empty">
      <h2>Nothing found</h2>
      <p>No event is of this kind and within these days.</p>
    </div>
  );
}

function EventTable({ events }: { readonly events: readonly AuditEvent[] }) {
  return (
    <div class="table-frame">
      <table class="cards">
        <caption class="sr-only">Events, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">License</th>
            <th scope="col">No.</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <EventRow key={event.event_id} event={event} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function EventRow({ event }: { readonly event: AuditEvent }) {
  const detail = detailWords(event);
  return (
    <tr>
      <th scope="row">
        {typeWords(event.type)}
        {detail !== '' && <span class="second-line">{detail}</span>}
      </th>
      <td data-label="When">
        <Moment at={event.at} />
      </td>
      <td data-label="Who">
        {event.holder === undefined ? '' : <Shortened text={event.holder} label="Pseudonym" />}
      </td>
      <td data-label="License">
        <Shortened text={event.license_id} label="License" />
      </td>
      <td data-label="No." title={event.seq === null ? 'It is sealed within a minute.' : undefined}>
        {event.seq ?? 'not sealed yet'}
      </td>
    </tr>
  );
}
