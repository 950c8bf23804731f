import { type Column, table } from './format.ts';

/** The beginning of a list. */
export interface Rows<R> {
  readonly rows: readonly R[];
  /** There are more than these. */
  readonly more: boolean;
}

/** What the API gives out at once at most. */
const PAGE_ROWS = 100;

/** How a page of a list is asked for. */
interface Paging {
  readonly limit: string;
  readonly cursor: string | undefined;
}

/**
 * The first `limit` rows of a list that `readPage` gives page by page, each id once: what changes while it is read may
 * be on two pages. One row more than asked for is read, as a cursor alone does not say that there is one.
 */
export async function firstRows<P extends { readonly next_cursor: string | null }, R>(
  limit: number,
  readPage: (paging: Paging) => Promise<P>,
  rowsOf: (page: P) => readonly R[],
  idOf: (row: R) => string,
): Promise<Rows<R>> {
  const found = new Map<string, R>();
  let cursor: string | null | undefined;
  while (found.size <= limit && cursor !== null) {
    const wanted = Math.min(limit + 1 - found.size, PAGE_ROWS);
    const page = await readPage({ limit: String(wanted), cursor });
    for (const row of rowsOf(page)) found.set(idOf(row), row);
    cursor = page.next_cursor;
  }
  return { rows: [...found.values()].slice(0, limit), more: found.size > limit };
}

/** A line each below their heads, and whether there are more; or that there are no `things`. */
export function formatList<R>(
  { rows, more }: Rows<R>,
  things: string,
  columns: readonly Column<R>[],
): string[] {
  if (rows.length === 0) return [`No ${things}.`];
  const rest = more ? [`There are more ${things}: --limit shows more than these ${rows.length}.`] : [];
  return [...table(columns, rows), ...rest];
}
