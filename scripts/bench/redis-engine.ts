import type { RedisEngine } from '../../shared/adapters/redis/engine.ts';
import { redisEngine } from '../../shared/adapters/redis/redis-protocol.ts';
import { httpRequester } from '../../shared/adapters/redis/upstash-http.ts';
import type { Environment } from '../../shared/config.ts';

/** The engine that a function opens in this environment. */
export function engineIn({
  REDIS_URL: url,
  UPSTASH_REDIS_REST_URL: restUrl = '',
  UPSTASH_REDIS_REST_TOKEN: token = '',
}: Environment): RedisEngine {
  return url ? redisEngine({ url }) : httpRequester({ url: restUrl, token });
}
