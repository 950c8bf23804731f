import { DatabaseSync, StatementSync } from 'node:sqlite';
import { inject, vi } from 'vitest';
import { openKmsSigner } from '../../shared/adapters/signer/kms-signer.ts';
import type { SeatEvent } from '../../shared/domain/event.ts';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { type RespClient, respClient } from '../../shared/local/redis/resp-client.ts';
import { startUpstashServer } from '../../shared/local/redis/upstash-server.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Signer } from '../../shared/ports/signer.ts';
import { countingProxy } from '../../shared/testing/servers/counting-proxy.ts';
import { startKmsServer } from '../../shared/testing/servers/kms-server.ts';
import { countOperations } from './count-operations.ts';
import { type OperationCounts, SHARDS } from './operation-counts.ts';
import { openTestSuite, type TestLicense, type TestSuite } from './suite.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const RETENTION_DAYS = 40;

/** The cost of some work. */
export interface Cost<R> {
  readonly result: R;
  readonly operations: OperationCounts;
  /** By name, in order. */
  readonly redis: readonly string[];
  /** The same commands, with their arguments. */
  readonly redisCommands: readonly (readonly string[])[];
  /** Operations of the records, in order: `get licenses`. */
  readonly records: readonly string[];
  /** All SQLite statements of this process. SQLite stores the records here, so no read or write is missed. */
  readonly statements: number;
  /** Methods of Cloud KMS, in order. */
  readonly kms: readonly string[];
}

/** A suite that counts its operations, as deployed: Redis over REST, KMS over gRPC. Only the test moves its clock. */
export interface CountedSuite {
  readonly suite: TestSuite;
  /** A direct connection to the suite's Redis. */
  readonly redis: RespClient;
  /** A license with 200 free seats and leases of two hours. */
  readonly license: TestLicense;
  nowMs(): number;
  moveClock(ms: number): void;
  /** The cost of `work`, including the delivery of all events that it publishes. */
  costOf<R>(work: () => Promise<R>): Promise<Cost<R>>;
  /** The events that `work` publishes. They are not delivered. */
  withhold(work: () => Promise<unknown>): Promise<readonly SeatEvent[]>;
  /** Publishes events and waits until they are delivered. */
  publish(events: readonly SeatEvent[]): Promise<void>;
  /** Opens a new signer, as a new instance of a function does. */
  renewSigner(): Promise<void>;
  close(): Promise<void>;
}

/** Pub/Sub's duplicates are counted by tests of their own. */
const ONCE = { bus: { duplicates: 0 } };

/** Opens the suite in its steady state: Redis has loaded the scripts, and the hourly comparison is done. */
export async function openCountedSuite(): Promise<CountedSuite> {
  let nowMs = Date.parse('2026-01-05T08:00:00Z');
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  const moveClock = (ms: number): void => {
    nowMs += ms;
    vi.setSystemTime(nowMs);
  };
  const counters = await openCounters();
  const suite = await openTestSuite(counters.environment, counters.wrap, ONCE);
  const license = await suite.createLicense({ max: 200, ttl_seconds: 7_200 });
  const { session_id } = (await license.acquire('machine')).body;
  await license.heartbeat({ session_id });
  await license.sign({ session_id });
  await suite.settle();
  moveClock(HOUR_MS);
  await suite.settle();
  await license.release(session_id);
  await suite.settle();
  return {
    suite,
    redis: counters.redis,
    license,
    nowMs: () => nowMs,
    moveClock,
    async costOf(work) {
      await suite.delivered();
      counters.reset();
      const result = await work();
      await suite.delivered();
      return { result, ...counters.read() };
    },
    withhold: counters.withhold,
    async publish(events) {
      await suite.deps.events.publish(events);
      await suite.delivered();
    },
    renewSigner: counters.renewSigner,
    async close() {
      await suite.close();
      await counters.close();
      vi.useRealTimers();
    },
  };
}

/** Servers and ports that count their calls. */
async function openCounters() {
  const statements = [
    vi.spyOn(DatabaseSync.prototype, 'exec'),
    vi.spyOn(StatementSync.prototype, 'get'),
    vi.spyOn(StatementSync.prototype, 'all'),
    vi.spyOn(StatementSync.prototype, 'run'),
  ];
  const { redis, proxy, ...servers } = await startRedis();
  const kms = await startKms();
  const recordOperations: { readonly name: string; readonly billed: Partial<OperationCounts> }[] = [];
  let messages = 0;
  let withheld: SeatEvent[] | undefined;
  const countRecords = (kind: keyof OperationCounts): number =>
    recordOperations.reduce((count, { billed }) => count + (billed[kind] ?? 0), 0);

  return {
    redis,
    environment: {
      ...servers.environment,
      SHARDS: String(SHARDS),
      RETENTION_DAYS: String(RETENTION_DAYS),
    },
    wrap: (deps: Deps): Deps => ({
      ...deps,
      // Log lines name their trace, as they do in the cloud.
      projectId: 'my-project',
      records: countOperations(deps.records, (name, billed) => recordOperations.push({ name, billed })),
      signer: kms.signer,
      events: {
        async publish(events) {
          if (withheld) return void withheld.push(...events);
          messages += events.length;
          await deps.events.publish(events);
        },
        ping: () => deps.events.ping(),
        close: () => deps.events.close(),
      },
    }),
    reset(): void {
      proxy.reset();
      kms.reset();
      for (const statement of statements) statement.mockClear();
      recordOperations.length = 0;
      messages = 0;
    },
    read() {
      const redisCommands = [...proxy.commands];
      const methods = kms.methods();
      return {
        redis: redisCommands.map(([name]) => String(name).toUpperCase()),
        redisCommands,
        records: recordOperations.map(({ name }) => name),
        statements: statements.reduce((count, { mock }) => count + mock.calls.length, 0),
        kms: methods,
        operations: {
          redisCommands: redisCommands.length,
          documentReads: countRecords('documentReads'),
          documentWrites: countRecords('documentWrites'),
          documentDeletes: countRecords('documentDeletes'),
          signatures: methods.filter((method) => method === 'AsymmetricSign').length,
          messages,
        },
      };
    },
    async withhold(work: () => Promise<unknown>): Promise<readonly SeatEvent[]> {
      const events: SeatEvent[] = [];
      withheld = events;
      await work();
      withheld = undefined;
      return events;
    },
    renewSigner: kms.renewSigner,
    async close(): Promise<void> {
      await servers.close();
      await kms.close();
      for (const statement of statements) statement.mockRestore();
    },
  };
}

async function startRedis() {
  const server = await startEmbeddedRedis();
  const redis = respClient(server);
  const front = await startUpstashServer({ backend: server, token: 'token' });
  const proxy = await countingProxy(front.url);
  return {
    redis,
    proxy,
    environment: { UPSTASH_REDIS_REST_URL: proxy.url, UPSTASH_REDIS_REST_TOKEN: front.token },
    async close(): Promise<void> {
      await proxy.close();
      await front.close();
      redis.close();
      await server.close();
    },
  };
}

async function startKms() {
  const server = await startKmsServer([...inject('signingKeys')]);
  const openSigner = () => openKmsSigner({ keyVersion: server.versionName(1), client: server.client });
  let opened = openSigner();
  const signer: Signer = {
    current: () => opened.current(),
    enabled: (keyId) => opened.enabled(keyId),
    publicKeys: () => opened.publicKeys(),
    ping: () => opened.ping(),
    close: () => opened.close(),
  };
  return {
    signer,
    methods: () => server.calls.map(({ method }) => method),
    reset: () => server.forgetCalls(),
    async renewSigner(): Promise<void> {
      await opened.close();
      opened = openSigner();
    },
    async close(): Promise<void> {
      await opened.close();
      await server.close();
    },
  };
}
