import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RespClient, respClient } from '../../local/redis/resp-client.ts';
import { freePort } from './free-port.ts';
import { endWithThisProcess } from './watchdog.ts';

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 10_000;
const POLL_MS = 10;
const MAX_LOG_CHARACTERS = 2_000;

export interface RedisServer {
  readonly host: string;
  readonly port: number;
  /** Folder of its files. `kill` keeps it, so that a new server on the same `dir` can recover from them. */
  readonly dir: string;
  /** Sends the signal (default `SIGKILL`) and waits for the exit; does not wait after `SIGSTOP` and `SIGCONT`. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the server if it still runs, and removes its folder unless the caller passed one. */
  stop(): Promise<void>;
}

/**
 * Starts a real redis-server on 127.0.0.1, on a free port unless one is passed, without persistence unless `args`
 * enable it (`['--appendonly', 'yes']`). Resolves when it answers PING; rejects with the end of its log if it exits or
 * takes longer than 10 s. The server always ends with this process, however the process ends. `args` must not set a
 * password, because the readiness check has none; use `CONFIG SET requirepass` later.
 */
export async function startRedisServer(
  options: { readonly args?: readonly string[]; readonly port?: number; readonly dir?: string } = {},
): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'seatlease-redis-')));
  const child = spawn(
    'redis-server',
    ['--bind', HOST, '--port', `${port}`, '--dir', dir, '--save', '', ...(options.args ?? [])],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  endWithThisProcess(child, 'process');

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (hasEnded(child)) return;
    child.kill(signal);
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await once(child, 'exit');
  }
  async function stop(): Promise<void> {
    await kill();
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  }

  try {
    await untilReady(child, port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: HOST, port, dir, kill, stop };
}

async function untilReady(child: ChildProcess, port: number): Promise<void> {
  const log = logOf(child);
  const client = respClient({ host: HOST, port });
  const startedAtMs = performance.now();
  try {
    while (!(await isServedBy(child, client))) {
      if (hasEnded(child)) throw new Error(`redis-server did not start: ${log()}`);
      if (performance.now() - startedAtMs > START_TIMEOUT_MS) {
        throw new Error(`redis-server did not answer within ${START_TIMEOUT_MS} ms: ${log()}`);
      }
      await sleep(POLL_MS);
    }
  } finally {
    client.close();
  }
}

/** Also checks the process id, because another server may have taken the free port. */
async function isServedBy(child: ChildProcess, client: RespClient): Promise<boolean> {
  try {
    const [pong, info] = await client.pipeline([['PING'], ['INFO', 'server']]);
    return pong === 'PONG' && typeof info === 'string' && info.includes(`process_id:${child.pid}\r\n`);
  } catch {
    return false;
  }
}

function logOf(child: ChildProcess): () => string {
  let log = '';
  const keep = (text: unknown) => {
    log = `${log}${text}`.slice(-MAX_LOG_CHARACTERS);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  child.on('error', (error) => keep(error.message));
  return () => log;
}

/** A process that could not be started has no exit code and no signal, but it has no id, either. */
function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}
