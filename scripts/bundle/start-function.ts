import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../shared/testing/servers/free-port.ts';
import { endWithThisProcess } from '../../shared/testing/servers/watchdog.ts';

const POLL_MS = 5;

export interface RunningFunction {
  readonly url: string;
  readonly pid: number;
  /** Everything that it has written. */
  output(): string;
  stop(): Promise<void>;
}

/**
 * Starts the function in a folder with installed packages, as the buildpack does, in its own process with only these
 * environment variables.
 */
export async function startFunction(
  folder: string,
  target: string,
  environment: Readonly<Record<string, string>>,
  { output: wanted }: { readonly output: 'kept' | 'ignored' } = { output: 'kept' },
): Promise<RunningFunction> {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    ['node_modules/.bin/functions-framework', `--target=${target}`, `--port=${port}`],
    {
      cwd: folder,
      env: environment,
      stdio: ['ignore', wanted === 'kept' ? 'pipe' : 'ignore', 'pipe'],
    },
  );
  endWithThisProcess(child, 'process');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'exit');
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${target} ended with ${child.exitCode}:\n${output}`);
    await sleep(POLL_MS);
  }
  const { pid } = child;
  if (pid === undefined) throw new Error(`${target} did not start`);
  return {
    url: `http://127.0.0.1:${port}`,
    pid,
    output: () => output,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
