import * as z from 'zod/mini';

/** The version of all cursors. Clients and unfinished passes keep a cursor across a deploy; an unknown one is refused. */
const VERSION = 1;

/** Encodes a position in a list as one opaque word. */
export function sealCursor(position: unknown): string {
  return Buffer.from(JSON.stringify([VERSION, position])).toString('base64url');
}

/** Decodes a cursor; `undefined` if it is invalid or does not have `shape`. */
export function openCursor<T>(shape: z.ZodMiniType<T>, cursor: string): T | undefined {
  const [, position] = z.safeParse(z.tuple([z.literal(VERSION), shape]), read(cursor)).data ?? [];
  // Node's decoder skips characters that are not base64url; encoding again shows whether it skipped any.
  return position !== undefined && sealCursor(position) === cursor ? position : undefined;
}

function read(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}
