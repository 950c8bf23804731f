import { onTestFinished } from 'vitest';
import { openRedis } from '../../adapters/seats/upstash-client.ts';
import { type HttpRequesterOptions, httpRequester } from '../../adapters/seats/upstash-http.ts';
import { cannedServer } from './canned-server.ts';

/** Must never appear in an error message. */
export const TOKEN = 'a-secret-token';

/** The Redis client on our requester. It is closed when the test ends. */
export function opened(url: string, options: Partial<HttpRequesterOptions> = {}) {
  const requester = httpRequester({ url, token: TOKEN, ...options });
  onTestFinished(() => requester.close());
  return openRedis(requester);
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
