import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import { basename, dirname } from 'node:path';
import type { Request } from '../platform.ts';

/** Environment variable that passes the requests: other users of the machine can read arguments, but not the environment. */
const REQUESTS_VARIABLE = 'SEATLEASE_SEND_AFTERWARDS';

/** Source text for `-e`: in a bundled app there is no separate file. */
const PROGRAM = `
const { requests, timeoutMs } = JSON.parse(process.env.${REQUESTS_VARIABLE});
const end = () => process.exit();
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

/** The process must not outlive the program for long. */
const TIMEOUT_MS = 5_000;

/**
 * Whether `process.execPath -e` runs source text. An app built into one executable would start the whole app again, and so
 * would an Electron app with this feature disabled.
 */
export function canSendAfterwards(): boolean {
  return (
    /^node(js)?(\.exe)?$/i.test(basename(process.execPath)) && process.env[REQUESTS_VARIABLE] === undefined
  );
}

/** Sends them from another process, because this one is ending. The result is not reported. */
export function sendAfterwards(requests: readonly Request[]): void {
  const message = JSON.stringify({ requests, timeoutMs: TIMEOUT_MS });
  // NODE_OPTIONS of the app may start a debugger or load a tracer.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, ['-e', PROGRAM], {
    // The current folder may be removed.
    cwd: platform() === 'win32' ? dirname(process.execPath) : '/',
    env: { ...env, ELECTRON_RUN_AS_NODE: '1', [REQUESTS_VARIABLE]: message },
    stdio: 'ignore',
    detached: true,
    windowsHide: true,
  });
  child.on('error', () => {});
  child.unref();
}
