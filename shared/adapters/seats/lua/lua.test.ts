import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { newLicenseId, newTenantId, shardOf } from '../../../domain/ids.ts';
import { KEY_NAMES, keysFor, keysForMany } from './keys.ts';
import {
  assembleScript,
  keysOf,
  listIncludes,
  READ_ONLY,
  readInclude,
  readVerb,
  VERBS,
  type Verb,
} from './scripts.ts';

const verbs = VERBS.map((verb) => ({ verb, ...partsOf(readVerb(verb)) }));
const sources = new Map([
  ...VERBS.map((verb): [string, string] => [`${verb}.lua`, readVerb(verb)]),
  ...listIncludes().map((name): [string, string] => [`include/${name}.lua`, readInclude(name)]),
]);
/** Scripts on several licenses take a list of ids in place of one, and the keys of each. */
const isOnSeveral = (header: string): boolean => keysOf(header).perLicense.length > 0;
/** Commands that change something, of those that scripts use. */
const WRITES = /^(SET|DEL|HSET|HDEL|HINCRBY|ZADD|ZREM|ZREMRANGEBYSCORE|XADD|XDEL|PEXPIREAT)$/;
/** A script without a license takes only the keys of a shard, which a tenant id determines if it has arguments. */
const isOnShard = (header: string): boolean => header.includes('-- ARGV[1] tenant_id');
const hasNoArguments = (header: string): boolean => !header.includes('-- ARGV[');
const functions = new Map(listIncludes().flatMap((name) => functionsIn(readInclude(name))));

describe.each(verbs)('the header of $verb', ({ verb, header, body }) => {
  test("begins with the script's name, and has a promise", () => {
    expect(header).toMatch(new RegExp(`^-- ${verb}: \\S`));
    expect(header).toMatch(/^-- Promise: \S/m);
  });

  test('names each argument, as the body does, and none that it does not read', () => {
    const promised = new Map(
      [...header.matchAll(/^-- ARGV\[(\d+)\] (\w+)/gm)].map(([, n, name]) => [Number(n), name ?? '']),
    );
    if (isOnSeveral(header) || hasNoArguments(header)) {
      expect([...promised, ...namedArguments(body)]).toEqual([]);
      return;
    }
    // Scripts on one license, and scripts without a license. license_id gets its name with the keys.
    expect(promised.get(1)).toBe(isOnShard(header) ? 'tenant_id' : 'license_id');
    const read = [...body.matchAll(/\bARGV\[(\d+)\]/g)].map(([, n]) => Number(n));
    const listed = promised.size + 1;
    const single = read.filter((n) => n < listed);
    expect([...promised.keys()].toSorted()).toEqual([...new Set([1, ...single])].toSorted());
    for (const [position, name] of namedArguments(body)) {
      // The holder of each unit is a field with the unit's name.
      if (position < listed) expect([name, `by_${name}`]).toContain(promised.get(position));
    }
  });

  test('documents a list of further arguments exactly if the body reads one', () => {
    const promised = [...header.matchAll(/^-- ARGV\[(\d+)\.\.\] /gm)].map(([, from]) => from);
    const read = [...body.matchAll(/unpack\(ARGV, (\d+)[,)]|for i = (\d+), #ARGV\b/g)].map(
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
    const { source: script } = assembleScript(verb);
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
  test.each(verbs)('that $verb declares are those that it uses', ({ verb, header }) => {
    const { own, perLicense } = keysOf(header);
    expect([...own, ...perLicense].map((name) => name.replace('?', '')).sort()).toEqual(keysUsedBy(verb));
  });

  test.each(verbs)('of $verb are locals, and nil if it does not declare them', ({ verb, header }) => {
    const { own, perLicense } = keysOf(header);
    const locals = [...assembleScript(verb).source.matchAll(/^local (\w+)_key = (.+)$/gm)];
    expect(locals.map(([, name]) => name)).toEqual(KEY_NAMES);
    expect(
      locals
        .filter(([, , value]) => value !== 'nil')
        .map(([, name, value]) => `${value} ${name}`)
        .sort(),
    ).toEqual(own.map((name, i) => `KEYS[${i + 1}] ${name.replace('?', '')}`).sort());
    const selected = [...assembleScript(verb).source.matchAll(/^ {2}(\w+)_key = KEYS\[(.+)\]$/gm)];
    expect(selected.map(([, name, at]) => `${name} ${at}`)).toEqual(
      perLicense.map((name, i) => `${name} ${own.length} + (position - 1) * ${perLicense.length} + ${i + 1}`),
    );
  });

  test.each(verbs)('of $verb have one hash tag, so that it uses one slot', ({ header }) => {
    const names = keysOf(header);
    const tenantId = newTenantId(100);
    const shard = shardOf(tenantId);
    const [one, two] = [newLicenseId(tenantId), newLicenseId(tenantId)];
    const keys = isOnSeveral(header) ? keysForMany(names, shard, [one, two]) : keysFor(names, one, true);
    for (const key of keys) expect(/\{([^}]*)\}/.exec(key)?.[1]).toBe(`s${shard}`);
    expect(new Set(keys).size).toBe(keys.length);
    // As many as the script expects, in its order.
    const expected = isOnSeveral(header)
      ? [...names.own, ...names.perLicense, ...names.perLicense]
      : names.own.map((name) => name.replace('?', ''));
    expect(keys.map((key) => key.slice(0, key.indexOf(':')))).toEqual(expected);
  });

  test('include those of barred users only for calls of people, and last', () => {
    for (const { header } of verbs) {
      const names = keysOf(header);
      if (!names.own.includes('barred?')) continue;
      const licenseId = newLicenseId(newTenantId(16));
      const ofPeople = keysFor(names, licenseId, true);
      expect(ofPeople.at(-1)).toMatch(/^barred:/);
      expect(keysFor(names, licenseId, false)).toEqual(ofPeople.slice(0, -1));
    }
  });
});

test.each([...READ_ONLY])('%s writes nothing', (verb) => {
  expect(commandsOf(verb).filter((command) => WRITES.test(command))).toEqual([]);
});

test('each script that is not read-only writes something', () => {
  const writers = VERBS.filter((verb) => !READ_ONLY.has(verb));
  expect(writers.filter((verb) => !commandsOf(verb).some((command) => WRITES.test(command)))).toEqual([]);
});

describe.each([...sources])('%s', (file, source) => {
  const code = codeOf(source);

  test('reads the time only in the clock include', () => {
    expect(/'TIME'/i.test(code)).toBe(file === 'include/clock.lua');
    expect(code).not.toMatch(/\bos\.(time|clock)\b/);
  });

  test('uses only the keys that it was passed, by name', () => {
    expect(code).not.toMatch(/\bKEYS\b/);
    const calls = [...code.matchAll(/redis\.(\w+)\(\s*([^,)]*),?\s*([^,)]*)/g)];
    const names = new Set(KEY_NAMES.map((name) => `${name}_key`));
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
    for (const [, parameters = ''] of chunk.matchAll(/\bfunction \w*\(([^)]*)\)/g))
      for (const name of parameters.split(/,\s*/)) declared.add(name);
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
function namedArguments(body: string): Map<number, string> {
  const named = body.matchAll(/\b(?:local )?(\w+) = (?:tonumber\()?ARGV\[(\d+)\]/g);
  return new Map([...named].map(([, name = '', position]) => [Number(position), name]));
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

/** Code without calls whose result is not used: what they return is not returned. */
function withoutStatements(code: string): string {
  return code.replace(/^\s*\w+\(.*$/gm, '');
}

/** The body of a script, and the code of every function that it reaches. `ofCode` leaves out what does not count. */
function reachedBy(body: string, ofCode = (code: string) => code): string[] {
  const reached = new Set<string>();
  const texts = [ofCode(body)];
  for (const text of texts) {
    for (const [name, { code }] of functions) {
      if (reached.has(name) || !new RegExp(`\\b${name}\\(`).test(text)) continue;
      reached.add(name);
      texts.push(ofCode(code));
    }
  }
  return texts;
}

const codeOfVerb = (verb: Verb): string => reachedBy(partsOf(readVerb(verb)).body).join('\n');

function keysUsedBy(verb: Verb): string[] {
  const used = [...codeOfVerb(verb).matchAll(/\b(\w+)_key\b(?!\()/g)].map(([, name = '']) => name);
  return [...new Set(used)].sort();
}

function commandsOf(verb: Verb): string[] {
  return [...codeOfVerb(verb).matchAll(/redis\.call\('([A-Z]+)'/g)].map(([, command = '']) => command);
}

/** All verdicts that a body, or a function that it calls, can return: words in capitals that are not Redis commands. */
function verdictsOf(body: string): Set<string> {
  const OPTIONS = /'(WITHSCORES|LIMIT|COUNT|XX|GT|LT)'/g;
  return new Set(
    reachedBy(body, withoutStatements).flatMap((text) => [
      ...wordsIn(text.replace(/redis\.call\(\s*'[A-Z]+'/g, '').replace(OPTIONS, '')),
    ]),
  );
}
