import { format } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Action } from '../shared/domain/authorization.ts';
import type { EndpointContract, FunctionContract } from '../shared/http/contract.ts';
import { startEmbeddedRedis } from '../shared/local/redis/embedded-redis.ts';
import { startUpstashServer } from '../shared/local/redis/upstash-server.ts';
import type { Deps } from '../shared/ports/deps.ts';
import { TEST_SECRETS } from '../shared/testing/secrets.ts';
import { type CountingProxy, countingProxy } from '../shared/testing/servers/counting-proxy.ts';
import type { AnyRequest, World } from './example.ts';
import { MANIFEST } from './manifest.ts';
import { breakDisk } from './testing/break-disk.ts';
import { findWords, formsOf } from './testing/find-text.ts';
import { ADA, makePersonalWorld, type PersonalWorld } from './testing/personal-world.ts';
import { SAMPLES, type Sample, sendTo } from './testing/sample-requests.ts';
import { credentialsFor, newMember, stripeSignature, worldFor } from './testing/sample-world.ts';
import {
  type CallOptions,
  OPERATOR_KEY,
  openTestSuite,
  type Reply,
  type TestSuite,
} from './testing/suite.ts';
import type { TestUser } from './testing/users.ts';

/**
 * Sends every endpoint valid requests, invalid ones, and some while each dependency is unavailable; then reads the log.
 */

const FUNCTIONS: readonly FunctionContract[] = MANIFEST;

/** Secrets in the environment of the functions. */
const SECRETS = {
  OPERATOR_KEY,
  SESSION_TOKEN_KEYS: 'session-token-key-for-logs-0123456789abcd',
  REFRESH_TOKEN_KEYS: 'refresh-token-key-for-logs-0123456789abc',
  SIGN_IN_STATE_KEYS: 'sign-in-state-key-for-logs-0123456789ab',
  CONFIRMATION_KEYS: 'confirmation-key-for-logs-0123456789abcd',
  ACCESS_TOKEN_PRIVATE_KEY: TEST_SECRETS.ACCESS_TOKEN_PRIVATE_KEY,
  PSEUDONYM_KEY: 'pseudonym-key-for-logs-0123456789abcdef',
  UPSTASH_REDIS_REST_TOKEN: 'upstash-token-for-logs-0123456789',
};

/** Fields of requests and answers whose values no log line may contain. */
const NEVER_LOGGED = new Set([
  ...[
    'license_key',
    'operator_token',
    'session_token',
    'access_token',
    'refresh_token',
    'confirmation_token',
    'code',
  ],
  ...[
    'code_verifier',
    'code_challenge',
    'state',
    'signed_license',
    'license_token',
    'checkout_url',
    'portal_url',
    'device_code',
    'user_code',
    'ticket',
    'token',
  ],
  ...['fingerprint', 'hostname', 'user_id', 'process_id', 'app_version', 'email', 'name'],
]);
const SHORTEST_WORD = 8;
const AT_A_TIME = 16;

let suite: TestSuite;
let world: PersonalWorld;
/** The world of each sample request, and the user who is erased and signs out there. */
const worlds = new Map<Action, { readonly things: World; readonly self: TestUser }>();
let proxy: CountingProxy;
let closeRedis: () => Promise<void>;
let hasBug = false;
/** After some wrong operator keys, the right one is refused from this address. */
const WRONG_KEYS_FROM = '203.0.113.78';
const words: Record<string, string> = { ...SECRETS, ...ADA, wrongKeysFrom: WRONG_KEYS_FROM };
const written: string[] = [];
/** How each endpoint answered its sample request while everything was available. */
const answers: Record<string, string> = {};

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  captureOutput();
  const redis = await startEmbeddedRedis();
  const front = await startUpstashServer({ backend: redis, token: SECRETS.UPSTASH_REDIS_REST_TOKEN });
  proxy = await countingProxy(front.url);
  closeRedis = async () => {
    await proxy.close();
    await front.close();
    await redis.close();
  };
  const settings = { SHARDS: '2', UPSTASH_REDIS_REST_URL: proxy.url, USAGE_METERS: 'exports' };
  suite = remembering(await openTestSuite({ ...settings, ...SECRETS }, withBug));
  words.stripeKey = suite.stripe.apiKey;
  words.stripeWebhookSecret = suite.stripe.webhookSecret;
  world = await makePersonalWorld({ suite, moveClock: (ms) => vi.setSystemTime(Date.now() + ms) });
  for (const sample of SAMPLES) await makeWorld(sample);
  await sendToAll();
  // It sends each endpoint a dozen requests, one after the other.
}, 120_000);
afterAll(async () => {
  await suite?.close();
  await closeRedis?.();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Collects everything that is written to standard output, standard error or the console. */
function captureOutput(): void {
  const note = (...output: unknown[]): true => {
    written.push(format(...output));
    return true;
  };
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockImplementation(note);
  for (const how of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const)
    vi.spyOn(console, how).mockImplementation(note);
  process.on('warning', note);
}

/** The suite, with every credential and every personal word of requests and answers added to `words`. */
function remembering(plain: TestSuite): TestSuite {
  const call: TestSuite['call'] = async (method, path, options = {}) => {
    const { authorization = '', headers = {}, body } = options;
    remember('credentials', authorization.split(' ').at(-1));
    remember('cookie', headers.cookie?.split('=')[1]);
    remember('idempotency key', headers['idempotency-key']);
    rememberFields(body instanceof URLSearchParams ? Object.fromEntries(body) : body);
    const reply = await plain.call(method, path, options);
    if (reply.status < 400) rememberFields(reply.body);
    const location = reply.headers.get('location');
    if (location !== null) rememberFields(Object.fromEntries(new URL(location).searchParams));
    remember('cookie', reply.headers.get('set-cookie')?.split(/[=;]/)[1]);
    return reply;
  };
  const operate: TestSuite['operate'] = (method, path, body) =>
    call(method, path, { authorization: `Operator ${OPERATOR_KEY}`, body });
  return { ...plain, call, operate };
}

function remember(what: string, word: string | null | undefined): void {
  if (word && word.length >= SHORTEST_WORD) words[`${what} ${word}`] = word;
}

function rememberFields(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [field, inside] of Object.entries(value)) {
    if (typeof inside === 'string' && NEVER_LOGGED.has(field)) remember(field, inside);
    else rememberFields(inside);
  }
}

/** The ports. All of them throw an unexpected error while `hasBug` is true. */
function withBug(deps: Deps): Deps {
  const part = <P extends object>(port: P): P =>
    new Proxy(port, {
      get(target, name, self) {
        const member = Reflect.get(target, name, target === self ? self : target);
        if (typeof member !== 'function') return member;
        if (hasBug && name !== 'close') throw new TypeError('nothing is where it should be');
        return member.bind(target);
      },
    });
  const { seats, seatMaintenance, records, events, identity, signer, limits, signIn, billing } = deps;
  const parts = { seats, seatMaintenance, records, events, identity, signer, limits, signIn, billing };
  const broken = Object.entries(parts).map(([name, port]) => [name, port && part(port)]);
  return { ...deps, ...Object.fromEntries(broken) };
}

async function sendToAll(): Promise<void> {
  proxy.down(true);
  await sendEach();
  proxy.down(false);

  const repair = breakDisk();
  await sendEach();
  repair();

  suite.stripe.breakApi('status 500');
  await sendEach(({ action }) => /^(checkout\.create|stripe)/.test(action));
  suite.stripe.breakApi(undefined);

  hasBug = true;
  await sendEach();
  hasBug = false;

  const wrong = SAMPLES.map(validRequest).flatMap(invalidRequests);
  for (let n = 0; n < wrong.length; n += AT_A_TIME)
    await Promise.all(wrong.slice(n, n + AT_A_TIME).map((request) => send(request, WRONG_KEYS_FROM)));
  await suite.call('POST', '/api/v1/webhooks/stripe', {
    body: ADA.email,
    headers: { 'stripe-signature': stripeSignature(suite, ADA.email) },
  });
  const { providerState, signInCookie } = worldOf('callback.callback').things;
  await suite.call(
    'GET',
    `/auth/callback?${new URLSearchParams({ state: providerState, error: ADA.email })}`,
    {
      headers: { cookie: signInCookie },
    },
  );

  for (const sample of SAMPLES) {
    // Earlier requests may have used up the world.
    await makeWorld(sample);
    const { status, text } = await send(validRequest(sample));
    answers[sample.action] = status < 400 ? 'done' : `${status} ${text}`;
  }
  await suite.settle();
}

/** Creates the world of a sample in the shop. */
async function makeWorld(sample: Sample): Promise<void> {
  const { shopId, licenseIds, keys } = world;
  const license = {
    licenseId: licenseIds[0] ?? '',
    acquire: () =>
      suite.call('POST', '/api/v1/licenses/acquire', {
        authorization: `License ${keys.machines}`,
        body: SEAT,
      }),
  };
  const self = await newMember(suite, shopId);
  const made = await worldFor(suite, sample, { tenantId: shopId, license }, self);
  const things = { ...made, email: ADA.email, fresh: (word: string) => `${word}-of-ada` };
  worlds.set(sample.action, { things, self });
}

function worldOf(action: Action) {
  const found = worlds.get(action);
  if (!found) throw new Error(`${action} has no world`);
  return found;
}

const SEAT = {
  fingerprint: `${ADA.fingerprint}-again`,
  hostname: `${ADA.hostname}-again`,
  user_id: 'user-id-of-ada',
  process_id: 'process-of-ada',
  app_version: 'version-of-ada',
};

interface Outgoing extends CallOptions, AnyRequest {
  readonly method: EndpointContract['method'];
  /** The path of the contract; `params` replace the names in braces. */
  readonly path: string;
  readonly bodyType?: EndpointContract['bodyType'];
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The sample request, by a caller who is allowed to send it. */
function validRequest({ action, endpoint, requestIn }: Sample): Outgoing {
  const { keys, bob, ada } = world;
  const people = { license: { key: keys.machines }, owner: bob };
  const { things, self } = worldOf(action);
  const isAnswer = /^tenants\.(accept|decline)/.test(action);
  const person = isAnswer || action.startsWith('gdpr-delete.') ? self : ada;
  return {
    method: endpoint.method,
    path: endpoint.path,
    bodyType: endpoint.bodyType,
    ...requestIn(things),
    // With a license key, the body can contain the id of any user.
    ...(action === 'acquire.acquire' && { body: SEAT }),
    ...credentialsFor(suite, endpoint, people, person),
  };
}

async function sendEach(which: (sample: Sample) => boolean = () => true): Promise<void> {
  for (const sample of SAMPLES) if (which(sample)) await send(validRequest(sample));
}

function send({ authorization, ...request }: Outgoing, address: string = ADA.address): Promise<Reply> {
  const headers = { 'x-forwarded-for': address };
  // Without Hosting's cache and Google's own refusals, so that each request gets to its function.
  const options = { headers, door: 'unguarded' } as const;
  return sendTo(suite, request, request, {
    ...options,
    ...(authorization !== undefined && { authorization }),
  });
}

/** The request with secrets in wrong places. */
function invalidRequests(request: Outgoing, n: number): Outgoing[] {
  const { keys, ada } = world;
  const token = ada.authorization.replace('Bearer ', '');
  const schemes = [
    `Licence ${keys.machines}`,
    keys.machines,
    `License: ${keys.machines}`,
    `Bearer ${keys.machines}`,
    `License ${token}`,
    `Operator ${token}`,
    `Basic ${Buffer.from(`${ADA.email}:${keys.machines}`).toString('base64')}`,
    `License ${keys.machines} ${keys.machines}`,
    `Operator ${OPERATOR_KEY}x`,
    `Bearer ${token}x`,
  ];
  const misplaced = [
    keys.machines,
    worldOf('heartbeat.heartbeat').things.sessionToken,
    ADA.email,
    `${ADA.hostname}.example.com`,
    token,
  ];
  const headers: CallOptions['headers'] = {
    ...request.headers,
    'x-request-id': misplaced[n % misplaced.length] ?? '',
    'user-agent': `${ADA.hostname} ${ADA.email}`,
    referer: `https://example.com/?code=one-time-code-of-ada`,
    traceparent: `00-${token}`,
    'x-cloud-trace-context': keys.machines,
    'idempotency-key': `${ADA.email} ${ADA.name}`,
  };
  const body = request.body ?? {};
  const json = typeof body === 'string' ? body : JSON.stringify(body);
  const isRead = request.method === 'GET';
  const params = Object.fromEntries(Object.keys(request.params ?? {}).map((name) => [name, ADA.email]));
  const query = { key: keys.machines, email: ADA.email, token, error: ADA.email };
  return [
    { ...request, headers, authorization: schemes[n % schemes.length] ?? '' },
    { ...request, headers, query: { ...request.query, ...query } },
    { ...request, headers, query, method: 'PUT' },
    { ...request, headers, params, path: request.params ? request.path : `${request.path}/${ADA.email}` },
    ...(isRead
      ? []
      : [
          { ...request, headers, body: `${json}, "email": "${ADA.email}"` },
          { ...request, headers, body: { ...Object(body), [ADA.email]: ADA.hostname } },
        ]),
  ];
}

function lines(): [string, string][] {
  const logged = suite.logged.map((line, n): [string, string] => [`log line ${n}`, JSON.stringify(line)]);
  return [...logged, ...written.map((text, n): [string, string] => [`output ${n}`, text])];
}

test('neither the log nor the console contains a secret or personal data', () => {
  expect(findWords(lines(), words)).toEqual([]);
  // A random hash contains "eyJ" at times: with the 200 hashes of this log, the pattern would match in one run of 30.
  const hashes = suite.logged.flatMap(({ chain_heads = [] }) => chain_heads.map(({ hash }) => hash));
  for (const hash of hashes) expect(hash).toMatch(/^[\w-]{43}$/);
  const withoutHashes = suite.logged.map(({ chain_heads, ...line }) => ({
    ...line,
    chain_heads: chain_heads?.map(({ hash: _, ...head }) => head),
  }));
  expect(JSON.stringify(withoutHashes)).not.toMatch(/slk_|(st|rt|ct|su)1\.|eyJ|@(?!type)/);
});

describe('this test', () => {
  test('makes every endpoint of every function succeed', () => {
    const endpoints = FUNCTIONS.flatMap(({ name, endpoints: all }) =>
      Object.keys(all).map((key) => `${name}.${key}`),
    );
    expect(answers).toEqual(Object.fromEntries(endpoints.map((action) => [action, 'done'])));
  });

  test.each(FUNCTIONS.map(({ name }) => name))('makes %s succeed, refuse, and fail', (name) => {
    const statuses = suite.logged
      .filter((line) => line.function === name)
      .map(({ httpRequest }) => Math.floor((httpRequest?.status ?? 0) / 100));
    expect(new Set(statuses.map((status) => (status === 3 ? 2 : status)))).toEqual(new Set([2, 4, 5]));
  });

  test.each([
    'SEATS_UNAVAILABLE',
    'RECORDS_UNAVAILABLE',
    'BILLING_UNAVAILABLE',
    'LIMITS_UNAVAILABLE',
    'INTERNAL',
    'INVALID_JSON',
    'VALIDATION_FAILED',
    'METHOD_NOT_ALLOWED',
    'AUTHENTICATION_REQUIRED',
    'CREDENTIALS_INVALID',
    'SIGNATURE_INVALID',
  ])('gets some answers with %s', (code) => {
    expect(suite.logged.filter((line) => line.code === code)).not.toEqual([]);
  });

  test('sends words of all kinds, and searches for them', () => {
    const kinds = new Set(Object.keys(words).map((what) => what.split(' ')[0]));
    for (const kind of [...NEVER_LOGGED, 'credentials', 'cookie', 'idempotency', 'OPERATOR_KEY', 'stripeKey'])
      expect(kinds).toContain(kind);
    expect(Object.keys(words).length).toBeGreaterThan(100);
  });

  test('finds a word in every encoding', () => {
    const word = 'Ada "Countess" Lovelace+1@example.com';
    const inText = {
      plain: word,
      upperCase: word.toUpperCase(),
      json: JSON.stringify({ text: JSON.stringify(word) }),
    };
    const inUrl = { path: encodeURIComponent(word), form: new URLSearchParams({ word }).toString() };
    const inBase64 = ['', 'a', 'ab', 'abc'].flatMap((before) =>
      (['base64', 'base64url'] as const).map((how) => Buffer.from(`${before}${word}?>`).toString(how)),
    );
    for (const text of [...Object.values({ ...inText, ...inUrl }), ...inBase64])
      expect(findWords([['there', `x${text}x`]], { word })).toEqual(['word in there']);
    expect(findWords([['there', 'nothing of her']], { word })).toEqual([]);
    expect(Math.min(...formsOf(word).map((form) => form.length))).toBeGreaterThan(30);
  });
});
