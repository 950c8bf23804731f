import { Redis, type Requester } from '@upstash/redis';
import * as z from 'zod/mini';
import { Unavailable } from '../../errors.ts';
import type { Limits } from '../../ports/limits.ts';

/**
 * Limits by `@upstash/ratelimit`'s token bucket: one EVALSHA and one key (`limit:<bucket>`) for each `take`. The key is
 * gone as soon as the bucket would be full again.
 *
 * None of the library's algorithms holds a caller to `requests` in every window; each lets twice as many through where
 * two windows meet. This one alone says truthfully when there is room again, keeps to one key, and never gives all of
 * its room back at once. Its clock is the function's: one that runs ahead gives room back that much sooner, once. A take
 * whose answer is lost may count twice.
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
        // After its timeout the library lets everybody through; the requester's own bound throws.
        timeout: 0,
        ephemeralCache: false,
        enableTelemetry: false,
      });
      const { success, remaining, reset } = await limiter.limit(bucket).catch(asOurs);
      return {
        verdict: success ? 'ALLOWED' : 'LIMITED',
        remaining,
        resetSeconds: Math.max(1, Math.ceil((reset - Date.now()) / 1_000)),
      };
    },
  };
}

function asOurs(fault: unknown): never {
  if (!(fault instanceof Unavailable)) throw fault;
  throw new Unavailable('limits', `Redis cannot be asked (${fault.message})`, { cause: fault });
}

const TokenBucketReply = z.tuple([z.int(), z.int(), z.int()]);

/** What the library calls of a client; its own type leaves `eval` out. */
type ScriptClient = Pick<Redis, 'eval' | 'evalsha' | 'get' | 'set'>;

/**
 * Upstash alone knows the flag in the first line of the library's scripts (`#!lua flags=allow-key-locking`, since 2.1);
 * Redis 7 refuses a script for it, and Redis 6.2 cannot read the line at all. Without it Upstash locks more, as it does
 * for the seats. The digests that the library names are of the scripts with that line, so it is told, without a trip to
 * Redis, that they are unknown, whereupon it gives the source.
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
      if (!reply.success)
        throw new Error('limits: a reply that this version does not know', { cause: reply.error });
      // The library's own claim about what its script returns.
      return reply.data as TData;
    },
  };
}
