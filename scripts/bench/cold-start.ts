import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import acquire from '../../functions/acquire/contract.ts';
import { entryPointOf } from '../../functions/manifest.ts';
import { openSeats } from '../../shared/adapters/seats/live.ts';
import { httpRequester } from '../../shared/adapters/seats/requester.ts';
import { startUpstashFront } from '../../shared/adapters/seats/upstash-front.ts';
import { deployedEnvironment } from '../../shared/testing/deployed-environment.ts';
import { putNewLicense } from '../../shared/testing/put-license.ts';
import { startRedisServer } from '../../shared/testing/redis-server.ts';
import { openBundler } from '../bundle/bundle.ts';
import { installPackages } from '../bundle/install-packages.ts';
import { startFunction } from '../bundle/start-function.ts';
import { medianOf } from './median.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RUNS = 31;
const HELLO = "(req, res) => { res.send('Hello, World'); }";

interface Start {
  readonly cpuMs: number;
  readonly peakMiB: number;
}

interface Contender {
  readonly label: string;
  start(): Promise<Start>;
}

/**
 * What a cold instance costs until its first answer has come: CPU of its process, all threads, and its peak memory. Each
 * kind of instance in turns, so that whatever slows the machine slows all.
 */
export async function benchColdStart(): Promise<string[]> {
  if (process.platform !== 'linux') return ['not measured: needs Linux, which tells what a process has used'];
  const folder = mkdtempSync(join(tmpdir(), 'seatlease-cold-'));
  const redis = await startRedisServer();
  const front = await startUpstashFront({ backend: redis, token: 'token' });
  const requester = httpRequester(front);
  try {
    const { key } = await putNewLicense(openSeats(requester), { max: 10_000 });

    const hello = join(folder, 'hello');
    writeHelloWorld(hello);
    const { folder: bundle } = await openBundler()(acquire, join(folder, acquire.name));
    installPackages([bundle]);
    const bundledHello = join(folder, 'bundled-hello');
    cpSync(bundle, bundledHello, { recursive: true });
    writeFileSync(join(bundledHello, 'index.cjs'), `exports.hello = ${HELLO};\n`);
    const environment = deployedEnvironment({ UPSTASH_REDIS_REST_URL: front.url });
    let machine = 0;
    const contenders: Contender[] = [
      {
        label: 'hello world',
        start: () =>
          measure(() => startFunction(hello, 'hello', { NODE_ENV: 'production' }), '/', {
            expected: 200,
          }),
      },
      {
        label: 'hello world, the framework as one file',
        start: () =>
          measure(() => startFunction(bundledHello, 'hello', { NODE_ENV: 'production' }), '/', {
            expected: 200,
          }),
      },
      {
        label: 'acquire, granted',
        start: () => {
          machine += 1;
          const body = JSON.stringify({ fingerprint: `machine-${machine}` });
          const headers = { authorization: `License ${key}`, 'content-type': 'application/json' };
          return measure(
            () => startFunction(bundle, entryPointOf(acquire.name), environment),
            acquire.endpoints.acquire.path,
            { method: 'POST', headers, body, expected: 201 },
          );
        },
      },
    ];
    const starts = contenders.map((): Start[] => []);
    for (let run = 0; run < RUNS; run += 1) {
      for (const [i, { start }] of contenders.entries()) starts[i]?.push(await start());
    }
    const cpu = starts.map((each) => medianOf(each.map(({ cpuMs }) => cpuMs)));
    const memory = starts.map((each) => medianOf(each.map(({ peakMiB }) => peakMiB)));
    return contenders.map(({ label }, i) => {
      const ratio = (of: readonly { median: number }[]) =>
        ((of[i]?.median ?? 0) / (of[0]?.median ?? 1)).toFixed(2);
      return (
        `${label}: ${cpu[i]?.median.toFixed(0)} ms of CPU to the first answer (x ${ratio(cpu)}; ` +
        `spread ${cpu[i]?.spread.toFixed(2)}), ${memory[i]?.median.toFixed(0)} MiB at most (x ${ratio(memory)}), ` +
        `median of ${RUNS}`
      );
    });
  } finally {
    await requester.close();
    await front.close();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As in the framework's own guide, with the framework as npm installs it. */
function writeHelloWorld(folder: string): void {
  mkdirSync(folder);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'hello', main: 'index.js' }));
  writeFileSync(
    join(folder, 'index.js'),
    "const functions = require('@google-cloud/functions-framework');\n" +
      `functions.http('hello', ${HELLO});\n`,
  );
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

/** Nanoseconds on a CPU of each thread (Linux, `schedstats` of proc(5)), and the high-water mark of resident memory. */
function usedBy(pid: number): Start {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = tasks.map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  const peakKiB = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    cpuMs: nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6,
    peakMiB: Number(peakKiB) / 1024,
  };
}
