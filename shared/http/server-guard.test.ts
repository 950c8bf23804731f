import { once } from 'node:events';
import type http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { getTestServer, registerFunction } from '../local/framework.ts';
import { readBody } from './body.ts';
import { guardAllServers, guardServer, originalOf, TIME_LIMITS } from './server-guard.ts';

const servers: http.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function portOf(server: http.Server): Promise<number> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** The real framework with one function, which repeats what it gets. */
function framework(): http.Server {
  registerFunction('echo', async (request, response) => {
    const isParsed = 'rawBody' in request || request.body !== undefined;
    const body = await readBody(request, 100);
    response.end(`${originalOf(request).target} ${isParsed} ${Buffer.isBuffer(body) ? body : body}`);
  });
  return getTestServer('echo');
}

/** Sends text, and returns everything up to the end of the connection. */
async function sent(port: number, text: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  socket.write(text);
  return Buffer.concat(await socket.toArray()).toString();
}

test.each([
  ['JSON', 'application/json', '{"a":'],
  ['a form', 'application/x-www-form-urlencoded', 'a[b]=1'],
  ['text of an unknown character set', 'text/plain; charset=nonsense', 'text'],
  ['a CloudEvent', 'application/cloudevents+json', '{'],
  ['bytes', 'application/octet-stream', 'bytes'],
])('leaves %s to the function, unread', async (_, type, body) => {
  const server = framework();
  guardServer(server);
  const port = await portOf(server);
  for (const sends of [body, new Blob([body]).stream()]) {
    const response = await fetch(`http://127.0.0.1:${port}/path?q`, {
      method: 'POST',
      headers: { 'content-type': type, 'content-encoding': 'identity' },
      body: sends,
      duplex: 'half',
    });
    expect([response.status, await response.text()]).toEqual([200, `/path?q false ${body}`]);
  }
});

test('a framework that is not guarded reads the body itself', async () => {
  const port = await portOf(framework());
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"a":',
  });
  expect(response.status).toBe(400);
});

test.each([
  ['headers', 'GET / HTTP/1.1\r\nHost:'],
  ['a body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc'],
])('ends a connection if %s come too slowly', async (_, text) => {
  const server = framework();
  guardServer(server);
  expect(server).toMatchObject(TIME_LIMITS);
  // Shorter by as much, so that the test is.
  Object.assign(server, { headersTimeout: 20, requestTimeout: 40, connectionsCheckingInterval: 10 });
  expect(await sent(await portOf(server), text)).toMatch(/^HTTP\/1\.1 408 /);
});

test('guards every server that starts later, once', async () => {
  guardAllServers();
  guardAllServers();
  const server = framework();
  const port = await portOf(server);
  expect(server).toMatchObject(TIME_LIMITS);
  const response = await fetch(`http://127.0.0.1:${port}/a`, { method: 'POST', body: 'text' });
  expect(await response.text()).toBe('/a false text');
});
