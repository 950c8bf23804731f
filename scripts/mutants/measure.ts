import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../bundle/esbuild.ts';
import { copyTree, type TreeCopy } from './copy.ts';
import type { Mutation, Result } from './mutation.ts';
import { relatedTestsIn } from './related-tests.ts';
import { lineOf } from './report.ts';
import { runTests } from './run-tests.ts';
import { filesOf } from './sample.ts';

export interface MeasureOptions {
  /** Only the nearest tests. */
  readonly near: boolean;
  readonly timeoutMs: number;
  readonly print: (text: string) => void;
}

/** Runs the related tests of each mutant: the near ones of all mutants first, then the far ones of those left. */
export async function measureMutants(
  mutations: readonly Mutation[],
  { near, timeoutMs, print }: MeasureOptions,
): Promise<Result[]> {
  const testsOf = relatedTestsIn(testedSources());
  const copy = copyTree(ROOT);
  const passing = passingTests(copy, timeoutMs, print);
  const results = new Map<Mutation, Result>();
  try {
    const distances = near ? (['near'] as const) : (['near', 'far'] as const);
    for (const distance of distances) {
      const left = mutations.filter((mutation) => (results.get(mutation)?.fate ?? 'survived') === 'survived');
      await passing.check(left.flatMap((mutation) => testsOf(mutation.file)[distance]));
      for (const mutation of left) {
        const files = testsOf(mutation.file)[distance].filter(passing.has);
        const result = await measure(copy, mutation, files, timeoutMs);
        results.set(mutation, result);
        if (result.fate !== 'survived' || distance === distances.at(-1)) print(lineOf(result));
      }
    }
  } finally {
    copy.remove();
  }
  return mutations.flatMap((mutation) => results.get(mutation) ?? []);
}

function testedSources(): Map<string, string> {
  const files = filesOf(ROOT, ['functions', 'shared']).filter((file) => file.endsWith('.ts'));
  return new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
}

async function measure(
  copy: TreeCopy,
  mutation: Mutation,
  files: readonly string[],
  timeoutMs: number,
): Promise<Result> {
  if (files.length === 0) return { mutation, fate: 'survived' };
  const { outcome, failedFiles } = await copy.withMutation(mutation, () =>
    runTests(copy.folder, files, { bail: true, timeoutMs }),
  );
  if (outcome === 'passed') return { mutation, fate: 'survived' };
  if (outcome === 'timed out') return { mutation, fate: outcome };
  return { mutation, fate: 'killed', by: failedFiles[0] };
}

/** Test files that pass without a mutant: only they can show that a mutant breaks something. */
function passingTests(copy: TreeCopy, timeoutMs: number, print: (text: string) => void) {
  const isPassing = new Map<string, boolean>();
  return {
    has: (file: string): boolean => isPassing.get(file) === true,
    async check(files: readonly string[]): Promise<void> {
      const unknown = [...new Set(files)].filter((file) => !isPassing.has(file));
      if (unknown.length === 0) return;
      const { outcome, failedFiles } = await runTests(copy.folder, unknown, { bail: false, timeoutMs });
      if (outcome === 'timed out')
        throw new Error(`${unknown.length} test files took longer than ${timeoutMs} ms`);
      if (outcome === 'failed' && failedFiles.length === 0)
        throw new Error('the tests fail without a mutant');
      for (const file of unknown) isPassing.set(file, !failedFiles.includes(file));
      for (const file of failedFiles) print(`Not used, as it fails without a mutant: ${file}`);
    },
  };
}
