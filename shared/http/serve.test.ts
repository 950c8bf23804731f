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
  secrets: [],
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

test('every answer carries its request id, is not cached and is what it says it is', async () => {
  const { get } = await served(async () => ({ answer: 'well', body: { n: 1 } }));
  const { status, headers, text } = await get('GET', { 'x-request-id': 'asked-for-this' });
  expect([status, text]).toEqual([200, '{"n":1}']);
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'content-length': '7',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': 'asked-for-this',
  });
});

test('an answer without a body has neither type nor length', async () => {
  const { get } = await served(async () => ({ answer: 'done', body: undefined }));
  const { status, headers, text } = await get();
  expect([status, text]).toEqual([204, '']);
  expect(headers).not.toHaveProperty('content-type');
});

test('an answer that breaks its own contract never goes out in development', async () => {
  const broken = async (): Promise<AnyReply> => ({ answer: 'well', body: { n: 1, password_hash: 'x' } });
  const checked = await served(broken);
  const { status, text } = await checked.get();
  expect(status).toBe(500);
  expect(text).not.toContain('password_hash');
  expect(checked.logged[0]?.because).toContain('password_hash');
  expect((await (await served(broken, { checkAnswers: false })).get()).status).toBe(200);
});

test('an answer or a handler that is not there is our fault, and said so to the log', async () => {
  const nameless = await served(async () => ({ answer: 'other', body: {} }));
  expect((await nameless.get()).status).toBe(500);
  expect(nameless.logged[0]?.because).toContain('no answer named other');
  const handless = await served(async () => ({ answer: 'done', body: undefined }), { handlers: {} });
  expect((await handless.get()).status).toBe(500);
  expect(handless.logged[0]?.because).toContain('probe: no handler for probe');
});

test('where the parts cannot be opened it is a 500 on the record, and the next request tries again', async () => {
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

test('a line tells the request, its answer, how long it took and what the handler noted', async () => {
  const { get, logged } = await served(async ({ note }) => {
    note({ license_id: 'lic_00_x', severity: 'WARNING' });
    return { answer: 'well', body: { n: 1 } };
  });
  await get('GET', { 'x-request-id': 'asked-for-this' });
  expect(logged).toEqual([
    {
      severity: 'WARNING',
      message: 'probe 200',
      function: 'probe',
      cold: true,
      caller: 'anyone',
      verdict: 'WELL',
      request_id: 'asked-for-this',
      endpoint: 'GET /probe',
      answer: 'well',
      license_id: 'lic_00_x',
      httpRequest: { requestMethod: 'GET', status: 200, latency: expect.stringMatching(/^\d+\.\d{6}s$/) },
    },
  ]);
});

test('the first request of an instance is told from the others', async () => {
  const { get, logged } = await served(async () => ({ answer: 'done', body: undefined }));
  for (const _ of ['first', 'second', 'third']) await get();
  expect(logged.map(({ cold }) => cold)).toEqual([true, undefined, undefined]);
});

test.each([
  ['what was noted', { answer: 'done', body: undefined }, 'REVIVED', 'INFO'],
  ['what was refused, noted or not', { problem: 'SEATS_EXHAUSTED' }, 'SEATS_EXHAUSTED', 'INFO'],
  ['what we could not do, which is worth a look', { problem: 'SIGNING_BUSY' }, 'SIGNING_BUSY', 'WARNING'],
] as const)('the verdict of a request is %s', async (_, reply, verdict, severity) => {
  const { get, logged } = await served(async ({ note }) => {
    note({ verdict: 'REVIVED' });
    return reply;
  });
  await get();
  expect(logged).toMatchObject([{ verdict, severity }]);
});

test('a fault goes to Error Reporting with where it came from, and whatever caused it', async () => {
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
] as const)('a part that is away (%s) makes a 503 that says when to come again', async (part, code) => {
  const { get, logged } = await served(async () => {
    throw new Unavailable(part, 'nobody answers');
  });
  const { status, headers, text } = await get();
  expect([status, headers['retry-after'], JSON.parse(text).code]).toEqual([503, '2', code]);
  expect(text).not.toContain('nobody answers');
  expect(logged[0]).toMatchObject({ code, because: expect.stringContaining('nobody answers') });
  // An outage is no defect of ours.
  expect(logged[0]).not.toHaveProperty('@type');
  expect(logged[0]).not.toHaveProperty('stack_trace');
});

test('an address that is not there is told by no line, as anybody may write anything into it', async () => {
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
  // Not "ada" alone, which a request id may hold.
  expect(JSON.stringify(logged)).not.toMatch(/ada@|ada-s|slk_/);
});

test('why something was refused is for the log alone', async () => {
  const { get, logged } = await served(async () => ({
    problem: 'CREDENTIALS_INVALID',
    because: 'WRONG_KEY',
    members: { hint: 1 },
  }));
  const { status, headers, text } = await get();
  expect(status).toBe(401);
  expect(headers).toHaveProperty('www-authenticate');
  expect(JSON.parse(text)).toMatchObject({ code: 'CREDENTIALS_INVALID', hint: 1 });
  expect(text).not.toContain('WRONG_KEY');
  expect(logged[0]).toMatchObject({ severity: 'INFO', code: 'CREDENTIALS_INVALID', because: 'WRONG_KEY' });
});

test('a caller that leaves before the answer costs a log line and no fault', async () => {
  const { promise: hasGone, resolve: leave } = Promise.withResolvers<void>();
  const { promise: hasCome, resolve: arrive } = Promise.withResolvers<void>();
  const { url, logged } = await served(async () => {
    arrive();
    await hasGone;
    return { answer: 'well', body: { n: 1 } };
  });
  const request = http.get(url);
  request.on('error', () => {});
  await hasCome;
  request.destroy();
  leave();
  await vi.waitFor(() => expect(logged).toHaveLength(1));
  expect(logged[0]).toMatchObject({ severity: 'INFO', answer: 'well' });
});
