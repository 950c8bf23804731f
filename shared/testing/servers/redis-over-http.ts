import { onTestFinished } from 'vitest';
import { openRedis } from '../../adapters/seats/upstash-client.ts';
import { type HttpRequesterOptions, httpRequester } from '../../adapters/seats/upstash-http.ts';
import { cannedServer } from './canned-server.ts';

/** Must never be seen in an error's message. */
export const TOKEN = 'a-secret-token';

/** The Redis client over our requester, closed with the test that asked for it. */
export function opened(url: string, options: Partial<HttpRequesterOptions> = {}) {
  const requester = httpRequester({ url, token: TOKEN, ...options });
  onTestFinished(() => requester.close());
  return openRedis(requester);
}

/** The address of a server that gives every request this answer, until the test ends. */
export function answering(status: number, body: unknown): Promise<string> {
  return serving((response) => response.writeHead(status).end(JSON.stringify(body)));
}

/** The address of a server that answers so, until the test ends. */
export async function serving(respond: Parameters<typeof cannedServer>[0]): Promise<string> {
  const server = await cannedServer(respond);
  onTestFinished(() => server.close());
  return server.url;
}
