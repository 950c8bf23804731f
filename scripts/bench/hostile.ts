import { readFileSync } from 'node:fs';
import { entryPointOf } from '../../functions/names.ts';
import { sendChunked } from '../../functions/testing/endless-body.ts';
import type { RunningFunction } from '../bundle/start-function.ts';
import type { Engine } from '../redis-option.ts';
import { type Effort, howMany } from './effort.ts';
import { figureOf, ratioOf } from './figure.ts';
import { type Ask, eachOnce, errorsOf, just } from './load.ts';
import type { Report } from './report.ts';
import { openStage } from './stage.ts';

const REPEATS = 9;
const REQUESTS = 1_000;
const CLIENTS = 4;
const UPLOADS = 8;
const UPLOAD_BYTES = 31 * 1024 * 1024;
const NAMES = 3_000;
/** Linux counts CPU time in these units (`getconf CLK_TCK`). */
const TICK_MS = 10;

const SHORT = 'a short invalid request';
const BODY_BYTES = 60_000;

/** What a refused request costs a bundled function, by what is in it. */
export async function benchHostile(effort: Effort, engine: Engine): Promise<Report> {
  const stage = await openStage(engine);
  try {
    const folders = await stage.bundle(['heartbeat']);
    const running = await stage.start(folders.get('heartbeat') ?? '', entryPointOf('heartbeat'));
    const { key } = await stage.reset(1);
    const requests = requestsTo(running.url, key);
    const samples = new Map<string, number[]>();
    for (let repeat = 0; repeat < howMany(effort, REPEATS); repeat += 1)
      for (const [name, ask] of requests) {
        const cpuMs = await cpuOf(running, ask, howMany(effort, REQUESTS));
        samples.set(name, [...(samples.get(name) ?? []), cpuMs]);
      }
    const baseline = samples.get(SHORT) ?? [];
    const ratios = [...samples].map(([name, taken]) => ({ name, taken, ratio: ratioOf(taken, baseline) }));
    const grownMiB = await growthUnderUploads(running);
    return {
      title: 'Hostile requests',
      meaning: MEANING,
      tables: [
        {
          columns: ['refused request', 'CPU, ms', 'times a short one'],
          rows: ratios.map(({ name, taken, ratio }) => [name, figureOf(taken), ratio]),
        },
      ],
      goals: [
        ...ratios
          .filter(({ name }) => name !== SHORT)
          .map(({ name, ratio }) => ({ what: `${name}: CPU`, reached: ratio, bound: { atMost: 10 } })),
        {
          what: `MiB that memory grows by ${UPLOADS} endless bodies`,
          reached: grownMiB,
          bound: { atMost: 16 },
        },
      ],
    };
  } finally {
    await stage.close();
  }
}

function requestsTo(url: string, key: string): ReadonlyMap<string, Ask> {
  const many = (count: number, text: (n: number) => string): string =>
    Array.from({ length: count }, (_, n) => text(n)).join(',');
  const ask = (query: string, body: string): Ask => ({
    verb: 'refused',
    method: 'PUT',
    url: `${url}/${query}`,
    headers: { authorization: `License ${key}`, 'content-type': 'application/json' },
    body,
    expected: [400],
  });
  const short = '{"session_id":7}';
  return new Map([
    [SHORT, ask('', short)],
    [
      `${NAMES} names in the query`,
      ask(
        `?${many(NAMES, (n) => `a${n}`)
          .replaceAll(',', '&')
          .slice(0, 15_000)}`,
        short,
      ),
    ],
    ['60 KB of spaces', ask('', short.padEnd(BODY_BYTES))],
    ['60 KB of values of a wrong type', ask('', `{"sessions":[${many(BODY_BYTES / 2, () => '1')}]}`)],
    ['60 KB of unknown names', ask('', `{${many(BODY_BYTES / 10, (n) => `"n${n}":1`)}}`)],
    ['60 KB of nested lists', ask('', `{"session_id":${'['.repeat(30_000)}${']'.repeat(30_000)}}`)],
  ]);
}

/** CPU time of the function per request. */
async function cpuOf({ pid }: RunningFunction, ask: Ask, requests: number): Promise<number> {
  const before = cpuMsOf(pid);
  const measured = await eachOnce(CLIENTS, Array.from({ length: requests }), () => just(ask));
  if (errorsOf(measured.values()) > 0) throw new Error('a hostile request was not refused');
  return (cpuMsOf(pid) - before) / requests;
}

/** User and system time (proc_pid_stat(5), fields 14 and 15). */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** How much its largest resident memory grows while callers without credentials send bodies without end. */
async function growthUnderUploads({ pid, url }: RunningFunction): Promise<number> {
  const largestKiB = (): number =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  const before = largestKiB();
  const head = ['PUT / HTTP/1.1', 'Content-Type: application/json'];
  await Promise.all(Array.from({ length: UPLOADS }, () => sendChunked(url, head, UPLOAD_BYTES)));
  return (largestKiB() - before) / 1024;
}

const MEANING = `CPU time that the bundled heartbeat spends on a request that it refuses with 400 before it asks Redis,
with ${CLIENTS} clients at once, and the ratio to a short request of the same run. Each request is as large as it can
be: 16 KB of headers, or 60 KB of body. Memory is the largest resident size, which grows while ${UPLOADS} callers without
credentials send 31 MB each in chunks.`;
