import { readdirSync, readFileSync } from 'node:fs';
import { KEY_NAMES, type KeyNames } from './keys.ts';

const folder = new URL('./', import.meta.url);

/** The scripts, one file each. Those in the second list belong to seat maintenance; no client waits for them. */
export const VERBS = [
  ...([
    'acquire',
    'borrow',
    'heartbeat',
    'revive',
    'read-session',
    'reserve-signature',
    'keep-signed',
    'release',
    'evict',
    'put-license',
    'restore',
    'list-seats',
  ] as const),
  ...([
    'expire',
    'read-copies',
    'drop-license',
    'which-living',
    'bar',
    'read-facts',
    'forget-sessions',
    'forget-signed',
    'probe',
  ] as const),
] as const;
export type Verb = (typeof VERBS)[number];

/** Those that change nothing. */
export const READ_ONLY: ReadonlySet<Verb> = new Set(['list-seats', 'read-copies', 'read-facts']);

export interface Script {
  readonly source: string;
  readonly keys: KeyNames;
}

/**
 * A script with its includes before it, each once, in the order in which they are needed. Each of its keys is a local:
 * `license_key` for `license`. Those that it does not take are nil, so that it fails if an include needs one.
 */
export function assembleScript(verb: Verb, replace: Readonly<Record<string, string>> = {}): Script {
  const own = readVerb(verb);
  const keys = keysOf(own);
  const placed = new Set<string>();
  const parts = [localsOf(keys)];
  const place = (source: string): void => {
    for (const name of includesOf(source)) {
      if (placed.has(name)) continue;
      placed.add(name);
      place(replace[name] ?? readInclude(name));
    }
    parts.push(source);
  };
  place(own);
  return { source: parts.join('\n'), keys };
}

/** The names in the `KEYS` line of a script: `-- KEYS a b`, or `-- KEYS a | b c`, where b and c repeat. */
export function keysOf(source: string): KeyNames {
  const [own = '', perLicense = ''] = (/^-- KEYS (.*)$/m.exec(source)?.[1] ?? '').split('|');
  const wordsOf = (text: string) => text.split(' ').filter((word) => word !== '');
  return { own: wordsOf(own), perLicense: wordsOf(perLicense) };
}

function localsOf({ own, perLicense }: KeyNames): string {
  const place = new Map(own.map((name, i) => [name.replace('?', ''), `KEYS[${i + 1}]`]));
  const locals = KEY_NAMES.map((name) => `local ${name}_key = ${place.get(name) ?? 'nil'}`);
  if (perLicense.length === 0) return [...locals, 'local license_id = ARGV[1]'].join('\n');
  const first = `${own.length} + (position - 1) * ${perLicense.length}`;
  return [
    ...locals,
    'local license_id',
    '-- Every key and `license_id` belong to the license at this position afterwards.',
    'local function select_pool(position, id)',
    ...perLicense.map((name, i) => `  ${name}_key = KEYS[${first} + ${i + 1}]`),
    '  license_id = id',
    'end',
  ].join('\n');
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
