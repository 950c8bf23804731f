import type { Redis } from '@upstash/redis';
import * as z from 'zod/mini';
import { assembleScript, type Verb } from './lua/scripts.ts';

type ScriptRunner = <S extends z.core.$ZodType>(
  verb: Verb,
  replies: S,
  keys: string[],
  args: string[],
) => Promise<z.output<S>>;

/** Runs verbs on `redis`. Each is read and put together when first needed: a deployed function runs one, seldom two. */
export function scriptRunner(redis: Redis, replaceIncludes: Readonly<Record<string, string>>): ScriptRunner {
  const scripts = new Map<Verb, { exec(keys: string[], args: string[]): Promise<unknown> }>();

  return async (verb, replies, keys, args) => {
    const script = scripts.get(verb) ?? redis.createScript<unknown>(assembleScript(verb, replaceIncludes));
    scripts.set(verb, script);
    return decode(verb, replies, await script.exec(keys, args));
  };
}

/** A reply of `command` as `shape` has it. */
export function decode<S extends z.core.$ZodType>(command: string, shape: S, reply: unknown): z.output<S> {
  const decoded = z.safeParse(shape, reply);
  if (!decoded.success)
    throw new Error(`${command}: a reply that this version does not know`, { cause: decoded.error });
  return decoded.data;
}

/** Fields and values as Redis lists them one after the other. */
export function fieldsOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i] ?? ''] = flat[i + 1] ?? '';
  return fields;
}
