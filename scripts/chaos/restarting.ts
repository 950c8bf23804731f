import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../shared/testing/random.ts';
import { startPubSubEmulator } from '../../shared/testing/servers/pubsub-emulator.ts';
import { startRedisServer } from '../../shared/testing/servers/redis-server.ts';
import { watchTail } from './append-only-file.ts';
import { startWorker } from './worker-process.ts';

export type AppendFsync = 'always' | 'everysec';

/** Ends a process with SIGKILL, waits `downMs` and starts it again. Returns the time at which it had ended. */
export type KillAndRestart = (downMs: number) => Promise<number>;

interface Restart {
  kill(): Promise<unknown>;
  whenEnded?(): void;
  start(): Promise<unknown>;
}

/** One at a time: a process is not killed while it is starting. */
function restartable({ kill, whenEnded = () => {}, start }: Restart): KillAndRestart {
  const killAndRestart: KillAndRestart = async (downMs) => {
    await kill();
    const endedMs = Date.now();
    whenEnded();
    await sleep(downMs);
    await start();
    return endedMs;
  };
  let last: Promise<unknown> = Promise.resolve();
  return (downMs) => {
    const next = last.then(() => killAndRestart(downMs));
    last = next.catch(() => undefined);
    return next;
  };
}

/** Redis with its file in `dir`. With `everysec`, a kill simulates a power cut and truncates the end of the file. */
export async function openRedis(
  dir: string,
  appendfsync: AppendFsync,
  random: Random,
  onBytesLost: (bytes: number) => void,
) {
  mkdirSync(dir);
  // Without rewrites the file only grows, so that truncating it simulates a power cut.
  const args = ['--appendonly', 'yes', '--appendfsync', appendfsync, '--auto-aof-rewrite-percentage', '0'];
  let server = await startRedisServer({ dir, args });
  const { port } = server;
  const tail = watchTail(dir);
  return {
    port,
    killAndRestart: restartable({
      kill: () => server.kill(),
      whenEnded() {
        if (appendfsync === 'everysec') onBytesLost(tail.truncate(random));
      },
      async start() {
        server = await startRedisServer({ dir, port, args });
      },
    }),
    async stop() {
      tail.stop();
      await server.stop();
    },
  };
}

/** The Pub/Sub emulator, which loses topics, subscriptions and messages when it is killed. */
export async function openPubSub(projectId: string, topic: string) {
  let emulator = await startPubSubEmulator({ projectId });
  const { host } = emulator;
  const port = Number(host.split(':')[1]);
  return {
    host,
    port,
    /** Creates the topic, whose messages are pushed to `endpoint`. */
    async createTopic(endpoint: string): Promise<void> {
      await emulator.createTopic(topic);
      const subscription = `records-${randomUUID().slice(0, 8)}`;
      await emulator.createPushSubscription({ topic, subscription, endpoint });
    },
    restartable: ({
      whenEnded,
      whenStarted,
    }: {
      whenEnded(): void;
      whenStarted(): Promise<void>;
    }): KillAndRestart =>
      restartable({
        kill: () => emulator.kill(),
        whenEnded,
        async start() {
          emulator = await startPubSubEmulator({ projectId, port });
          await whenStarted();
        },
      }),
    stop: () => emulator.stop(),
  };
}

/** The functions in their own process, which logs to `logFile`. */
export async function openFunctions(environment: NodeJS.ProcessEnv, logFile: string) {
  let offsetMs = 0;
  let hasDied = false;
  const start = () => startWorker({ ...environment, CHAOS_CLOCK_OFFSET_MS: String(offsetMs) }, logFile);
  let worker = await start();
  const killAndRestart = restartable({
    async kill() {
      hasDied ||= worker.hasDied();
      await worker.kill();
    },
    async start() {
      worker = await start();
    },
  });
  return {
    killAndRestart,
    /** Restarts them with their clock `value` milliseconds ahead. */
    async moveClock(value: number): Promise<void> {
      offsetMs = value;
      await killAndRestart(0);
    },
    hasDied: () => hasDied || worker.hasDied(),
    kill: () => worker.kill(),
  };
}
