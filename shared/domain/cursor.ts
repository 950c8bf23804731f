import * as z from 'zod/mini';

/** A position in a list as one opaque word. */
export function sealCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The position again, or `undefined` where `cursor` is none that has `shape`. */
export function openCursor<T>(shape: z.ZodMiniType<T>, cursor: string): T | undefined {
  const position = z.safeParse(shape, read(cursor)).data;
  // Node's decoder skips what is not base64url, so only writing it again shows that nothing was skipped.
  return position !== undefined && sealCursor(position) === cursor ? position : undefined;
}

function read(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}
