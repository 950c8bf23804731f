import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { describeReal } from '../../shared/testing/real-parts.ts';
import type { Kind } from './client.ts';
import { describeResult } from './report.ts';
import { playAll } from './run.ts';
import { oneOfEachRow } from './scenarios.ts';

const AGENT = resolve('scripts/conformance/sdk-agent.ts');
const COMMAND = resolve('clients/sdk/bin/seatlease.js');
const node = `'${process.execPath}'`;

const folder = mkdtempSync(join(tmpdir(), 'seatlease-conformance-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Plays one scenario of each row, and returns the report of those that failed. */
async function failuresOf(kind: Kind, command: string): Promise<string> {
  const scenarios = oneOfEachRow(kind);
  const isRequired = process.env.REAL_PARTS === 'required';
  const results = await playAll({ kind, command, scenarios, atOnce: 16, without: [], isRequired });
  expect(results.filter(({ verdict }) => verdict === 'PASS').length).toBeGreaterThan(20);
  return results
    .filter(({ verdict }) => verdict === 'FAIL')
    .map(describeResult)
    .join('\n');
}

describe('keeps the promises of protocol.md:', () => {
  test('the TypeScript SDK', async () => {
    expect(await failuresOf('agent', `${node} '${AGENT}'`)).toBe('');
  });

  test('the command "seatlease run"', async () => {
    expect(await failuresOf('run', `${node} '${COMMAND}' run`)).toBe('');
  });
});

describeReal('a C compiler with libcurl and OpenSSL 3', 'keeps the promises of protocol.md:', () => {
  test('the C client', async () => {
    execFileSync('make', ['-s', '-C', 'clients/c', `BUILD=${folder}`, 'agent']);
    expect(await failuresOf('agent', `'${folder}/agent'`)).toBe('');
  });
});
