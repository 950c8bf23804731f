import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLocalOidc } from './google/oidc-server.ts';
import { forOwnHosts } from './own-hosts.ts';
import { startFakeStripe } from './stripe/server.ts';

const server = http.createServer(
  forOwnHosts((_, response) => void response.end('served'), ['https://seats.example.com']),
);
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

/** `host`: the name in the `Host` header. The port is that of the server. */
async function ask(host: string, port = (server.address() as AddressInfo).port) {
  const request = http.get({ port, host: '127.0.0.1', headers: { host: `${host}:${port}` }, agent: false });
  const [response]: http.IncomingMessage[] = (await once(request, 'response')) as never;
  const body = (await response?.setEncoding('utf8').toArray()) ?? [];
  return { status: response?.statusCode, type: response?.headers['content-type'], body: body.join('') };
}

test.each(['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]', 'seats.example.com'])(
  'serves %s',
  async (host) => {
    expect(await ask(host)).toMatchObject({ status: 200, body: 'served' });
  },
);

test.each(['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '0.0.0.0', 'seats.example'])(
  'refuses %s, which only resolves to this machine, with a problem',
  async (host) => {
    const { status, type, body } = await ask(host);
    expect([status, type]).toEqual([403, 'application/problem+json']);
    expect(JSON.parse(body).code).toBe('FORBIDDEN');
    expect(body).not.toContain(host);
  },
);

test('the fake Stripe and the fake sign-in refuse other names, too', async () => {
  const stripe = await startFakeStripe();
  const oidc = await startLocalOidc();
  for (const url of [stripe.url, oidc.issuer]) {
    const port = Number(new URL(url).port);
    expect((await ask('evil.example', port)).status).toBe(403);
    expect((await ask('localhost', port)).status).not.toBe(403);
  }
  await stripe.close();
  await oidc.close();
});
