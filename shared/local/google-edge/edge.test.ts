import { once } from 'node:events';
import http, { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { defineFunction, type FunctionContract } from '../../http/contract.ts';
import { CALLER, DOORS, FRONT_END } from '../../testing/door-headers.ts';
import { openLocalIdentity } from '../service-tokens.ts';
import { type Door, type EdgeOptions, GoogleEdge } from './edge.ts';
import { GOOGLE_ADDRESS } from './request-headers.ts';

const identity = openLocalIdentity({ audience: 'us' });
const INVOKERS = { scheduler: 'scheduler@seatlease.local', pubsub: 'pubsub@seatlease.local' };

const functionFor = (grant: 'anyone' | 'scheduler'): FunctionContract =>
  defineFunction({
    name: 'probe',
    summary: '',
    memoryMiB: 256,
    concurrency: 1,
    maxInstances: 1,
    timeoutSeconds: 100,
    roles: [],
    uses: [],
    endpoints: { one: { method: 'GET', path: '/', summary: '', auth: [grant], answers: {}, problems: [] } },
  });
const PUBLIC = functionFor('anyone');
const GUARDED = functionFor('scheduler');

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const ok: Handler = (_, response) => void response.writeHead(200).end('from the function');

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
  vi.useRealTimers();
});

/** A function behind the edge, with one server for each door. */
async function open(contract: FunctionContract, handler: Handler, options: Omit<EdgeOptions, 'iam'> = {}) {
  const edge = new GoogleEdge({
    iam: async () => ({ identity, invokers: INVOKERS }),
    addressOf: () => CALLER,
    ...options,
  });
  const received: IncomingMessage[] = [];
  const ports: Partial<Record<Door, number>> = {};
  for (const door of ['hosting', 'run.app', 'internal'] as const) {
    const server = createServer((request, response) => {
      const serve = (): void => {
        received.push(request);
        handler(request, response);
      };
      edge.pass({ door, contract, request, response, serve });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports[door] = (server.address() as AddressInfo).port;
    closers.push(() => {
      server.close();
      server.closeAllConnections();
    });
  }
  /** Pairs of names and values, so that a name can come twice. */
  async function get(door: Door, headers: readonly (readonly [string, string])[] = [], path = '/') {
    const sent = http.get({
      port: ports[door],
      path,
      headers: ['host', 'seats.example.com', ...headers.flat()],
      agent: false,
    });
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode, headers: response.headers, body: await text(response) };
  }
  return { get, received };
}

const bearer = (token: string): string => `Bearer ${token}`;
const unsigned = (token: string): string => token.replace(/[^.]*$/, 'SIGNATURE_REMOVED_BY_GOOGLE');

describe('the headers about the caller', () => {
  test('uses the address that the recorded header sets use for Google', () => {
    expect(GOOGLE_ADDRESS).toBe(FRONT_END);
  });

  test.each([
    ['run.app', 'run.app', PUBLIC],
    ['hosting', 'Hosting', PUBLIC],
    ['internal', 'a call of Cloud Scheduler or Pub/Sub', GUARDED],
  ] as const)(
    'at %s are those that others have recorded, whatever the caller wrote',
    async (door, name, of) => {
      const recorded = DOORS.find((each) => each.name === name);
      const { get, received } = await open(of, ok);
      const token = ['authorization', bearer(identity.issue(INVOKERS.scheduler))] as const;
      await get(door, [token]);
      const { host: _, ...plain } = recorded?.headers ?? {};
      expect(received[0]?.headers).toMatchObject(plain);
      await get(door, [token, ...Object.entries(writtenBefore(recorded?.forged ?? {}))]);
      const { host: __, ...forged } = recorded?.forged ?? {};
      expect(received[1]?.headers).toMatchObject(forged);
    },
  );

  test('Hosting calls the function at its own host, and passes on only the cookie __session', async () => {
    const { get, received } = await open(PUBLIC, ok);
    await get('hosting', [['cookie', 'a=1; __session=sealed; __sessions=2']]);
    await get('hosting', [['cookie', 'a=1']]);
    await get('run.app', [['cookie', 'a=1']]);
    expect(received.map(({ headers }) => headers.cookie)).toEqual(['__session=sealed', undefined, 'a=1']);
    expect(received[0]?.headers).toMatchObject({
      host: 'seatlease-probe.run.app',
      'x-forwarded-host': 'seats.example.com',
    });
    expect(received[2]?.headers.host).toBe('seats.example.com');
  });
});

describe('a service that IAM guards', () => {
  const good = identity.issue(INVOKERS.scheduler);
  const asScheduler = [['authorization', bearer(good)]] as const;

  test('gets the token of its invoker without the signature', async () => {
    const { get, received } = await open(GUARDED, ok);
    expect((await get('internal', asScheduler)).body).toBe('from the function');
    expect(received[0]?.headers.authorization).toBe(bearer(unsigned(good)));
    expect(received[0]?.headersDistinct.authorization).toEqual([bearer(unsigned(good))]);
  });

  test('gets Authorization unchecked and unchanged beside a valid X-Serverless-Authorization', async () => {
    const { get, received } = await open(GUARDED, ok);
    const reply = await get('internal', [
      ['authorization', bearer('anything')],
      ['x-serverless-authorization', bearer(good)],
    ]);
    expect(reply.status).toBe(200);
    expect(received[0]?.headers).toMatchObject({
      authorization: bearer('anything'),
      'x-serverless-authorization': bearer(unsigned(good)),
    });
  });

  const eve = identity.issue('eve@seatlease.local');
  const stranger = openLocalIdentity({ audience: 'us' }).issue(INVOKERS.scheduler);
  test.each<[string, (readonly [string, string])[], number]>([
    ['no token', [], 403],
    ['another scheme', [['authorization', 'Operator key']], 401],
    ['the marker in place of a signature', [['authorization', bearer(unsigned(good))]], 401],
    ['a token of another issuer', [['authorization', bearer(stranger)]], 401],
    ['the token of an account that may not invoke it', [['authorization', bearer(eve)]], 403],
    [
      'a good token in Authorization alone',
      [...asScheduler, ['x-serverless-authorization', bearer(eve)]],
      403,
    ],
    ['two tokens', [...asScheduler, ...asScheduler], 401],
  ])('is not reached with %s; the refusal is Google’s page', async (_, headers, status) => {
    const { get, received } = await open(GUARDED, ok);
    const refusal = await get('internal', headers);
    expect(refusal.status).toBe(status);
    expect(refusal.headers['content-type']).toMatch(/^text\/html/);
    expect(refusal.headers['x-request-id']).toBeUndefined();
    expect(received).toEqual([]);
  });

  test.each(['hosting', 'run.app'] as const)(
    'is not found from outside, at %s, even by its invoker',
    async (door) => {
      const { get, received } = await open(GUARDED, ok);
      expect((await get(door, asScheduler)).status).toBe(404);
      expect(received).toEqual([]);
    },
  );
});

describe('Hosting', () => {
  const withHeaders =
    (headers: http.OutgoingHttpHeaders, status = 200): Handler =>
    (_, response) =>
      void response.writeHead(status, headers).end('body');

  test.each([
    [{}, 'private', true],
    [{ 'cache-control': 'private, no-store' }, 'private, no-store', true],
    [{ 'cache-control': 'no-store' }, 'no-store', false],
    [{ 'cache-control': 'public, max-age=60' }, 'public, max-age=60', false],
  ])('answers %j with Cache-Control %s; Set-Cookie stays: %s', async (given, cacheControl, keeps) => {
    const { get } = await open(PUBLIC, withHeaders({ ...given, 'set-cookie': '__session=sealed' }));
    const { headers } = await get('hosting');
    expect(headers['cache-control']).toBe(cacheControl);
    expect(headers['set-cookie']).toEqual(keeps ? ['__session=sealed'] : undefined);
    expect((await get('run.app')).headers['set-cookie']).toEqual(['__session=sealed']);
  });

  test('adds what its answers differ by to Vary', async () => {
    const { get } = await open(PUBLIC, withHeaders({ vary: 'origin, cookie' }));
    expect((await get('hosting')).headers.vary).toBe('origin, cookie, Accept-Encoding, Authorization');
  });

  test('caches public answers for as long as they allow, for each cookie and credentials apart', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { get, received } = await open(
      PUBLIC,
      withHeaders({ 'cache-control': 'public, max-age=60', etag: '"1"' }),
    );
    await get('hosting');
    const again = await get('hosting');
    expect([again.status, again.body, again.headers['x-cache']]).toEqual([200, 'body', 'HIT']);
    expect((await get('hosting', [['if-none-match', '"1"']])).status).toBe(304);
    expect(received).toHaveLength(1);
    await get('hosting', [['cookie', '__session=other']]);
    await get('hosting', [['authorization', 'License other']]);
    await get('run.app');
    expect(received).toHaveLength(4);
    vi.setSystemTime(Date.now() + 60_000);
    await get('hosting');
    expect(received).toHaveLength(5);
  });

  test('caches a 404 without Cache-Control for 10 minutes, and no other', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const bare = await open(PUBLIC, withHeaders({}, 404));
    const marked = await open(PUBLIC, withHeaders({ 'cache-control': 'private, no-store' }, 404));
    for (const { get } of [bare, bare, marked, marked]) expect((await get('hosting')).status).toBe(404);
    expect([bare.received.length, marked.received.length]).toEqual([1, 2]);
    vi.setSystemTime(Date.now() + 600_000);
    await bare.get('hosting');
    expect(bare.received).toHaveLength(2);
  });

  test('gives up on an answer after its time, which the other doors do not have', async () => {
    const waiting: ServerResponse[] = [];
    const { get } = await open(PUBLIC, (_, response) => void waiting.push(response), {
      hostingMs: 5,
      capacityOf: () => 2,
    });
    const direct = get('run.app');
    const late = await get('hosting');
    expect([late.status, late.headers['content-type']]).toEqual([504, 'text/html; charset=UTF-8']);
    // The function goes on, and its answer is discarded.
    for (const response of waiting) ok({} as IncomingMessage, response.headersSent ? discarded() : response);
    expect((await direct).status).toBe(200);
  });
});

describe('when all instances are busy', () => {
  test('a request waits, and is served when one gets free', async () => {
    const waiting: ServerResponse[] = [];
    const { get, received } = await open(PUBLIC, (_, response) => void waiting.push(response));
    const first = get('run.app');
    await vi.waitFor(() => expect(received).toHaveLength(1));
    const second = get('run.app');
    ok({} as IncomingMessage, waiting[0] as ServerResponse);
    expect((await first).status).toBe(200);
    await vi.waitFor(() => expect(received).toHaveLength(2));
    ok({} as IncomingMessage, waiting[1] as ServerResponse);
    expect((await second).status).toBe(200);
  });

  test('a request that waited too long gets 429 without Retry-After, and leaves its place', async () => {
    const waiting: ServerResponse[] = [];
    const { get, received } = await open(PUBLIC, (_, response) => void waiting.push(response), {
      instanceWaitMs: 5,
    });
    const first = get('run.app');
    await vi.waitFor(() => expect(received).toHaveLength(1));
    const refused = await get('run.app');
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, undefined]);
    ok({} as IncomingMessage, waiting[0] as ServerResponse);
    await first;
    const third = get('run.app');
    await vi.waitFor(() => expect(waiting).toHaveLength(2));
    ok({} as IncomingMessage, waiting[1] as ServerResponse);
    expect((await third).status).toBe(200);
  });
});

/** What a caller must have sent for the edge to pass on these headers. */
function writtenBefore(forged: Readonly<Record<string, string>>): Record<string, string> {
  const { host: _, 'x-forwarded-proto': __, 'cdn-loop': ___, ...written } = forged;
  const own = (value: string): string =>
    value.replaceAll(/,?(for=)?"?(203\.0\.113\.7|198\.51\.100\.20)"?(;proto=https)?/g, '');
  const kept = Object.entries(written).filter(([name]) => name !== 'x-forwarded-host' || !forged['cdn-loop']);
  return Object.fromEntries(
    kept.map(([name, value]) => [name, own(value)]).filter(([, value]) => value !== ''),
  );
}

function discarded(): ServerResponse {
  return new http.ServerResponse(new http.IncomingMessage(null as never));
}
