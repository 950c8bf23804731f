import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { copyTree } from './copy.ts';
import type { Mutation, Result } from './mutation.ts';
import { relatedTestsIn } from './related-tests.ts';
import { formatMeasured } from './report.ts';
import { findMutations, isMutated, sampleOf } from './sample.ts';

const RULE = 'export const isFull = (taken: number, max: number) => taken >= max;\n';

describe('a tree', () => {
  let root: string;
  const git = (...args: string[]) => spawnSync('git', args, { cwd: root });
  const write = (file: string, source: string): void => {
    mkdirSync(join(root, file, '..'), { recursive: true });
    writeFileSync(join(root, file), source);
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'seatlease-mutants-test-'));
    git('init', '-q');
    write('.gitignore', 'ignored.ts\nnode_modules/\n');
    write('shared/domain/rule.ts', RULE);
    write('shared/domain/other.ts', 'export const OTHER = [1, 2, 3, 4, 5, 6, 7, 8, 9];\n');
    git('add', '.');
    write('shared/domain/ignored.ts', RULE);
    write('shared/use-cases/new.ts', RULE);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test('has the mutations of committed and new files, without ignored ones, in order of files', () => {
    const files = findMutations({ root }).map(({ file }) => file);
    expect([...new Set(files)]).toEqual([
      'shared/domain/other.ts',
      'shared/domain/rule.ts',
      'shared/use-cases/new.ts',
    ]);
    expect(findMutations({ root, room: 'shared/use-cases' })).toHaveLength(1);
  });

  test('gives the same sample for the same seed, and another one for another seed', () => {
    const sample = (seed: number): Mutation[] => sampleOf(findMutations({ root }), 5, seed);
    expect(sample(1)).toEqual(sample(1));
    expect(sample(1)).toHaveLength(5);
    expect(sample(2)).not.toEqual(sample(1));
  });

  test('is mutated in a copy only, and for one run only', async () => {
    const copy = copyTree(root);
    try {
      const [mutation] = findMutations({ root, room: 'shared/use-cases' });
      if (!mutation) throw new Error('no mutation');
      const read = (folder: string): string => readFileSync(join(folder, mutation.file), 'utf8');
      const during = await copy.withMutation(mutation, async () => [read(copy.folder), read(root)]);
      expect(during).toEqual([RULE.replace('>=', '>'), RULE]);
      expect(read(copy.folder)).toBe(RULE);
      expect(existsSync(join(copy.folder, 'shared/domain/ignored.ts'))).toBe(false);
    } finally {
      copy.remove();
    }
    expect(existsSync(copy.folder)).toBe(false);
  });
});

test.each([
  ['functions/sign/handler.ts', true],
  ['functions/sign/sign.test.ts', false],
  ['functions/sign/example.ts', false],
  ['functions/testing/suite.ts', false],
  ['functions/manifest.ts', false],
  ['shared/adapters/seats/lua/acquire.lua', true],
  ['shared/adapters/seats/lua/keys.ts', false],
])('%s is mutated: %s', (file, expected) => {
  expect(isMutated(file)).toBe(expected);
});

test('runs the test of the file first, then those in the folders of its importers, then the others', () => {
  const sources = new Map([
    ['shared/domain/rule.ts', ''],
    ['shared/domain/rule.test.ts', "import { x } from './rule.ts';"],
    ['shared/domain/not-related.test.ts', ''],
    ['shared/use-cases/acts.ts', "import { x } from '../domain/rule.ts';"],
    ['functions/one/handler.ts', "import { x } from '../../shared/use-cases/acts.ts';"],
    ['functions/one/one.test.ts', "import { x } from '../all.ts';"],
    ['functions/other/other.test.ts', "import { x } from '../all.ts';"],
    ['functions/all.ts', "const x = () => import('./one/handler.ts');"],
    ['functions/all.test.ts', "import { x } from './all.ts';"],
    ['functions/all.long.test.ts', "import { x } from './all.ts';"],
  ]);
  expect(relatedTestsIn(sources)('shared/domain/rule.ts')).toEqual({
    near: [
      'shared/domain/rule.test.ts',
      'functions/one/one.test.ts',
      'functions/all.test.ts',
      'functions/other/other.test.ts',
    ],
    far: [],
  });
});

test('the report counts by room, lists what was not killed, and says how to repeat the run', () => {
  const result = (file: string, fate: Result['fate']): Result => ({
    mutation: {
      ...{ file, line: 7, operator: 'comparison', before: '<', after: '<=' },
      ...{ start: 0, end: 1, replacement: '<=' },
    },
    fate,
  });
  const results = [
    result('shared/domain/a.ts', 'killed'),
    result('shared/domain/b.ts', 'survived'),
    result('functions/c/handler.ts', 'timed out'),
  ];
  expect(formatMeasured(results, { sample: 3, seed: 5, room: 'functions', near: true })).toBe(
    [
      'room           mutants  killed  survived  timed out',
      'functions            1       0         0          1',
      'shared/domain        2       1         1          0',
      'all                  3       1         1          1',
      '',
      'survived  shared/domain/b.ts:7 comparison: < → <=',
      'timed out functions/c/handler.ts:7 comparison: < → <=',
      '',
      'To repeat: npm run mutants -- --sample 3 --seed 5 --room functions --near',
    ].join('\n'),
  );
});
