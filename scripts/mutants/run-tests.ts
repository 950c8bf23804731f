import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { COPY_CONFIG } from './copy.ts';

export interface TestRun {
  readonly outcome: 'passed' | 'failed' | 'timed out';
  /** Test files with a failure; empty if the run failed without one, such as by an unhandled error. */
  readonly failedFiles: readonly string[];
}

export interface TestRunOptions {
  /** Ends at the first failure. */
  readonly bail: boolean;
  readonly timeoutMs: number;
}

const REPORT = 'mutants-report.json';
const ReportSchema = z.object({
  testResults: z.array(z.object({ name: z.string(), status: z.string() })),
});

/** Runs test files in a copy of the tree. Ends the whole process group at the timeout: a mutant may loop forever. */
export async function runTests(
  folder: string,
  files: readonly string[],
  { bail, timeoutMs }: TestRunOptions,
): Promise<TestRun> {
  rmSync(join(folder, REPORT), { force: true });
  const args = ['run', '--config', COPY_CONFIG, '--reporter', 'json', '--outputFile', REPORT];
  const vitest = spawn(
    process.execPath,
    [join('node_modules', 'vitest', 'vitest.mjs'), ...args, ...(bail ? ['--bail', '1'] : []), ...files],
    { cwd: folder, stdio: 'ignore', detached: true },
  );
  const killGroup = (): void => {
    try {
      if (vitest.pid !== undefined) process.kill(-vitest.pid, 'SIGKILL');
    } catch {
      // Every process of the group has ended.
    }
  };
  process.once('exit', killGroup);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    killGroup();
  }, timeoutMs);
  const [code] = await once(vitest, 'exit');
  clearTimeout(timer);
  process.off('exit', killGroup);
  killGroup();
  if (isLate) return { outcome: 'timed out', failedFiles: [] };
  return { outcome: code === 0 ? 'passed' : 'failed', failedFiles: failedIn(folder) };
}

function failedIn(folder: string): string[] {
  if (!existsSync(join(folder, REPORT))) return [];
  const { testResults } = z.parse(ReportSchema, JSON.parse(readFileSync(join(folder, REPORT), 'utf8')));
  const failed = testResults.filter(({ status }) => status === 'failed');
  return failed.map(({ name }) => name.slice(name.indexOf(folder) + folder.length + 1));
}
