import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../../shared/config.ts';
import { openLocalParts } from '../../shared/local/wiring.ts';
import type { Deps, ServiceCaller } from '../../shared/ports/deps.ts';
import { startFirestoreEmulator } from '../../shared/testing/servers/firestore-emulator.ts';
import { freePort } from '../../shared/testing/servers/free-port.ts';
import { type PubSubEmulator, startPubSubEmulator } from '../../shared/testing/servers/pubsub-emulator.ts';
import { type PushRelay, startPushRelay } from '../../shared/testing/servers/push-relay.ts';
import { type RedisServer, startRedisServer } from '../../shared/testing/servers/redis-server.ts';
import { localSecrets } from '../dev/secrets.ts';
import { type Acknowledgements, watchAcknowledgements } from './acknowledgements.ts';
import { watchTail } from './append-only-file.ts';
import { readJournal } from './journal.ts';
import type { Random } from './random.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { startWorker, type Worker } from './worker-process.ts';

export type AppendFsync = 'always' | 'everysec';

/** Few, so that one sweep is quick. */
const SHARDS = 4;
const TOPIC = 'events';
const MOST_EVENTS_A_CALL = 100;

/** Everything that a run happens on: the parts, each of its own, and what stands between them. */
export interface Stage {
  readonly folder: string;
  readonly operatorKey: string;
  /** Of the functions, past every proxy. */
  readonly functionsPort: number;
  readonly clients: TcpProxy;
  readonly redis: TcpProxy;
  readonly relay: PushRelay;
  readonly acknowledgements: Acknowledgements;
  readonly records: Deps['records'];
  token(caller: ServiceCaller): string;
  /** Ends a process with SIGKILL, leaves it away for `awayMs`, and starts its successor; gives when it was gone. */
  readonly bounce: Readonly<Record<'redis' | 'functions' | 'pubsub', Bounce>>;
  /** Lets the functions start anew, `offsetMs` later by their own clock. */
  moveFunctionsClock(offsetMs: number): Promise<void>;
  /** Events that the topic accepted and nobody has acknowledged. */
  unacknowledged(): number;
  readonly tally: Readonly<StageTally>;
  /** Whether the functions ended though nobody killed them. */
  hasDied(): boolean;
  close(): Promise<void>;
}

type Bounce = (awayMs: number) => Promise<number>;

export interface StageTally {
  /** Events published again because an emulator forgot them. */
  republished: number;
  /** Bytes that power cuts took from the end of Redis' file. */
  redisBytesLost: number;
}

export async function openStage(folder: string, appendfsync: AppendFsync, random: Random): Promise<Stage> {
  const tally: StageTally = { republished: 0, redisBytesLost: 0 };
  const closers: (() => unknown)[] = [];
  /** In the reverse order of opening; each is closed whatever became of the others. */
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await Promise.allSettled([closer()]);
  };

  try {
    const [redisDir, dataFolder] = [join(folder, 'redis'), join(folder, 'data')];
    mkdirSync(redisDir);
    const firestore = await startFirestoreEmulator();
    closers.push(firestore.stop);
    const { projectId } = firestore;

    const redisArgs = ['--appendonly', 'yes', '--appendfsync', appendfsync];
    // One file that only grows, which a power cut can be made of.
    redisArgs.push('--auto-aof-rewrite-percentage', '0');
    let redisServer: RedisServer = await startRedisServer({ dir: redisDir, args: redisArgs });
    const redisPort = redisServer.port;
    closers.push(() => redisServer.stop());
    const tail = watchTail(redisDir);
    closers.push(tail.stop);

    let emulator: PubSubEmulator = await startPubSubEmulator({ projectId });
    const pubsubPort = Number(emulator.host.split(':')[1]);
    closers.push(() => emulator.stop());

    const functionsPort = await freePort();
    const [clients, redis, pubsub] = await Promise.all(
      [functionsPort, redisPort, pubsubPort].map((port) => startTcpProxy(port)),
    );
    if (!clients || !redis || !pubsub) throw new Error('A proxy is missing.');
    closers.push(clients.close, redis.close, pubsub.close);

    const journalFile = join(folder, 'journal.jsonl');
    const secrets = localSecrets(dataFolder);
    const environment = {
      PATH: process.env.PATH,
      METADATA_SERVER_DETECTION: 'none',
      ...secrets,
      PORT: String(functionsPort),
      SEATLEASE_DATA: dataFolder,
      SHARDS: String(SHARDS),
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      GOOGLE_CLOUD_PROJECT: projectId,
      FIRESTORE_EMULATOR_HOST: firestore.host,
      EVENTS_TOPIC: TOPIC,
      PUBSUB_EMULATOR_HOST: `127.0.0.1:${pubsub.port}`,
      CHAOS_JOURNAL: journalFile,
      // Successors of killed functions start a quarter faster.
      NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
    };
    // What the functions have, past the proxies: their issuer's key, their records and their topic.
    const { deps, issuer } = await openLocalParts(
      readConfig({ ...environment, PUBSUB_EMULATOR_HOST: emulator.host }),
    );
    closers.push(() => deps.close());
    const token = (caller: ServiceCaller): string => {
      if (!issuer) throw new Error('Tokens are made elsewhere.');
      return issuer.issue(deps.serviceAccounts[caller]);
    };

    const relay = await startPushRelay({
      target: `http://127.0.0.1:${functionsPort}/internal/events`,
      token: () => token('pubsub'),
    });
    closers.push(relay.close);
    const acknowledgements = await watchAcknowledgements(relay.url);
    closers.push(acknowledgements.close);

    const createTopic = async (): Promise<void> => {
      await emulator.createTopic(TOPIC);
      await emulator.createPushSubscription({
        topic: TOPIC,
        subscription: `records-${randomUUID().slice(0, 8)}`,
        endpoint: acknowledgements.url,
      });
    };
    await createTopic();

    const logFile = join(folder, 'functions.log');
    let offsetMs = 0;
    const start = (): Promise<Worker> =>
      startWorker({ ...environment, CHAOS_CLOCK_OFFSET_MS: String(offsetMs) }, logFile);
    let worker = await start();
    closers.push(() => worker.kill());

    const unacknowledged = () =>
      [...readJournal(journalFile).values()].filter(({ eventId }) => !acknowledgements.eventIds.has(eventId));

    async function publishAgain(): Promise<void> {
      const forgotten = unacknowledged();
      for (let i = 0; i < forgotten.length; i += MOST_EVENTS_A_CALL) {
        await deps.events.publish(forgotten.slice(i, i + MOST_EVENTS_A_CALL));
      }
      tally.republished += forgotten.length;
    }

    async function bounceRedis(awayMs: number): Promise<number> {
      await redisServer.kill();
      const goneMs = Date.now();
      if (appendfsync === 'everysec') tally.redisBytesLost += tail.cutBack(random);
      await sleep(awayMs);
      redisServer = await startRedisServer({ dir: redisDir, port: redisPort, args: redisArgs });
      return goneMs;
    }

    let hasDied = false;
    async function bounceFunctions(awayMs: number): Promise<number> {
      hasDied ||= worker.hasDied();
      await worker.kill();
      const goneMs = Date.now();
      await sleep(awayMs);
      worker = await start();
      return goneMs;
    }

    async function bouncePubSub(awayMs: number): Promise<number> {
      await emulator.kill();
      const goneMs = Date.now();
      // Until its subscription is there again, what the topic takes reaches nobody.
      pubsub?.shut(true);
      await sleep(awayMs);
      emulator = await startPubSubEmulator({ projectId, port: pubsubPort });
      await createTopic();
      await publishAgain();
      pubsub?.shut(false);
      return goneMs;
    }

    return {
      folder,
      operatorKey: secrets.OPERATOR_KEY,
      functionsPort,
      clients,
      redis,
      relay,
      acknowledgements,
      records: deps.records,
      token,
      bounce: {
        redis: oneAtATime(bounceRedis),
        functions: oneAtATime(bounceFunctions),
        pubsub: oneAtATime(bouncePubSub),
      },
      async moveFunctionsClock(value) {
        offsetMs = value;
        await bounceFunctions(0);
      },
      unacknowledged: () => unacknowledged().length,
      tally,
      hasDied: () => hasDied || worker.hasDied(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A process that is being started is killed only once it is there. */
function oneAtATime(bounce: Bounce): Bounce {
  let last: Promise<unknown> = Promise.resolve();
  return (awayMs) => {
    const next = last.then(() => bounce(awayMs));
    last = next.catch(() => undefined);
    return next;
  };
}
