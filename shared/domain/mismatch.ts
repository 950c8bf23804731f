import type * as z from 'zod/mini';

const MOST_PLACES = 5;

/** Where a value does not match its schema, without any part of the value: `data.object.id (invalid_type)`. */
export function placesOf({ issues }: z.core.$ZodError, whole: string): string {
  const places = issues.map(({ path, code }) => `${path.join('.') || whole} (${code})`);
  return places.slice(0, MOST_PLACES).join(', ');
}
