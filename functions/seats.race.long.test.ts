import http from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { shardKey } from '../shared/adapters/seats/lua/keys.ts';
import { shardOf } from '../shared/domain/ids.ts';
import { startEmbeddedRedis } from '../shared/local/redis/embedded-redis.ts';
import { type RespClient, respClient } from '../shared/local/redis/resp-client.ts';
import { startUpstashServer } from '../shared/local/redis/upstash-server.ts';
import type { SeatEvent } from '../shared/testing/contracts/seats/pool.ts';
import { type Random, randomOf } from '../shared/testing/random.ts';
import { describeReal } from '../shared/testing/real-parts.ts';
import { runs } from '../shared/testing/runs.ts';
import { eventsIn, listOf, readOutbox } from '../shared/testing/seats/backend.ts';
import { countingProxy } from '../shared/testing/servers/counting-proxy.ts';
import { startRedisServer } from '../shared/testing/servers/redis-server.ts';
import { openTestSuite, type TestLicense, type TestSuite } from './testing/suite.ts';

const TOKEN = 'a-token';

/** Practically no rate limit. */
const NO_RATE_LIMIT = { requests_per_minute: 1_000_000 };

/** Every answer that a client can get. Each must have occurred by the end. */
const STATUSES = [
  'acquire 200',
  'acquire 201',
  'acquire 409',
  'heartbeat 200',
  'heartbeat 404',
  'release 204',
];

const Body = z.object({
  code: z.optional(z.string()),
  active: z.optional(z.int()),
  max: z.optional(z.int()),
  session_id: z.optional(z.string()),
  session_token: z.optional(z.string()),
});
type Body = z.infer<typeof Body>;

interface Scale {
  readonly clients: number;
  readonly holders: number;
  readonly seats: number;
  readonly operations: number;
}

const SMALL: Scale = { clients: 16, holders: 100, seats: 20, operations: 400 };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe('concurrent clients on embedded Redis', () => {
  crowdSuite(SMALL, async () => {
    const redis = await startEmbeddedRedis();
    closers.push(() => redis.close());
    return redis;
  });
});

describeReal('redis-server', 'concurrent clients on Redis', () => {
  crowdSuite(runs(SMALL, { clients: 64, holders: 1_000, seats: 100, operations: 3_000 }), async () => {
    const redis = await startRedisServer();
    closers.push(() => redis.stop());
    return redis;
  });
});

function crowdSuite(scale: Scale, startRedis: () => Promise<{ host: string; port: number }>): void {
  const { clients, holders, seats, operations } = scale;
  const timeout = 120_000;

  test(`get exactly the ${seats} seats with ${holders} machines on ${clients} connections, and never more`, {
    timeout,
  }, async () => {
    const { host, port } = await startRedis();
    const suite = await openSuite({ REDIS_URL: `redis://${host}:${port}` });
    const redis = openClient(host, port);
    const license = await suite.createLicense({ max: seats, ...NO_RATE_LIMIT });
    const crowd = openCrowd(suite, license, clients);

    const answers: Answer[] = [];
    await crowd.each(holders, async (n) => answers.push(await crowd.acquire(`machine-${n}`)));
    const granted = answers.filter(({ status }) => status === 201);
    expect(granted).toHaveLength(seats);
    expect(new Set(granted.map(({ body }) => body.session_id)).size).toBe(seats);
    for (const { status, body } of answers.filter((answer) => !granted.includes(answer))) {
      expect({ status, ...body }).toMatchObject({
        status: 409,
        code: 'SEATS_EXHAUSTED',
        active: seats,
        max: seats,
      });
    }
    const filled = replay(await readOutbox(redis, license.licenseId));
    expect(filled).toMatchObject({ most: seats, acquired: seats });

    // From here on, machines compete: there are seats for two in five.
    const held = new Map(granted.map(({ body }, i) => [`machine-${i}`, body]));
    const random = randomOf(20_261_123, 'crowd');
    const statuses = new Set<string>();
    await crowd.each(operations, async () => {
      const holder = `machine-${random.between(0, Math.ceil(seats * 2.5) - 1)}`;
      statuses.add(await randomStep(crowd, held, holder, random));
    });
    expect([...statuses].sort()).toEqual(STATUSES);

    const end = replay(await readOutbox(redis, license.licenseId));
    expect(end.most).toBe(seats);
    expect(end.acquired).toBeGreaterThan(seats * 2);
    expect(await countActive(suite, license)).toBe(end.active);
  });

  test('leave low_water seats for online use when all borrow', { timeout }, async () => {
    const { host, port } = await startRedis();
    const suite = await openSuite({ REDIS_URL: `redis://${host}:${port}` });
    const redis = openClient(host, port);
    const borrowable = seats - 5;
    const license = await suite.createLicense({
      max: seats,
      ...NO_RATE_LIMIT,
      borrow: { max_days: 7, low_water: 5 },
    });
    const crowd = openCrowd(suite, license, clients);

    const answers: Answer[] = [];
    await crowd.each(seats * 2, async (n) => answers.push(await crowd.acquire(`machine-${n}`, 7)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(borrowable);
    const refused = answers.filter(({ status }) => status !== 201);
    for (const { status, body } of refused)
      expect({ status, ...body }).toMatchObject({ status: 409, code: 'BORROW_LIMIT_REACHED' });

    // Other machines take the remaining seats, and cannot borrow them.
    const online = new Map<string, number>();
    await crowd.each(seats * 2, async (n) => {
      const { status } = await crowd.acquire(`desk-${n}`);
      if (status === 201) online.set(`desk-${n}`, (await crowd.acquire(`desk-${n}`, 7)).status);
    });
    expect([...online.values()]).toEqual(Array(seats - borrowable).fill(409));
    const events = await readOutbox(redis, license.licenseId);
    expect(events.filter(({ type }) => type === 'session.borrowed')).toHaveLength(borrowable);
    expect(replay(events)).toMatchObject({ most: seats, active: seats });
  });

  test('get neither two seats nor more than max when answers are lost', { timeout }, async () => {
    const { host, port } = await startRedis();
    const front = await startUpstashServer({ backend: { host, port }, token: TOKEN });
    closers.push(() => front.close());
    const proxy = await countingProxy(front.url);
    closers.push(() => proxy.close());
    const suite = await openSuite({ UPSTASH_REDIS_REST_URL: proxy.url, UPSTASH_REDIS_REST_TOKEN: TOKEN });
    const redis = openClient(host, port);
    const license = await suite.createLicense({ max: seats, ...NO_RATE_LIMIT });
    const crowd = openCrowd(suite, license, clients);

    const random = randomOf(7, 'crowd');
    const held = new Map<string, Body>();
    const statuses = new Map<string, number>();
    const commandsBefore = proxy.commands.length;
    await crowd.each(operations, async () => {
      // One lost answer is hidden by the retry. If the retry is lost too, the caller gets a 503.
      if (random.between(0, 10 - 1) === 0)
        proxy.dropNextAnswers(random.between(0, 4 - 1) === 0 ? clients : 1);
      const holder = `machine-${random.between(0, Math.ceil(seats * 2.5) - 1)}`;
      const status = await randomStep(crowd, held, holder, random);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    });
    proxy.dropNextAnswers(0);

    const answered = [...statuses.keys()].filter((status) => !status.endsWith(' 503'));
    expect(answered.sort()).toEqual(STATUSES);
    expect(statuses.get('acquire 503')).toBeGreaterThan(operations / 200);
    expect(proxy.commands.length - commandsBefore - operations).toBeGreaterThan(operations / 20);
    expect(statuses.get('acquire 201')).toBeGreaterThan(seats);

    const { active, most } = replay(await readOutbox(redis, license.licenseId));
    expect(most).toBeLessThanOrEqual(seats);
    expect(await countActive(suite, license)).toBe(active);
  });

  test('regain their seats, and never more than max, when Redis loses its data repeatedly', {
    timeout,
  }, async () => {
    const { host, port } = await startRedis();
    const suite = await openSuite({ REDIS_URL: `redis://${host}:${port}` });
    const redis = openClient(host, port);
    const license = await suite.createLicense({ max: seats, ...NO_RATE_LIMIT });
    const crowd = openCrowd(suite, license, clients);

    const random = randomOf(11, 'crowd');
    const held = new Map<string, Body>();
    const lives: SeatEvent[][] = [];
    const losses = Math.ceil(operations / 12);
    let steps = 0;
    await crowd.each(operations / 2, async () => {
      steps += 1;
      if (steps % losses === 0) lives.push(await emptyRedis(redis, license));
      await randomStep(crowd, held, `machine-${random.between(0, Math.ceil(seats * 2.5) - 1)}`, random);
    });
    lives.push(await readOutbox(redis, license.licenseId));

    expect(lives.length).toBeGreaterThanOrEqual(6);
    for (const life of lives) expect(replay(life).most).toBeLessThanOrEqual(seats);
    expect(replay(lives.at(-1) ?? []).active).toBe(await countActive(suite, license));
    const types = lives.flat().map(({ type }) => type);
    expect(types.filter((type) => type === 'session.revived').length).toBeGreaterThan(seats / 2);
    expect(lives.some((life) => replay(life).most === seats)).toBe(true);
  });
}

/** Empties Redis, and returns the events that the outbox contained. */
async function emptyRedis(redis: RespClient, { licenseId }: TestLicense): Promise<SeatEvent[]> {
  const outbox = shardKey('outbox', shardOf(licenseId));
  const replies = await redis.pipeline([['MULTI'], ['XRANGE', outbox, '-', '+'], ['FLUSHALL'], ['EXEC']]);
  const [range] = listOf(replies.at(-1));
  return eventsIn(range, licenseId);
}

type Answer = { status: number; body: Body };
interface Crowd {
  acquire(fingerprint: string, borrowDays?: number): Promise<Answer>;
  heartbeat(session: Body): Promise<Answer>;
  release(session: Body): Promise<Answer>;
  /** Runs `act` `times` times, with one concurrent run per client. */
  each(times: number, act: (n: number) => Promise<unknown>): Promise<void>;
}

/** Avoids `fetch`, which would take more CPU than everything under test. */
function openCrowd(suite: TestSuite, license: TestLicense, clients: number): Crowd {
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  closers.push(() => agent.destroy());
  const url = new URL(suite.url);

  function ask(method: string, path: string, body: Record<string, unknown>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `License ${license.key}`, 'content-type': 'application/json' };
      const request = http.request({ host: url.hostname, port: url.port, agent, method, path, headers });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: z.parse(Body, text ? JSON.parse(text) : {}) });
        });
      });
      request.end(JSON.stringify(body));
    });
  }

  return {
    acquire: (fingerprint, borrow_days) =>
      ask('POST', '/api/v1/licenses/acquire', { fingerprint, borrow_days }),
    heartbeat: ({ session_id, session_token }) =>
      ask('PUT', '/api/v1/licenses/heartbeat', { session_id, session_token }),
    release: ({ session_id }) => ask('POST', '/api/v1/licenses/release', { session_id }),
    async each(times, act) {
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < times) {
          next += 1;
          await act(next - 1);
        }
      };
      await Promise.all(Array.from({ length: clients }, work));
    },
  };
}

/** Runs the next step of a machine, and returns the outcome. The machine remembers its session even after a release. */
async function randomStep(
  crowd: Crowd,
  held: Map<string, Body>,
  holder: string,
  random: Random,
): Promise<string> {
  const session = held.get(holder);
  const what = session
    ? (['acquire', 'heartbeat', 'release', 'release'] as const)[random.between(0, 4 - 1)]
    : 'acquire';
  if (!session || !what || what === 'acquire') {
    const answer = await crowd.acquire(holder);
    if (answer.body.session_id) held.set(holder, answer.body);
    return `acquire ${answer.status}`;
  }
  return `${what} ${(await crowd[what](session)).status}`;
}

/**
 * Replays the events in order, and returns how many seats were held at the end and at most. Throws for an event that
 * cannot be true: the beginning of a living session, the end of another, or a seat that is taken twice.
 */
function replay(events: readonly SeatEvent[]): { active: number; most: number; acquired: number } {
  const living = new Set<string>();
  const seats = new Set<string>();
  const everAcquired = new Set<string>();
  let most = 0;
  for (const { type, sessionId, more } of events) {
    const extendsLoan = type === 'session.borrowed' && living.has(sessionId);
    const begins = /^session\.(acquired|borrowed|revived)$/.test(type) && !extendsLoan;
    const ends = /^session\.(released|evicted|expired)$/.test(type);
    if (type === 'session.acquired') {
      if (everAcquired.has(sessionId)) throw new Error(`${sessionId} was acquired twice`);
      everAcquired.add(sessionId);
    }
    if (begins && living.has(sessionId)) throw new Error(`${sessionId} began while it was living`);
    if (begins) living.add(sessionId);
    if (ends && !living.delete(sessionId)) throw new Error(`${sessionId} ended without a seat`);
    const { holder = '', seat } = more;
    if (seat === 'taken' && seats.has(holder)) throw new Error(`${holder} took a second seat`);
    if (seat === 'taken') seats.add(holder);
    if (seat === 'freed' && !seats.delete(holder)) throw new Error(`${holder} freed no seat`);
    if (begins || ends) expect(Number(more.active)).toBe(seats.size);
    most = Math.max(most, seats.size);
  }
  return { active: seats.size, most, acquired: everAcquired.size };
}

async function openSuite(environment: Record<string, string>): Promise<TestSuite> {
  const suite = await openTestSuite(environment);
  closers.push(() => suite.close());
  return suite;
}

function openClient(host: string, port: number): RespClient {
  const client = respClient({ host, port });
  closers.push(() => client.close());
  return client;
}

async function countActive({ deps }: TestSuite, { licenseId }: TestLicense): Promise<number | undefined> {
  const listed = await deps.seats.listSeats(licenseId, { limit: 0 });
  return listed.verdict === 'OK' ? listed.active : undefined;
}
