import type { Redis } from '@upstash/redis';
import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';
import type { Limits } from '../../ports/limits.ts';
import type { RedisEngine } from '../redis/engine.ts';
import { prepareScript, type Script } from '../redis/script.ts';

/**
 * Limits with `@upstash/ratelimit`'s token bucket: one EVALSHA and one key (`limit:<bucket>`) per `take`. The key
 * expires when the bucket would be full again.
 *
 * None of the library's algorithms limits a caller to `requests` in every window; each allows twice as many across the
 * border of two windows. Only this one reports correctly when the next request is allowed, uses a single key, and never
 * refills all at once. It uses the function's clock: if that runs ahead, the bucket refills that much sooner, once. A
 * take whose response is lost may be counted twice.
 */
export function openLimits(engine: RedisEngine): Limits {
  const redis = onAnyRedis(engine);
  return {
    async take(bucket, { requests, windowSeconds }) {
      // Imported here because most functions have no limits.
      const { Ratelimit } = await import('@upstash/ratelimit');
      const refillMs = Math.ceil((windowSeconds * 1_000) / requests);
      const limiter = new Ratelimit({
        redis,
        limiter: Ratelimit.tokenBucket(1, `${refillMs} ms`, requests),
        prefix: 'limit',
        // After its timeout the library allows all requests; the requester's own timeout throws.
        timeout: 0,
        ephemeralCache: false,
        enableTelemetry: false,
      });
      const { success, remaining, reset } = await limiter.limit(bucket).catch(asLimitsUnavailable);
      return {
        verdict: success ? 'ALLOWED' : 'LIMITED',
        remaining,
        resetSeconds: Math.max(1, Math.ceil((reset - Date.now()) / 1_000)),
      };
    },
  };
}

function asLimitsUnavailable(fault: unknown): never {
  if (!(fault instanceof Unavailable)) throw fault;
  const { message, redisLimit } = fault;
  throw new Unavailable('limits', `Redis is unavailable (${message})`, { cause: fault, redisLimit });
}

const TokenBucketReply = z.tuple([z.int(), z.int(), z.int()]);

/** The methods that the library calls; its own type does not include `eval`. */
type ScriptClient = Pick<Redis, 'eval' | 'evalsha' | 'get' | 'set'>;

/**
 * The library's scripts begin with the line that only Upstash knows (`#!lua flags=allow-key-locking`, since 2.1), and its
 * digests are those of the scripts with it. So the line is replaced by the engine's own, and `evalsha` fails with
 * NOSCRIPT, without a request to Redis: the library then passes the source. A script has one key, which is in any slot of
 * a cluster.
 */
function onAnyRedis(engine: RedisEngine): ScriptClient {
  const scripts = new Map<string, Script>();
  return {
    get: unused,
    set: unused,
    evalsha: async () => {
      throw new Error('NOSCRIPT');
    },
    async eval<TArgs extends unknown[], TData>(source: string, keys: string[], args: TArgs) {
      const script = scripts.get(source) ?? prepareScript(engine, source.replace(/^#!.*\n/, ''));
      scripts.set(source, script);
      const reply = z.safeParse(TokenBucketReply, await script(keys, args.map(String)));
      if (!reply.success) throw new Error('limits: unknown reply', { cause: reply.error });
      // The library declares what its script returns.
      return reply.data as TData;
    },
  };
}

/** For limits that change while they are used, which the library reads and writes with these. */
async function unused(): Promise<never> {
  throw new TypeError('The limits are fixed.');
}
