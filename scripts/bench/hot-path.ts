import { memberOf, packFacts } from '../../shared/adapters/seats/encoding.ts';
import { keysFor } from '../../shared/adapters/seats/lua/keys.ts';
import { assembleScript } from '../../shared/adapters/seats/lua/scripts.ts';
import { hashSecret, newSessionId } from '../../shared/domain/ids.ts';
import type { Engine } from '../redis-option.ts';
import { writeBareCall, writeBundledBareCall, writeHelloWorld } from './contenders.ts';
import { type Effort, howMany } from './effort.ts';
import { figureOf, ratioOf } from './figure.ts';
import { type Ask, eachOnce, errorsOf, just, type Measured } from './load.ts';
import { RANDOM_DIGITS, redisBenchmark } from './redis-benchmark.ts';
import type { Goal, Report, Table } from './report.ts';
import { fillAndEmpty, SEAT_VERBS, type SeatVerb, seatRequests } from './seat-requests.ts';
import { openStage, type Stage } from './stage.ts';

const CLIENTS = [1, 16, 64];
const REPEATS = 9;
const MAX_SEATS = 1_000_000;

const HELLO = 'hello world';
const BARE = 'one bare call';
const BUNDLED_BARE = 'one bare call, our framework file';

/** Few enough that a sample takes some seconds, enough for a 99th percentile. */
const requestsFor = (clients: number): number => (clients === 1 ? 1_500 : 5_000);

/** Measures calls of each kind of function under load, in turns, and Redis alone. */
export async function benchHotPath(effort: Effort, engine: Engine): Promise<Report> {
  const stage = await openStage(engine);
  try {
    const contenders = await openContenders(stage);
    await takeTurns(contenders, 16, howMany(effort, 3_000));
    const tables: Table[] = [];
    const goals: Goal[] = [];
    for (const clients of CLIENTS) {
      const samples = new Map<string, Measured[]>();
      const direct = new Map<string, number[]>();
      for (let repeat = 0; repeat < howMany(effort, REPEATS); repeat += 1) {
        for (const [name, measured] of await takeTurns(
          contenders,
          clients,
          howMany(effort, requestsFor(clients)),
        ))
          samples.set(name, [...(samples.get(name) ?? []), measured]);
        for (const verb of SEAT_VERBS)
          direct.set(verb, [...(direct.get(verb) ?? []), await directly(stage, verb, clients)]);
      }
      tables.push(tableOf(clients, samples, direct));
      goals.push(...goalsOf(clients, samples));
    }
    return { title: 'Hot path', meaning: MEANING, tables, goals };
  } finally {
    await stage.close();
  }
}

type TakeSample = (clients: number, requests: number) => Promise<ReadonlyMap<string, Measured>>;

async function openContenders(stage: Stage): Promise<readonly TakeSample[]> {
  const folders = await stage.bundle(SEAT_VERBS);
  const acquireFolder = folders.get('acquire') ?? '';
  writeHelloWorld(stage.folderOf('hello'));
  await writeBareCall(stage.folderOf('bare'));
  await writeBundledBareCall(acquireFolder, stage.folderOf('bundled-bare'));
  const hello = await stage.start(stage.folderOf('hello'), 'hello');
  const bare = await stage.start(stage.folderOf('bare'), 'bareCall');
  const bundledBare = await stage.start(stage.folderOf('bundled-bare'), 'bareCall');
  const ours = await stage.startBundled(folders);
  return [
    plain(HELLO, hello.url),
    plain(BARE, bare.url),
    plain(BUNDLED_BARE, bundledBare.url),
    async (clients, requests) => {
      const { key } = await stage.reset(MAX_SEATS);
      const machines = Array.from({ length: requests }, (_, n) => `machine-${n}`);
      return fillAndEmpty(seatRequests(ours, key), machines, clients);
    },
  ];
}

/** Sends the request of an acquire; the contender ignores its content. */
function plain(verb: string, url: string): TakeSample {
  const request = seatRequests({ acquire: url, heartbeat: url, release: url }, 'no key').acquire('machine-1');
  const ask: Ask = { ...request, verb, url: `${url}/`, expected: [200] };
  return (clients, requests) => eachOnce(clients, Array.from({ length: requests }), () => just(ask));
}

async function takeTurns(
  contenders: readonly TakeSample[],
  clients: number,
  requests: number,
): Promise<ReadonlyMap<string, Measured>> {
  const all = new Map<string, Measured>();
  for (const take of contenders)
    for (const [verb, measured] of await take(clients, requests)) all.set(verb, measured);
  return all;
}

/** Calls per second of a verb's script, measured with redis-benchmark. */
async function directly(stage: Stage, verb: SeatVerb, clients: number): Promise<number> {
  const { licenseId, key } = await stage.reset(MAX_SEATS);
  const session =
    memberOf(licenseId, newSessionId(licenseId)).slice(0, -RANDOM_DIGITS.length) + RANDOM_DIGITS;
  const holder = `holder-${RANDOM_DIGITS}`;
  const proof = `key ${hashSecret(key)}`;
  const args = {
    acquire: [session, 'i', holder, holder, '', '', packFacts({ fingerprint: 'machine-1' })],
    heartbeat: ['1', session, ''],
    release: [session, '', '', ''],
  };
  const run = async (each: SeatVerb, requests: number) => {
    const { source, keys: names } = assembleScript(each);
    const sha = String(await stage.redis.command(['SCRIPT', 'LOAD', source]));
    const keys = keysFor(names, licenseId, false);
    const command = ['EVALSHA', sha, String(keys.length), ...keys, licenseId, proof, ...args[each]];
    return redisBenchmark(stage.redisPort, { command, clients, requests, randomBelow: 10_000 });
  };
  // Heartbeat and release need sessions: this creates most of them.
  if (verb !== 'acquire') await run('acquire', 20_000);
  return (await run(verb, requestsFor(clients) * 2)).perSecond;
}

function tableOf(
  clients: number,
  samples: ReadonlyMap<string, readonly Measured[]>,
  direct: ReadonlyMap<string, readonly number[]>,
): Table {
  const rates = ratesOf(samples);
  const rows = [...samples].map(([name, measured]) => [
    name,
    figureOf(rates(name)),
    figureOf(measured.map(({ p50Ms }) => p50Ms)),
    figureOf(measured.map(({ p99Ms }) => p99Ms)),
    errorsOf(measured),
    ratioOf(rates(name), rates(HELLO)),
    ratioOf(rates(name), rates(BARE)),
    ratioOf(rates(name), rates(BUNDLED_BARE)),
    direct.has(name) ? ratioOf(rates(name), direct.get(name) ?? []) : '',
  ]);
  const columns = ['requests/s', 'p50 ms', 'p99 ms', 'errors', '÷ hello', '÷ bare', '÷ bare, our file'];
  return {
    columns: [`${clients} client${clients === 1 ? '' : 's'}`, ...columns, '÷ Redis alone'],
    rows,
  };
}

/** Requests per second of a contender, one value per repeat. */
function ratesOf(samples: ReadonlyMap<string, readonly Measured[]>) {
  return (name: string): number[] => (samples.get(name) ?? []).map(({ perSecond }) => perSecond);
}

function goalsOf(clients: number, samples: ReadonlyMap<string, readonly Measured[]>): Goal[] {
  const rates = ratesOf(samples);
  const errors = errorsOf([...samples.values()].flat());
  const at = `at ${clients} client${clients === 1 ? '' : 's'}`;
  return [
    {
      what: `acquire ÷ bare ${at}`,
      reached: ratioOf(rates('acquire'), rates(BARE)),
      bound: { atLeast: 0.65 },
      stretch: 0.8,
    },
    {
      what: `acquire ÷ hello ${at}`,
      reached: ratioOf(rates('acquire'), rates(HELLO)),
      bound: { atLeast: 0.2 },
      stretch: 0.3,
    },
    { what: `errors ${at}`, reached: errors, bound: { atMost: 0 } },
  ];
}

const MEANING = `Complete HTTP calls: each client keeps one connection and sends one request at a time. *Hello world* is
the functions-framework as npm installs it, with the handler of its guide; it gets a POST with the body of an acquire.
*One bare call* is the same handler after one \`INCR\` with the client that we use; it has no credential check, schema,
script or log line. *Our framework file* is that handler on the framework as our bundles contain it, without Node's
\`domain\`: the difference between it and our functions is our own code. *Redis alone* is \`redis-benchmark\` with the
same scripts (an acquire picks one of ten thousand sessions, some of which exist already): the limit of one Redis. Our
functions check the license key, enforce the license's rate limit, write the event to the outbox and log a line.
*Errors* are unexpected responses.`;
