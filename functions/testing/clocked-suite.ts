import { vi } from 'vitest';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { type RespClient, respClient } from '../../shared/local/redis/resp-client.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { openTestSuite, type SuiteOptions, type TestLicense, type TestSuite } from './suite.ts';

/** A suite whose clock only the test moves. The functions and the leases in Redis use this clock. */
export interface ClockedSuite {
  readonly suite: TestSuite;
  /** A direct connection to the suite's Redis. */
  readonly redis: RespClient;
  nowMs(): number;
  moveClock(ms: number): void;
  /** Acquires a seat, or throws. */
  seat(license: TestLicense, machine: string): Promise<{ id: string; token: string }>;
  close(): Promise<void>;
}

/** Has few shards, so that a sweep is quick. `wrap` can replace any port. */
export async function openClockedSuite(
  wrap?: (deps: Deps) => Deps,
  settings: Readonly<Record<string, string>> = {},
  options: SuiteOptions = {},
): Promise<ClockedSuite> {
  let nowMs = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  const server = await startEmbeddedRedis();
  const redis = respClient(server);
  const environment = { REDIS_URL: `redis://${server.host}:${server.port}`, SHARDS: '4', ...settings };
  const suite = await openTestSuite(environment, wrap, options);
  return {
    suite,
    redis,
    nowMs: () => nowMs,
    moveClock(ms) {
      nowMs += ms;
      vi.setSystemTime(nowMs);
    },
    async seat(license, machine) {
      const { status, body, text } = await license.acquire(machine);
      if (status !== 201) throw new Error(`no seat: ${text}`);
      return { id: body.session_id, token: body.session_token };
    },
    async close() {
      await suite.close();
      redis.close();
      await server.close();
      vi.useRealTimers();
    },
  };
}
