import { useState } from 'preact/hooks';
import type { UsageRecords, UsageTotals } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { dateAndTime } from '../time.ts';
import { Loaded } from '../ui/loaded.tsx';
import { Paged } from '../ui/paged.tsx';
import { Table } from '../ui/table.tsx';
import { useLoad } from '../ui/use-load.ts';
import { usePages } from '../ui/use-pages.ts';
import { outcomeText, STATE_LABELS, type UsageState } from './states.ts';

type Total = UsageTotals['meters'][number];
type UsageRecord = UsageRecords['records'][number];

/** What a license used of each meter in the last 31 days, and what became of the records. */
export function Metered({ licenseId }: { readonly licenseId: string }) {
  const { call } = useConsole();
  const [state, setState] = useState<UsageState>();
  const totals = useLoad(
    (signal) => call('usageTotals', { query: { license_id: licenseId }, signal }),
    [call, licenseId],
  );
  return (
    <section aria-label="Metered usage">
      <h2>Metered usage in the last 31 days</h2>
      <Loaded
        of={totals}
        render={({ meters, available_meters }) =>
          meters.length === 0 ? (
            <p class="quiet">{noUsage(available_meters)}</p>
          ) : (
            <>
              <Totals meters={meters} />
              <label class="inline-field">
                Records
                <select
                  value={state ?? ''}
                  onChange={({ currentTarget }) => setState(stateOf(currentTarget.value))}
                >
                  <option value="">All</option>
                  {statesIn(meters).map((each) => (
                    <option key={each} value={each}>
                      {STATE_LABELS[each]}
                    </option>
                  ))}
                </select>
              </label>
              <Records key={state ?? ''} licenseId={licenseId} state={state} />
            </>
          )
        }
      />
    </section>
  );
}

function noUsage(available: readonly string[]): string {
  return available.length === 0
    ? 'The vendor meters no usage.'
    : `No usage was recorded. Meters: ${available.join(', ')}.`;
}

function Totals({ meters }: { readonly meters: readonly Total[] }) {
  return (
    <Table caption="Usage by meter" columns={['Meter', 'Counted', 'Records', 'What became of them']}>
      {meters.map(({ meter, quantity, records, states }) => (
        <tr key={meter}>
          <td data-label="Meter">{meter}</td>
          <td data-label="Counted">{quantity}</td>
          <td data-label="Records">{records}</td>
          <td data-label="What became of them">
            {states.map((each) => `${STATE_LABELS[each.state]}: ${each.quantity}`).join(', ')}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Records({
  licenseId,
  state,
}: {
  readonly licenseId: string;
  readonly state: UsageState | undefined;
}) {
  const { call } = useConsole();
  const pages = usePages(
    async (cursor, signal) => {
      const { records, next_cursor } = await call('usageRecords', {
        params: { license_id: licenseId },
        query: { ...cursor, ...(state && { state }) },
        signal,
      });
      return { rows: records, nextCursor: next_cursor };
    },
    [call, licenseId, state],
  );
  return (
    <Paged
      of={pages}
      empty={<p class="quiet">No such records.</p>}
      render={(rows) => (
        <Table
          caption="Usage records, newest first"
          columns={['Record', 'Meter', 'Quantity', 'Used', 'State']}
        >
          {rows.map((record) => (
            <Row key={record.id} record={record} />
          ))}
        </Table>
      )}
    />
  );
}

function Row({ record }: { readonly record: UsageRecord }) {
  const { id, meter, quantity, timestamp } = record;
  return (
    <tr>
      <td data-label="Record" class="break">
        {id}
      </td>
      <td data-label="Meter">{meter}</td>
      <td data-label="Quantity">{quantity}</td>
      <td data-label="Used">{dateAndTime(new Date(timestamp))}</td>
      <td data-label="State">{outcomeText(record)}</td>
    </tr>
  );
}

function stateOf(value: string): UsageState | undefined {
  return Object.keys(STATE_LABELS).find((state): state is UsageState => state === value);
}

function statesIn(meters: readonly Total[]): UsageState[] {
  const found = new Set(meters.flatMap(({ states }) => states.map(({ state }) => state)));
  return [...found];
}
