import type { ServerResponse } from 'node:http';
import { openRedis } from '../../shared/adapters/seats/upstash-client.ts';
import { httpRequester } from '../../shared/adapters/seats/upstash-http.ts';

const redis = openRedis(
  httpRequester({
    url: process.env.UPSTASH_REDIS_REST_URL ?? '',
    token: process.env.UPSTASH_REDIS_REST_TOKEN ?? '',
  }),
);

/** The least that a function with one Redis call can cost: no credentials, schema, script or log. */
export async function bareCall(_request: unknown, response: ServerResponse & { send(body: string): void }) {
  await redis.incr('calls');
  response.send('Hello, World');
}
