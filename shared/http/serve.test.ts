import http, { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { Unavailable } from '../errors.ts';
import type { Deps } from '../ports/deps.ts';
import type { LogLine, Noted } from '../ports/log-line.ts';
import { type AnyReply, defineFunction } from './contract.ts';
import { serve } from './serve.ts';

const probe = defineFunction({
  name: 'probe',
  summary: '',
  memoryMiB: 256,
  concurrency: 1,
  maxInstances: 1,
  timeoutSeconds: 1,
  roles: [],
  uses: [],
  endpoints: {
    probe: {
      method: 'GET',
      path: '/probe',
      summary: '',
      auth: ['anyone'],
      answers: {
        well: { status: 200, description: '', body: z.strictObject({ n: z.int() }) },
        done: { status: 204, description: '' },
      },
      problems: ['NOT_FOUND', 'CREDENTIALS_INVALID'],
    },
  },
});

const closers: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0)) close();
});

interface Served {
  readonly logged: LogLine[];
  get(
    method?: string,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>;
  readonly url: string;
}

async function served(
  handle: (n: { note(fields: Noted): void }) => Promise<AnyReply>,
  options: {
    checkAnswers?: boolean;
    openDeps?: () => Promise<Deps>;
    handlers?: Record<string, typeof handle>;
  } = {},
): Promise<Served> {
  const logged: LogLine[] = [];
  const deps = { log: (line: LogLine) => logged.push(line) } as unknown as Deps;
  const answer = serve(
    probe,
    async () => ({ default: options.handlers ?? { probe: handle } }),
    options.openDeps ?? (async () => deps),
    { checkAnswers: options.checkAnswers ?? true },
  );
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/probe`;
  return {
    logged,
    url,
    async get(method = 'GET', headers = {}) {
      const response = await fetch(url, { method, headers });
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        text: await response.text(),
      };
    },
  };
}

test('every answer has its request id, no-store, nosniff and the right type and length', async () => {
  const { get } = await served(async () => ({ answer: 'well', body: { n: 1 } }));
  const { status, headers, text } = await get('GET', {
    'x-request-id': '5e0c4a51-0d0b-4d6a-9a4e-6e4c3f0a7b10',
  });
  expect([status, text]).toEqual([200, '{"n":1}\n']);
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'content-length': '8',
    'cache-control': 'private, no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': '5e0c4a51-0d0b-4d6a-9a4e-6e4c3f0a7b10',
  });
});

test('an answer without a body has no content type', async () => {
  const { get } = await served(async () => ({ answer: 'done', body: undefined }));
  const { status, headers, text } = await get();
  expect([status, text]).toEqual([204, '']);
  expect(headers).not.toHaveProperty('content-type');
});

test('with checkAnswers, replaces an answer that breaks its contract by a 500', async () => {
  const broken = async (): Promise<AnyReply> => ({ answer: 'well', body: { n: 1, password_hash: 'x' } });
  const checked = await served(broken);
  const { status, text } = await checked.get();
  expect(status).toBe(500);
  expect(text).not.toContain('password_hash');
  expect(checked.logged[0]?.because).toContain('password_hash');
  expect((await (await served(broken, { checkAnswers: false })).get()).status).toBe(200);
});

test('answers 500 and logs why when an answer or a handler does not exist', async () => {
  const unknownAnswer = await served(async () => ({ answer: 'other', body: {} }));
  expect((await unknownAnswer.get()).status).toBe(500);
  expect(unknownAnswer.logged[0]?.because).toContain('no answer named other');
  const missingHandler = await served(async () => ({ answer: 'done', body: undefined }), { handlers: {} });
  expect((await missingHandler.get()).status).toBe(500);
  expect(missingHandler.logged[0]?.because).toContain('probe: no handler for probe');
});

test('answers 500 and logs why when the dependencies cannot be opened; the next request tries again', async () => {
  const written: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  let tries = 0;
  const log = (): void => {};
  const { get } = await served(async () => ({ answer: 'done', body: undefined }), {
    openDeps: async () => {
      tries += 1;
      if (tries === 1) throw new Error('OPERATOR_KEY: is not set');
      return { log } as unknown as Deps;
    },
  });
  const first = await get();
  expect(first.status).toBe(500);
  expect(first.text).not.toContain('OPERATOR_KEY');
  const lines = written.filter((line) => line.includes('"probe 500"'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\{"time":"[\d-]+T[\d:.]+Z",.*\}\n$/);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    severity: 'ERROR',
    because: expect.stringContaining('OPERATOR_KEY: is not set'),
  });
  expect((await get()).status).toBe(204);
});

test('the log line has the request, its answer, its duration and the fields that the handler noted', async () => {
  const { get, logged } = await served(async ({ note }) => {
    note({ license_id: 'lic_00_x', severity: 'WARNING' });
    return { answer: 'well', body: { n: 1 } };
  });
  await get('GET', { 'x-request-id': '5e0c4a51-0d0b-4d6a-9a4e-6e4c3f0a7b10' });
  expect(logged).toEqual([
    {
      severity: 'WARNING',
      message: 'probe 200',
      function: 'probe',
      cold: true,
      caller: 'anyone',
      verdict: 'WELL',
      request_id: '5e0c4a51-0d0b-4d6a-9a4e-6e4c3f0a7b10',
      endpoint: 'GET /probe',
      answer: 'well',
      license_id: 'lic_00_x',
      httpRequest: { requestMethod: 'GET', status: 200, latency: expect.stringMatching(/^\d+\.\d{6}s$/) },
    },
  ]);
});

test('keeps the severity ERROR when the handler notes a lower one later', async () => {
  const { get, logged } = await served(async ({ note }) => {
    for (const severity of ['ERROR', 'WARNING'] as const) note({ severity });
    note({ license_id: 'lic_00_x' });
    return { answer: 'done', body: undefined };
  });
  await get();
  expect(logged).toMatchObject([{ severity: 'ERROR' }]);
});

test('marks only the first request of an instance as cold', async () => {
  const { get, logged } = await served(async () => ({ answer: 'done', body: undefined }));
  for (const _ of ['first', 'second', 'third']) await get();
  expect(logged.map(({ cold }) => cold)).toEqual([true, undefined, undefined]);
});

test.each([
  ['the verdict that the handler noted', { answer: 'done', body: undefined }, 'REVIVED', 'INFO'],
  ['the problem rather than the noted verdict', { problem: 'SEATS_EXHAUSTED' }, 'SEATS_EXHAUSTED', 'INFO'],
  ['a 5xx problem, as a WARNING', { problem: 'SIGNING_BUSY' }, 'SIGNING_BUSY', 'WARNING'],
] as const)('logs %s', async (_, reply, verdict, severity) => {
  const { get, logged } = await served(async ({ note }) => {
    note({ verdict: 'REVIVED' });
    return reply;
  });
  await get();
  expect(logged).toMatchObject([{ verdict, severity }]);
});

test('reports an unexpected error to Error Reporting with its stack and its causes', async () => {
  const cause = new TypeError('the cause');
  const fault = new Error('the fault', { cause });
  const { get, logged } = await served(async () => {
    throw fault;
  });
  await get();
  expect(logged).toMatchObject([
    {
      severity: 'ERROR',
      message: 'probe 500',
      '@type': 'type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent',
      because: 'Error: the fault\nCaused by: TypeError: the cause',
      stack_trace: `${fault.stack}\nCaused by: ${cause.stack}`,
    },
  ]);
});

test.each([
  ['seats', 'SEATS_UNAVAILABLE'],
  ['records', 'RECORDS_UNAVAILABLE'],
  ['events', 'EVENTS_UNAVAILABLE'],
  ['identity', 'IDENTITY_UNAVAILABLE'],
] as const)('answers 503 with Retry-After when %s are unavailable', async (part, code) => {
  const { get, logged } = await served(async () => {
    throw new Unavailable(part, 'no response');
  });
  const { status, headers, text } = await get();
  expect([status, headers['retry-after'], JSON.parse(text).code]).toEqual([503, '2', code]);
  expect(text).not.toContain('no response');
  expect(logged[0]).toMatchObject({ code, because: expect.stringContaining('no response') });
  // An outage is not a bug, so it is not reported to Error Reporting.
  expect(logged[0]).not.toHaveProperty('@type');
  expect(logged[0]).not.toHaveProperty('stack_trace');
});

test('never logs the requested address, because callers can write anything into it', async () => {
  const { url, logged } = await served(async () => ({ answer: 'done', body: undefined }));
  for (const address of [
    `${url}/ada@example.com`,
    `${url}?key=slk_secret`,
    url.replace('probe', 'ada-s-host'),
  ])
    await fetch(address, { headers: { 'user-agent': 'ada-s-agent' } });
  expect(logged.map(({ code, endpoint }) => [code, endpoint])).toEqual([
    ['NOT_FOUND', undefined],
    [undefined, 'GET /probe'],
    ['NOT_FOUND', undefined],
  ]);
  // A random request id can contain "ada" alone.
  expect(JSON.stringify(logged)).not.toMatch(/ada@|ada-s|slk_/);
});

test('sends the reason of a refusal to the log only', async () => {
  const { get, logged } = await served(async () => ({
    problem: 'CREDENTIALS_INVALID',
    because: 'WRONG_KEY',
    members: { hint: 1 },
  }));
  const { status, text } = await get();
  expect(status).toBe(401);
  expect(JSON.parse(text)).toMatchObject({ code: 'CREDENTIALS_INVALID', hint: 1 });
  expect(text).not.toContain('WRONG_KEY');
  expect(logged[0]).toMatchObject({ severity: 'INFO', code: 'CREDENTIALS_INVALID', because: 'WRONG_KEY' });
});

test('logs a request whose caller disconnects before the answer, without an error', async () => {
  const { promise: disconnected, resolve: disconnect } = Promise.withResolvers<void>();
  const { promise: received, resolve: receive } = Promise.withResolvers<void>();
  const { url, logged } = await served(async () => {
    receive();
    await disconnected;
    return { answer: 'well', body: { n: 1 } };
  });
  const request = http.get(url);
  request.on('error', () => {});
  await received;
  request.destroy();
  disconnect();
  await vi.waitFor(() => expect(logged).toHaveLength(1));
  expect(logged[0]).toMatchObject({ severity: 'INFO', answer: 'well' });
});
