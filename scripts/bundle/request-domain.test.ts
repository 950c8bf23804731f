import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeFiles } from '../write-files.ts';
import { bundleFramework } from './framework.ts';
import { installPackages } from './install-packages.ts';
import { type RunningFunction, startFunction } from './start-function.ts';

/** Ways for a handler to throw outside its own promise, each with a word that must not be sent to the caller. */
const UNCAUGHT = {
  'a timer': "setTimeout(() => { throw new Error('SECRET'); }, 1)",
  'the next tick': "process.nextTick(() => { throw new Error('SECRET'); })",
  'a microtask': "queueMicrotask(() => { throw new Error('SECRET'); })",
  'a promise without a catch': "Promise.reject(new Error('SECRET'))",
  'an async function without an await': "(async () => { await null; throw new Error('SECRET'); })()",
  'an error event without a listener':
    "setImmediate(() => new EventEmitter().emit('error', new Error('SECRET')))",
  'a connection without an error listener': "connect(1, '127.0.0.1')",
  'a callback of the file system': "readFile('/no/such/file', () => { throw new Error('SECRET'); })",
  'a thrown text': "setTimeout(() => { throw 'SECRET'; }, 1)",
  'the handler itself': "throw new Error('SECRET')",
} as const;

const HANDLERS = `
const { EventEmitter } = require('node:events');
const { connect } = require('node:net');
const { readFile } = require('node:fs');
const faults = [${Object.values(UNCAUGHT)
  .map((code) => `() => { ${code}; }`)
  .join(', ')}];
const waiting = [];
exports.faulty = (req, res) => {
  const [, kind, n] = req.path.split('/');
  if (kind === 'wait') {
    waiting.push(res);
    return void res.write('it ');
  }
  if (kind === 'go') {
    for (const each of waiting.splice(0)) each.end('continued');
    return void res.send('gone');
  }
  if (kind === 'late') {
    res.send('answered');
    return void setTimeout(() => { throw new Error('late SECRET'); }, 1);
  }
  if (kind === 'outside') {
    res.send('answered');
    isDone = true;
    return;
  }
  faults[n]();
};
exports.asynchronous = async () => { await null; throw new Error('SECRET'); };
let isDone = false;
setInterval(() => { if (isDone) throw new Error('outside any request'); }, 5).unref();
`;

let folder: string;
let running: RunningFunction;
const started: RunningFunction[] = [];

async function start(target: string): Promise<RunningFunction> {
  const each = await startFunction(folder, target, { NODE_ENV: 'production' });
  started.push(each);
  return each;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'seatlease-domain-'));
  const { files } = await bundleFramework();
  writeFiles(folder, [...files, ['index.cjs', HANDLERS]]);
  installPackages([folder]);
  running = await start('faulty');
}, 60_000);

afterAll(async () => {
  for (const each of started) await each.stop();
  rmSync(folder, { recursive: true, force: true });
});

test.each(Object.keys(UNCAUGHT).map((kind, n) => [kind, n]))(
  'an error in %s ends its own request with 500, without details, and no other request',
  async (_kind, n) => {
    const other = await fetch(`${running.url}/wait`);
    const answer = await fetch(`${running.url}/fault/${n}`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe('Internal Server Error');
    expect(await (await fetch(`${running.url}/go`)).text()).toBe('gone');
    expect(await other.text()).toBe('it continued');
    expect(running.output()).toContain(n === 6 ? 'ECONNREFUSED' : 'SECRET');
  },
);

test('an error after the answer is logged, and the instance continues', async () => {
  expect(await (await fetch(`${running.url}/late`)).text()).toBe('answered');
  await expect
    .poll(() => running.output())
    .toContain('Exception from a finished function: Error: late SECRET');
  expect(await (await fetch(`${running.url}/go`)).text()).toBe('gone');
});

test('a handler that rejects returns 500', async () => {
  const asynchronous = await start('asynchronous');
  for (let n = 0; n < 2; n += 1) expect((await fetch(asynchronous.url)).status).toBe(500);
});

test('an error outside any request ends the instance, as without domains', async () => {
  const instance = await start('faulty');
  await fetch(`${instance.url}/outside`);
  await expect.poll(() => instance.output()).toContain('Uncaught exception');
  await expect
    .poll(() =>
      fetch(instance.url).then(
        () => 'answers',
        () => 'is down',
      ),
    )
    .toBe('is down');
});
