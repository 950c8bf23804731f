import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MANIFEST } from '../../functions/manifest.ts';
import { entryPointOf } from '../../functions/names.ts';
import { deployedEnvironment } from '../../functions/testing/deployed-environment.ts';
import { openSeats } from '../../shared/adapters/seats/redis-seats.ts';
import { FASTEST_PACE } from '../../shared/domain/license.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import { type RespClient, respClient } from '../../shared/local/redis/resp-client.ts';
import { putNewLicense } from '../../shared/testing/seats/put-license.ts';
import { startRedisServer } from '../../shared/testing/servers/redis-server.ts';
import { respRequester } from '../../shared/testing/servers/resp-requester.ts';
import { endWithThisProcess } from '../../shared/testing/servers/watchdog.ts';
import { openBundler } from '../bundle/bundle.ts';
import { installPackages } from '../bundle/install-packages.ts';
import { type RunningFunction, startFunction } from '../bundle/start-function.ts';
import type { Engine } from '../redis-option.ts';

const FRONT = fileURLToPath(new URL('./front-process.ts', import.meta.url));
const TOKEN = 'token';

export interface Stage {
  /** A direct connection to Redis, for preparation and checks. */
  readonly redis: RespClient;
  readonly redisPort: number;
  /** For processes that are started as functions. */
  readonly environment: Readonly<Record<string, string>>;
  /** Path of a folder with this name, which is deleted with the stage. */
  folderOf(name: string): string;
  /** Bundles our functions as they are deployed and installs their packages; returns their folders by name. */
  bundle<N extends string>(names: readonly N[]): Promise<ReadonlyMap<N, string>>;
  /** Starts a folder's function in its own process. Its log is discarded. */
  start(folder: string, target: string): Promise<RunningFunction>;
  /** Starts bundled functions, each in its own process; returns their URLs by name. */
  startBundled<N extends string>(folders: ReadonlyMap<N, string>): Promise<Readonly<Record<N, string>>>;
  /** Empties Redis and creates a license with `max` seats and the highest rate limit. */
  reset(max: number): Promise<{ readonly licenseId: string; readonly key: string }>;
  close(): Promise<void>;
}

/**
 * Everything between a client and its seat, each in its own process: functions as they are deployed, a server that
 * speaks Upstash's protocol if the engine needs one, and a Redis that syncs its append-only file every second.
 */
export async function openStage(engine: Engine): Promise<Stage> {
  const root = mkdtempSync(join(tmpdir(), 'seatlease-bench-'));
  const server = await startRedisServer({ args: ['--appendonly', 'yes', '--appendfsync', 'everysec'] });
  const front = engine === 'upstash' ? await startFront(server.port) : undefined;
  const redis = respClient(server);
  const seats = openSeats(respRequester(redis));
  const environment = deployedEnvironment({
    UPSTASH_REDIS_REST_URL: front?.url ?? '',
    UPSTASH_REDIS_REST_TOKEN: front ? TOKEN : '',
    REDIS_URL: front ? '' : `redis://${server.host}:${server.port}`,
  });
  const running: RunningFunction[] = [];

  async function start(folder: string, target: string): Promise<RunningFunction> {
    const started = await startFunction(folder, target, environment, { output: 'ignored' });
    running.push(started);
    return started;
  }

  async function bundle<N extends string>(names: readonly N[]): Promise<ReadonlyMap<N, string>> {
    const bundler = openBundler();
    const folders = new Map<N, string>();
    for (const name of names) {
      const { folder } = await bundler(contractOf(name), join(root, name));
      folders.set(name, folder);
    }
    installPackages([...folders.values()]);
    return folders;
  }

  return {
    redis,
    redisPort: server.port,
    environment,
    folderOf: (name) => join(root, name),
    bundle,
    start,
    async startBundled<N extends string>(folders: ReadonlyMap<N, string>) {
      const urls: [N, string][] = [];
      for (const [name, folder] of folders) urls.push([name, (await start(folder, entryPointOf(name))).url]);
      return Object.fromEntries(urls) as Record<N, string>;
    },
    async reset(max) {
      await redis.command(['FLUSHALL']);
      return putNewLicense(seats, { max, requestsPerMinute: FASTEST_PACE });
    },
    async close() {
      for (const each of running) await each.stop();
      front?.kill();
      redis.close();
      await server.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** A server that speaks Upstash's protocol for the Redis on `port`, in its own process. */
async function startFront(port: number): Promise<{ readonly url: string; kill(): void }> {
  const front = spawn(process.execPath, [FRONT, String(port), TOKEN], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endWithThisProcess(front, 'process');
  const [line] = await once(front.stdout, 'data');
  return { url: String(line).trim(), kill: () => void front.kill('SIGKILL') };
}

function contractOf(name: string): FunctionContract {
  const contract = MANIFEST.find((each) => each.name === name);
  if (!contract) throw new RangeError(`no function is named ${name}`);
  return contract;
}
