import type { Equals, Page, Query, Records } from './records.ts';

/** Documents that a page holds at most. */
export const LARGEST_PAGE = 100;

/** Every page of a list, each read when it is taken. `read` gets the cursor of the page before. */
export async function* eachPage<P extends { readonly nextCursor?: string | undefined }>(
  read: (cursor: string | undefined) => Promise<P>,
): AsyncGenerator<P> {
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    yield page;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

/** Every document of a catalogued query within the bounds, page by page as they are taken. */
export async function* eachDocument<T>(
  records: Records,
  query: Query<T>,
  equals: Equals,
  bounds: Pick<Page, 'least' | 'below'> = {},
): AsyncGenerator<T> {
  const pages = eachPage((cursor) =>
    records.query(query, equals, { ...bounds, limit: LARGEST_PAGE, cursor }),
  );
  for await (const { documents } of pages) yield* documents;
}
