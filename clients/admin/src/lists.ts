import { type Column, table } from './format.ts';

/** The first rows of a list. */
export interface Rows<R> {
  readonly rows: readonly R[];
  /** Whether the list has more rows. */
  readonly more: boolean;
}

/** The API's largest page. */
const PAGE_ROWS = 100;

/** Query of one page. */
interface Paging {
  readonly limit: string;
  readonly cursor: string | undefined;
}

/**
 * Reads the first `limit` rows, page by page. Each id appears once: a row that changes meanwhile may be on two pages. Reads
 * one row more than `limit`, because a cursor does not prove that there is another row.
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

/** Lines of a table, and a hint if there are more rows; or "No `things`." */
export function formatList<R>(
  { rows, more }: Rows<R>,
  things: string,
  columns: readonly Column<R>[],
): string[] {
  if (rows.length === 0) return [`No ${things}.`];
  const rest = more ? [`There are more ${things} than these ${rows.length}: raise --limit.`] : [];
  return [...table(columns, rows), ...rest];
}
