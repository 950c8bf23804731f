import { readFileSync } from 'node:fs';
import { parseSync } from 'rolldown/utils';
import { describe, expect, test } from 'vitest';
import { mutateLua } from './lua.ts';
import { applyMutation, type Mutation, type Operator } from './mutation.ts';
import { mutateTypeScript } from './typescript.ts';

/** Each mutated source, with its operator. */
function mutants(mutate: (file: string, source: string) => Mutation[], source: string) {
  return mutate('file.ts', source).map((mutation): [Operator, string] => [
    mutation.operator,
    applyMutation(source, mutation),
  ]);
}

describe('a TypeScript source', () => {
  test.each<[source: string, ...expected: [Operator, string][]]>([
    ['x(a < b)', ['statement', ';'], ['comparison', 'x(a <= b)']],
    ['const x = a >= b', ['comparison', 'const x = a > b']],
    ['const x = a === b', ['comparison', 'const x = a !== b']],
    ['const x = a != b', ['comparison', 'const x = a == b']],
    ['const x = a && b', ['boolean', 'const x = a || b']],
    ['const x = !a', ['boolean', 'const x = a']],
    ['const x = a ? b : c', ['boolean', 'const x = !(a) ? b : c']],
    ['if (a) {}', ['boolean', 'if (!(a)) {}']],
    [
      'const x = (a + b) * c',
      ['arithmetic', 'const x = (a - b) * c'],
      ['arithmetic', 'const x = (a + b) / c'],
    ],
    ['const x = a - b % c', ['arithmetic', 'const x = a + b % c'], ['arithmetic', 'const x = a - b * c']],
    ['await put(a);', ['statement', ';']],
    ['if (a > b) throw c', ['comparison', 'if (a >= b) throw c'], ['statement', 'if (a > b) ;']],
    ['const x = 1_000', ['literal', 'const x = 1001']],
    ['const x = true', ['literal', 'const x = false']],
    ["const x = 'b'", ['string', "const x = ''"]],
    ["const é = 'b'", ['string', "const é = ''"]],
    ['const x = { a }', ['property', 'const x = {  }']],
    [
      'const x = { a, b: c, ...d }',
      ['property', 'const x = { b: c, ...d }'],
      ['property', 'const x = { a, ...d }'],
    ],
    [
      'const x = { ...a, b, c }',
      ['property', 'const x = { ...a, c }'],
      ['property', 'const x = { ...a, b }'],
    ],
  ])('%s', (source, ...expected) => {
    expect(mutants(mutateTypeScript, source)).toEqual(expected);
  });

  test.each([
    "import { a } from 'b';",
    "export { a } from 'b';",
    "type A = 'b' | 1;",
    "interface A { readonly b: 'c' }",
    "let a: 'b' | undefined;",
    'const x = `b`;',
    "const x = 'a message';",
    "const x = y + 'unit ';",
    "const x = new RangeError('empty');",
    "'use strict';",
    'const { a: { b } } = c;',
    "const x = { summary: 'Text' };",
    "const x = a['b c'] as 'd';",
  ])('is not changed in %s', (source) => {
    expect(mutants(mutateTypeScript, source)).toEqual([]);
  });

  test('has its mutations in order, with line, text before and text after', () => {
    const source = 'const a = 1;\nconst b = { c: a,\n  d };\n';
    expect(
      mutateTypeScript('x.ts', source).map(({ file, line, before, after }) => [file, line, before, after]),
    ).toEqual([
      ['x.ts', 1, '1', '2'],
      ['x.ts', 2, 'c: a', '(removed)'],
      ['x.ts', 3, 'd', '(removed)'],
    ]);
  });

  test('still parses after each mutation', () => {
    const file = 'shared/domain/subscription.ts';
    const source = readFileSync(file, 'utf8');
    const mutations = mutateTypeScript(file, source);
    expect(mutations.length).toBeGreaterThan(50);
    const broken = mutations.filter((mutation) => parseSync(file, applyMutation(source, mutation)).errors[0]);
    expect(broken).toEqual([]);
  });
});

describe('a Lua source', () => {
  test.each<[source: string, ...expected: [Operator, string][]]>([
    ['local x = a <= b', ['comparison', 'local x = a < b']],
    ['local x = a ~= b', ['comparison', 'local x = a == b']],
    ['local x = a and b or c', ['boolean', 'local x = a or b or c'], ['boolean', 'local x = a and b and c']],
    ['local x = not a', ['boolean', 'local x = a']],
    ['local x = true', ['literal', 'local x = false']],
    ['local x = a - b', ['arithmetic', 'local x = a + b']],
    ['return -x', ...[]],
    ['local x = f(a) % b', ['arithmetic', 'local x = f(a) * b']],
    ['local x = 60000', ['literal', 'local x = 60001']],
    ["return { 'FULL' }", ['string', "return { '' }"]],
    ["redis.call('DEL', key)", ['statement', '']],
    ['if a then\n  put(b, f(c))\nend', ['statement', 'if a then\n  \nend']],
  ])('%s', (source, ...expected) => {
    expect(mutants(mutateLua, source)).toEqual(expected);
  });

  test.each([
    '-- a < b, 1 and not true',
    "local x = 'a message'",
    "local x = redis.call('GET', key)",
    'local x = a .. b',
    'local x =\n  f(a)',
    'f(a)(b)',
  ])('is not changed in %s', (source) => {
    expect(mutants(mutateLua, source)).toEqual([]);
  });
});
