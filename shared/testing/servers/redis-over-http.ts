import { onTestFinished } from 'vitest';
import type { RedisEngine } from '../../adapters/redis/engine.ts';
import { type HttpRequesterOptions, httpRequester } from '../../adapters/redis/upstash-http.ts';
import { cannedServer } from './canned-server.ts';

/** Must never appear in an error message. */
export const TOKEN = 'a-secret-token';

/** An Upstash engine with some commands as methods. It is closed when the test ends. */
export function opened(url: string, options: Partial<HttpRequesterOptions> = {}) {
  return withMethods(httpRequester({ url, token: TOKEN, ...options }));
}

/** An engine with some commands as methods. It is closed when the test ends. */
export function withMethods(redis: RedisEngine) {
  onTestFinished(() => redis.close());
  return {
    ...redis,
    get: (key: string) => redis.command(['GET', key]),
    set: (key: string, value: string) => redis.command(['SET', key, value]),
    incr: (key: string) => redis.command(['INCR', key]),
  };
}

/** Address of a server that answers every request with this status and body until the test ends. */
export function answering(status: number, body: unknown): Promise<string> {
  return serving((response) => response.writeHead(status).end(JSON.stringify(body)));
}

/** Address of a server that answers with `respond` until the test ends. */
export async function serving(respond: Parameters<typeof cannedServer>[0]): Promise<string> {
  const server = await cannedServer(respond);
  onTestFinished(() => server.close());
  return server.url;
}
