import type { ServerResponse } from 'node:http';
import { httpRequester } from '../../shared/adapters/redis/upstash-http.ts';

const redis = httpRequester({
  url: process.env.UPSTASH_REDIS_REST_URL ?? '',
  token: process.env.UPSTASH_REDIS_REST_TOKEN ?? '',
});

/** The least that a function with one Redis call can cost: no credentials, schema, script or log. */
export async function bareCall(_request: unknown, response: ServerResponse & { send(body: string): void }) {
  await redis.command(['INCR', 'calls']);
  response.send('Hello, World');
}
