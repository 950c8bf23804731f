import { Redis, type Requester } from '@upstash/redis';
import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';
import type { Limits } from '../../ports/limits.ts';

/**
 * Limits with `@upstash/ratelimit`'s token bucket: one EVALSHA and one key (`limit:<bucket>`) per `take`. The key
 * expires when the bucket would be full again.
 *
 * None of the library's algorithms limits a caller to `requests` in every window; each allows twice as many across the
 * border of two windows. Only this one reports correctly when the next request is allowed, uses a single key, and never
 * refills all at once. It uses the function's clock: if that runs ahead, the bucket refills that much sooner, once. A
 * take whose response is lost may be counted twice.
 */
export function openLimits(requester: Requester): Limits {
  const redis = onAnyRedis(new Redis(requester));
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
 * Only Upstash knows the flag in the first line of the library's scripts (`#!lua flags=allow-key-locking`, since 2.1):
 * Redis 7 rejects a script with it, and Redis 6.2 cannot parse the line. So the line is removed; without it Upstash
 * locks more keys, as it does for the seat scripts. The library's digests are those of the scripts with the line.
 * Therefore `evalsha` fails with NOSCRIPT, without a request to Redis, and the library then passes the source.
 */
function onAnyRedis(redis: Redis): ScriptClient {
  const scripts = new Map<string, ReturnType<typeof redis.createScript<unknown>>>();
  return {
    get: redis.get,
    set: redis.set,
    evalsha: async () => {
      throw new Error('NOSCRIPT');
    },
    async eval<TArgs extends unknown[], TData>(source: string, keys: string[], args: TArgs) {
      const script = scripts.get(source) ?? redis.createScript<unknown>(source.replace(/^#!.*\n/, ''));
      scripts.set(source, script);
      const reply = z.safeParse(TokenBucketReply, await script.exec(keys, args.map(String)));
      if (!reply.success) throw new Error('limits: unknown reply', { cause: reply.error });
      // The library declares what its script returns.
      return reply.data as TData;
    },
  };
}
