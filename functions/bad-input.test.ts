import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newLicenseKey, newPersonalId } from '../shared/domain/ids.ts';
import { PROBLEMS, type ProblemCode } from '../shared/errors.ts';
import { LARGEST_COLLECTED_BYTES } from '../shared/http/body.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import { PAGE_HEADERS } from '../shared/http/html-page.ts';
import { guardServer } from '../shared/http/server-guard.ts';
import { getTestServer } from '../shared/local/framework.ts';
import { startEmbeddedRedis } from '../shared/local/redis/embedded-redis.ts';
import { type RespClient, type RespReply, respClient } from '../shared/local/redis/resp-client.ts';
import { runs } from '../shared/testing/runs.ts';
import { MANIFEST } from './manifest.ts';
import { type BadRequest, badRequests, type Known } from './testing/bad-requests.ts';
import { isParserRefusal, type RawAnswer, sendRaw } from './testing/raw-http.ts';
import { OPERATOR_KEY, openTestSuite, type TestSuite } from './testing/suite.ts';
import { join } from './testing/users.ts';

/** No refusal is longer: at most ten errors, each in a few words. */
const LONGEST_BODY_BYTES = 2_500;
/** What is read of one request: headers, the largest body, and a little more before the connection is closed. */
const MOST_READ_BYTES = 16 * 1024 + 2 * LARGEST_COLLECTED_BYTES + 3 * 64 * 1024;
const SEED = 20261130;
const RUNS_PER_ENDPOINT = runs(20, 100);
const FUNCTIONS: readonly FunctionContract[] = MANIFEST;
const ENDPOINTS = FUNCTIONS.flatMap(({ name, endpoints }) =>
  Object.values(endpoints).map((endpoint) => ({
    name,
    endpoint,
    title: `${endpoint.method} ${endpoint.path}`,
  })),
);

const SECRETS: string[] = [OPERATOR_KEY];
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
let redis: Awaited<ReturnType<typeof startEmbeddedRedis>>;
let client: RespClient;
let suite: TestSuite;
let known: Known;
let before: unknown;
let sent = 0;
const codesSeen = new Set<string>();
/** The connections that servers here accepted, each with its number of requests. */
const connections = new Map<Socket, number>();
const count = (message: unknown): void => {
  const { request } = message as { request: http.IncomingMessage };
  connections.set(request.socket, (connections.get(request.socket) ?? 0) + 1);
};

beforeAll(async () => {
  subscribe('http.server.request.start', count);
  redis = await startEmbeddedRedis();
  client = respClient(redis);
  suite = await openTestSuite({ REDIS_URL: `redis://${redis.host}:${redis.port}` });
  const license = await suite.createLicense({ max: 2 });
  const { session_id, session_token } = (
    await license.acquire('fingerprint-of-ada', { hostname: 'host-of-ada' })
  ).body;
  const ada = await join(suite, license.tenantId, 'ada@example.com', 'owner');
  SECRETS.push(ada.authorization, ada.refreshToken);
  SECRETS.push(license.key, session_token, 'fingerprint-of-ada', 'host-of-ada');
  known = {
    params: {
      license_id: license.licenseId,
      session_id,
      tenant_id: license.tenantId,
      user_id: ada.userId,
      invitation_id: newPersonalId('inv'),
    },
    credentials: {
      license: `License ${license.key}`,
      operator: `Operator ${OPERATOR_KEY}`,
      person: ada.authorization,
      scheduler: `Bearer ${suite.serviceToken('scheduler')}`,
      pubsub: `Bearer ${suite.serviceToken('pubsub')}`,
    },
    wrongKeys: [`License ${newLicenseKey(license.licenseId)}`, `Operator ${OPERATOR_KEY}x`],
  };
  before = await stateOf();
});
afterAll(async () => {
  unsubscribe('http.server.request.start', count);
  agent.destroy();
  await suite.close();
  client.close();
  await redis.close();
});

/** Everything in Redis and the records. */
async function stateOf(): Promise<unknown> {
  const keys = await client.command(['KEYS', '*']);
  if (!Array.isArray(keys)) throw new TypeError('KEYS answers with a list');
  const dump: Record<string, RespReply> = {};
  // Rate limits, and the pace of a license for callers with wrong keys, also count refused requests.
  for (const key of keys.map(String).toSorted()) {
    if (key.startsWith('limit:')) continue;
    const type = String(await client.command(['TYPE', key]));
    const read = {
      hash: ['HGETALL', key],
      zset: ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
      stream: ['XRANGE', key, '-', '+'],
    };
    const reply = await client.command(read[type as keyof typeof read] ?? ['GET', key]);
    dump[key] = type === 'hash' ? withoutPace(reply) : reply;
  }
  const { licenses } = (await suite.operate('GET', '/api/v1/licenses?limit=100')).body;
  const { sessions } = (await suite.operate('GET', `/api/v1/sessions?license_id=${known.params.license_id}`))
    .body;
  const people = await Promise.all(
    ['', '/members', '/invitations'].map(
      async (part) => (await suite.operate('GET', `/api/v1/tenants/${known.params.tenant_id}${part}`)).body,
    ),
  );
  const { users } = (await suite.operate('GET', '/api/v1/users')).body;
  const { tenants } = (await suite.operate('GET', '/api/v1/tenants')).body;
  return { dump, licenses, sessions, people, users, tenants };
}

/** Fields and values in turn, without the field that counts callers with wrong keys (include/enter.lua). */
function withoutPace(hash: RespReply): RespReply {
  if (!Array.isArray(hash)) return hash;
  return hash.filter((_, i) => hash[i - (i % 2)] !== 'strangers');
}

function send({ method, target, headers, body }: BadRequest): Promise<RawAnswer> {
  sent += 1;
  const { hostname, port } = new URL(suite.url);
  return new Promise((resolve, reject) => {
    const isChunked = headers['transfer-encoding'] !== undefined;
    const length = body.length > 0 && !isChunked ? { 'content-length': body.length } : {};
    const outgoing = http.request({
      agent,
      hostname,
      port,
      method,
      path: target,
      headers: { ...headers, ...length },
    });
    // The server closes the connection while we still send, after its answer.
    let isAnswered = false;
    outgoing.on('error', (error) => isAnswered || reject(error));
    outgoing.on('response', (incoming) => {
      isAnswered = true;
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const pairs = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
        const text = Buffer.concat(chunks).toString();
        resolve({ status: incoming.statusCode ?? 0, headers: Object.fromEntries(pairs), body: text });
      });
    });
    outgoing.end(body);
  });
}

/** Asserts that a refusal is a problem document and reveals nothing internal. */
function expectProblem(answer: RawAnswer, method: string, of: unknown): void {
  const { status, headers, body } = answer;
  const shown = JSON.stringify({ of, answer }).slice(0, 2000);
  expect(body.length, shown).toBeLessThan(LONGEST_BODY_BYTES);
  expect(status, shown).toBeGreaterThanOrEqual(400);
  expect(status, shown).toBeLessThan(500);
  expect(headers['x-request-id'], shown).toMatch(/^[\w-]{8,64}$/);
  expect(headers, shown).not.toHaveProperty('x-evil');
  if (status === 401) expect(headers['www-authenticate'], shown).toMatch(/ realm="seatlease"/);
  if (status === 405) expect(headers.allow, shown).toMatch(/^[A-Z, ]+$/);
  if (method === 'HEAD') {
    expect(body, shown).toBe('');
    return;
  }
  if (headers['content-type'] === PAGE_HEADERS['content-type']) {
    expect(body, shown).toContain('Sign in again');
    for (const secret of SECRETS) expect(body, shown).not.toContain(secret);
    return;
  }
  const problem = JSON.parse(body);
  if (headers['content-type'] === 'application/json') expect(problem.error, shown).toMatch(/^[a-z_]+$/);
  else expect(headers['content-type'], shown).toBe('application/problem+json');
  codesSeen.add(problem.code);
  const entry = Object.entries(PROBLEMS).find(([code]) => code === problem.code)?.[1];
  expect(entry, shown).toMatchObject({ status });
  expect(problem, shown).toMatchObject({ title: entry?.title, status, request_id: headers['x-request-id'] });
  expect(body, shown).not.toMatch(
    /\n +at |node_modules|file:\/\/|\/[\w-]+\.[cm]?[jt]s\b|ZodError|SyntaxError/,
  );
  for (const secret of SECRETS) expect(body, shown).not.toContain(secret);
}

describe(`a bad request returns a short problem of the table and changes nothing (seed ${SEED})`, () => {
  test.each(ENDPOINTS)('$title', async ({ endpoint }) => {
    const methods = ENDPOINTS.filter((other) => other.endpoint.path === endpoint.path).map(
      (o) => o.endpoint.method,
    );
    await fc.assert(
      fc.asyncProperty(badRequests(endpoint, methods, known), async (request) => {
        const shown = { ...request, body: request.body.toString('latin1').slice(0, 300) };
        expectProblem(await send(request), request.method, shown);
      }),
      { seed: SEED, numRuns: RUNS_PER_ENDPOINT, endOnFailure: true },
    );
    expect(await stateOf()).toEqual(before);
  });

  test('of no connection more is read than the largest body and a little more for each answer', () => {
    expect(connections.size).toBeGreaterThan(10);
    for (const [socket, answers] of connections)
      expect(socket.bytesRead).toBeLessThanOrEqual((answers + 1) * MOST_READ_BYTES);
  });

  test('sends at least 300 bad requests, and every check refuses some of them', () => {
    expect(sent).toBeGreaterThanOrEqual(Math.max(300, ENDPOINTS.length * RUNS_PER_ENDPOINT));
    const guards: ProblemCode[] = [
      'NOT_FOUND',
      'METHOD_NOT_ALLOWED',
      'PAYLOAD_TOO_LARGE',
      'AUTHENTICATION_REQUIRED',
      'CREDENTIALS_INVALID',
      'FORBIDDEN',
      'UNSUPPORTED_MEDIA_TYPE',
      'INVALID_JSON',
      'VALIDATION_FAILED',
    ];
    expect([...codesSeen]).toEqual(expect.arrayContaining(guards));
  });
});

const CLOSE = 'Host: seatlease\r\nConnection: close\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';

/** Bytes that no client library sends, and what refuses them: the suite with a problem, or the HTTP parser of Node. */
const RAW: readonly [name: string, by: 'the suite' | 'node', head: string, isCutShort?: boolean][] = [
  ['a target other than a path', 'the suite', `GET * HTTP/1.1\r\n${CLOSE}\r\n`],
  ['a target of another host', 'the suite', `GET http://evil.example/health HTTP/1.1\r\n${CLOSE}\r\n`],
  ['a target with non-ASCII bytes', 'node', `GET /h\xe9\xff HTTP/1.1\r\n${CLOSE}\r\n`],
  ['a target with a space', 'node', `GET /he alth HTTP/1.1\r\n${CLOSE}\r\n`],
  ['a target with a NUL', 'node', `GET /he\0alth HTTP/1.1\r\n${CLOSE}\r\n`],
  ['a target of 20 KB', 'node', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${CLOSE}\r\n`],
  ['a header of 20 KB', 'node', `GET /nothing HTTP/1.1\r\nX-Long: ${'a'.repeat(20_000)}\r\n${CLOSE}\r\n`],
  ['no host', 'node', 'GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['an unknown method', 'node', `BREW /health HTTP/1.1\r\n${CLOSE}\r\n`],
  ['an unknown version', 'node', `GET /health HTTP/9.9\r\n${CLOSE}\r\n`],
  ['an unknown expectation', 'node', `GET /nothing HTTP/1.1\r\nExpect: tea\r\n${CLOSE}\r\n`],
  [
    'a folded header',
    'node',
    `GET /nothing HTTP/1.1\r\nX-Request-Id: abcdefgh\r\n X-Evil: 1\r\n${CLOSE}\r\n`,
  ],
  ['a header with a bare line feed', 'node', `GET /nothing HTTP/1.1\r\nX-A: 1\nX-Evil: 2\r\n${CLOSE}\r\n`],
  ['a header name with a space', 'node', `GET /nothing HTTP/1.1\r\nX-A : 1\r\n${CLOSE}\r\n`],
  [
    'two lengths',
    'node',
    `POST /nothing HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n${CLOSE}\r\nab`,
  ],
  [
    'a length and chunks',
    'node',
    `POST /nothing HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n${CLOSE}\r\n0\r\n\r\n`,
  ],
  [
    'two request ids',
    'the suite',
    `GET /nothing HTTP/1.1\r\nX-Request-Id: abcdefgh\r\nX-Request-Id: ijklmnop\r\n${CLOSE}\r\n`,
  ],
  [
    'two content types',
    'the suite',
    `PUT /api/v1/licenses/heartbeat HTTP/1.1\r\n${JSON_TYPE}${JSON_TYPE}${CLOSE}\r\n`,
  ],
  [
    'two authorizations',
    'the suite',
    `GET /api/v1/licenses HTTP/1.1\r\nAuthorization: Operator a\r\nAuthorization: Operator b\r\n${CLOSE}\r\n`,
  ],
  [
    'an upgrade',
    'the suite',
    `GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n`,
  ],
  [
    'a length of 2 GB',
    'the suite',
    `PUT /api/v1/licenses/heartbeat HTTP/1.1\r\nContent-Length: 2000000000\r\n${JSON_TYPE}${CLOSE}\r\n{`,
  ],
  [
    'truncated chunks',
    'node',
    `PUT /api/v1/licenses/heartbeat HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${JSON_TYPE}${CLOSE}\r\nzz\r\n`,
    true,
  ],
];

describe('bytes that no client library sends', () => {
  test.each(RAW)('%s: refused by %s, without any change', async (_, by, bytes, isCutShort) => {
    const answers = await sendRaw(suite.url, Buffer.from(bytes, 'latin1'), isCutShort);
    for (const answer of answers) {
      if (by === 'node') expect(isParserRefusal(answer), JSON.stringify(answer)).toBe(true);
      else expectProblem(answer, 'GET', bytes);
    }
    expect(answers).toHaveLength(1);
    expect(await stateOf()).toEqual(before);
  });

  test('does not serve a request that is smuggled behind a refused one', async () => {
    const smuggled = `DELETE /api/v1/licenses/sessions/${known.params.session_id} HTTP/1.1\r\nAuthorization: ${known.credentials.operator}\r\n${CLOSE}\r\n`;
    const bytes = `GET /nothing HTTP/1.1\r\nContent-Length: ${smuggled.length}\r\n${CLOSE}\r\n${smuggled}`;
    const answers = await sendRaw(suite.url, bytes);
    expect(answers.map(({ status }) => status)).toEqual([404]);
    expect(await stateOf()).toEqual(before);
  });
});

describe('a function at its own URL, without the router', () => {
  test.each(FUNCTIONS.map(({ name }) => name))(
    '%s answers malformed paths itself, instead of its framework',
    async (name) => {
      const server = getTestServer(name);
      guardServer(server);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      try {
        for (const target of [
          '/%',
          '/%ff/x',
          '*',
          '//',
          '/..%2f',
          '/a%00',
          'http://evil.example/%',
          '/?%',
          '/%?deep=1',
        ]) {
          const [answer] = await sendRaw(url, `PATCH ${target} HTTP/1.1\r\n${CLOSE}\r\n`);
          if (!answer) throw new Error(`no answer to ${target}`);
          expectProblem(answer, 'PATCH', target);
        }
      } finally {
        server.close();
      }
    },
  );
});

test('logs no key, token, fingerprint or host name of refused requests, and no fault', () => {
  expect(suite.logged.length).toBeGreaterThan(300);
  const log = JSON.stringify(suite.logged);
  for (const secret of SECRETS) expect(log).not.toContain(secret);
  expect(suite.logged.filter(({ severity }) => severity === 'ERROR')).toEqual([]);
});
