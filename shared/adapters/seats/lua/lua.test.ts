import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { newLicenseId, newTenantId, shardOf } from '../../../domain/ids.ts';
import { keysOfPool, keysOfPools, POOL_KEYS, SHARD_KEYS, shardKey } from './keys.ts';
import { assembleScript, listIncludes, readInclude, readVerb, VERBS } from './scripts.ts';

const verbs = VERBS.map((verb) => ({ verb, ...partsOf(readVerb(verb)) }));
const sources = new Map([
  ...VERBS.map((verb): [string, string] => [`${verb}.lua`, readVerb(verb)]),
  ...listIncludes().map((name): [string, string] => [`include/${name}.lua`, readInclude(name)]),
]);
const ALL_KEYS = [...SHARD_KEYS, ...POOL_KEYS];
/** Scripts on several licenses take a list of ids in place of one. */
const isOnSeveral = (header: string): boolean => header.includes('-- ARGV[1..] license_id');
/** A script without a license takes only the keys of a shard, which a tenant id determines if it has arguments. */
const isOnShard = (header: string): boolean => header.includes('-- ARGV[1] tenant_id');
const hasNoArguments = (header: string): boolean => !header.includes('-- ARGV[');
const functions = new Map(listIncludes().flatMap((name) => functionsIn(readInclude(name))));

describe.each(verbs)('the header of $verb', ({ verb, header, body }) => {
  test("begins with the script's name, and has a promise", () => {
    expect(header).toMatch(new RegExp(`^-- ${verb}: \\S`));
    expect(header).toMatch(/^-- Promise: \S/m);
  });

  test('names each argument as the body does', () => {
    const promised = new Map(
      [...header.matchAll(/^-- ARGV\[(\d+)\] (\w+)/gm)].map(([, n, name]) => [n, name]),
    );
    const named = namedArguments(body);
    if (isOnSeveral(header) || hasNoArguments(header)) {
      expect([...promised, ...named]).toEqual([]);
      return;
    }
    // Scripts on one license, and scripts without a license.
    expect(promised.get('1')).toBe(isOnShard(header) ? 'tenant_id' : 'license_id');
    for (const [position, name] of named)
      expect(`ARGV[${position}] ${name}`).toBe(`ARGV[${position}] ${promised.get(position)}`);
    // license_id gets its name in the keys include.
    expect([...promised.keys()].sort()).toEqual([...new Set(['1', ...named.keys()])].sort());
  });

  test('documents a list of further arguments exactly if the body reads one', () => {
    const promised = [...header.matchAll(/^-- ARGV\[(\d+)\.\.\] /gm)].map(([, from]) => from);
    const read = [...body.matchAll(/unpack\(ARGV, (\d+)\)|for i = (\d+), #ARGV\b/g)].map(
      ([, whole, first]) => whole ?? first,
    );
    expect([...new Set(read)]).toEqual(promised);
  });

  test('lists exactly the verdicts that the script can return', () => {
    const promised = wordsIn(header.slice(header.indexOf('-- returns')));
    expect([...verdictsOf(body)].sort()).toEqual([...promised].sort());
    expect(promised.size).toBeGreaterThan(0);
  });
});

describe('includes', () => {
  test('exist if they are named, and each is named at least once', () => {
    const named = [...sources.values()].flatMap(includesIn);
    expect([...new Set(named)].sort()).toEqual(listIncludes().sort());
  });

  test.each([...sources])('are all used in %s', (_, source) => {
    const unused = includesIn(source).filter((name) => {
      const defined = [...readInclude(name).matchAll(/^local (?:function )?(\w+)/gm)].map(([, word]) => word);
      return !defined.some((word) => new RegExp(`\\b${word}\\b`).test(codeOf(source)));
    });
    expect(unused).toEqual([]);
  });

  test.each([...sources])('are named for every function that %s calls', (_, source) => {
    const reached = new Set(includesIn(source));
    for (const name of reached) for (const next of includesIn(readInclude(name))) reached.add(next);
    const missing = [...functions].filter(
      ([name, { of }]) =>
        new RegExp(`\\b${name}\\(`).test(codeOf(source)) && !reached.has(of) && source !== readInclude(of),
    );
    expect(missing.map(([name]) => name)).toEqual([]);
  });

  test.each(VERBS)('are inserted once into %s, before the code that needs them', (verb) => {
    const script = assembleScript(verb);
    for (const name of listIncludes()) expect(script.split(readInclude(name)).length).toBeLessThanOrEqual(2);
    const defined = new Set<string>();
    for (const line of codeOf(script).split('\n')) {
      const definition = /^local function (\w+)/.exec(line)?.[1];
      for (const [name] of functions) {
        if (name !== definition && new RegExp(`\\b${name}\\(`).test(line)) expect(defined).toContain(name);
      }
      if (definition) defined.add(definition);
    }
  });

  test('include a clock that tests can replace by one with the same functions', () => {
    const moved = readFileSync(
      new URL('../../../testing/seats/lua/moved-clock.lua', import.meta.url),
      'utf8',
    );
    expect(functionsIn(moved).map(([name]) => name)).toEqual(
      functionsIn(readInclude('clock')).map(([name]) => name),
    );
  });
});

describe('the keys', () => {
  test('are named in Lua in the order in which they are passed', () => {
    const named = [...readInclude('keys').matchAll(/^local (\w+)_key = KEYS\[(\d+)\]$/gm)];
    expect(named.map(([, name, position]) => [name, position])).toEqual(
      ALL_KEYS.map((name, i) => [name, String(i + 1)]),
    );
  });

  test('of each license are those that select_pool selects', () => {
    const selected = [...readInclude('pools').matchAll(/^ {2}(\w+)_key = KEYS\[first(?: \+ (\d+))?\]$/gm)];
    expect(selected.map(([, name, offset = '0']) => [name, offset])).toEqual(
      POOL_KEYS.map((name, i) => [name, String(i)]),
    );
    expect(readInclude('pools')).toContain(
      `local first = ${SHARD_KEYS.length + 1} + (position - 1) * ${POOL_KEYS.length}\n`,
    );
    const tenantId = newTenantId(16);
    const [one, two] = [newLicenseId(tenantId), newLicenseId(tenantId)];
    const shared = SHARD_KEYS.map((name) => shardKey(name, shardOf(tenantId)));
    expect(keysOfPools(shardOf(tenantId), [one, two])).toEqual([
      ...shared,
      ...keysOfPool(one).slice(shared.length),
      ...keysOfPool(two).slice(shared.length),
    ]);
  });

  test('are all documented', () => {
    for (const name of ALL_KEYS)
      expect(readInclude('keys')).toMatch(new RegExp(`^-- ${name} +(hash|zset|stream|string) `, 'm'));
  });

  test('of a license and of its shard have one hash tag, so that a script uses one slot', () => {
    for (let n = 0; n < 50; n += 1) {
      const licenseId = newLicenseId(newTenantId(100));
      const shard = shardOf(licenseId);
      const keys = keysOfPool(licenseId);
      for (const key of keys) expect(/\{([^}]*)\}/.exec(key)?.[1]).toBe(`s${shard}`);
      expect(new Set(keys).size).toBe(ALL_KEYS.length);
    }
  });

  test('of two licenses of a shard differ, except those of the shard', () => {
    const tenantId = newTenantId(16);
    const [one, two] = [keysOfPool(newLicenseId(tenantId)), keysOfPool(newLicenseId(tenantId))];
    const shared = SHARD_KEYS.map((name) => shardKey(name, shardOf(tenantId)));
    expect(one.filter((key) => two.includes(key))).toEqual(shared);
  });
});

describe.each([...sources])('%s', (file, source) => {
  const code = codeOf(source);

  test('reads the time only in the clock include', () => {
    expect(/'TIME'/i.test(code)).toBe(file === 'include/clock.lua');
    expect(code).not.toMatch(/\bos\.(time|clock)\b/);
  });

  test('uses only the keys that it was passed, by name', () => {
    if (!['include/keys.lua', 'include/pools.lua'].includes(file)) expect(code).not.toMatch(/\bKEYS\b/);
    const calls = [...code.matchAll(/redis\.(\w+)\(\s*([^,)]*),?\s*([^,)]*)/g)];
    const names = new Set(ALL_KEYS.map((name) => `${name}_key`));
    for (const [text, method, command, key] of calls) {
      expect(method, text).toBe('call');
      expect(command, text).toMatch(/^'[A-Z]+'$/);
      expect(command, text).not.toMatch(/'(SCAN|KEYS|EVAL|EVALSHA|SELECT|FLUSHALL|FLUSHDB|RANDOMKEY)'/);
      if (command !== "'TIME'") expect(names, text).toContain(key);
    }
  });

  test('defines no globals', () => {
    expect(code).not.toMatch(/^\s*function \w/m);
    // A script and its includes form one chunk.
    const chunk = [source, ...includesIn(source).map(readInclude)].map(codeOf).join('\n');
    const declared = new Set(
      [...chunk.matchAll(/\blocal (?!function)([\w, ]+?)(?: =|$)/gm)].flatMap(([, list]) =>
        (list ?? '').split(/,\s*/),
      ),
    );
    const assigned = [...code.matchAll(/^\s*(\w+) = /gm)].map(([, name]) => name);
    // A name and `=` at the start of a line is a field if it is inside a table.
    const fields = new Set(
      [...code.matchAll(/\{[^{}]*\}/g)].flatMap(([table]) =>
        [...table.matchAll(/(\w+) =/g)].map(([, name]) => name),
      ),
    );
    expect(assigned.filter((name) => name && !declared.has(name) && !fields.has(name))).toEqual([]);
  });
});

/** The comment at the top of a script, and the rest. */
function partsOf(source: string): { header: string; body: string } {
  const end = source.search(/^(?!--)/m);
  return { header: source.slice(0, end), body: codeOf(source.slice(end)) };
}

function codeOf(source: string): string {
  return source.replace(/--.*$/gm, '');
}

function includesIn(source: string): string[] {
  return [...source.matchAll(/^-- @include (\S+)$/gm)].map(([, name]) => name ?? '');
}

/** Position and name of every argument that the body names, as a local or as a field. */
function namedArguments(body: string): Map<string, string> {
  const named = body.matchAll(/\b(?:local )?(\w+) = (?:tonumber\()?ARGV\[(\d+)\]/g);
  return new Map([...named].map(([, name = '', position = '']) => [position, name]));
}

interface LuaFunction {
  /** The include that defines it. */
  readonly of: string;
  readonly code: string;
}

/** Top-level functions by name. */
function functionsIn(source: string): [string, LuaFunction][] {
  const of = listIncludes().find((name) => readInclude(name) === source) ?? '';
  const found = codeOf(source).matchAll(/^local function (\w+)[\s\S]*?^end$/gm);
  return [...found].map(([code, name = '']) => [name, { of, code }]);
}

/** Words in capitals in quotes, which is the form of verdicts. */
function wordsIn(text: string): Set<string> {
  return new Set([...text.matchAll(/'([A-Z_]{2,})'/g)].map(([, word]) => word ?? ''));
}

/** All verdicts that a body, or a function that it calls, can return: words in capitals that are not Redis commands. */
function verdictsOf(body: string): Set<string> {
  const reached = new Set<string>();
  const texts = [body];
  for (const text of texts) {
    for (const [name, { code }] of functions) {
      if (reached.has(name) || !new RegExp(`\\b${name}\\(`).test(text)) continue;
      reached.add(name);
      texts.push(code);
    }
  }
  const OPTIONS = /'(WITHSCORES|LIMIT|COUNT|XX|GT)'/g;
  return new Set(
    texts.flatMap((text) => [...wordsIn(text.replace(/redis\.call\(\s*'[A-Z]+'/g, '').replace(OPTIONS, ''))]),
  );
}
