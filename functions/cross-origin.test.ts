import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FunctionContract } from '../shared/http/contract.ts';
import { readableBy } from '../shared/http/cross-origin.ts';
import { MANIFEST } from './manifest.ts';
import { type CallOptions, openTestSuite, type TestLicense, type TestSuite } from './testing/suite.ts';

const FUNCTIONS: readonly FunctionContract[] = MANIFEST;
const ORIGIN = { origin: 'https://app.example' };

let suite: TestSuite;
let license: TestLicense;
beforeAll(async () => {
  suite = await openTestSuite();
  license = await suite.createLicense({ max: 1 });
});
afterAll(() => suite.close());

const preflight = (path: string, method: string, door: CallOptions['door'] = 'hosting') =>
  suite.call('OPTIONS', path, {
    headers: {
      ...ORIGIN,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type',
    },
    door,
  });

test('opens CORS to all origins, except for functions that only Google Cloud, Stripe or the sign-in redirect call', () => {
  const closed = FUNCTIONS.filter((contract) => Object.keys(readableBy(contract)).length === 0);
  expect(closed.map(({ name }) => name).toSorted()).toEqual([
    'authorize',
    'callback',
    'device',
    'record-event',
    'stripe-webhook',
    'sweep',
  ]);
});

test('never allows browsers to send credentials on their own', () => {
  for (const contract of FUNCTIONS) {
    const headers = readableBy(contract);
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    expect(headers['access-control-allow-origin'] ?? '*').toBe('*');
  }
});

describe('a page of another origin', () => {
  test('can call the methods of the endpoint with its key, after a preflight', async () => {
    const { status, headers, text } = await preflight('/api/v1/licenses/heartbeat', 'PUT');
    expect([status, text]).toEqual([204, '']);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-methods')).toBe('PUT');
    expect(headers.get('access-control-allow-headers')?.split(', ')).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'idempotency-key']),
    );
    expect(Number(headers.get('access-control-max-age'))).toBeGreaterThan(600);
    const { headers: two } = await preflight(`/api/v1/tenants/ten_07_3f6n8s1yq5wd0k7h`, 'PATCH');
    expect(two.get('access-control-allow-methods')?.split(', ').toSorted()).toEqual(['GET', 'PATCH']);
  });

  test('can send every header that the API accepts', async () => {
    const { components } = JSON.parse(readFileSync('clients/openapi.json', 'utf8'));
    const parameters: { in: string; name: string }[] = Object.values(components.parameters);
    const named = parameters.flatMap((parameter) =>
      parameter.in === 'header' ? [parameter.name.toLowerCase()] : [],
    );
    expect(named).toContain('idempotency-key');
    const { headers } = await preflight('/api/v1/public-key', 'GET');
    expect(headers.get('access-control-allow-headers')?.split(', ')).toEqual(expect.arrayContaining(named));
  });

  test('sends the preflight without credentials, and it counts against no limit', async () => {
    await preflight('/api/v1/licenses/acquire', 'POST');
    expect(suite.logged.at(-1)).toMatchObject({ severity: 'INFO', verdict: 'PREFLIGHT' });
    expect(suite.logged.at(-1)).not.toHaveProperty('caller');
  });

  test('can read its seat, or why it was denied and when to retry', async () => {
    const readable = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' };
    const ask = (authorization: string, fingerprint: string) =>
      suite.call('POST', '/api/v1/licenses/acquire', {
        authorization,
        headers: ORIGIN,
        body: { fingerprint },
      });
    for (const [status, reply] of [
      [201, await ask(`License ${license.key}`, 'a')],
      [409, await ask(`License ${license.key}`, 'b')],
      [400, await ask(`License ${license.key}`, '')],
      [401, await ask('License nonsense', 'c')],
    ] as const) {
      expect(reply.status).toBe(status);
      expect(Object.fromEntries(reply.headers), String(status)).toMatchObject(readable);
    }
  });

  test('cannot call functions that only Google Cloud, Stripe or the sign-in redirect call', async () => {
    for (const [path, method] of [
      ['/internal/sweep', 'POST'],
      ['/api/v1/webhooks/stripe', 'POST'],
      ['/auth/callback', 'GET'],
    ] as const) {
      const { status, headers } = await preflight(path, method, 'unguarded');
      expect(status, path).toBe(405);
      expect(
        [...headers.keys()].filter((name) => name.startsWith('access-control')),
        path,
      ).toEqual([]);
    }
  });

  test('gets 404 for an unknown path', async () => {
    expect((await preflight('/api/v1/licenses', 'POST')).status).toBe(204);
    expect((await preflight('/api/v1/nothing', 'GET')).status).toBe(404);
  });

  test('gets 405 for OPTIONS without a preflight', async () => {
    const { status, headers } = await suite.call('OPTIONS', '/api/v1/licenses/acquire');
    expect(status).toBe(405);
    expect(headers.get('allow')).toBe('POST');
  });
});
