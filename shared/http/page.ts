import { type Equals, InvalidCursor, type Page, type Query, type Records } from '../ports/records.ts';
import type { Refusal } from './contract.ts';
import { USUAL_PAGE_LIMIT } from './fields.ts';

/** What a list's query parameters ask for. */
interface AskedPage {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

interface AnsweredPage<T> {
  readonly documents: readonly T[];
  /** `null` on the last page. */
  readonly next_cursor: string | null;
}

/** One page of the records as a caller asked for it. A cursor of another list is the caller's mistake. */
export async function readPage<T>(
  records: Records,
  query: Query<T>,
  equals: Equals,
  asked: AskedPage,
  bounds: Pick<Page, 'least' | 'below'> = {},
): Promise<AnsweredPage<T> | Refusal<'INVALID_CURSOR'>> {
  const page = { ...bounds, limit: asked.limit ?? USUAL_PAGE_LIMIT, cursor: asked.cursor };
  try {
    const { documents, nextCursor } = await records.query(query, equals, page);
    return { documents, next_cursor: nextCursor ?? null };
  } catch (error) {
    if (error instanceof InvalidCursor) return { problem: 'INVALID_CURSOR' };
    throw error;
  }
}
