import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MANIFEST } from '../../functions/manifest.ts';
import { entryPointOf } from '../../functions/names.ts';
import { deployedEnvironment } from '../../functions/testing/deployed-environment.ts';
import { httpRequester } from '../../shared/adapters/redis/upstash-http.ts';
import { openSeats } from '../../shared/adapters/seats/redis-seats.ts';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { startUpstashServer } from '../../shared/local/redis/upstash-server.ts';
import { putNewLicense } from '../../shared/testing/seats/put-license.ts';
import { type Bundle, openBundler } from '../bundle/bundle.ts';
import { installPackages } from '../bundle/install-packages.ts';
import { startFunction } from '../bundle/start-function.ts';
import { writeBundledHello, writeHelloWorld } from './contenders.ts';
import { type Effort, howMany } from './effort.ts';
import { figureOf, ratioOf } from './figure.ts';
import type { Report } from './report.ts';
import { seatRequests } from './seat-requests.ts';

const RUNS = 21;
const RUNS_OF_EACH = 7;

interface Start {
  readonly cpuMs: number;
  readonly peakMiB: number;
}

interface Contender {
  readonly label: string;
  readonly entryKiB?: number;
  readonly runs: number;
  start(): Promise<Start>;
}

/**
 * Cost of a cold instance until its first complete response: CPU time of its process (all threads) and peak memory. The
 * kinds of instances are started in turns, so that a slow spell of the machine affects all of them.
 */
export async function benchColdStart(effort: Effort): Promise<Report> {
  const title = 'Cold start';
  if (process.platform !== 'linux')
    return {
      title,
      meaning: 'Not measured: it needs the /proc file system of Linux.',
      tables: [],
      goals: [],
    };
  const folder = mkdtempSync(join(tmpdir(), 'seatlease-cold-'));
  const redis = await startEmbeddedRedis();
  const front = await startUpstashServer({ backend: redis, token: 'token' });
  const requester = httpRequester(front);
  try {
    const { key } = await putNewLicense(openSeats(requester), { max: 10_000 });
    const environment = deployedEnvironment({ UPSTASH_REDIS_REST_URL: front.url });
    const contenders = await prepareContenders(folder, environment, key, effort);
    const starts = contenders.map((): Start[] => []);
    for (let run = 0; run < howMany(effort, RUNS); run += 1) {
      for (const [i, { runs, start }] of contenders.entries()) if (run < runs) starts[i]?.push(await start());
    }
    return reportOf(title, contenders, starts);
  } finally {
    requester.close();
    await front.close();
    await redis.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bundles all functions into `folder`. `key` belongs to a license with free seats. */
async function prepareContenders(
  folder: string,
  environment: ReturnType<typeof deployedEnvironment>,
  key: string,
  effort: Effort,
): Promise<Contender[]> {
  const bundle = openBundler();
  const bundles: Bundle[] = [];
  for (const contract of MANIFEST) bundles.push(await bundle(contract, join(folder, contract.name)));
  installPackages(bundles.map((each) => each.folder));
  const acquire = bundles.find(({ name }) => name === 'acquire')?.folder ?? '';
  writeHelloWorld(join(folder, 'hello-world'));
  writeBundledHello(acquire, join(folder, 'bundled-hello'));

  const hello = (label: string, name: string): Contender => ({
    label,
    runs: howMany(effort, RUNS),
    start: () =>
      measure(() => startFunction(join(folder, name), 'hello', environment), '/', { expected: 200 }),
  });
  let machine = 0;
  const grant = (): Promise<Start> => {
    machine += 1;
    const here = { acquire: '', heartbeat: '', release: '' };
    const { url, method, headers = {}, body = '' } = seatRequests(here, key).acquire(`machine-${machine}`);
    const start = () => startFunction(acquire, entryPointOf('acquire'), environment);
    return measure(start, url, { method, headers, body, expected: 201 });
  };
  const notFound = ({ name, folder: own, entryBytes }: Bundle): Contender => ({
    label: `${name}, unknown path`,
    entryKiB: Math.round(entryBytes / 1_024),
    runs: howMany(effort, RUNS_OF_EACH),
    start: () =>
      measure(() => startFunction(own, entryPointOf(name), environment), '/no/such/address', {
        expected: 404,
      }),
  });
  return [
    hello('hello world', 'hello-world'),
    hello('hello world, our framework file', 'bundled-hello'),
    { label: 'acquire, seat granted', runs: howMany(effort, RUNS), start: grant },
    ...bundles.map(notFound),
  ];
}

/** `starts` has one list per contender. The first contender is the baseline, the third is acquire. */
function reportOf(title: string, contenders: readonly Contender[], starts: readonly Start[][]): Report {
  const cpu = starts.map((each) => each.map(({ cpuMs }) => cpuMs));
  const [baseline = []] = cpu;
  const ratios = cpu.map((each) => ratioOf(each, baseline.slice(0, each.length)));
  return {
    title,
    meaning: MEANING,
    tables: [
      {
        columns: ['first response of', 'CPU ms', '÷ hello world', 'peak MiB', 'entry KiB'],
        rows: contenders.map(({ label, entryKiB = '' }, i) => [
          label,
          figureOf(cpu[i] ?? []),
          ratios[i] ?? Number.NaN,
          figureOf(starts[i]?.map(({ peakMiB }) => peakMiB) ?? []),
          entryKiB,
        ]),
      },
    ],
    goals: [
      {
        what: 'acquire, seat granted ÷ hello world',
        reached: ratios[2] ?? Number.NaN,
        bound: { atMost: 1 },
      },
    ],
  };
}

async function measure(
  start: () => ReturnType<typeof startFunction>,
  path: string,
  { expected, ...request }: RequestInit & { readonly expected: number },
): Promise<Start> {
  const started = await start();
  try {
    const answer = await fetch(`${started.url}${path}`, request);
    await answer.arrayBuffer();
    const used = usedBy(started.pid);
    if (answer.status !== expected) throw new Error(`answered ${answer.status}:\n${started.output()}`);
    return used;
  } finally {
    await started.stop();
  }
}

/** CPU time of all threads (Linux, `schedstat` in proc(5)) and the high-water mark of resident memory. */
function usedBy(pid: number): Start {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = tasks.map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  const peakKiB = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    cpuMs: nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6,
    peakMiB: Number(peakKiB) / 1_024,
  };
}

const MEANING = `CPU time of a new process (all threads) from its start to its first complete response, and its peak
memory. *Hello world* is the functions-framework as npm installs it. *Acquire, seat granted* checks the key, loads its
schemas and calls Redis. The other bundles are requested at an unknown path: this loads the entry file and everything
that it imports at start, but no handler. *Entry KiB* is the size of the entry file.`;
