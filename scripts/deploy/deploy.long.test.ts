import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const PROGRAMS = ['npm', 'npx', 'node', 'pulumi'];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'seatlease-deploy-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync('firebase.deploy.json', { force: true });
});

/** Runs the program with fakes of the commands that it calls. They record their arguments, and the project to charge. */
function deploy(args: readonly string[], options: { input?: string; failing?: string } = {}) {
  const calls = join(folder, 'calls');
  writeFileSync(calls, '');
  for (const program of PROGRAMS) {
    const file = join(folder, program);
    const failure = options.failing ? `case "$*" in *"${options.failing}"*) exit 3;; esac\n` : '';
    const call = `${program} $* $GOOGLE_CLOUD_QUOTA_PROJECT`;
    writeFileSync(file, `#!/bin/sh\necho "${call}" >> '${calls}'\n${failure}`);
    chmodSync(file, 0o755);
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/deploy.ts', ...args], {
    encoding: 'utf8',
    input: options.input ?? '',
    env: { ...process.env, GOOGLE_CLOUD_QUOTA_PROJECT: '', PATH: `${folder}${delimiter}${process.env.PATH}` },
  });
  const lines = readFileSync(calls, 'utf8').split('\n');
  return { status, stdout, stderr, calls: lines.map((line) => line.trim()).filter(Boolean) };
}

const BUILDS = ['npm ci --prefix=infra', 'npm run bundle', 'npm run site'];
const BEFORE = [...BUILDS, 'node infra/order.ts --stack=dev'];
const PREVIEW = 'pulumi preview --diff --cwd=infra --stack=dev';
const UP = 'pulumi up --yes --skip-preview --cwd=infra --stack=dev';

test('shows the plan with --plan, and changes nothing', () => {
  const { status, stdout, calls } = deploy(['--stack', 'dev', '--plan']);
  expect(status).toBe(0);
  expect(calls).toEqual([...BEFORE, PREVIEW]);
  expect(stdout).toContain(UP);
});

test('applies a confirmed plan in order, the public address last and in the region of the stack', () => {
  const { status, calls } = deploy(['--stack', 'dev'], { input: 'dev\n' });
  expect(status).toBe(0);
  expect(calls.slice(0, -1)).toEqual([...BEFORE, PREVIEW, UP]);
  expect(calls.at(-1)).toMatch(
    /^npx --yes firebase-tools@[\d.]+ deploy --only=hosting --project=\S+ --config=firebase\.deploy\.json --non-interactive my-project-dev$/,
  );
  const { hosting } = JSON.parse(readFileSync('firebase.deploy.json', 'utf8'));
  expect(hosting.rewrites[0].run.region).toBe('europe-west1');
});

test.each([['yes\n'], [''], ['prod\n']])('changes nothing if the answer is %j', (input) => {
  const { status, calls } = deploy(['--stack', 'dev'], { input });
  expect(status).toBe(1);
  expect(calls).toEqual([...BEFORE, PREVIEW]);
});

test.each([
  ['run bundle', BEFORE.slice(0, 2)],
  ['preview', [...BEFORE, PREVIEW]],
  ['up --yes', [...BEFORE, PREVIEW, UP]],
])('stops after a failure of "%s"', (failing, expected) => {
  const { status, stdout, calls } = deploy(['--stack', 'dev', '--yes'], { failing });
  expect(status).toBe(1);
  expect(calls).toEqual(expected);
  expect(stdout).toContain('ended with 3');
});

test('creates only the secrets with --secrets', () => {
  const { calls } = deploy(['--stack', 'dev', '--yes', '--secrets']);
  expect(calls.slice(0, 3)).toEqual(BUILDS);
  expect(calls).toHaveLength(5);
  for (const call of calls.slice(3)) expect(call).toContain('secretmanager/secret:Secret');
});

test.each([[[]], [['--stack', 'nowhere']], [['--stack', '../x']], [['--stack', 'dev', '--force']]])(
  'prints its usage for %j',
  (args) => {
    const { status, stderr, calls } = deploy(args);
    expect(status).toBe(2);
    expect(stderr).toContain('Usage');
    expect(calls).toEqual([]);
  },
);
