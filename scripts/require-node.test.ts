import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let checkout: string;
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'seatlease-require-node-'));
  cpSync('scripts/require-node.cjs', join(checkout, 'scripts', 'require-node.cjs'));
});
afterEach(() => rmSync(checkout, { recursive: true }));

function install(): void {
  mkdirSync(join(checkout, 'node_modules'));
  writeFileSync(join(checkout, 'node_modules', '.package-lock.json'), '{}');
}

/** Runs the check as Node `version` would. */
function check(version: string) {
  const code = `
    Object.defineProperty(process, 'version', { value: 'v${version}' });
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });
    require(${JSON.stringify(join(checkout, 'scripts', 'require-node.cjs'))});`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
  return { status, stderr };
}

describe('the check before each program', () => {
  test('accepts Node 24 with packages installed', () => {
    install();
    expect(check('24.0.0')).toEqual({ status: 0, stderr: '' });
  });

  test.each(['20.19.0', '24.0.0'])('asks for npm ci on Node %s in a fresh clone', (version) => {
    expect(check(version)).toEqual({
      status: 1,
      stderr: 'The packages are not installed. Run "npm ci" first.\n',
    });
  });

  test('asks for npm ci after an install that did not finish', () => {
    mkdirSync(join(checkout, 'node_modules'));
    expect(check('24.0.0').stderr).toContain('Run "npm ci" first.');
  });

  test('asks for a newer Node, then npm ci, where npm ci cannot install one', () => {
    const { status, stderr } = check('18.20.0');
    expect(status).toBe(1);
    expect(stderr).toContain('this is v18.20.0. Install Node 24, then run: npm ci');
  });

  test('names the version and says how to get Node 24 when the installed one was not used', () => {
    install();
    const { status, stderr } = check('22.1.0');
    expect(status).toBe(1);
    expect(stderr).toContain('Seatlease runs on Node 24; this is v22.1.0.');
    expect(stderr).toContain('npm ci --ignore-scripts=false');
  });
});
