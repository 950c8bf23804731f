import * as z from 'zod/mini';
import type { RedisEngine } from '../redis/engine.ts';
import { prepareScript, type Script } from '../redis/script.ts';
import type { KeyNames } from './lua/keys.ts';
import { assembleScript, READ_ONLY, type Verb } from './lua/scripts.ts';

type ScriptRunner = <S extends z.core.$ZodType>(
  verb: Verb,
  replies: S,
  keysOf: (names: KeyNames) => string[],
  args: string[],
) => Promise<z.output<S>>;

/**
 * Runs scripts on `redis`. Each is assembled when it is first used: a deployed function runs one, rarely two. `keysOf`
 * turns the names of its keys into the keys.
 */
export function scriptRunner(
  redis: RedisEngine,
  replaceIncludes: Readonly<Record<string, string>>,
): ScriptRunner {
  const scripts = new Map<Verb, { readonly run: Script; readonly keys: KeyNames }>();

  function prepare(verb: Verb) {
    const { source, keys } = assembleScript(verb, replaceIncludes);
    return { keys, run: prepareScript(redis, compact(source), { isReadOnly: READ_ONLY.has(verb) }) };
  }

  return async (verb, replies, keysOf, args) => {
    const script = scripts.get(verb) ?? prepare(verb);
    scripts.set(verb, script);
    return decode(verb, replies, await script.run(keysOf(script.keys), args));
  };
}

/** Without comments and indentation: two fifths of a script, which embedded Redis compiles at each call. */
function compact(source: string): string {
  return source.replaceAll(/^\s*--.*\n|^\s+/gm, '');
}

/** The reply of `command`, validated against `shape`. */
export function decode<S extends z.core.$ZodType>(command: string, shape: S, reply: unknown): z.output<S> {
  const decoded = z.safeParse(shape, reply);
  if (!decoded.success) throw new Error(`${command}: unknown reply`, { cause: decoded.error });
  return decoded.data;
}

/** The rows of `command`'s reply, which has the cells of all rows in one list. Each row is validated against `shape`. */
export function decodeRows<S extends z.core.$ZodTuple>(
  command: string,
  shape: S,
  cells: readonly unknown[],
): z.output<S>[] {
  const width = shape._zod.def.items.length;
  return Array.from({ length: cells.length / width }, (_, i) =>
    decode(command, shape, cells.slice(i * width, (i + 1) * width)),
  );
}

/** Turns Redis' flat list of fields and values into an object. */
export function fieldsOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i] ?? ''] = flat[i + 1] ?? '';
  return fields;
}
