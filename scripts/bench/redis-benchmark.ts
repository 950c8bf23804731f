import { spawnSync } from 'node:child_process';

/** Stands for 12 random digits in a command, other ones in each place. */
export const RANDOM_DIGITS = '__rand_int__';

export interface Benchmarked {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Sends one command many times straight to Redis, by Redis' own tool (https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/benchmarks/). */
export function redisBenchmark(
  port: number,
  {
    command,
    clients,
    requests,
    randomBelow = 1_000_000_000,
  }: {
    readonly command: readonly string[];
    readonly clients: number;
    readonly requests: number;
    /** What random digits stay below. */
    readonly randomBelow?: number;
  },
): Benchmarked {
  const options = { p: port, c: clients, n: requests, r: randomBelow };
  const args = Object.entries(options).flatMap(([name, value]) => [`-${name}`, String(value)]);
  const { status, stdout, stderr } = spawnSync('redis-benchmark', [...args, '--csv', ...command], {
    encoding: 'utf8',
  });
  // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
  // The first holds the command, which may hold commas and quotes of its own.
  const numbers = (stdout.trim().split('\n').at(-1) ?? '').split(',').slice(-7);
  const [perSecond, , , p50Ms, , p99Ms] = numbers.map((text) => Number(text.replaceAll('"', '')));
  if (status !== 0 || !perSecond || !p50Ms || !p99Ms)
    throw new Error(`redis-benchmark ended with ${status}: ${stdout}${stderr}`);
  return { perSecond, p50Ms, p99Ms };
}
