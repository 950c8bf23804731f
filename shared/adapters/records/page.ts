import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { openCursor, sealCursor } from '../../domain/cursor.ts';
import { type Equals, InvalidCursor, type Page, type PageOf, type Query } from '../../ports/records.ts';
import { decodeDocument, documentId, valueAt } from './documents.ts';

/** A document's position in a query's order: its order value and, among equal ones, its id. */
export interface Position {
  readonly value: string | number;
  readonly id: string;
}

export interface PageRequest {
  /** One row more than the page has: it shows whether there is a next page. */
  readonly fetchLimit: number;
  /** Where the previous page ended; undefined for the first page. */
  readonly after: Position | undefined;
}

/** A document as stored, not validated yet. */
export interface Row {
  readonly id: string;
  readonly stored: unknown;
}

const MAX_LIMIT = 100;
const cursorContent = z.tuple([z.string(), z.union([z.string(), z.number()]), documentId]);

/**
 * What to fetch for one page. Throws `InvalidCursor` for a cursor that was not created for this query with these values
 * and bounds, and an Error if our own code passes parameters that the catalogue entry does not have.
 */
export function pageRequest<T>(query: Query<T>, equals: Equals, page: Page): PageRequest {
  if (!Number.isInteger(page.limit) || page.limit < 1 || page.limit > MAX_LIMIT) {
    throw new Error(`A page of ${query.name} holds 1 to ${MAX_LIMIT} documents, not ${page.limit}.`);
  }
  const given = Object.keys(equals).toSorted();
  const wanted = query.where.toSorted();
  if (given.join() !== wanted.join()) {
    throw new Error(`The query ${query.name} takes [${wanted.join()}], not [${given.join()}].`);
  }
  const { least, below } = page;
  if (least !== undefined && below !== undefined && typeof least !== typeof below) {
    throw new Error(`The bounds of a page of ${query.name} must be two numbers or two strings.`);
  }
  const list = listOf(query, equals, page);
  const after = page.cursor === undefined ? undefined : decodeCursor(list, page.cursor);
  return { fetchLimit: page.limit + 1, after };
}

/** The fetched rows as a page: the readable documents, and a cursor if there is one more row. */
export function toPage<T>(query: Query<T>, equals: Equals, page: Page, rows: readonly Row[]): PageOf<T> {
  const shown = rows.slice(0, page.limit);
  const documents = shown.flatMap((row) => {
    try {
      return [decodeDocument(query.collection, row.id, row.stored)];
    } catch (error) {
      if (!page.onUnreadable || !(error instanceof Error)) throw error;
      page.onUnreadable(error);
      return [];
    }
  });
  const last = shown.at(-1);
  if (last === undefined || rows.length <= page.limit) {
    return { documents };
  }
  return { documents, nextCursor: encodeCursor(query, listOf(query, equals, page), last) };
}

/** A short hash that identifies the list of a cursor: the query, its values and the bounds. */
function listOf<T>(query: Query<T>, equals: Equals, { least, below }: Page): string {
  const values = query.where.map((field) => equals[field]);
  const content = JSON.stringify([query.name, query.orderBy, values, least ?? null, below ?? null]);
  return createHash('sha256').update(content).digest('base64url').slice(0, 16);
}

function encodeCursor<T>(query: Query<T>, list: string, row: Row): string {
  const value = valueAt(row.stored, query.orderBy.field);
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new Error(`The document ${query.collection.name}/${row.id} has no place in ${query.name}.`);
  }
  return sealCursor([list, value, row.id]);
}

function decodeCursor(list: string, cursor: string): Position {
  const content = openCursor(cursorContent, cursor);
  if (!content) {
    throw new InvalidCursor('The cursor was not created by this store.');
  }
  const [cursorList, value, id] = content;
  if (cursorList !== list) {
    throw new InvalidCursor('The cursor was created for another list.');
  }
  return { value, id };
}
