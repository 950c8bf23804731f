import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { connect, type LookupFunction, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NoAnswer, type SendOptions } from '../platform.ts';
import { nodeClock } from './clock.ts';
import { runModule, serve, serveNothing, type TestServer } from './testing.ts';
import { nodeTransport } from './transport.ts';

const ANSWERS: Record<string, (response: ServerResponse, request: IncomingMessage) => unknown> = {
  '/good': (response, { method, headers }) =>
    response
      .writeHead(201, { 'Retry-After': '7' })
      .end(
        JSON.stringify({ method, type: headers['content-type'], length: headers['content-length'], ö: 'ü' }),
      ),
  '/moved': (response) => response.writeHead(302, { location: '/good' }).end(),
  '/fault': (response) => response.writeHead(500).end('<html>'),
  '/long': (response) => response.end('x'.repeat(1_048_577)),
  '/longest': (response) => response.end('x'.repeat(1_048_576)),
  '/endless': (response) => response.writeHead(200).write('{"status": '),
  '/cut': (response) => response.writeHead(200, { 'content-length': 9 }).write('{', () => response.destroy()),
  '/reset': (response) => response.destroy(),
  '/garbage': (response) => response.socket?.end('HTTP/1.1 banana\r\n\r\n'),
  '/port': (response, { socket }) => response.end(String(socket.remotePort)),
};

let server: TestServer;
let hung: TestServer;
beforeAll(async () => {
  server = await serve((request, response) => ANSWERS[request.url ?? '']?.(response, request));
  hung = await serveNothing();
});
afterAll(() => {
  server.close();
  hung.close();
});

const transport = nodeTransport();
/** Sends a request to `server`. */
const ask = (path: string, options: Partial<SendOptions> = {}) =>
  transport.send(
    {
      method: 'PUT',
      url: server.url + path,
      headers: { 'content-type': 'application/json' },
      body: '{"ß": 1}',
    },
    { timeoutMs: 10_000, background: false, ...options },
  );

describe('returns an answer', () => {
  test('with its status, its headers and its whole body', async () => {
    const { status, header, body } = await ask('/good');
    expect([status, header('retry-after'), header('x-not-there')]).toEqual([201, '7', undefined]);
    expect(JSON.parse(body)).toEqual({ method: 'PUT', type: 'application/json', length: '9', ö: 'ü' });
  });

  test.each([
    ['/moved', 302],
    ['/fault', 500],
    ['/longest', 200],
  ])('unchanged, from %s with status %i', async (path, status) => {
    expect((await ask(path)).status).toBe(status);
  });

  test('over the connection of the previous request, also in the background', async () => {
    const ports = [];
    for (const background of [false, true, false]) ports.push((await ask('/port', { background })).body);
    expect(new Set(ports).size).toBe(1);
  });

  test.each(['wallMs', 'monotonicMs'] as const)(
    'over a new connection if the last one was idle for long by %s, although no timer has fired',
    async (name) => {
      let now = nodeClock.now();
      const { send } = nodeTransport(undefined, undefined, { ...nodeClock, now: () => now });
      const ports: string[] = [];
      for (const passedMs of [3_000, 30_000, 0]) {
        const request = { method: 'GET', url: `${server.url}/port`, headers: {} };
        ports.push((await send(request, { timeoutMs: 10_000, background: false })).body);
        now = { ...now, [name]: now[name] + passedMs };
      }
      expect(ports[1]).toBe(ports[0]);
      expect(ports[2]).not.toBe(ports[1]);
    },
  );
});

describe('throws NoAnswer with the address and the reason', () => {
  const noAnswer = (url: string, reason: string) => new NoAnswer(`No answer from ${url}: ${reason}.`);
  const get = (url: string, { send } = transport) =>
    send({ method: 'GET', url, headers: {} }, { timeoutMs: 10_000, background: false });

  test.each([
    ['/long', 'the answer is larger than 1 MiB'],
    ['/cut', 'the connection was closed (ECONNRESET)'],
    ['/reset', 'the connection was closed (ECONNRESET)'],
    ['/garbage', 'the answer is not HTTP (HPE_INVALID_STATUS)'],
  ])('when the server answers %s', async (path, reason) => {
    await expect(ask(path)).rejects.toThrow(noAnswer(server.url, reason));
  });

  test.each([true, false])('when the answer does not end in time (background: %s)', async (background) => {
    const asking = ask('/endless', { timeoutMs: 104.56789, background });
    await expect(asking).rejects.toThrow(noAnswer(server.url, 'timed out after 0.1 s'));
  });

  test('when no local server is running', async () => {
    const stopped = await serve(() => {});
    stopped.close();
    const reason = 'connection refused. The local server is not running';
    await expect(get(stopped.url)).rejects.toThrow(noAnswer(stopped.url, reason));
  });

  test.each([
    ['ENOTFOUND', 'the host name was not found (DNS, ENOTFOUND)'],
    ['EAI_AGAIN', 'the host name could not be looked up (DNS, EAI_AGAIN)'],
  ])('when DNS reports %s', async (code, reason) => {
    const lookup: LookupFunction = (_host, _options, found) =>
      found(Object.assign(new Error(`getaddrinfo ${code}`), { code }), '');
    const agents = { http: new http.Agent({ lookup }), https: new https.Agent() };
    const url = 'http://licenses.example.com';
    await expect(get(`${url}/path`, nodeTransport(agents))).rejects.toThrow(noAnswer(url, reason));
  });

  test('when a remote server refuses the connection', async () => {
    const stopped = await serve(() => {});
    stopped.close();
    const lookup: LookupFunction = (_host, _options, found) =>
      found(null, [{ address: '127.0.0.1', family: 4 }]);
    const agents = { http: new http.Agent({ lookup }), https: new https.Agent() };
    const url = `http://licenses.example.com:${new URL(stopped.url).port}`;
    await expect(get(url, nodeTransport(agents))).rejects.toThrow(noAnswer(url, 'connection refused'));
  });

  test('when the server does not speak TLS', async () => {
    const url = server.url.replace('http:', 'https:');
    await expect(get(url)).rejects.toThrow(/^No answer from https:\S+: TLS failed: [\w ]+ \(\w+\)\.$/);
  });

  test('when the request is canceled, before it is sent or after', async () => {
    const calling = new AbortController();
    const sending = ask('/endless', { signal: calling.signal });
    calling.abort();
    const canceled = noAnswer(server.url, 'the request was canceled');
    await expect(sending).rejects.toThrow(canceled);
    await expect(ask('/good', { signal: calling.signal })).rejects.toThrow(canceled);
  });
});

describe('a program with an empty event loop', () => {
  /** Runs the expressions `sends` and awaits none of them. */
  const program = (...sends: string[]) =>
    runModule(`
      import { nodeTransport } from '${new URL('./transport.ts', import.meta.url).href}';
      const { send } = nodeTransport();
      const ask = (url, background) => send({ method: 'GET', url, headers: {} }, { timeoutMs: 60_000, background });
      ${sends.join('\n')}`).ended;

  test('ends while a background request hangs', async () => {
    const { code } = await program(`ask('${hung.url}', true);`);
    expect(code).toBe(0);
  });

  test('ends while a background request hangs on a reused connection', async () => {
    const { code } = await program(
      `await ask('${server.url}/good', false);`,
      `ask('${server.url}/endless', true);`,
    );
    expect(code).toBe(0);
  });

  test('waits for a foreground request, also on a connection that a background request used', async () => {
    const { code, output } = await program(
      `const busy = setInterval(() => {}, 1_000);`,
      `const first = await ask('${server.url}/port', true);`,
      `clearInterval(busy);`,
      `ask('${server.url}/port', false).then(({ body }) => console.log(body === first.body));`,
    );
    expect({ code, output }).toEqual({ code: 0, output: 'true\n' });
  });

  test('ends soon after a background request gets no connection', async () => {
    const full = await serveFull();
    try {
      const { code } = await program(
        `const impatient = nodeTransport(undefined, 200);`,
        `impatient.send({ method: 'GET', url: '${full.url}', headers: {} }, { timeoutMs: 60_000, background: true })`,
        `  .catch((error) => console.log(error.name));`,
      );
      expect(code).toBe(0);
    } finally {
      full.close();
    }
  });
});

/** A server whose backlog is full: the next connection is neither accepted nor refused. */
async function serveFull(): Promise<{ url: string; close(): void }> {
  const code = `
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  const filling: Socket[] = [];
  for (let n = 0; n < 2; n += 1) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    filling.push(socket);
    await once(socket, 'connect');
  }
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      child.kill('SIGKILL');
      for (const socket of filling) socket.destroy();
    },
  };
}
