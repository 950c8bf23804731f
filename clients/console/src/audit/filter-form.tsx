import type { License } from '../../../sdk/src/api.ts';
import { nameOf } from '../licenses.ts';
import type { Filter } from './filter.ts';
import { EVENT_TYPES, typeWords } from './words.ts';

interface FilterProps {
  readonly filter: Filter;
  readonly licenses: readonly License[];
  onChange(name: keyof Filter, value: string): void;
}

export function FilterForm({ filter, licenses, onChange }: FilterProps) {
  const changing =
    (name: keyof Filter) =>
    ({ currentTarget }: { currentTarget: { value: string } }) =>
      onChange(name, currentTarget.value.trim());
  return (
    <form class="filter" aria-label="Filter" onSubmit={(event) => event.preventDefault()}>
      <label>
        What happened
        <select value={filter.type} onChange={changing('type')}>
          <option value="">Everything</option>
          {EVENT_TYPES.map((type) => (
            <option key={type} value={type}>
              {typeWords(type)}
            </option>
          ))}
        </select>
      </label>
      <label>
        License
        <select value={filter.license} onChange={changing('license')}>
          <option value="">All licenses</option>
          {licenses.map((license) => (
            <option key={license.license_id} value={license.license_id}>
              {nameOf(license)} ({license.license_id})
            </option>
          ))}
        </select>
      </label>
      <label>
        From
        <input type="date" value={filter.from} onChange={changing('from')} />
      </label>
      <label>
        To
        <input type="date" value={filter.to} onChange={changing('to')} />
      </label>
      <label>
        Session
        <input type="search" placeholder="ses_…" value={filter.session} onChange={changing('session')} />
      </label>
    </form>
  );
}
