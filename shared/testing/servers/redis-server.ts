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
  /** Where it keeps its files. Survives `kill`, so that a successor on the same `dir` can recover from them. */
  readonly dir: string;
  /** Sends the signal (`SIGKILL`) and waits for the end; `SIGSTOP` and `SIGCONT` it only sends. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it, if it still runs, and removes its directory, unless the caller gave it. */
  stop(): Promise<void>;
}

/**
 * A real redis-server of the caller's own: on 127.0.0.1, on a free port unless one is given, without persistence
 * unless `args` ask for it (`['--appendonly', 'yes']`). Resolves when it answers PING; rejects with the end of its
 * log when it ends first or takes longer than 10 s. It never outlives this process, however that one ends.
 * `args` must set no password: it could then not tell when the server is ready. `CONFIG SET requirepass` may, later.
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
    await untilItAnswers(child, port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: HOST, port, dir, kill, stop };
}

async function untilItAnswers(child: ChildProcess, port: number): Promise<void> {
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

/** Asks for the process id too: another server may have taken the port that was free a moment ago. */
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

/** A process that could not be spawned has neither a code nor a signal, but no id either. */
function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}
