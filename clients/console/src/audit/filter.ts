import type { Days } from '../days.ts';
import { type EventType, isEventType } from './labels.ts';

export interface AuditFilter extends Days {
  readonly type: EventType | '';
  readonly license: string;
  readonly session: string;
}

const DAY = /^\d{4}-\d\d-\d\d$/;

/** Reads the filter from the query of the address. Ignores invalid values. */
export function filterOf(query: URLSearchParams): AuditFilter {
  const text = (name: string): string => query.get(name) ?? '';
  const day = (name: string): string => {
    const value = text(name);
    return DAY.test(value) && !Number.isNaN(Date.parse(value)) ? value : '';
  };
  const type = text('type');
  return {
    type: isEventType(type) ? type : '',
    license: text('license'),
    session: text('session'),
    first: day('first'),
    last: day('last'),
  };
}

export function queryOf(filter: AuditFilter): string {
  const chosen = Object.entries(filter).filter(([, value]) => value !== '');
  return chosen.length === 0 ? '' : `?${new URLSearchParams(chosen)}`;
}
