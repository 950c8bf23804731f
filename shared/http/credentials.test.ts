import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { Grant } from '../domain/authorization.ts';
import { hashSecret, newLicenseId, newLicenseKey } from '../domain/ids.ts';
import { type ProblemCode, Unavailable } from '../errors.ts';
import { openLocalIdentity } from '../local/service-tokens.ts';
import type { Deps } from '../ports/deps.ts';
import { authenticate as authenticateWith, challenge, credentialsIn } from './credentials.ts';

const OPERATOR_KEY = 'the-operator-key';
const deps = {} as Deps;
const authenticate = (
  header: string | undefined,
  auth: Parameters<typeof authenticateWith>[1],
  given: Deps,
): ReturnType<typeof authenticateWith> =>
  authenticateWith(header, auth, given, async (presented) =>
    presented === OPERATOR_KEY ? undefined : { problem: 'CREDENTIALS_INVALID' },
  );
const licenseId = newLicenseId('ten_07_0123456789abcdef');
const key = newLicenseKey(licenseId);
const BOTH = ['license', 'operator'] as const;

test('a license key identifies its license and is passed on only as a hash', async () => {
  const caller = await authenticate(`License ${key}`, BOTH, deps);
  expect(caller).toEqual({
    kind: 'license',
    licenseId,
    proof: { kind: 'license-key', keyHash: hashSecret(key) },
  });
  expect(JSON.stringify(caller)).not.toContain(key);
});

test('the scheme is case-insensitive, the key is case-sensitive', async () => {
  expect(await authenticate(`license ${key}`, BOTH, deps)).toMatchObject({ kind: 'license' });
  expect(await authenticate(`OPERATOR  ${OPERATOR_KEY}`, BOTH, deps)).toEqual({
    kind: 'operator',
    proof: { kind: 'trusted' },
  });
  expect(await authenticate(`Operator ${OPERATOR_KEY.toUpperCase()}`, BOTH, deps)).toMatchObject({
    problem: 'CREDENTIALS_INVALID',
  });
});

test.each([
  undefined,
  '',
  'License',
  'License ',
  ` License ${key}`,
  `License\t${key}`,
  'Basic eDp5',
  'License a b',
  `License ${'x'.repeat(4096)}`,
])('refuses the header %j as AUTHENTICATION_REQUIRED', async (header) => {
  expect(await authenticate(header, BOTH, deps)).toEqual({ problem: 'AUTHENTICATION_REQUIRED' });
});

test('refuses valid credentials of another kind and names the kinds that the endpoint accepts', async () => {
  expect(await authenticate(`License ${key}`, ['operator'], deps)).toEqual({
    problem: 'FORBIDDEN',
    detail: 'This endpoint accepts "Operator <token>" or "Bearer <token>".',
  });
});

test('accepts missing and rejects invalid optional credentials', async () => {
  const accepted = ['anyone', 'operator'] as const;
  expect(await authenticate(undefined, accepted, deps)).toEqual({ kind: 'anyone' });
  expect(await authenticate(`Operator ${OPERATOR_KEY}`, accepted, deps)).toMatchObject({ kind: 'operator' });
  expect(await authenticate('Operator wrong', accepted, deps)).toMatchObject({
    problem: 'CREDENTIALS_INVALID',
  });
  expect(await authenticate('rubbish', accepted, deps)).toMatchObject({ problem: 'AUTHENTICATION_REQUIRED' });
});

describe('the header with the credentials', () => {
  const requestWith = (headersDistinct: Record<string, string[]>): IncomingMessage =>
    ({ headersDistinct }) as unknown as IncomingMessage;
  const BOTH_HEADERS = { authorization: ['Bearer one'], 'x-serverless-authorization': ['Bearer two'] };

  test('is not read where anyone may call', () => {
    const requests = [
      { authorization: ['Operator wrong'] },
      BOTH_HEADERS,
      { authorization: ['Bearer one', 'Bearer two'] },
    ];
    for (const headers of requests)
      expect(credentialsIn(requestWith(headers), ['anyone'])).toEqual({ header: undefined });
  });

  test('is X-Serverless-Authorization if a service may call, because Cloud Run checks no other then', () => {
    const request = requestWith(BOTH_HEADERS);
    expect(credentialsIn(request, ['pubsub'])).toEqual({ header: 'Bearer two' });
    expect(credentialsIn(request, ['scheduler', 'operator'])).toEqual({ header: 'Bearer two' });
    const usual = requestWith({ authorization: ['Bearer one'] });
    expect(credentialsIn(usual, ['pubsub'])).toEqual({ header: 'Bearer one' });
  });

  test.each([[['license', 'member']], [['operator', 'admin']], [['anyone', 'operator']]] as const)(
    'is Authorization alone where no service may call, for %j',
    (auth) => {
      expect(credentialsIn(requestWith(BOTH_HEADERS), auth)).toEqual({ header: 'Bearer one' });
      const alone = requestWith({ 'x-serverless-authorization': ['Bearer two', 'Bearer three'] });
      expect(credentialsIn(alone, auth)).toEqual({ header: undefined });
    },
  );

  test.each(['authorization', 'x-serverless-authorization'] as const)(
    'is refused if %s has two values, even if they are equal',
    (name) => {
      const request = requestWith({ ...BOTH_HEADERS, [name]: ['Bearer one', 'Bearer one'] });
      expect(credentialsIn(request, ['pubsub'])).toEqual({
        problem: 'CREDENTIALS_INVALID',
        because: `two values of ${name}`,
      });
    },
  );
});

describe('calls from Cloud Scheduler and Pub/Sub', () => {
  const SCHEDULER = 'scheduler@project.iam.gserviceaccount.com';
  const PUSH = 'push@project.iam.gserviceaccount.com';
  const identity = openLocalIdentity({ audience: 'us' });
  const google: Deps = { ...deps, identity, serviceAccounts: { scheduler: SCHEDULER, pubsub: PUSH } };

  test('accepts the service account that the endpoint is for', async () => {
    const bearer = (email: string): string => `Bearer ${identity.issue(email)}`;
    expect(await authenticate(bearer(SCHEDULER), ['scheduler'], google)).toEqual({ kind: 'scheduler' });
    expect(await authenticate(bearer(PUSH), ['pubsub'], google)).toEqual({ kind: 'pubsub' });
    const either = ['scheduler', 'pubsub'] as const;
    expect(await authenticate(bearer(PUSH), either, google)).toEqual({ kind: 'pubsub' });
    expect(await authenticate(bearer(SCHEDULER), [...either, 'operator'], google)).toEqual({
      kind: 'scheduler',
    });
    expect(await authenticate(`BEARER  ${identity.issue(PUSH)}`, either, google)).toEqual({ kind: 'pubsub' });
  });

  test.each([
    PUSH,
    'other@example.com',
    SCHEDULER.toUpperCase(),
    `${SCHEDULER}.example.com`,
    `x${SCHEDULER}`,
  ])('refuses a valid token of %s where the scheduler is expected', async (email) => {
    const refusal = await authenticate(`Bearer ${identity.issue(email)}`, ['scheduler'], google);
    expect(refusal).toEqual({
      problem: 'FORBIDDEN',
      because: 'the service account is not allowed to call this',
    });
  });

  test('refuses a token of the right account for another audience', async () => {
    const token = identity.issue(SCHEDULER, { aud: 'another audience' });
    expect(await authenticate(`Bearer ${token}`, ['scheduler'], google)).toEqual({
      problem: 'CREDENTIALS_INVALID',
      because: 'the token was issued for another audience',
    });
  });

  test('refuses a token of another issuer without repeating any part of it', async () => {
    const token = openLocalIdentity({ audience: 'us' }).issue(SCHEDULER);
    const refusal = await authenticate(`Bearer ${token}`, ['scheduler'], google);
    expect(refusal).toMatchObject({ problem: 'CREDENTIALS_INVALID', because: expect.any(String) });
    for (const part of [...token.split('.'), SCHEDULER]) expect(JSON.stringify(refusal)).not.toContain(part);
  });

  test.each([
    [undefined, 'AUTHENTICATION_REQUIRED'],
    ['', 'AUTHENTICATION_REQUIRED'],
    ['Bearer', 'AUTHENTICATION_REQUIRED'],
    ['Bearer ', 'AUTHENTICATION_REQUIRED'],
    ['Bearer a b', 'AUTHENTICATION_REQUIRED'],
    [`Bearer ${'x'.repeat(4096)}`, 'AUTHENTICATION_REQUIRED'],
    ['Bearer rubbish', 'CREDENTIALS_INVALID'],
    ['Bearer a.b.c', 'CREDENTIALS_INVALID'],
  ])('refuses the header %j as %s', async (header, problem) => {
    expect(await authenticate(header, ['scheduler'], google)).toMatchObject({ problem });
  });

  test('an account used for both services counts as the one that the endpoint is for', async () => {
    const shared: Deps = { ...google, serviceAccounts: { scheduler: SCHEDULER, pubsub: SCHEDULER } };
    const header = `Bearer ${identity.issue(SCHEDULER)}`;
    expect(await authenticate(header, ['scheduler'], shared)).toEqual({ kind: 'scheduler' });
    expect(await authenticate(header, ['pubsub'], shared)).toEqual({ kind: 'pubsub' });
  });

  test('verifies a service token only where a service may call', async () => {
    let checks = 0;
    const counting: Deps = {
      ...google,
      identity: {
        verifyServiceToken: (token) => {
          checks += 1;
          return identity.verifyServiceToken(token);
        },
      },
    };
    const header = `Bearer ${identity.issue(SCHEDULER)}`;
    const required = { problem: 'AUTHENTICATION_REQUIRED' };
    expect(await authenticate(header, ['license'], counting)).toEqual(required);
    expect(await authenticate(header, ['anyone', 'license'], counting)).toEqual(required);
    for (const other of [`Operator ${OPERATOR_KEY}`, `License ${key}`]) {
      expect(await authenticate(other, ['scheduler'], counting)).toEqual({
        problem: 'FORBIDDEN',
        detail: 'This endpoint accepts "Bearer <token>".',
      });
    }
    expect(checks).toBe(0);
    await authenticate(header, ['scheduler'], counting);
    expect(checks).toBe(1);
  });

  test('throws Unavailable while tokens cannot be verified, and still accepts the operator key', async () => {
    const unavailable: Deps = {
      ...google,
      identity: {
        verifyServiceToken: async () => {
          throw new Unavailable('identity', 'no response');
        },
      },
    };
    const accepted = ['scheduler', 'operator'] as const;
    const call = authenticate(`Bearer ${identity.issue(SCHEDULER)}`, accepted, unavailable);
    await expect(call).rejects.toThrow(Unavailable);
    expect(await authenticate(`Operator ${OPERATOR_KEY}`, accepted, unavailable)).toMatchObject({
      kind: 'operator',
    });
  });
});

const REALM = 'realm="seatlease"';
const challengeTo = (accepted: readonly Grant[], problem: ProblemCode, authorization?: string): string =>
  challenge(accepted, { headers: { authorization } }, problem);

test('a challenge lists every accepted scheme once, and has no error if no credentials were sent', () => {
  const to = (...accepted: Grant[]) => challengeTo(accepted, 'AUTHENTICATION_REQUIRED');
  expect(to('license', 'scheduler')).toBe(`License ${REALM}, Bearer ${REALM}`);
  expect(to('anyone', 'license')).toBe(`License ${REALM}`);
  expect(to('license', 'member')).toBe(`License ${REALM}, Bearer ${REALM}`);
  expect(to('scheduler')).toBe(`Bearer ${REALM}`);
  expect(to('operator', 'scheduler', 'pubsub')).toBe(`Operator ${REALM}, Bearer ${REALM}`);
  expect(to('anyone')).toBe('');
});

test('a challenge says what is wrong with the credentials that were sent (RFC 6750 section 3.1)', () => {
  expect(challengeTo(['license', 'member'], 'CREDENTIALS_INVALID', 'Bearer x')).toBe(
    `License ${REALM}, Bearer ${REALM}, error="invalid_token"`,
  );
  expect(challengeTo(['license', 'member'], 'CREDENTIALS_INVALID', 'license x')).toBe(
    `License ${REALM}, error="invalid_token", Bearer ${REALM}`,
  );
  expect(challengeTo(['operator', 'admin'], 'FORBIDDEN', 'bearer x')).toBe(
    `Operator ${REALM}, Bearer ${REALM}, error="insufficient_scope"`,
  );
  expect(challengeTo(['member'], 'FORBIDDEN', 'License x')).toBe(`Bearer ${REALM}`);
  expect(challengeTo(['member'], 'AUTHENTICATION_REQUIRED', 'Basic x')).toBe(`Bearer ${REALM}`);
});
