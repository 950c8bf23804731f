import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { poolKey, shardKey } from '../../shared/adapters/seats/lua/keys.ts';
import { openRedisMaintenance } from '../../shared/adapters/seats/redis-maintenance.ts';
import { shardOf } from '../../shared/domain/ids.ts';
import { type RespClient, respClient } from '../../shared/local/redis/resp-client.ts';
import type { Due } from '../../shared/ports/seat-maintenance.ts';
import { commandStats, fillPool, fillShard } from '../../shared/testing/seats/many-licenses.ts';
import { startRedisServer } from '../../shared/testing/servers/redis-server.ts';
import { respRequester } from '../../shared/testing/servers/resp-requester.ts';
import { endWithThisProcess } from '../../shared/testing/servers/watchdog.ts';
import type { Engine } from '../redis-option.ts';
import { type Effort, howMany } from './effort.ts';
import { type Figure, figureOf, ratioOf } from './figure.ts';
import { drive, errorsOf, type Measured } from './load.ts';
import { microsOf } from './redis-cost.ts';
import type { Goal, Report, Table } from './report.ts';
import { oneSeat, SEAT_VERBS, seatRequests } from './seat-requests.ts';
import { openStage, type Stage } from './stage.ts';

const SHARD = '07';
const REPEATS = 9;
const SIZES = [1_000, 100_000];
const DUE = [100, 1_000];
const DRAINED = 100_000;
const DRAIN_REPEATS = 5;
const CLIENTS = 16;
const DRAIN = fileURLToPath(new URL('./drain-process.ts', import.meta.url));

/** Redis cost of a sweep by the number of due leases and of licenses, and the effect of a large sweep on clients. */
export async function benchSweep(effort: Effort, engine: Engine): Promise<Report> {
  const cost = await costOfSweeps(effort);
  const drain = await clientsDuringDrain(effort, engine);
  return {
    title: 'Sweep',
    meaning: MEANING,
    tables: [cost.table, drain.table],
    goals: [...cost.goals, ...drain.goals],
  };
}

interface Swept {
  readonly ms: number;
  readonly longestMs: number;
  readonly commands: number;
}

async function costOfSweeps(effort: Effort): Promise<{ table: Table; goals: readonly Goal[] }> {
  const servers = [];
  try {
    for (const size of SIZES) {
      const server = await startRedisServer();
      const redis = respClient(server);
      servers.push({ size, server, redis, seatMaintenance: openRedisMaintenance(respRequester(redis)) });
      await fillShard(redis, { shard: SHARD, count: size, expired: 0, nowMs: Date.now() });
    }
    const rows: [number, number, Swept[]][] = [];
    for (const due of DUE) {
      const samples = servers.map((): Swept[] => []);
      for (let repeat = 0; repeat < howMany(effort, REPEATS); repeat += 1) {
        for (const [i, { redis, seatMaintenance }] of servers.entries()) {
          await fillShard(redis, { shard: SHARD, count: due, expired: due, nowMs: Date.now() });
          samples[i]?.push(await sweepOnce(redis, seatMaintenance, due));
        }
      }
      for (const [i, { size }] of servers.entries()) rows.push([due, size, samples[i] ?? []]);
    }
    const of = (due: number, size: number, field: keyof Swept): number[] =>
      rows.flatMap(([d, s, swept]) => (d === due && s === size ? swept.map((each) => each[field]) : []));
    const [few = 0, many = 0] = SIZES;
    const most = DUE.at(-1) ?? 0;
    return {
      table: {
        columns: ['leases due', 'of licenses', 'ms of Redis in all', 'longest call, ms', 'commands'],
        rows: rows.map(([due, size, swept]) => [
          due,
          size.toLocaleString('en'),
          figureOf(swept.map(({ ms }) => ms)),
          figureOf(swept.map(({ longestMs }) => longestMs)),
          figureOf(swept.map(({ commands }) => commands)),
        ]),
      },
      goals: [
        {
          what: '1,000 due of 1e5 licenses, ms in all',
          reached: figureOf(of(most, many, 'ms')),
          bound: { atMost: 20 },
        },
        {
          what: 'its longest call, ms',
          reached: figureOf(of(most, many, 'longestMs')),
          bound: { atMost: 2 },
        },
        {
          what: 'commands, 1e5 licenses ÷ 1e3',
          reached: ratioOf(of(most, many, 'commands'), of(most, few, 'commands')),
          bound: { atMost: 1 },
        },
        {
          what: 'ms, 1e5 licenses ÷ 1e3',
          reached: ratioOf(of(most, many, 'ms'), of(most, few, 'ms')),
          bound: { atMost: 2 },
        },
      ],
    };
  } finally {
    for (const { redis, server } of servers) {
      redis.close();
      await server.stop();
    }
  }
}

async function sweepOnce(
  redis: RespClient,
  seatMaintenance: ReturnType<typeof openRedisMaintenance>,
  due: number,
): Promise<Swept> {
  let [expired, micros, longest, commands] = [0, 0, 0, 0];
  for (let next: readonly Due[] | undefined; next === undefined || next.length > 0; ) {
    const current = next ?? [];
    const spent = await microsOf(redis, async () => {
      const news = await seatMaintenance.expire(SHARD, current);
      next = news.due;
      expired += news.expired;
    });
    commands += (await commandStats(redis)).get('evalsha')?.calls ?? 0;
    micros += spent;
    longest = Math.max(longest, spent);
  }
  if (expired !== due) throw new Error(`${expired} leases expired, not ${due}`);
  await redis.command(['DEL', shardKey('outbox', SHARD)]);
  return { ms: micros / 1_000, longestMs: longest / 1_000, commands };
}

/** Clients of a shard keep running while 1e5 expired leases of another license in it are swept and published. */
async function clientsDuringDrain(
  effort: Effort,
  engine: Engine,
): Promise<{ table: Table; goals: readonly Goal[] }> {
  const stage = await openStage(engine);
  try {
    const urls = await stage.startBundled(await stage.bundle(SEAT_VERBS));
    const quiet = SEAT_VERBS.map((): Measured[] => []);
    const drained = SEAT_VERBS.map((): Measured[] => []);
    const seconds: number[] = [];
    for (let repeat = -1; repeat < howMany(effort, DRAIN_REPEATS); repeat += 1) {
      const { licenseId, key } = await stage.reset(DRAINED);
      const asks = seatRequests(urls, key);
      let count = 0;
      const during = async (continues: () => boolean) =>
        drive({
          clients: CLIENTS,
          nextTurn: () => {
            if (!continues()) return undefined;
            count += 1;
            return oneSeat(asks, `machine-${count}`);
          },
        });
      const other = `lic_${shardOf(licenseId)}_0000000000000000`;
      await stage.redis.command(['COPY', poolKey('license', licenseId), poolKey('license', other)]);
      await fillPool(stage.redis, { licenseId: other, count: DRAINED, expiresAtMs: Date.now() - 1 });
      const startedMs = performance.now();
      let isDrained = false;
      const drain = drainShard(stage, shardOf(licenseId)).finally(() => {
        isDrained = true;
      });
      const [loaded] = await Promise.all([during(() => !isDrained), drain]);
      const tookMs = performance.now() - startedMs;
      // The same time again with nothing to drain.
      const endMs = performance.now() + tookMs;
      const unloaded = await during(() => performance.now() < endMs);
      if (repeat < 0) continue;
      seconds.push(tookMs / 1_000);
      for (const [i, verb] of SEAT_VERBS.entries()) {
        const [a, b] = [unloaded.get(verb), loaded.get(verb)];
        if (a) quiet[i]?.push(a);
        if (b) drained[i]?.push(b);
      }
    }
    const p99 = (of: readonly Measured[] = []): number[] => of.map(({ p99Ms }) => p99Ms);
    const ratios = SEAT_VERBS.map((_, i): Figure => ratioOf(p99(drained[i]), p99(quiet[i])));
    const errors = errorsOf([...quiet, ...drained].flat());
    return {
      table: {
        columns: [`${CLIENTS} clients`, 'p99 quiet, ms', 'p99 while 1e5 leases drain, ms', 'ratio'],
        rows: [
          ...SEAT_VERBS.map((verb, i) => [
            verb,
            figureOf(p99(quiet[i])),
            figureOf(p99(drained[i])),
            ratios[i] ?? Number.NaN,
          ]),
          ['seconds until 1e5 are swept and published', '', figureOf(seconds), ''],
        ],
      },
      goals: [
        ...SEAT_VERBS.map((verb, i) => ({
          what: `${verb}: p99 while draining ÷ quiet`,
          reached: ratios[i] ?? Number.NaN,
          bound: { atMost: 2 },
        })),
        { what: 'errors of clients', reached: errors, bound: { atMost: 0 } },
      ],
    };
  } finally {
    await stage.close();
  }
}

async function drainShard({ environment }: Stage, shard: string): Promise<void> {
  const child = spawn(process.execPath, [DRAIN, shard], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endWithThisProcess(child, 'process');
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const [code] = await once(child, 'exit');
  if (code !== 0 || Number(printed) !== DRAINED)
    throw new Error(`drained ${printed || 'nothing'}, ended with ${code}`);
}

const MEANING = `*Leases due* have expired, each of a different license; the sweep runs until no lease is due any more.
Milliseconds are Redis' own count; commands are those sent over the wire. The second table shows the effect on clients:
16 clients acquire, keep and release seats over HTTP while another process runs the sweep's own step, which sweeps and
publishes 1e5 expired leases of one license in the same shard; then for the same time with nothing to sweep. Everything
shares the machine's cores, so the ratio includes the CPU time that the sweep takes from the clients' functions here. In
the cloud they run on different machines.`;
