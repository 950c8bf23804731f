import * as z from 'zod/mini';

/** A position in a list as one opaque word. */
export function sealCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The position again, or `undefined` where `cursor` is none that has `shape`. */
export function openCursor<T>(shape: z.ZodMiniType<T>, cursor: string): T | undefined {
  try {
    return z.safeParse(shape, JSON.parse(Buffer.from(cursor, 'base64url').toString())).data;
  } catch {
    return undefined;
  }
}
