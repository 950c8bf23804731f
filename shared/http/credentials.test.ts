import { describe, expect, test } from 'vitest';
import { hashSecret, newLicenseId, newLicenseKey } from '../domain/ids.ts';
import { Unavailable } from '../errors.ts';
import { openLocalIdentity } from '../local/service-tokens.ts';
import type { Deps } from '../ports/deps.ts';
import { authenticate, challenge } from './credentials.ts';

const OPERATOR_KEY = 'the-operator-key';
const deps = { isOperatorKey: (presented: string): boolean => presented === OPERATOR_KEY } as Deps;
const licenseId = newLicenseId('ten_07_0123456789abcdef');
const key = newLicenseKey(licenseId);
const BOTH = ['license', 'operator'] as const;

test('a license key names its license and is passed on as its hash alone', async () => {
  const caller = await authenticate(`License ${key}`, BOTH, deps);
  expect(caller).toEqual({
    kind: 'license',
    licenseId,
    proof: { kind: 'license-key', keyHash: hashSecret(key) },
  });
  expect(JSON.stringify(caller)).not.toContain(key);
});

test('the scheme is read in any case, the key as it is', async () => {
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
])('%j is no usable credential', async (header) => {
  expect(await authenticate(header, BOTH, deps)).toEqual({ problem: 'AUTHENTICATION_REQUIRED' });
});

test('good credentials of a kind that the endpoint does not take are told which it takes', async () => {
  expect(await authenticate(`License ${key}`, ['operator'], deps)).toEqual({
    problem: 'FORBIDDEN',
    detail: 'This endpoint takes "Operator <key>" or "Bearer <token>".',
  });
});

test('where credentials are optional, none is fine and a bad one is not', async () => {
  const accepted = ['anyone', 'operator'] as const;
  expect(await authenticate(undefined, accepted, deps)).toEqual({ kind: 'anyone' });
  expect(await authenticate(`Operator ${OPERATOR_KEY}`, accepted, deps)).toMatchObject({ kind: 'operator' });
  expect(await authenticate('Operator wrong', accepted, deps)).toMatchObject({
    problem: 'CREDENTIALS_INVALID',
  });
  expect(await authenticate('rubbish', accepted, deps)).toMatchObject({ problem: 'AUTHENTICATION_REQUIRED' });
});

test('where everybody may come, nobody is asked who they are', async () => {
  expect(await authenticate('Operator wrong', ['anyone'], deps)).toEqual({ kind: 'anyone' });
});

describe('calls of Google', () => {
  const SCHEDULER = 'scheduler@project.iam.gserviceaccount.com';
  const PUSH = 'push@project.iam.gserviceaccount.com';
  const identity = openLocalIdentity({ audience: 'us' });
  const google: Deps = { ...deps, identity, serviceAccounts: { scheduler: SCHEDULER, pubsub: PUSH } };

  test('the account that an endpoint is for may call it, as what it is', async () => {
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
    'somebody@example.com',
    SCHEDULER.toUpperCase(),
    `${SCHEDULER}.example.com`,
    `x${SCHEDULER}`,
  ])('%s is known and not let in where the scheduler is expected', async (email) => {
    const refusal = await authenticate(`Bearer ${identity.issue(email)}`, ['scheduler'], google);
    expect(refusal).toEqual({
      problem: 'FORBIDDEN',
      because: 'a token of an account that may not call this',
    });
  });

  test('the right account with a token for another audience is not let in', async () => {
    const token = identity.issue(SCHEDULER, { aud: 'somebody else' });
    expect(await authenticate(`Bearer ${token}`, ['scheduler'], google)).toEqual({
      problem: 'CREDENTIALS_INVALID',
      because: 'the token was issued for another audience',
    });
  });

  test('a token of another issuer is not let in, and the refusal does not repeat it', async () => {
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
  ])('%j does not let anybody in', async (header, problem) => {
    expect(await authenticate(header, ['scheduler'], google)).toMatchObject({ problem });
  });

  test('one account may be both services, and is then the one that the endpoint is for', async () => {
    const shared: Deps = { ...google, serviceAccounts: { scheduler: SCHEDULER, pubsub: SCHEDULER } };
    const header = `Bearer ${identity.issue(SCHEDULER)}`;
    expect(await authenticate(header, ['scheduler'], shared)).toEqual({ kind: 'scheduler' });
    expect(await authenticate(header, ['pubsub'], shared)).toEqual({ kind: 'pubsub' });
  });

  test('a token costs no check where no service may call, and other credentials never cost one', async () => {
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
    expect(await authenticate(header, ['anyone'], counting)).toEqual({ kind: 'anyone' });
    for (const other of [`Operator ${OPERATOR_KEY}`, `License ${key}`]) {
      expect(await authenticate(other, ['scheduler'], counting)).toEqual({
        problem: 'FORBIDDEN',
        detail: 'This endpoint takes "Bearer <token>".',
      });
    }
    expect(checks).toBe(0);
    await authenticate(header, ['scheduler'], counting);
    expect(checks).toBe(1);
  });

  test('while tokens cannot be checked nobody is refused for theirs, and the operator still comes in', async () => {
    const away: Deps = {
      ...google,
      identity: {
        verifyServiceToken: async () => {
          throw new Unavailable('identity', 'away');
        },
      },
    };
    const accepted = ['scheduler', 'operator'] as const;
    const call = authenticate(`Bearer ${identity.issue(SCHEDULER)}`, accepted, away);
    await expect(call).rejects.toThrow(Unavailable);
    expect(await authenticate(`Operator ${OPERATOR_KEY}`, accepted, away)).toMatchObject({
      kind: 'operator',
    });
  });
});

test('a 401 offers every scheme that would do', () => {
  expect(challenge(['license', 'scheduler'])).toBe('License realm="seatlease", Bearer realm="seatlease"');
  expect(challenge(['anyone', 'license'])).toBe('License realm="seatlease"');
  expect(challenge(['license', 'member'])).toBe('License realm="seatlease", Bearer realm="seatlease"');
  expect(challenge(['scheduler'])).toBe('Bearer realm="seatlease"');
  expect(challenge(['operator', 'scheduler', 'pubsub'])).toBe(
    'Operator realm="seatlease", Bearer realm="seatlease"',
  );
});
