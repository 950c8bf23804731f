import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('./', import.meta.url);

/** The scripts, one file each. Those in the second list belong to seat maintenance; no client waits for them. */
export const VERBS = [
  ...([
    'acquire',
    'heartbeat',
    'release',
    'put-license',
    'list-sessions',
    'read-session',
    'keep-signed',
  ] as const),
  ...([
    'expire',
    'read-copies',
    'drop-license',
    'which-seated',
    'bar',
    'read-facts',
    'forget-sessions',
    'probe',
  ] as const),
] as const;
export type Verb = (typeof VERBS)[number];

/** Source of a script with its includes before it, each once, in the order in which they are needed. */
export function assembleScript(verb: Verb, replace: Readonly<Record<string, string>> = {}): string {
  const placed = new Set<string>();
  const parts: string[] = [];
  const place = (source: string): void => {
    for (const name of includesOf(source)) {
      if (placed.has(name)) continue;
      placed.add(name);
      place(replace[name] ?? readInclude(name));
    }
    parts.push(source);
  };
  place(readVerb(verb));
  return parts.join('\n');
}

export function readVerb(verb: Verb): string {
  return readFileSync(new URL(`${verb}.lua`, folder), 'utf8');
}

export function readInclude(name: string): string {
  return readFileSync(new URL(`include/${name}.lua`, folder), 'utf8');
}

/** Names of all include files. */
export function listIncludes(): string[] {
  return readdirSync(new URL('include/', folder)).map((file) => file.replace(/\.lua$/, ''));
}

function includesOf(source: string): string[] {
  return [...source.matchAll(/^-- @include (\S+)$/gm)].map((match) => String(match[1]));
}
