import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import { basename, dirname } from 'node:path';
import type { Request } from '../platform.ts';

/** What the other process is told, in its environment: what stands in its arguments, every user of the machine can read. */
const TOLD_IN = 'SEATLEASE_SEND_AFTERWARDS';

export interface Afterwards {
  readonly requests: readonly Request[];
  /** To be removed once they were answered, or were not to be. */
  readonly marks: readonly string[];
}

/** As text, for `-e`: a file beside this one is not there any more once an app was bundled. */
const PROGRAM = `
const { requests, marks, timeoutMs } = JSON.parse(process.env.${TOLD_IN});
const { rmSync } = require('node:fs');
const end = () => {
  for (const mark of marks) try { rmSync(mark, { force: true }); } catch {}
  process.exit();
};
setTimeout(end, timeoutMs);
let left = requests.length;
const done = () => { left -= 1; if (left <= 0) end(); };
if (left === 0) end();
for (const { method, url, headers, body = '' } of requests) {
  const { request } = require(url.startsWith('https:') ? 'node:https' : 'node:http');
  const sent = request(url, { method, headers: { ...headers, 'content-length': Buffer.byteLength(body) } });
  sent.on('response', (answer) => answer.resume());
  sent.on('error', () => {});
  sent.on('close', done);
  sent.end(body);
}
`;

/** Shorter than a mark counts, so that nobody joins while a seat is being given back. */
const TIMEOUT_MS = 5_000;

/**
 * Whether a process of `process.execPath` runs the text that it is given. What is built into one file would run as the
 * whole app once more instead, and so would an Electron app that has switched this off.
 */
export function canSendAfterwards(): boolean {
  return /^node(js)?(\.exe)?$/i.test(basename(process.execPath)) && process.env[TOLD_IN] === undefined;
}

/** Has another process send them, as this one can wait for nothing any more. Nobody is told what becomes of it. */
export function sendAfterwards({ requests, marks }: Afterwards): void {
  const told = JSON.stringify({ requests, marks, timeoutMs: TIMEOUT_MS });
  // Options for the app's Node may have a debugger listen, or load a tracer.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, ['-e', PROGRAM], {
    // The app's own folder may be gone, or about to be removed.
    cwd: platform() === 'win32' ? dirname(process.execPath) : '/',
    env: { ...env, ELECTRON_RUN_AS_NODE: '1', [TOLD_IN]: told },
    stdio: 'ignore',
    detached: true,
    windowsHide: true,
  });
  child.on('error', () => {});
  child.unref();
}
