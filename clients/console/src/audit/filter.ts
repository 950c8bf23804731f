import { EVENT_TYPES } from './words.ts';

/** What is looked for; empty for all. Days are whole, in the viewer's zone. */
export interface Filter {
  readonly type: string;
  readonly license: string;
  readonly session: string;
  readonly from: string;
  readonly to: string;
}

/** The query of a filter. */
export function queryOf({ type, license, session, from, to }: Filter) {
  return {
    ...(isType(type) && { type }),
    ...(license !== '' && { license_id: license }),
    ...(session !== '' && { session_id: session }),
    ...(from !== '' && { from: startOf(from, 0) }),
    ...(to !== '' && { to: startOf(to, 1) }),
  };
}

function isType(text: string): text is (typeof EVENT_TYPES)[number] {
  return EVENT_TYPES.some((type) => type === text);
}

/** When the day, or one so many days later, begins where the viewer is. */
function startOf(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
