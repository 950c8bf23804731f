import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FunctionName, MANIFEST } from '../../functions/manifest.ts';
import { entryPointOf } from '../../functions/names.ts';
import { deployedEnvironment } from '../../functions/testing/deployed-environment.ts';
import { sendChunked } from '../../functions/testing/endless-body.ts';
import { httpRequester } from '../../shared/adapters/redis/upstash-http.ts';
import { openSeats } from '../../shared/adapters/seats/redis-seats.ts';
import { newSessionId } from '../../shared/domain/ids.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import { TIME_LIMITS } from '../../shared/http/server-guard.ts';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { startUpstashServer, type UpstashServer } from '../../shared/local/redis/upstash-server.ts';
import { putNewLicense } from '../../shared/testing/seats/put-license.ts';
import { type Bundle, bundleShipped, fileNameOf } from './bundle.ts';
import { ROOT } from './esbuild.ts';
import { LOADED_WHEN_NEEDED } from './needs.ts';
import { startFunction } from './start-function.ts';
import { sharedBundles } from './testing/shared-bundles.ts';

interface FirstRequest {
  readonly request: string;
  readonly withKey?: true;
  readonly body?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  /** Sends a body with a session id of the license. */
  readonly ofSession?: true;
  readonly answer: number;
  /** The code of the problem, if the answer is one. */
  readonly code?: string;
}

/** A call without credentials to an endpoint that needs them. */
function unauthenticated({ name, endpoints }: FunctionContract): FirstRequest {
  const closed = Object.values(endpoints).find(({ auth }) => !auth.includes('anyone'));
  if (!closed) throw new Error(`${name} needs an entry in FIRST: all its endpoints are open to anyone.`);
  return { request: `${closed.method} ${closed.path}`, answer: 401, code: 'AUTHENTICATION_REQUIRED' };
}

/**
 * The first request to a function in a project that does not exist, and the expected answer, for functions where that
 * tests more than a call without credentials.
 */
const FIRST: Readonly<Partial<Record<FunctionName, FirstRequest>>> = {
  acquire: {
    request: 'POST /api/v1/licenses/acquire',
    withKey: true,
    body: { fingerprint: 'machine' },
    answer: 201,
  },
  heartbeat: {
    request: 'PUT /api/v1/licenses/heartbeat',
    withKey: true,
    ofSession: true,
    answer: 404,
    code: 'SESSION_NOT_FOUND',
  },
  release: {
    request: 'POST /api/v1/licenses/release',
    withKey: true,
    ofSession: true,
    answer: 204,
  },
  'public-key': { request: 'GET /api/v1/public-key', answer: 502, code: 'SIGNING_UNAVAILABLE' },
  // These two answer with a page.
  authorize: { request: 'GET /auth/authorize?client_id=unknown', answer: 400 },
  callback: { request: 'GET /auth/callback', answer: 400 },
  device: {
    request: 'POST /auth/device',
    form: { client_id: 'unknown' },
    answer: 401,
    code: 'CLIENT_UNKNOWN',
  },
  token: { request: 'POST /auth/token', form: {}, answer: 400, code: 'VALIDATION_FAILED' },
  'stripe-webhook': {
    request: 'POST /api/v1/webhooks/stripe',
    body: {},
    answer: 400,
    code: 'SIGNATURE_INVALID',
  },
  health: { request: 'GET /health', answer: 200 },
};

let redis: Awaited<ReturnType<typeof startEmbeddedRedis>>;
let front: UpstashServer;
let license: Awaited<ReturnType<typeof putNewLicense>>;
let bundles: ReadonlyMap<string, Bundle>;

beforeAll(async () => {
  bundles = await sharedBundles();
  redis = await startEmbeddedRedis();
  front = await startUpstashServer({ backend: redis, token: 'token' });
  const requester = httpRequester(front);
  license = await putNewLicense(openSeats(requester), { max: 1 });
  requester.close();
}, 120_000);

afterAll(async () => {
  await front.close();
  await redis.close();
});

function bundleOf(name: FunctionName): Bundle {
  const bundle = bundles.get(name);
  if (!bundle) throw new Error(`${name} was not bundled`);
  return bundle;
}

describe('the bundle of each function', () => {
  test.each(MANIFEST)(
    '$name starts from its own package files and answers its first request',
    async (contract) => {
      const { name } = contract;
      const { request, withKey, ofSession, answer, code, ...first } =
        FIRST[name] ?? unauthenticated(contract);
      const json = ofSession ? { session_id: newSessionId(license.licenseId) } : first.body;
      const text = json === undefined ? undefined : JSON.stringify(json);
      const body = first.form ? new URLSearchParams(first.form) : text;
      const [method = '', path = ''] = request.split(' ');
      const running = await startFunction(
        bundleOf(name).folder,
        entryPointOf(name),
        deployedEnvironment({
          UPSTASH_REDIS_REST_URL: front.url,
          STRIPE_SECRET_KEY: 'sk_test_none',
          STRIPE_WEBHOOK_SECRETS: 'whsec_none',
          BILLING_RETURN_URL: 'https://no-such.example',
          SIGN_IN_CLIENT_ID: 'no-such-client',
          SIGN_IN_CLIENT_SECRET: 'no-such-secret',
        }),
      );
      try {
        const response = await fetch(`${running.url}${path}`, {
          method,
          redirect: 'manual',
          headers: {
            ...(withKey && { authorization: `License ${license.key}` }),
            ...(json !== undefined && { 'content-type': 'application/json' }),
          },
          ...(body !== undefined && { body }),
        });
        const answered = await response.text();
        expect(
          { answer: response.status, code: code && JSON.parse(answered).code },
          running.output(),
        ).toEqual({
          answer,
          code,
        });
      } finally {
        await running.stop();
      }
    },
  );
});

describe('the bundle of a function, without credentials', () => {
  let running: Awaited<ReturnType<typeof startFunction>>;
  beforeAll(async () => {
    const environment = deployedEnvironment({ UPSTASH_REDIS_REST_URL: front.url });
    running = await startFunction(bundleOf('heartbeat').folder, entryPointOf('heartbeat'), environment);
    await fetch(running.url);
  });
  afterAll(() => running.stop());

  const PUT = 'PUT /api/v1/licenses/heartbeat HTTP/1.1';
  const ofProcess = (file: string, field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${running.pid}/${file}`, 'utf8'))?.[1]);
  /** All that the process has read, from sockets too. */
  const readBytes = (): number => ofProcess('io', 'rchar');
  const largestMemoryBytes = (): number => ofProcess('status', 'VmHWM') * 1024;

  test('reads some hundred KB of eight bodies of 31 MB each, keeps none, and answers all', async () => {
    const before = { read: readBytes(), memory: largestMemoryBytes() };
    const uploads = await Promise.all(
      Array.from({ length: 8 }, () => sendChunked(running.url, [PUT], 31 * 1024 * 1024)),
    );
    for (const { answer } of uploads) {
      expect(answer).toMatchObject({ status: 401, headers: { connection: 'close' } });
      expect(JSON.parse(answer?.body ?? '')).toMatchObject({ code: 'AUTHENTICATION_REQUIRED' });
    }
    expect(readBytes() - before.read).toBeLessThan(8 * 512 * 1024);
    expect(largestMemoryBytes() - before.memory).toBeLessThan(24 * 1024 * 1024);
  });

  test.each([
    ['headers', TIME_LIMITS.headersTimeout, [PUT, 'Host:']],
    ['a body', TIME_LIMITS.requestTimeout, [PUT, 'Host: x', 'Content-Length: 9', '', 'abc']],
  ])(
    'ends a connection if %s come too slowly',
    async (_, limitMs, lines) => {
      const startedMs = performance.now();
      // A body is waited for only if the credentials have the right form.
      const withKey = lines.toSpliced(1, 0, `Authorization: License ${license.key}`);
      const socket = connect(Number(new URL(running.url).port), '127.0.0.1');
      socket.write(withKey.join('\r\n'));
      const answer = Buffer.concat(await socket.toArray()).toString();
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      const tookMs = performance.now() - startedMs;
      expect(tookMs).toBeGreaterThanOrEqual(limitMs);
      expect(tookMs).toBeLessThan(limitMs + 2 * TIME_LIMITS.connectionsCheckingInterval);
    },
    60_000,
  );
});

describe('the content of bundles', () => {
  test.each(MANIFEST.map(({ name }) => name))(
    '%s has no heavy package in its entry, and is smaller than 0.9 MB',
    (name) => {
      const { entryPackages, entryBytes } = bundleOf(name);
      expect(entryPackages).toEqual([
        '@iovalkey/commands',
        '@opentelemetry/api',
        'canonicalize',
        'cluster-key-slot',
        'crc-32',
        'debug',
        'denque',
        'has-flag',
        'iovalkey',
        'lodash.defaults',
        'lodash.isarguments',
        'ms',
        'redis-errors',
        'redis-parser',
        'standard-as-callback',
        'supports-color',
        // The registrable domain of an organization.
        ...(name === 'trial' ? ['tldts'] : []),
        'zod',
      ]);
      expect(entryBytes).toBeLessThan(900_000);
    },
  );

  test('a function contains only the packages of services that it has a role for', () => {
    expect(bundleOf('acquire').later).toEqual(['@google-cloud/firestore', 'jose']);
    expect(bundleOf('authorize').later).not.toContain('@google-cloud/firestore');
    expect(bundleOf('public-key').later).toContain('@google-cloud/kms');
    const withStripe = [...bundles.values()].filter(({ later }) => later.includes('stripe'));
    expect(withStripe.map(({ name }) => name).toSorted()).toEqual(
      ['cancel', 'checkout', 'gdpr-delete', 'health', 'stripe-webhook', 'subscriptions', 'sweep'].toSorted(),
    );
  });

  test.each([
    'shared/local/event-bus.ts',
    'shared/testing/secrets.ts',
    'functions/testing/is-free.ts',
    'shared/lazy.test.ts',
  ])('%s cannot be bundled, neither by a static nor by a dynamic import', async (file) => {
    const refusal = `${file} is not for deployed functions`;
    await expect(bundleShipped(`import './${file}';`, new Set(), 'silent')).rejects.toThrow(refusal);
    await expect(bundleShipped(`import('./${file}');`, new Set(), 'silent')).rejects.toThrow(refusal);
  });

  test('every package that a function loads later can be loaded', () => {
    const alike = new Map([...bundles.values()].map((bundle) => [bundle.later.join(), bundle]));
    const loads = [...alike.values()].flatMap((bundle) =>
      bundle.later.map((name) => [
        join(bundle.folder, 'later', `${fileNameOf(name)}.mjs`),
        LOADED_WHEN_NEEDED[name]?.names,
      ]),
    );
    expect(new Set(loads.map(([, name]) => name)).size).toBe(Object.keys(LOADED_WHEN_NEEDED).length);
    const program = `for (const [file, names] of ${JSON.stringify(loads)}) {
      const loaded = await import(file);
      for (const name of names) if (!loaded[name]) throw new Error(file + ' has no ' + name);
    }`;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('needs.ts lists exactly the names that our code imports from packages loaded at first use', () => {
    const imported = new Map<string, Set<string>>();
    const sources = globSync('{shared,functions}/**/*.ts', {
      cwd: ROOT,
      exclude: ['**/testing/**', 'shared/local/**', '**/*.test.ts'],
    });
    for (const file of sources) {
      const lines = readFileSync(join(ROOT, file), 'utf8').matchAll(
        /(?:const \{ ([^}]+) \} = )?await import\('([^.'][^']*)'\)/g,
      );
      for (const [, names = 'a whole package', name = ''] of lines) {
        const known = imported.get(name) ?? new Set();
        for (const each of names.split(', ')) known.add(each.replace(/:.*/, ''));
        imported.set(name, known);
      }
    }
    const sorted = [...imported].map(([name, names]) => [name, [...names].toSorted()]);
    const declared = Object.entries(LOADED_WHEN_NEEDED).map(([name, { names }]) => [name, names.toSorted()]);
    expect(Object.fromEntries(sorted)).toEqual(Object.fromEntries(declared));
  });
});
