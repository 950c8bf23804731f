import { spawn, spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import type { Request } from '../platform.ts';
import { detachedOptions, startProcess } from './start-process.ts';

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
const AWAITED_TIMEOUT_MS = 1_000;

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
  // When PID 1 ends, the kernel kills all other processes of its container (pid_namespaces(7)).
  const isAwaited = process.pid === 1;
  const timeoutMs = isAwaited ? AWAITED_TIMEOUT_MS : TIMEOUT_MS;
  const message = JSON.stringify({ requests, timeoutMs });
  const args = ['-e', PROGRAM];
  const { env, ...more } = detachedOptions();
  const options = {
    ...more,
    env: { ...env, ELECTRON_RUN_AS_NODE: '1', [REQUESTS_VARIABLE]: message },
    stdio: 'ignore' as const,
  };
  if (isAwaited) {
    spawnSync(process.execPath, args, { ...options, timeout: 2 * timeoutMs });
    return;
  }
  startProcess(
    () => spawn(process.execPath, args, options),
    () => {},
  )?.unref();
}
