import { describe, expect, test } from 'vitest';
import { type Credentials, createCall, createSend } from './api-call.ts';
import { Problem } from './problem.ts';
import { type FakeAnswer, fakeServer, problemResponse } from './testing/fake-server.ts';

function callWith(answer: FakeAnswer, credentials: Partial<Credentials> = {}) {
  const { fetch, seen } = fakeServer(answer);
  const own = { authorization: async () => 'Bearer first', renew: async () => undefined, ...credentials };
  return { call: createCall(createSend(fetch), own), seen };
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const problem = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(problem instanceof Problem)) throw new Error(`no problem: ${problem}`);
  return problem;
}

describe('a request', () => {
  test('has the method and path of the operation, with parameters, filters and body in place', async () => {
    const { call, seen } = callWith(() => Response.json({}));
    await call('tenantsChangeRole', {
      params: { tenant_id: 'ten_1', user_id: 'a/b' },
      body: { role: 'admin' },
    });
    await call('sessionsList', { query: { license_id: 'lic_1', limit: 100 } });
    expect(seen).toMatchObject([
      { method: 'PATCH', path: '/api/v1/tenants/ten_1/members/a%2Fb', body: { role: 'admin' } },
      { method: 'GET', path: '/api/v1/sessions?license_id=lic_1&limit=100', body: undefined },
    ]);
    expect(seen.map(({ headers }) => headers.get('content-type'))).toEqual(['application/json', null]);
  });

  test('leaves out empty filters', async () => {
    const { call, seen } = callWith(() => Response.json({}));
    await call('usersList', { query: { email: '' } });
    expect(seen[0]?.path).toBe('/api/v1/users');
  });

  test('carries the credentials and the idempotency key', async () => {
    const { call, seen } = callWith(() => Response.json({}));
    await call('checkoutCreate', {
      body: { tenant_id: 'ten_1', plan: 'pro', seats: 3 },
      idempotencyKey: 'order-1',
    });
    expect(seen[0]?.authorization).toBe('Bearer first');
    expect(seen[0]?.headers.get('idempotency-key')).toBe('order-1');
  });

  test('returns null for a response without content', async () => {
    const { call } = callWith(() => new Response(null, { status: 204 }));
    expect(await call('releaseEnd', { params: { session_id: 'ses_1' } })).toBeNull();
  });
});

describe('a failed request', () => {
  test('throws the server’s message for each field, with the request id and the time to wait', async () => {
    const errors = [{ at: '/valid_until', detail: 'must lie ahead' }];
    const refusal = () =>
      problemResponse(429, 'RATE_LIMITED', { detail: 'A detail.', errors }, { 'retry-after': '7' });
    const { call } = callWith(refusal);
    const problem = await problemOf(call('usersMe', {}));
    expect(problem.message).toBe('Title of RATE_LIMITED. “valid until” must lie ahead.');
    expect(problem).toMatchObject({
      code: 'RATE_LIMITED',
      status: 429,
      requestId: 'req_1',
      retryAfterSeconds: 7,
    });
  });

  test('names an entry of a list by its number', async () => {
    const errors = [{ at: '/scopes/1', detail: 'is no scope' }];
    const { call } = callWith(() => problemResponse(400, 'VALIDATION_FAILED', { errors }));
    expect((await problemOf(call('usersMe', {}))).message).toBe(
      'Title of VALIDATION_FAILED. “scopes 2” is no scope.',
    );
  });

  test('throws the server’s detail if it is about no field', async () => {
    const { call } = callWith(() =>
      problemResponse(409, 'SUBSCRIPTION_UNCHANGEABLE', { detail: 'A detail.' }),
    );
    const problem = await problemOf(call('usersMe', {}));
    expect(problem.message).toBe('Title of SUBSCRIPTION_UNCHANGEABLE. A detail.');
  });

  test.each([
    ['a page of HTML', () => new Response('<h1>Bad gateway</h1>', { status: 502 })],
    [
      'invalid JSON',
      () => new Response('{', { status: 502, headers: { 'content-type': 'application/json' } }),
    ],
    ['JSON that is not an object', () => Response.json(['no'], { status: 502 })],
  ])('throws an error with the status for %s from a proxy', async (_, answer) => {
    const { call } = callWith(answer);
    expect(await problemOf(call('usersMe', {}))).toMatchObject({
      message: 'The server returned an error (502).',
      code: 'UNKNOWN',
      status: 502,
    });
  });

  test.each([
    ['no response', () => Promise.reject(new TypeError('Failed to fetch'))],
    ['a truncated response', () => new Response('{"user_id":', { status: 200 })],
  ])('throws NO_ANSWER for %s', async (_, answer) => {
    const { call } = callWith(answer);
    const problem = await problemOf(call('usersMe', {}));
    expect(problem).toMatchObject({ code: 'NO_ANSWER', status: 0 });
    expect(problem.message).toContain('could not be reached');
  });
});

describe('rejected credentials', () => {
  const acceptsOnly =
    (valid: string): FakeAnswer =>
    ({ authorization }) =>
      authorization === valid ? Response.json({ name: 'Ada' }) : problemResponse(401, 'CREDENTIALS_INVALID');

  test('are renewed, and the request is sent again', async () => {
    const { call, seen } = callWith(acceptsOnly('Bearer second'), { renew: async () => 'Bearer second' });
    expect(await call('usersMe', {})).toEqual({ name: 'Ada' });
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer second']);
  });

  test('are renewed only once', async () => {
    const { call, seen } = callWith(acceptsOnly('Bearer none'), { renew: async () => 'Bearer second' });
    expect((await problemOf(call('usersMe', {}))).status).toBe(401);
    expect(seen).toHaveLength(2);
  });

  test('that cannot be renewed fail the request at once', async () => {
    const { call, seen } = callWith(acceptsOnly('Bearer none'));
    expect((await problemOf(call('usersMe', {}))).status).toBe(401);
    expect(seen).toHaveLength(1);
  });

  test('are not renewed for another status than 401', async () => {
    const { call, seen } = callWith(() => problemResponse(403, 'FORBIDDEN'), {
      renew: async () => 'Bearer second',
    });
    expect((await problemOf(call('usersMe', {}))).status).toBe(403);
    expect(seen).toHaveLength(1);
  });
});
