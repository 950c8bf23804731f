import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';

export interface PythonOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** For tests: runs a program and returns its output. Fails if the program does. */
export function runProgram(
  [command = '', ...args]: readonly string[],
  { cwd = '.', env = {} }: PythonOptions = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: { ...withoutSettings(process.env), PYTHONDONTWRITEBYTECODE: '1', ...env },
    encoding: 'utf8',
    timeout: 180_000,
  });
  expect(error).toBeUndefined();
  expect(status, `${stdout}${stderr}`).toBe(0);
  return stdout + stderr;
}

/** Runs tests of `tests/` with the standard library's unittest; none of them may be skipped. */
export function runUnittest(module: string, python = 'python3'): void {
  const output = runProgram([python, '-m', 'unittest', module], { cwd: 'clients/python/tests' });
  expect(output).toMatch(/Ran [1-9]\d* tests?/);
  expect(output).not.toContain('skipped=');
}

/** A developer's own settings would change what is tested. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('SEATLEASE_')));
}
