import { spawnSync } from 'node:child_process';

/** redis-benchmark replaces each occurrence in a command with 12 random digits. */
export const RANDOM_DIGITS = '__rand_int__';

export interface Benchmarked {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Sends one command to Redis many times with redis-benchmark
 * (https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/benchmarks/).
 */
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
    /** Exclusive upper bound of the random digits. */
    readonly randomBelow?: number;
  },
): Benchmarked {
  const options = { p: port, c: clients, n: requests, r: randomBelow };
  const args = Object.entries(options).flatMap(([name, value]) => [`-${name}`, String(value)]);
  const { status, stdout, stderr } = spawnSync('redis-benchmark', [...args, '--csv', ...command], {
    encoding: 'utf8',
  });
  // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
  // The first column is the command, which can contain commas and quotes.
  const numbers = (stdout.trim().split('\n').at(-1) ?? '').split(',').slice(-7);
  const [perSecond, , , p50Ms, , p99Ms] = numbers.map((text) => Number(text.replaceAll('"', '')));
  if (status !== 0 || !perSecond || !p50Ms || !p99Ms)
    throw new Error(`redis-benchmark ended with ${status}: ${stdout}${stderr}`);
  return { perSecond, p50Ms, p99Ms };
}
