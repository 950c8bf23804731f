import { useState } from 'preact/hooks';
import type { License } from '../../../sdk/src/api.ts';
import { nameOf } from '../licenses.ts';
import { Button } from '../ui/button.tsx';
import { DaysFields } from '../ui/days-fields.tsx';
import { type AuditFilter, filterOf } from './filter.ts';
import { EVENT_LABELS, EVENT_TYPES, isEventType } from './labels.ts';

interface FilterProps {
  readonly filter: AuditFilter;
  readonly licenses: readonly License[];
  onFilter(filter: AuditFilter): void;
}

/** Queries the server only on submit, as each query costs reads of an index. */
export function FilterForm({ filter, licenses, onFilter }: FilterProps) {
  const [wanted, setWanted] = useState(filter);
  const isKnown = licenses.some(({ license_id }) => license_id === wanted.license);
  return (
    <form
      class="row-form filter"
      aria-label="Filter"
      onSubmit={(event) => {
        event.preventDefault();
        onFilter({ ...wanted, session: wanted.session.trim() });
      }}
    >
      <label>
        Event
        <select
          value={wanted.type}
          onChange={({ currentTarget: { value } }) =>
            setWanted({ ...wanted, type: isEventType(value) ? value : '' })
          }
        >
          <option value="">All events</option>
          {EVENT_TYPES.map((type) => (
            <option key={type} value={type}>
              {EVENT_LABELS[type]}
            </option>
          ))}
        </select>
      </label>
      <label>
        License
        <select
          value={wanted.license}
          onChange={({ currentTarget: { value } }) => setWanted({ ...wanted, license: value })}
        >
          <option value="">All licenses</option>
          {wanted.license !== '' && !isKnown && <option value={wanted.license}>{wanted.license}</option>}
          {licenses.map((license) => (
            <option key={license.license_id} value={license.license_id}>
              {nameOf(license)} ({license.license_id})
            </option>
          ))}
        </select>
      </label>
      <label>
        Session
        <input
          autocomplete="off"
          placeholder="ses_…"
          value={wanted.session}
          onInput={({ currentTarget: { value } }) => setWanted({ ...wanted, session: value })}
        />
      </label>
      <DaysFields days={wanted} onChange={(days) => setWanted({ ...wanted, ...days })} />
      <div class="buttons">
        <Button type="submit" kind="primary">
          Show events
        </Button>
        <Button
          onClick={() => {
            const all = filterOf(new URLSearchParams());
            setWanted(all);
            onFilter(all);
          }}
        >
          Clear filters
        </Button>
      </div>
    </form>
  );
}
