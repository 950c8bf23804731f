import { join } from 'node:path';
import { readConfig } from '../../shared/config.ts';
import type { SeatEvent } from '../../shared/domain/event.ts';
import { startUpstashServer } from '../../shared/local/redis/upstash-server.ts';
import { openLocalParts } from '../../shared/local/wiring.ts';
import type { Deps, ServiceCaller } from '../../shared/ports/deps.ts';
import type { Random } from '../../shared/testing/random.ts';
import { startFirestoreEmulator } from '../../shared/testing/servers/firestore-emulator.ts';
import { freePort } from '../../shared/testing/servers/free-port.ts';
import { type PushRelay, startPushRelay } from '../../shared/testing/servers/push-relay.ts';
import { localSecrets } from '../dev/secrets.ts';
import type { Engine } from '../redis-option.ts';
import { type Acknowledgements, watchAcknowledgements } from './acknowledgements.ts';
import { readJournal } from './journal.ts';
import { type AppendFsync, type KillAndRestart, openFunctions, openPubSub, openRedis } from './restarting.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** Few, so that one sweep is quick. */
const SHARDS = 4;
const TOPIC = 'events';
const MOST_EVENTS_A_CALL = 100;
const REST_TOKEN = 'token';

/** Everything that a run needs: its own servers, and the proxies between them. */
export interface Stage {
  readonly folder: string;
  readonly operatorKey: string;
  /** Port of the functions, not through a proxy. */
  readonly functionsPort: number;
  readonly clients: TcpProxy;
  readonly redis: TcpProxy;
  readonly relay: PushRelay;
  readonly acknowledgements: Acknowledgements;
  readonly records: Deps['records'];
  token(caller: ServiceCaller): string;
  readonly killAndRestart: Readonly<Record<'redis' | 'functions' | 'pubsub', KillAndRestart>>;
  /** Restarts the functions with their clock `offsetMs` ahead. */
  moveFunctionsClock(offsetMs: number): Promise<void>;
  /** Events that the topic accepted and whose delivery is not acknowledged. */
  unacknowledged(): number;
  readonly tally: Readonly<StageTally>;
  /** Whether the functions ended without being killed. */
  hasDied(): boolean;
  close(): Promise<void>;
}

export interface StageTally {
  /** Events published again because a killed emulator lost them. */
  republished: number;
  /** Bytes that simulated power cuts removed from the end of Redis' file. */
  redisBytesLost: number;
}

export interface StageOptions {
  readonly folder: string;
  readonly appendfsync: AppendFsync;
  readonly redis: Engine;
  /** Chooses what a power cut removes. */
  readonly random: Random;
}

export async function openStage(options: StageOptions): Promise<Stage> {
  // Closed in reverse order of opening, each even if another one fails.
  const opened = new AsyncDisposableStack();
  const close = (): Promise<void> => opened.disposeAsync().catch(() => {});
  try {
    return { ...(await openAll(options, opened)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openAll(
  { folder, appendfsync, redis: engine, random }: StageOptions,
  opened: AsyncDisposableStack,
): Promise<Omit<Stage, 'close'>> {
  const tally: StageTally = { republished: 0, redisBytesLost: 0 };
  const firestore = await startFirestoreEmulator();
  opened.defer(firestore.stop);
  const redisServer = await openRedis(join(folder, 'redis'), appendfsync, random, (bytes) => {
    tally.redisBytesLost += bytes;
  });
  opened.defer(redisServer.stop);
  const emulator = await openPubSub(firestore.projectId, TOPIC);
  opened.defer(emulator.stop);

  const functionsPort = await freePort();
  const redisPort = engine === 'upstash' ? await startFront(opened, redisServer.port) : redisServer.port;
  const [clients, redis, pubsub] = await startProxies(opened, functionsPort, redisPort, emulator.port);
  const settings = { folder, functionsPort, engine, redisPort: redis.port, firestore };
  // The functions' issuer key, records and topic, not through the proxies.
  const { deps, issuer } = await openLocalParts(readConfig(environmentOf(settings, emulator.host)));
  opened.defer(() => deps.close());
  const token = (caller: ServiceCaller): string => {
    if (!issuer) throw new Error('There is no local token issuer.');
    return issuer.issue(deps.serviceAccounts[caller]);
  };

  const relay = await startPushRelay({
    target: `http://127.0.0.1:${functionsPort}/internal/events`,
    token: () => token('pubsub'),
  });
  opened.defer(relay.close);
  const acknowledgements = await watchAcknowledgements(relay.url);
  opened.defer(acknowledgements.close);
  await emulator.createTopic(acknowledgements.url);

  const environment = environmentOf(settings, `127.0.0.1:${pubsub.port}`);
  const functions = await openFunctions(environment, join(folder, 'functions.log'));
  opened.defer(functions.kill);

  const unacknowledged = () => unacknowledgedIn(environment.CHAOS_JOURNAL, acknowledgements);
  const restartPubSub = emulator.restartable({
    // Until the subscription exists again, published events would be lost.
    whenEnded: () => pubsub.shut(true),
    async whenStarted() {
      await emulator.createTopic(acknowledgements.url);
      const lost = unacknowledged();
      await publishAll(lost, deps.events);
      tally.republished += lost.length;
      pubsub.shut(false);
    },
  });

  return {
    folder,
    operatorKey: environment.OPERATOR_KEY,
    functionsPort,
    clients,
    redis,
    relay,
    acknowledgements,
    records: deps.records,
    token,
    killAndRestart: {
      redis: redisServer.killAndRestart,
      functions: functions.killAndRestart,
      pubsub: restartPubSub,
    },
    moveFunctionsClock: functions.moveClock,
    unacknowledged: () => unacknowledged().length,
    tally,
    hasDied: functions.hasDied,
  };
}

/** Events that the topic accepted and whose delivery is not acknowledged. */
function unacknowledgedIn(journal: string, { eventIds }: Acknowledgements): SeatEvent[] {
  return [...readJournal(journal).values()].filter(({ eventId }) => !eventIds.has(eventId));
}

async function publishAll(all: readonly SeatEvent[], events: Deps['events']): Promise<void> {
  for (let i = 0; i < all.length; i += MOST_EVENTS_A_CALL) {
    await events.publish(all.slice(i, i + MOST_EVENTS_A_CALL));
  }
}

interface Settings {
  readonly folder: string;
  readonly functionsPort: number;
  readonly engine: Engine;
  readonly redisPort: number;
  readonly firestore: { readonly projectId: string; readonly host: string };
}

/** The environment of the functions, which reach Pub/Sub at `pubsubHost`. */
function environmentOf(
  { folder, functionsPort, engine, redisPort, firestore }: Settings,
  pubsubHost: string,
) {
  const dataFolder = join(folder, 'data');
  return {
    PATH: process.env.PATH,
    METADATA_SERVER_DETECTION: 'none',
    ...localSecrets(dataFolder),
    PORT: String(functionsPort),
    SEATLEASE_DATA: dataFolder,
    SHARDS: String(SHARDS),
    ...(engine === 'upstash'
      ? { UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${redisPort}`, UPSTASH_REDIS_REST_TOKEN: REST_TOKEN }
      : { REDIS_URL: `redis://127.0.0.1:${redisPort}` }),
    GOOGLE_CLOUD_PROJECT: firestore.projectId,
    FIRESTORE_EMULATOR_HOST: firestore.host,
    EVENTS_TOPIC: TOPIC,
    PUBSUB_EMULATOR_HOST: pubsubHost,
    CHAOS_JOURNAL: join(folder, 'journal.jsonl'),
    // Restarted functions start a quarter faster.
    NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
  };
}

/** A server that speaks Upstash's protocol for the Redis on `port`. Returns its own port. */
async function startFront(opened: AsyncDisposableStack, port: number): Promise<number> {
  const front = await startUpstashServer({ backend: { host: '127.0.0.1', port }, token: REST_TOKEN });
  opened.defer(front.close);
  return Number(new URL(front.url).port);
}

async function startProxies(opened: AsyncDisposableStack, ...ports: [number, number, number]) {
  const [clients, redis, pubsub] = await Promise.all([
    startTcpProxy(ports[0]),
    startTcpProxy(ports[1]),
    startTcpProxy(ports[2]),
  ]);
  for (const proxy of [clients, redis, pubsub]) opened.defer(proxy.close);
  return [clients, redis, pubsub] as const;
}
