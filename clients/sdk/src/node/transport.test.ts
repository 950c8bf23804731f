import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NoAnswer } from '../platform.ts';
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
const ask = (
  path: string,
  options: { timeoutMs?: number; background?: boolean; signal?: AbortSignal } = {},
) =>
  transport.send(
    {
      method: 'PUT',
      url: server.url + path,
      headers: { 'content-type': 'application/json' },
      body: '{"ß": 1}',
    },
    { timeoutMs: 10_000, background: false, ...options },
  );

describe('an answer', () => {
  test('comes with its status, its headers and its whole text', async () => {
    const { status, header, body } = await ask('/good');
    expect([status, header('retry-after'), header('x-not-there')]).toEqual([201, '7', undefined]);
    expect(JSON.parse(body)).toEqual({ method: 'PUT', type: 'application/json', length: '9', ö: 'ü' });
  });

  test.each([
    ['/moved', 302],
    ['/fault', 500],
    ['/longest', 200],
  ])('of %s is given as it came', async (path, status) => {
    expect((await ask(path)).status).toBe(status);
  });

  test('comes over the connection of the one before, in the background too', async () => {
    const ports = [];
    for (const background of [false, true, false]) ports.push((await ask('/port', { background })).body);
    expect(new Set(ports).size).toBe(1);
  });
});

describe('there is no answer', () => {
  test.each(['/long', '/cut', '/reset', '/garbage'])('where %s is all that comes', async (path) => {
    await expect(ask(path)).rejects.toThrow(NoAnswer);
  });

  test.each([true, false])('where it does not end in time (background: %s)', async (background) => {
    await expect(ask('/endless', { timeoutMs: 100, background })).rejects.toThrow(NoAnswer);
  });

  test('where nobody is there', async () => {
    const gone = await serve(() => {});
    gone.close();
    const sending = transport.send(
      { method: 'GET', url: gone.url, headers: {} },
      { timeoutMs: 10_000, background: false },
    );
    await expect(sending).rejects.toThrow(NoAnswer);
  });

  test('where it was called off, before or while it was under way', async () => {
    const calling = new AbortController();
    const sending = ask('/endless', { signal: calling.signal });
    calling.abort();
    await expect(sending).rejects.toThrow(NoAnswer);
    await expect(ask('/good', { signal: calling.signal })).rejects.toThrow(NoAnswer);
  });
});

describe('a program with nothing left to do', () => {
  /** A program that sends `sends`, as expressions, and waits for none of them. */
  const program = (...sends: string[]) =>
    runModule(`
      import { nodeTransport } from '${new URL('./transport.ts', import.meta.url).href}';
      const { send } = nodeTransport();
      const ask = (url, background) => send({ method: 'GET', url, headers: {} }, { timeoutMs: 60_000, background });
      ${sends.join('\n')}`).ended;

  test('ends, though something in the background hangs', async () => {
    const { code } = await program(`ask('${hung.url}', true);`);
    expect(code).toBe(0);
  });

  test('ends, though something in the background hangs on a connection that was in use before', async () => {
    const { code } = await program(
      `await ask('${server.url}/good', false);`,
      `ask('${server.url}/endless', true);`,
    );
    expect(code).toBe(0);
  });

  test('waits for what is not in the background, also on a connection that was', async () => {
    const { code, output } = await program(
      `const busy = setInterval(() => {}, 1_000);`,
      `const first = await ask('${server.url}/port', true);`,
      `clearInterval(busy);`,
      `ask('${server.url}/port', false).then(({ body }) => console.log(body === first.body));`,
    );
    expect({ code, output }).toEqual({ code: 0, output: 'true\n' });
  });

  test('does not wait long for a connection in the background that nobody takes', async () => {
    const full = await serveFull();
    try {
      const { code } = await program(`ask('${full.url}', true).catch((error) => console.log(error.name));`);
      expect(code).toBe(0);
    } finally {
      full.close();
    }
  });
});

/** A server whose queue of connections is full, so that the next one is neither taken nor refused. */
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
