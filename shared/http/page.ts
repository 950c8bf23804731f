import type * as z from 'zod/mini';
import { openCursor } from '../domain/cursor.ts';
import { keepReasons } from '../ports/each-document.ts';
import type { Noted } from '../ports/log-line.ts';
import { type Equals, InvalidCursor, type Page, type Query, type Records } from '../ports/records.ts';
import type { Refusal } from './contract.ts';
import { DEFAULT_PAGE_LIMIT } from './fields.ts';
import { noteUnreadable } from './unreadable.ts';

/** The query parameters of a list. */
interface RequestedPage {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

interface ListRequest {
  readonly query: RequestedPage;
  readonly note: (more: Noted) => void;
}

interface ReturnedPage<T> {
  readonly documents: readonly T[];
  /** `null` on the last page. */
  readonly next_cursor: string | null;
}

/** Reads the requested page of a query. Documents that this release cannot read are left out, and logged as an error. */
export function readPage<T>(
  records: Records,
  query: Query<T>,
  equals: Equals,
  { query: requested, note }: ListRequest,
  bounds: Pick<Page, 'least' | 'below'> = {},
): Promise<ReturnedPage<T> | Refusal<'INVALID_CURSOR'>> {
  const unreadable: string[] = [];
  const { limit = DEFAULT_PAGE_LIMIT, cursor } = requested;
  const page = { ...bounds, limit, cursor, onUnreadable: keepReasons(unreadable) };
  return refuseInvalidCursor(async () => {
    const { documents, nextCursor } = await records.query(query, equals, page);
    noteUnreadable(note, unreadable);
    return { documents, next_cursor: nextCursor ?? null };
  });
}

/** The result of `read`, or a refusal when the cursor belongs to another list. */
export async function refuseInvalidCursor<T>(read: () => Promise<T>): Promise<T | Refusal<'INVALID_CURSOR'>> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof InvalidCursor) return { problem: 'INVALID_CURSOR' };
    throw error;
  }
}

/** The position after which a list with cursors of `sealCursor` continues; `undefined` for its start. */
export function requestedPosition<T>(
  shape: z.ZodMiniType<T>,
  { cursor }: RequestedPage,
): { readonly position: T | undefined } | Refusal<'INVALID_CURSOR'> {
  if (cursor === undefined) return { position: undefined };
  const position = openCursor(shape, cursor);
  return position === undefined ? { problem: 'INVALID_CURSOR' } : { position };
}

/** The query bounds for the period that a caller requests. */
export function boundsOf({ from, to }: { from?: string | undefined; to?: string | undefined }): {
  readonly least: number | undefined;
  readonly below: number | undefined;
} {
  return {
    least: from === undefined ? undefined : Date.parse(from),
    below: to === undefined ? undefined : Date.parse(to),
  };
}
