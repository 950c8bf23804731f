import { type Equals, InvalidCursor, type Page, type PageOf, type Query, type Records } from './records.ts';

/** The most documents on one page. */
export const LARGEST_PAGE = 100;

/** Iterates over the pages of a list; each is read when it is needed. `read` gets the previous page's cursor. */
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

/** A page from a cursor that was stored. If a deploy has made that cursor invalid since, the list starts again. */
export async function resumeQuery<T>(
  records: Records,
  query: Query<T>,
  equals: Equals,
  page: Page,
): Promise<PageOf<T>> {
  try {
    return await records.query(query, equals, page);
  } catch (error) {
    if (!(error instanceof InvalidCursor)) throw error;
    return records.query(query, equals, { ...page, cursor: undefined });
  }
}

/** Iterates over all documents of a query within the bounds; each page is read when it is needed. */
export async function* eachDocument<T>(
  records: Records,
  query: Query<T>,
  equals: Equals,
  bounds: Pick<Page, 'least' | 'below' | 'onUnreadable'> = {},
): AsyncGenerator<T> {
  const pages = eachPage((cursor) =>
    records.query(query, equals, { ...bounds, limit: LARGEST_PAGE, cursor }),
  );
  for await (const { documents } of pages) yield* documents;
}

/** An `onUnreadable` that adds the reason to `reasons`: the list goes on without the document. */
export function keepReasons(reasons: string[]): (error: Error) => void {
  return ({ message }) => void reasons.push(message);
}
