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

/** Queries the server only on submit, because each query costs document reads. */
export function FilterForm({ filter, licenses, onFilter }: FilterProps) {
  const [draft, setWanted] = useState(filter);
  const isKnown = licenses.some(({ license_id }) => license_id === draft.license);
  return (
    <form
      class="row-form filter"
      aria-label="Filter"
      onSubmit={(event) => {
        event.preventDefault();
        onFilter({ ...draft, session: draft.session.trim() });
      }}
    >
      <label>
        Event
        <select
          value={draft.type}
          onChange={({ currentTarget: { value } }) =>
            setWanted({ ...draft, type: isEventType(value) ? value : '' })
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
          value={draft.license}
          onChange={({ currentTarget: { value } }) => setWanted({ ...draft, license: value })}
        >
          <option value="">All licenses</option>
          {draft.license !== '' && !isKnown && <option value={draft.license}>{draft.license}</option>}
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
          value={draft.session}
          onInput={({ currentTarget: { value } }) => setWanted({ ...draft, session: value })}
        />
      </label>
      <DaysFields days={draft} onChange={(days) => setWanted({ ...draft, ...days })} />
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
