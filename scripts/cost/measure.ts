import { readFileSync } from 'node:fs';
import { vi } from 'vitest';
import * as z from 'zod/mini';
import { type Billed, billable } from '../../functions/testing/count-operations.ts';
import { signIn } from '../../functions/testing/people.ts';
import { openTestSuite, type Reply, type TestLicense } from '../../functions/testing/suite.ts';
import { watchedSigner } from '../../functions/testing/watched-signer.ts';
import { encodeDocument } from '../../shared/adapters/records/documents.ts';
import type { SeatEvent } from '../../shared/domain/event.ts';
import { type EventMessage, messageOf } from '../../shared/domain/event-message.ts';
import { newLicenseId } from '../../shared/domain/ids.ts';
import { entitlementOf } from '../../shared/domain/license.ts';
import { DAY_MS, HOUR_MS, usageHourId } from '../../shared/domain/usage.ts';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { startUpstashFront } from '../../shared/local/redis/upstash-server.ts';
import { AUDIT, LICENSES, SESSION_HISTORIES, USAGE_HOURS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { QUERIES } from '../../shared/ports/queries.ts';
import type { Collection } from '../../shared/ports/records.ts';
import { auditOf, historiesOf } from '../../shared/testing/read-records.ts';
import { countingProxy } from '../../shared/testing/servers/counting-proxy.ts';
import { type Counted, SHARDS } from './counts.ts';
import { CompositeIndexes, storedBytes } from './firestore-size.ts';
import { sum } from './sum.ts';

const MINUTE_MS = 60_000;
const RETENTION_DAYS = 40;
/** As Cloud Run sends it, so that log lines have their trace. */
const TRACE = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
/** What Pub/Sub adds to a message: a timestamp, and an id of 17 digits (https://cloud.google.com/pubsub/pricing). */
const PUBSUB_ADDS_BYTES = 20 + 17;
/** More than a page of what the sweep compares. */
const MANY = 110;

/**
 * Drives whole suites over embedded parts, with a clock that is moved, and gives what each thing that they do costs, by
 * the names of `COUNTS`; what is 0 is left out. What a sweep does beside other things is what is left when those are
 * taken away.
 */
export async function measure(): Promise<Readonly<Record<string, Counted>>> {
  const counted: Record<string, Counted> = {};
  // Comparing needs a suite with nothing else in it.
  for (const parts of [
    [measureCalls, measureSweep, measureStorage, measureForgetting],
    [measureComparison],
  ]) {
    const bench = await openBench();
    try {
      for (const part of parts) {
        for (const [name, cost] of Object.entries(await part(bench))) counted[name] = withoutZeros(cost);
      }
    } finally {
      await bench.close();
    }
  }
  return counted;
}

/** A seat that is held for an hour and given back, with a sweep after each call. */
export async function measureSeatHour(): Promise<{ readonly sweeps: number; readonly cost: Cost }> {
  const bench = await openBench();
  try {
    const { suite, app, costOf, sweep, moveClock } = bench;
    const license = app(await suite.createLicense());
    await license.visit();
    await suite.settle();
    let sweeps = 0;
    const andSweep = async (reply: Promise<Reply>): Promise<Reply> => {
      const answered = await reply;
      await sweep();
      await suite.delivered();
      sweeps += 1;
      return answered;
    };
    const cost = await costOf(async () => {
      const seat = seatIn(await andSweep(license.acquire()));
      for (let beats = 0; beats < 12; beats += 1) {
        moveClock(5 * MINUTE_MS - 1);
        await andSweep(license.heartbeat(seat));
      }
      await andSweep(license.sign(seat));
      await andSweep(license.release(seat));
      await sweep();
      sweeps += 1;
      return undefined;
    });
    return { sweeps, cost };
  } finally {
    await bench.close();
  }
}

/** An admin of one tenant looks at a license of which some seats are held. */
export async function measureWatch(): Promise<Counted> {
  const { suite, app, costOf, close } = await openBench();
  try {
    const admin = await signIn(suite, 'ada@example.com');
    const license = await suite.createLicense({ tenant_id: [...admin.tenants.keys()][0] });
    for (const machine of ['a', 'b', 'c']) await app(license).acquire(machine);
    const look = () =>
      admin.call('GET', `/api/v1/sessions?license_id=${license.licenseId}`, undefined, TRACE);
    await look();
    return only(await costOf(look), 'redisCommands', 'documentReads');
  } finally {
    await close();
  }
}

type Cost = Required<Counted>;
type Part = (bench: Bench) => Promise<Readonly<Record<string, Counted>>>;
type Bench = Awaited<ReturnType<typeof openBench>>;

const measureCalls: Part = async ({ suite, app, costOf, moveClock }) => {
  const license = app(await suite.createLicense());
  // Each script is sent once in the life of a Redis; what follows is the steady state.
  await license.visit();
  await suite.settle();
  let seat: Seat | undefined;
  const acquire = await costOf(async () => {
    const reply = await license.acquire();
    seat = seatIn(reply);
    return reply;
  });
  const held = seat ?? seatIn(await license.acquire());
  moveClock(5 * MINUTE_MS);
  return {
    acquire,
    heartbeat: await costOf(() => license.heartbeat(held)),
    sign: await costOf(() => license.sign(held)),
    release: await costOf(() => license.release(held)),
    health: await costOf(() => suite.call('GET', '/health', { headers: TRACE })),
  };
};

const measureSweep: Part = async ({ suite, app, costOf, sweep, withholding, publish }) => {
  const [one, other] = [app(await suite.createLicense()), app(await suite.createLicense())];
  await suite.settle();
  const idleSweep = await costOf(sweep);

  /** What it costs to seal one session each of these, published and recorded before. */
  const sealing = async (...licenses: readonly App[]): Promise<Cost> => {
    for (const [i, license] of licenses.entries()) await license.visit(`machine-${i}`);
    await publish(await withholding(sweep));
    return costOf(sweep);
  };
  await one.visit();
  let events: readonly SeatEvent[] = [];
  const publishing = await costOf(async () => {
    events = await withholding(sweep);
    return undefined;
  });
  const recordedSession = await costOf(() => publish(events));
  const sealedOne = await costOf(sweep);
  const sealedTwo = await sealing(one, one);
  const sealedBoth = await sealing(one, other);
  return {
    idleSweep,
    publishedBatch: only(minus(publishing, idleSweep), 'redisCommands', 'redisBytes'),
    recordedSession,
    sealedSession: only(minus(sealedTwo, sealedOne), ...OF_RECORDS),
    sealedChain: only(minus(sealedBoth, sealedTwo), ...OF_RECORDS, 'logBytes'),
  };
};

const measureComparison: Part = async ({ suite, app, costOf, sweep, moveClock }) => {
  const { records, seats } = suite.deps;
  const created = await suite.createLicense({ max: 10, ttl_seconds: 7_200 });
  const { licenseId, tenantId } = created;
  const license = await records.get(LICENSES, licenseId);
  if (!license) throw new Error('it was created');
  const open: Seat[] = [];
  /** The sweep that compares, an hour after the one before; every seat is kept. */
  const compare = async (): Promise<Cost> => {
    moveClock(HOUR_MS);
    for (const seat of open) await app(created).heartbeat(seat);
    return costOf(sweep);
  };
  const addLicenses = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      const another = { ...license, licenseId: newLicenseId(tenantId) };
      await records.create(LICENSES, another.licenseId, another);
      await seats.putLicense(entitlementOf(another));
    }
  };
  // Each script is sent once in the life of a Redis.
  const warm = seatIn(await app(created).acquire());
  await suite.settle();
  await compare();
  await app(created).release(warm);
  await suite.settle();
  const idleSweep = await costOf(sweep);
  const one = await compare();
  await addLicenses(1);
  const two = await compare();
  await addLicenses(MANY);
  const many = await compare();
  const seat = async (machine: string): Promise<void> => {
    open.push(seatIn(await app(created).acquire(machine)));
    await suite.settle();
  };
  await seat('first');
  const seated = await compare();
  await seat('second');
  const bothSeated = await compare();
  const [history] = await historiesOf(records, licenseId);
  if (!history) throw new Error('it has a session');
  await records.transact(async (transaction) => {
    for (let n = 0; n < MANY; n += 1) {
      const sessionId = `${history.sessionId}${n}`;
      transaction.set(SESSION_HISTORIES, sessionId, {
        ...history,
        sessionId,
        isOpen: true,
        missingSinceMs: Date.now() + HOUR_MS,
      });
    }
  });
  const manySeated = await compare();
  const perLicense = only(minus(two, one), ...OF_COMPARISON);
  const perSession = only(minus(bothSeated, seated), ...OF_COMPARISON);
  return {
    comparison: only(minus(minus(one, idleSweep), perLicense), ...OF_COMPARISON),
    comparedLicense: perLicense,
    comparedLicensePage: only(minus(minus(many, two), times(perLicense, MANY)), ...OF_COMPARISON),
    comparedSession: perSession,
    comparedPool: only(minus(seated, many), ...OF_COMPARISON),
    comparedSessionPage: only(
      minus(minus(manySeated, bothSeated), times(perSession, MANY)),
      ...OF_COMPARISON,
    ),
  };
};

const measureForgetting: Part = async ({ suite, app, costOf, sweep, moveClock }) => {
  const license = app(await suite.createLicense());
  await suite.settle();
  /** The sweep that forgets, when all that there is has come of age. */
  const forget = async (): Promise<Cost> => {
    moveClock((RETENTION_DAYS + 1) * DAY_MS);
    return costOf(sweep);
  };
  await forget();
  moveClock(HOUR_MS);
  const comparing = await costOf(sweep);
  const nothing = await forget();
  await license.visit();
  await suite.settle();
  const one = await forget();
  await license.visit();
  await license.visit();
  await suite.settle();
  const two = await forget();
  return {
    forgetting: only(minus(nothing, comparing), ...OF_RECORDS),
    forgottenSession: only(minus(two, one), ...OF_RECORDS),
  };
};

const measureStorage: Part = async ({ suite, app, nowMs, moveClock }) => {
  const { records } = suite.deps;
  const { indexes: composite } = z.parse(
    CompositeIndexes,
    JSON.parse(readFileSync('infra/firestore.indexes.json', 'utf8')),
  );
  const stored = <T>(collection: Collection<T>, id: string, document: T): Counted => {
    const ofCollection = QUERIES.filter((query) => query.collection.name === collection.name);
    // A query that filters has a composite index; one that does not needs that of the field it orders by.
    const needed = ofCollection.flatMap(({ where, orderBy }) => (where.length === 0 ? [orderBy.field] : []));
    const bytesWith = (single: 'all' | readonly string[]): number =>
      storedBytes(collection.name, id, encodeDocument(collection, id, document), { composite, single });
    return { storedBytes: bytesWith('all'), leanBytes: bytesWith(needed) };
  };
  // Places in an outbox are counted within a millisecond, and are the longer, the more there are: of other parts' too.
  moveClock(1);
  const created = await suite.createLicense();
  await app(created).visit();
  await suite.settle();
  const { licenseId } = created;
  const hourId = usageHourId(licenseId, nowMs());
  const [license, hour, histories, events] = await Promise.all([
    records.get(LICENSES, licenseId),
    records.get(USAGE_HOURS, hourId),
    historiesOf(records, licenseId),
    auditOf(records, licenseId),
  ]);
  if (!license || !hour) throw new Error('both are on record');
  const ofSession = events.filter(({ sessionId }) => sessionId !== null);
  return {
    storedLicense: stored(LICENSES, licenseId, license),
    storedUsageHour: stored(USAGE_HOURS, hourId, hour),
    storedHistory: histories
      .map((history) => stored(SESSION_HISTORIES, history.sessionId, history))
      .reduce(plus),
    storedEvents: ofSession.map((event) => stored(AUDIT, event.eventId, event)).reduce(plus),
  };
};

interface Seat {
  readonly session_id: string;
  readonly session_token: string;
}

function seatIn({ status, body, text }: Reply): Seat {
  if (status !== 201) throw new Error(`no seat: ${text}`);
  return { session_id: body.session_id, session_token: body.session_token };
}

type App = ReturnType<typeof appOf>;

/** Whoever has the license's key, as its app calls. */
function appOf(call: (method: string, verb: string, body: unknown) => Promise<Reply>) {
  const app = {
    acquire: (machine = 'machine') =>
      call('POST', 'acquire', { fingerprint: machine.padEnd(64, '-'), app_version: '1.0.0' }),
    heartbeat: (seat: Seat) => call('PUT', 'heartbeat', seat),
    sign: ({ session_id }: Seat) => call('POST', 'sign', { session_id }),
    release: ({ session_id }: Seat) => call('POST', 'release', { session_id }),
    /** Takes a seat, uses it and gives it back. */
    async visit(machine?: string): Promise<void> {
      const seat = seatIn(await app.acquire(machine));
      await app.heartbeat(seat);
      await app.sign(seat);
      await app.release(seat);
    },
  };
  return app;
}

/** A suite whose every billable operation is counted, and in which time passes when told. */
async function openBench() {
  let nowMs = Date.parse('2026-01-05T08:00:00Z');
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  const redis = await startEmbeddedRedis();
  const front = await startUpstashFront({ backend: redis, token: 'token' });
  const proxy = await countingProxy(front.url);
  const billed: Billed = { reads: 0, writes: 0 };
  let signatures = 0;
  const messages: EventMessage[] = [];
  let withheld: SeatEvent[] | undefined;
  const environment = {
    UPSTASH_REDIS_REST_URL: proxy.url,
    UPSTASH_REDIS_REST_TOKEN: front.token,
    SHARDS: String(SHARDS),
    RETENTION_DAYS: String(RETENTION_DAYS),
  };
  const suite = await openTestSuite(
    environment,
    (deps): Deps => ({
      ...deps,
      projectId: 'my-project',
      records: billable(deps.records, billed),
      signer: watchedSigner(deps.signer, () => {
        signatures += 1;
        return undefined;
      }),
      events: {
        async publish(events) {
          if (withheld) return void withheld.push(...events);
          messages.push(...events.map(messageOf));
          await deps.events.publish(events);
        },
        ping: () => deps.events.ping(),
        close: () => deps.events.close(),
      },
    }),
  );
  const scheduler = (): string => `Bearer ${suite.serviceToken('scheduler')}`;
  return {
    suite,
    nowMs: () => nowMs,
    moveClock(ms: number): void {
      nowMs += ms;
      vi.setSystemTime(nowMs);
    },
    app: ({ key }: TestLicense) =>
      appOf((method, verb, body) =>
        suite.call(method, `/api/v1/licenses/${verb}`, {
          authorization: `License ${key}`,
          headers: TRACE,
          body,
        }),
      ),
    sweep: () => suite.call('POST', '/internal/sweep', { authorization: scheduler(), headers: TRACE }),
    /** What `work` publishes, which goes no further. */
    async withholding(work: () => Promise<unknown>): Promise<readonly SeatEvent[]> {
      const kept: SeatEvent[] = [];
      withheld = kept;
      await work();
      withheld = undefined;
      return kept;
    },
    async publish(events: readonly SeatEvent[]): Promise<undefined> {
      await suite.deps.events.publish(events);
      await suite.delivered();
    },
    /** What `work` costs, with all that follows from it at once. */
    async costOf(work: () => Promise<Reply | undefined>): Promise<Cost> {
      await suite.delivered();
      proxy.reset();
      Object.assign(billed, { reads: 0, writes: 0 });
      signatures = 0;
      messages.length = 0;
      const linesBefore = suite.logged.length;
      const reply = await work();
      if (reply && reply.status >= 300) throw new Error(reply.text);
      await suite.delivered();
      const lines = suite.logged.slice(linesBefore);
      return {
        redisCommands: proxy.commands.length,
        documentReads: billed.reads,
        documentWrites: billed.writes,
        signatures,
        logBytes: sum(
          lines.map((line) => bytesOf(JSON.stringify({ time: new Date(nowMs).toISOString(), ...line }))),
        ),
        answerBytes: bytesOf(reply?.text ?? ''),
        redisBytes: sum(proxy.commands.map((command) => bytesOf(JSON.stringify(command)))),
        messageBytes: sum(messages.map(sizeOf)),
        storedBytes: 0,
        leanBytes: 0,
      };
    },
    async close(): Promise<void> {
      await suite.close();
      await proxy.close();
      await front.close();
      await redis.close();
      vi.useRealTimers();
    },
  };
}

const bytesOf = (text: string | Buffer): number => Buffer.byteLength(text);

function sizeOf({ data, attributes }: EventMessage): number {
  return bytesOf(data) + bytesOf(Object.entries(attributes).flat().join('')) + PUBSUB_ADDS_BYTES;
}

const OF_RECORDS = ['documentReads', 'documentWrites'] as const;
const OF_COMPARISON = ['redisCommands', ...OF_RECORDS] as const;
const EVERYTHING = [
  ...OF_COMPARISON,
  'signatures',
  'logBytes',
  'answerBytes',
  'redisBytes',
  'messageBytes',
  'storedBytes',
  'leanBytes',
] as const satisfies readonly (keyof Counted)[];

function only(cost: Counted, ...fields: readonly (keyof Counted)[]): Counted {
  return Object.fromEntries(fields.map((field) => [field, cost[field] ?? 0]));
}

function plus(cost: Counted, other: Counted): Counted {
  return minus(cost, times(other, -1));
}

function minus(cost: Counted, other: Counted): Counted {
  return Object.fromEntries(EVERYTHING.map((field) => [field, (cost[field] ?? 0) - (other[field] ?? 0)]));
}

function times(cost: Counted, factor: number): Counted {
  return Object.fromEntries(EVERYTHING.map((field) => [field, (cost[field] ?? 0) * factor]));
}

function withoutZeros(cost: Counted): Counted {
  return Object.fromEntries(Object.entries(cost).filter(([, amount]) => amount !== 0));
}
