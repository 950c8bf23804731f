import type { Equals, Page, Query, Records } from './records.ts';

const LARGEST_PAGE = 100;

/** Every document of a catalogued query within the bounds, page by page as they are taken. */
export async function* eachDocument<T>(
  records: Records,
  query: Query<T>,
  equals: Equals,
  bounds: Pick<Page, 'least' | 'below'> = {},
): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const page = await records.query(query, equals, { ...bounds, limit: LARGEST_PAGE, cursor });
    yield* page.documents;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
