import { poolKey, shardKey } from '../../shared/adapters/seats/lua/keys.ts';
import { newSessionId, shardOf } from '../../shared/domain/ids.ts';
import type { RespClient } from '../../shared/local/redis/resp-client.ts';
import { BY } from '../../shared/testing/by.ts';
import { countPool, fillPool, fillShard, nthLicense } from '../../shared/testing/seats/many-licenses.ts';
import { putNewLicense } from '../../shared/testing/seats/put-license.ts';
import { type Effort, howMany } from './effort.ts';
import { type Figure, figureOf, ratioOf } from './figure.ts';
import { microsOf } from './redis-cost.ts';
import { acquireSeat, openRedisStore, type RedisStore, TRUSTED } from './redis-store.ts';
import type { Report, Table } from './report.ts';

const FEW = 1_000;
const MANY = 100_000;
const POOLS = [10, FEW, MANY];
const LICENSES = [FEW, MANY];
const REPEATS = 9;
/** Calls per sample. */
const CALLS = 500;
const EXPIRED = 100_000;
const SHARD = '07';

const VERBS = ['acquire', 'heartbeat', 'acquire, refused', 'release'] as const;
type Kind = (typeof VERBS)[number];
type Costs = Readonly<Record<Kind, number>>;

/** Redis cost of calls by the amount of data in Redis. */
export async function benchSize(effort: Effort): Promise<Report> {
  const pools = await overSizes(POOLS, effort, openPool);
  const licenses = await overSizes(LICENSES, effort, openShard);
  const expired = await acquireAmongExpired(effort);
  const manyToFew = (costs: SizeCosts, kind: Kind) =>
    ratioOf(costs.get(MANY)?.[kind] ?? [], costs.get(FEW)?.[kind] ?? []);
  return {
    title: 'Size',
    meaning: MEANING,
    tables: [
      tableOf('sessions in the pool', pools),
      tableOf('licenses in the shard', licenses),
      expired.table,
    ],
    goals: [
      ...VERBS.map((kind) => ({
        what: `${kind}: 1e5 sessions ÷ 1e3`,
        reached: manyToFew(pools, kind),
        bound: { atMost: 1.5 },
      })),
      ...VERBS.map((kind) => ({
        what: `${kind}: 1e5 licenses ÷ 1e3`,
        reached: manyToFew(licenses, kind),
        bound: { atMost: 2 },
      })),
      { what: 'acquire among 1e5 expired, ms', reached: expired.acquireMs, bound: { atMost: 1 } },
      {
        what: 'counts of leases, facts and holders that differ',
        reached: expired.differing,
        bound: { atMost: 0 },
      },
    ],
  };
}

type SizeCosts = ReadonlyMap<number, Readonly<Record<Kind, number[]>>>;

/** A Redis for each size, so that samples can be taken in turns. */
async function overSizes(
  sizes: readonly number[],
  effort: Effort,
  open: (store: RedisStore, size: number) => Promise<() => Promise<Costs>>,
): Promise<SizeCosts> {
  const stores: RedisStore[] = [];
  try {
    const samplers: (readonly [number, () => Promise<Costs>])[] = [];
    for (const size of sizes) {
      const store = await openRedisStore();
      stores.push(store);
      samplers.push([size, await open(store, size)]);
    }
    const costs = new Map(
      sizes.map((size) => [size, { acquire: [], heartbeat: [], 'acquire, refused': [], release: [] }]),
    ) as Map<number, Record<Kind, number[]>>;
    for (let repeat = -1; repeat < howMany(effort, REPEATS); repeat += 1) {
      for (const [size, sample] of samplers) {
        const sampled = await sample();
        // The first round is a warm-up.
        if (repeat >= 0) for (const kind of VERBS) costs.get(size)?.[kind].push(sampled[kind]);
      }
    }
    return costs;
  } finally {
    for (const store of stores) await store.close();
  }
}

/** One license with a pool of that size. A sample takes a few seats at a time, so that the pool keeps its size. */
async function openPool(store: RedisStore, size: number): Promise<() => Promise<Costs>> {
  const atATime = Math.max(5, Math.min(CALLS, size / 20));
  const { licenseId } = await putNewLicense(store.seats, { max: size + atATime });
  await fillPool(store.redis, { licenseId, count: size, expiresAtMs: Date.now() + 3_600_000 });
  return async () => {
    const rounds: Costs[] = [];
    for (let done = 0; done < CALLS; done += atATime)
      rounds.push(
        await costsOf(
          store,
          Array.from({ length: atATime }, () => licenseId),
        ),
      );
    return meanOf(rounds);
  };
}

/** A shard of `size` licenses, each with one seat taken. A sample acquires another seat from some of them. */
async function openShard(store: RedisStore, size: number): Promise<() => Promise<Costs>> {
  await fillShard(store.redis, { shard: SHARD, count: size, expired: 0, nowMs: Date.now() + 3_600_000 });
  return async () => {
    const sampled = Array.from({ length: CALLS }, (_, n) =>
      nthLicense(SHARD, Math.floor((n * size) / CALLS)),
    );
    await setMax(store.redis, sampled, 2);
    return costsOf(store, sampled);
  };
}

async function setMax(redis: RespClient, licenseIds: readonly string[], max: number): Promise<void> {
  await redis.pipeline(licenseIds.map((each) => ['HSET', poolKey('license', each), 'max', String(max)]));
}

/** Redis microseconds per call. From each license a seat is acquired, kept, refused to another machine and released. */
async function costsOf({ redis, seats }: RedisStore, licenseIds: readonly string[]): Promise<Costs> {
  const sessions = licenseIds.map((licenseId) => ({ licenseId, sessionId: newSessionId(licenseId) }));
  const each = async (
    call: (session: (typeof sessions)[number]) => Promise<{ verdict: string }>,
    expected: string,
  ) => {
    let verdicts: { verdict: string }[] = [];
    const micros = await microsOf(redis, async () => {
      verdicts = await Promise.all(sessions.map(call));
    });
    const other = verdicts.find(({ verdict }) => verdict !== expected);
    if (other) throw new Error(`expected ${expected}, got ${other.verdict}`);
    return micros / sessions.length;
  };
  const costs = {
    acquire: await each((session) => acquireSeat(seats, session.licenseId, session.sessionId), 'GRANTED'),
    heartbeat: await each(
      ({ licenseId, sessionId }) =>
        seats.heartbeat({ licenseId, proof: TRUSTED, sessions: [{ sessionId }], toldVersion: 1 }),
      'OK',
    ),
    'acquire, refused': await each(
      ({ licenseId }) => acquireSeat(seats, licenseId, newSessionId(licenseId)),
      'FULL',
    ),
    release: await each((session) => seats.release({ ...session, proof: TRUSTED, by: BY }), 'ENDED'),
  };
  await redis.command(['DEL', shardKey('outbox', shardOf(licenseIds[0] ?? ''))]);
  return costs;
}

function meanOf(rounds: readonly Costs[]): Costs {
  const mean = (kind: Kind) => rounds.reduce((sum, round) => sum + round[kind], 0) / rounds.length;
  return Object.fromEntries(VERBS.map((kind) => [kind, mean(kind)])) as Record<Kind, number>;
}

function tableOf(what: string, costs: SizeCosts): Table {
  const rows = [...costs].map(([size, byKind]) => [
    size.toLocaleString('en'),
    ...VERBS.map((kind) => figureOf(byKind[kind])),
  ]);
  return { columns: [what, ...VERBS.map((kind) => `${kind}, µs`)], rows };
}

/** Acquires one after the other in a pool whose leases have all expired and were not swept. */
async function acquireAmongExpired(
  effort: Effort,
): Promise<{ table: Table; acquireMs: Figure; differing: number }> {
  const { redis, seats, close } = await openRedisStore();
  const [first, all]: [number[], number[]] = [[], []];
  let [differing, checked] = [0, 0];
  try {
    for (let repeat = 0; repeat < howMany(effort, REPEATS); repeat += 1) {
      await redis.command(['FLUSHALL']);
      const { licenseId: other } = await putNewLicense(seats, { max: 1 });
      // Loads the script before the measurement.
      await acquireSeat(seats, other, newSessionId(other));
      const { licenseId } = await putNewLicense(seats, { max: EXPIRED });
      await fillPool(redis, { licenseId, count: EXPIRED, expiresAtMs: Date.now() - 1 });
      for (let call = 0; call < 20; call += 1) {
        const micros = await microsOf(redis, () => acquireSeat(seats, licenseId, newSessionId(licenseId)));
        if (call === 0) first.push(micros / 1_000);
        all.push(micros / 1_000);
        const counts = await countPool(redis, licenseId);
        checked += 1;
        if (new Set(counts).size !== 1) differing += 1;
      }
    }
  } finally {
    await close();
  }
  const acquireMs = figureOf(all);
  return {
    table: {
      columns: ['1e5 expired leases in the pool', 'ms of Redis'],
      rows: [
        ['each of 20 acquires', acquireMs],
        ['the first of them', figureOf(first)],
        ['counts compared', checked],
      ],
    },
    acquireMs,
    differing,
  };
}

const MEANING = `Redis time per call by its own count (\`INFO commandstats\`): the whole script, without the network.
First a pool of one license, then a shard of licenses with one seat taken each, with a separate Redis for each size.
Seats are acquired, kept by a heartbeat, refused to others while the pool is full, and released, ${CALLS} of each per
sample. *Expired leases*: 1e5 leases of one pool have expired at once and were not swept. After each call the leases,
facts and holders of the pool are counted; the three counts must be equal.`;
