import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { pseudonymsOf } from '../domain/holder.ts';
import { hashSecret, newLicenseId, newLicenseKey, newTenantId } from '../domain/ids.ts';
import { Unavailable } from '../errors.ts';
import type { Deps } from '../ports/deps.ts';
import type { BucketSize, Taken } from '../ports/limits.ts';
import type { LogLine } from '../ports/log-line.ts';
import { defineFunction } from './contract.ts';
import { serve } from './serve.ts';

const answers = {
  well: { status: 200, description: '', body: z.strictObject({}) },
} as const;

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
    address: {
      method: 'GET',
      path: '/address',
      summary: '',
      auth: ['anyone'],
      limit: { by: 'address', requests: 5, windowSeconds: 60, uncounted: 'serve' },
      answers,
      problems: ['NOT_FOUND', 'RATE_LIMITED'],
    },
    caller: {
      method: 'GET',
      path: '/caller',
      summary: '',
      auth: ['anyone', 'license', 'operator'],
      limit: { by: 'caller', requests: 7, windowSeconds: 3600, uncounted: 'refuse' },
      answers,
      problems: ['RATE_LIMITED'],
    },
    free: { method: 'GET', path: '/free', summary: '', auth: ['anyone'], answers, problems: [] },
  },
});

const OPERATOR_KEY = 'the-operator-key';
const pseudonymOf = pseudonymsOf('a key');
const ALLOWED: Taken = { verdict: 'ALLOWED', remaining: 4, resetSeconds: 12 };
const LIMITED: Taken = { verdict: 'LIMITED', remaining: 0, resetSeconds: 12 };

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Take {
  readonly bucket: string;
  readonly size: BucketSize;
}

async function served(
  taken: Taken | Error = ALLOWED,
  { reply = { answer: 'well', body: {} } as object } = {},
) {
  const logged: LogLine[] = [];
  const takes: Take[] = [];
  let handled = 0;
  const deps = {
    log: (line: LogLine) => logged.push(line),
    pseudonymOf,
    forwardedHops: 1,
    isOperatorKey: (key: string) => key === OPERATOR_KEY,
    clock: { nowMs: () => 0 },
    limits: {
      async take(bucket: string, { requests, windowSeconds }: BucketSize) {
        takes.push({ bucket, size: { requests, windowSeconds } });
        if (taken instanceof Error) throw taken;
        return taken;
      },
    },
  } as unknown as Deps;
  const handle = async (): Promise<never> => {
    handled += 1;
    return reply as never;
  };
  const answer = serve(
    probe,
    async () => ({ default: { address: handle, caller: handle, free: handle } }),
    async () => deps,
    { checkAnswers: true },
  );
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    logged,
    takes,
    handled: () => handled,
    async get(path: string, headers: Record<string, string> = {}) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
      const all = Object.fromEntries(response.headers);
      const text = await response.text();
      const limits = Object.entries(all).filter(([name]) => name.startsWith('ratelimit'));
      return { status: response.status, headers: all, limits: Object.fromEntries(limits), text };
    },
  };
}

/** Buckets that calls of `path` with these headers are counted in. */
async function bucketsOf(path: string, calls: Record<string, string>[]): Promise<string[]> {
  const { get, takes } = await served();
  for (const headers of calls) await get(path, headers);
  return takes.map(({ bucket }) => bucket);
}

const licenseKey = (): string => newLicenseKey(newLicenseId(newTenantId(16)));

test('an allowed call returns the limit, what remains of it and when it resets', async () => {
  const { get, takes } = await served();
  const { status, limits, headers } = await get('/address');
  expect(status).toBe(200);
  expect(limits).toEqual({
    'ratelimit-policy': '"probe.address";q=5;w=60',
    ratelimit: '"probe.address";r=4;t=12',
  });
  expect(headers).not.toHaveProperty('retry-after');
  expect(takes.map(({ size }) => size)).toEqual([{ requests: 5, windowSeconds: 60 }]);
});

test('a refused call returns a problem document with Retry-After and does not reach the handler', async () => {
  const { get, handled, logged } = await served(LIMITED);
  const { status, headers, limits, text } = await get('/address');
  expect(status).toBe(429);
  expect(headers).toMatchObject({
    'content-type': 'application/problem+json',
    'cache-control': 'private, no-store',
    'retry-after': '12',
  });
  expect(limits).toMatchObject({ ratelimit: '"probe.address";r=0;t=12' });
  expect(JSON.parse(text)).toMatchObject({
    code: 'RATE_LIMITED',
    detail: 'At most 5 of these requests at once, and 5 more every 60 s.',
  });
  expect(handled()).toBe(0);
  expect(logged[0]).toMatchObject({ severity: 'INFO', code: 'RATE_LIMITED' });
});

test('a refusal by the endpoint also carries the limit headers', async () => {
  const { get } = await served(ALLOWED, { reply: { problem: 'NOT_FOUND' } });
  const { status, limits } = await get('/address');
  expect([status, limits.ratelimit]).toEqual([404, '"probe.address";r=4;t=12']);
});

test('an endpoint without a limit counts no calls and sends no limit headers', async () => {
  const { get, takes } = await served(LIMITED);
  const { status, limits } = await get('/free');
  expect([status, limits, takes]).toEqual([200, {}, []]);
});

test('counts each endpoint separately', async () => {
  const { get, takes } = await served();
  await get('/address');
  await get('/caller');
  expect(takes.map(({ bucket }) => bucket.split(':')[0])).toEqual(['probe.address', 'probe.caller']);
});

test('sends a pseudonym to Redis, never an address or a key', async () => {
  const key = licenseKey();
  const [byAddress = '', byKey = ''] = [
    ...(await bucketsOf('/address', [{ 'x-forwarded-for': '203.0.113.7' }])),
    ...(await bucketsOf('/caller', [{ authorization: `License ${key}` }])),
  ];
  expect(byAddress).toBe(`probe.address:${pseudonymOf('address', '203.0.113.7')}`);
  expect(byAddress).not.toContain('203');
  expect(byKey).toMatch(/^probe\.caller:[\w-]{22}$/);
});

test('a forged X-Forwarded-For neither evades the limit nor uses up the limit of others', async () => {
  const spoofed = [
    '203.0.113.7',
    '10.0.0.1, 203.0.113.7',
    '10.0.0.2,10.0.0.3 , 203.0.113.7',
    ', 203.0.113.7',
    'x, 203.0.113.7',
  ];
  const buckets = await bucketsOf(
    '/address',
    spoofed.map((text) => ({ 'x-forwarded-for': text })),
  );
  expect(buckets).toHaveLength(spoofed.length);
  expect(new Set(buckets).size).toBe(1);
});

test('behind one proxy, two addresses count as two callers', async () => {
  const buckets = await bucketsOf('/address', [
    { 'x-forwarded-for': '203.0.113.7' },
    { 'x-forwarded-for': '203.0.113.8' },
  ]);
  expect(new Set(buckets).size).toBe(2);
});

test('counts a license key across all addresses, and a wrong key of the same license separately', async () => {
  const licenseId = newLicenseId(newTenantId(16));
  const [right, wrong] = [newLicenseKey(licenseId), newLicenseKey(licenseId)];
  const buckets = await bucketsOf('/caller', [
    { authorization: `License ${right}`, 'x-forwarded-for': '203.0.113.7' },
    { authorization: `License ${right}`, 'x-forwarded-for': '203.0.113.8' },
    { authorization: `License ${wrong}`, 'x-forwarded-for': '203.0.113.7' },
  ]);
  expect(buckets[0]).toBe(`probe.caller:${pseudonymOf('address', hashSecret(right))}`);
  expect(buckets[1]).toBe(buckets[0]);
  expect(buckets[2]).not.toBe(buckets[0]);
});

test('counts callers without credentials by address, and all operators as one caller', async () => {
  const buckets = await bucketsOf('/caller', [
    { 'x-forwarded-for': '203.0.113.7' },
    { 'x-forwarded-for': '203.0.113.8' },
    { authorization: `Operator ${OPERATOR_KEY}`, 'x-forwarded-for': '203.0.113.7' },
    { authorization: `Operator ${OPERATOR_KEY}`, 'x-forwarded-for': '203.0.113.8' },
  ]);
  expect(new Set(buckets.slice(0, 2)).size).toBe(2);
  expect(buckets[2]).toBe(buckets[3]);
  expect(new Set(buckets).size).toBe(3);
});

test('does not count calls whose credentials are refused against the limit of the endpoint', async () => {
  const { get, takes } = await served();
  expect((await get('/caller', { authorization: 'Operator wrong' })).status).toBe(401);
  expect(takes.map(({ bucket }) => bucket.split(':')[0])).toEqual(['operator-key']);
});

test('with uncounted "serve", serves calls while the limits are unavailable and logs a warning', async () => {
  const { get, logged } = await served(new Unavailable('limits', 'no answer within 1200 ms'));
  const { status, limits, headers } = await get('/address');
  expect([status, limits]).toEqual([200, {}]);
  expect(headers).not.toHaveProperty('retry-after');
  expect(logged).toMatchObject([
    { severity: 'WARNING', uncounted: 'limits: no answer within 1200 ms', answer: 'well' },
  ]);
});

test('with uncounted "refuse", refuses calls with a 503 while the limits are unavailable', async () => {
  const { get, handled, logged } = await served(new Unavailable('limits', 'no answer within 1200 ms'));
  const { status, headers, limits, text } = await get('/caller');
  expect([status, JSON.parse(text).code, headers['retry-after']]).toEqual([503, 'LIMITS_UNAVAILABLE', '2']);
  expect([limits, handled()]).toEqual([{}, 0]);
  expect(text).not.toContain('1200');
  expect(logged[0]).toMatchObject({
    severity: 'ERROR',
    because: expect.stringContaining('no answer within 1200 ms'),
  });
});

test('answers 500 when counting fails for another reason than an unavailable Redis', async () => {
  const { get, handled } = await served(new TypeError('a bug'));
  expect((await get('/address')).status).toBe(500);
  expect((await get('/caller')).status).toBe(500);
  expect(handled()).toBe(0);
});
