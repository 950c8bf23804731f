import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newLicenseKey } from '../../shared/domain/ids.ts';
import { interceptSigning } from '../testing/intercept-signing.ts';
import { openTestSuite, type Reply, type TestLicense, type TestSuite } from '../testing/suite.ts';

/**
 * The caller holds one seat of a license, and requests more than the license grants: the team plan, the features
 * `export` and `print`, a limit of 20 projects, 2 seats, and 3 days offline.
 */
const FAR_FUTURE = '2999-12-31T00:00:00.000Z';

let suite: TestSuite;
let mine: TestLicense;
let session: string;
let theirs: TestLicense;
let theirSession: string;
let signed = 0;
beforeAll(async () => {
  suite = await openTestSuite({}, (deps) => ({
    ...deps,
    signer: interceptSigning(deps.signer, () => {
      signed += 1;
      return undefined;
    }),
  }));
  mine = await suite.createLicense({
    max: 2,
    plan: 'team',
    features: ['export', 'print'],
    limits: { projects: 20 },
  });
  session = (await mine.acquire('laptop')).body.session_id;
  theirs = await suite.createLicense({ max: 500, plan: 'enterprise', features: ['admin'] });
  theirSession = (await theirs.acquire('their-server')).body.session_id;
});
afterAll(() => suite.close());

/** `license_data` as an object, or the JSON text in its place. */
function ask(data: object | string): Promise<Reply> {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return mine.sign(`{"session_id":"${session}","license_data":${text}}`);
}

/** What is requested, the problem code, and the field that the refusal names. */
type Forgery = readonly [what: string, code: string, field: string, ask: () => Promise<Reply>];

const TOO_MUCH: readonly Forgery[] = [
  ['another tenant', 'NOT_ENTITLED', 'tenant_id', () => ask({ tenant_id: theirs.tenantId })],
  ['another license', 'NOT_ENTITLED', 'license_id', () => ask({ license_id: theirs.licenseId })],
  ['a higher plan', 'NOT_ENTITLED', 'plan', () => ask({ plan: 'enterprise' })],
  ['a plan with more grace', 'NOT_ENTITLED', 'plan', () => ask({ plan: 'pro' })],
  ['one more seat', 'NOT_ENTITLED', 'seats', () => ask({ seats: 3 })],
  ['the largest number of seats', 'NOT_ENTITLED', 'seats', () => ask({ seats: 1_000_000 })],
  ['one more feature', 'NOT_ENTITLED', 'features', () => ask({ features: ['export', 'admin'] })],
  ['a feature in capitals', 'NOT_ENTITLED', 'features', () => ask({ features: ['EXPORT'] })],
  ['a wildcard for features', 'NOT_ENTITLED', 'features', () => ask({ features: ['*'] })],
  ['one more project', 'NOT_ENTITLED', 'limits', () => ask({ limits: { projects: 21 } })],
  ['a limit that the license does not have', 'NOT_ENTITLED', 'limits', () => ask({ limits: { users: 1 } })],
  ['a limit that every object has', 'NOT_ENTITLED', 'limits', () => ask({ limits: { toString: 0 } })],
  ['another machine', 'NOT_ENTITLED', 'fingerprint', () => ask({ fingerprint: 'their-server' })],
  ['any machine', 'NOT_ENTITLED', 'fingerprint', () => ask({ fingerprint: '*' })],
  ['a later end', 'NOT_ENTITLED', 'expires_at', () => ask({ expires_at: FAR_FUTURE })],
  ['a longer time offline', 'NOT_ENTITLED', 'offline_until', () => ask({ offline_until: FAR_FUTURE })],
  [
    'a later end in another time zone',
    'NOT_ENTITLED',
    'expires_at',
    () => ask({ expires_at: new Date(Date.now() + 3 * 86_400_000).toISOString().replace('Z', '-12:00') }),
  ],
  ["another license's session within", 'NOT_ENTITLED', 'session_id', () => ask({ session_id: theirSession })],
  [
    'more seats after granted fields',
    'NOT_ENTITLED',
    'seats',
    () => ask({ license_id: mine.licenseId, tenant_id: mine.tenantId, plan: 'team', seats: 99 }),
  ],
];

const MALFORMED: readonly Forgery[] = [
  ['an endless number of seats', 'VALIDATION_FAILED', 'seats', () => ask({ seats: 1e308 })],
  ['a negative number of seats', 'VALIDATION_FAILED', 'seats', () => ask({ seats: -1 })],
  ['a fraction of a seat', 'VALIDATION_FAILED', 'seats', () => ask({ seats: 2.5 })],
  ['seats as text', 'VALIDATION_FAILED', 'seats', () => ask({ seats: '2' })],
  ['seats in a list', 'VALIDATION_FAILED', 'seats', () => ask({ seats: [2] })],
  ['an end in words', 'VALIDATION_FAILED', 'expires_at', () => ask({ expires_at: 'never' })],
  [
    'an end in a six-digit year',
    'VALIDATION_FAILED',
    'expires_at',
    () => ask({ expires_at: '+275760-09-13T00:00:00Z' }),
  ],
  [
    'features as an object',
    'VALIDATION_FAILED',
    'features',
    () => ask({ features: { 0: 'admin', length: 1 } }),
  ],
  ['an endless limit', 'VALIDATION_FAILED', 'limits', () => ask({ limits: { projects: 1e308 } })],
  ['a negative limit', 'VALIDATION_FAILED', 'limits', () => ask({ limits: { projects: -1 } })],
  ['a limit without a number', 'VALIDATION_FAILED', 'limits', () => ask({ limits: { projects: null } })],
  ['limits in a list', 'VALIDATION_FAILED', 'limits', () => ask({ limits: [21] })],
  ['an own issue time', 'VALIDATION_FAILED', 'issued_at', () => ask({ issued_at: FAR_FUTURE })],
  ['an unknown field', 'VALIDATION_FAILED', 'overdraft', () => ask({ overdraft: 9 })],
];

const ALGORITHMS: readonly Forgery[] = [
  ['no algorithm', 'VALIDATION_FAILED', 'alg', () => ask({ alg: 'none' })],
  ['an own key id', 'VALIDATION_FAILED', 'kid', () => ask({ kid: '../../etc/passwd' })],
  ['an end of the token only', 'VALIDATION_FAILED', 'exp', () => ask({ exp: 32_503_680_000 })],
];

const SMUGGLED: readonly Forgery[] = [
  ['seats through the prototype', 'VALIDATION_FAILED', '__proto__', () => ask('{"__proto__":{"seats":99}}')],
  [
    'seats through the constructor',
    'VALIDATION_FAILED',
    'constructor',
    () => ask('{"constructor":{"prototype":{"seats":99}}}'),
  ],
  [
    'a prototype for the features',
    'VALIDATION_FAILED',
    'features',
    () => ask('{"features":[{"__proto__":["admin"]}]}'),
  ],
  [
    'seats twice, the granted number first',
    'INVALID_JSON',
    'same name twice',
    () => ask('{"seats":2,"seats":99}'),
  ],
  [
    'seats twice, the granted number last',
    'INVALID_JSON',
    'same name twice',
    () => ask('{"seats":99,"seats":2}'),
  ],
  ['seats twice, once escaped', 'INVALID_JSON', 'same name twice', () => ask('{"seats":99,"se\\u0061ts":2}')],
  [
    'license_data twice',
    'INVALID_JSON',
    'same name twice',
    () => mine.sign(`{"session_id":"${session}","license_data":{"seats":99},"license_data":{}}`),
  ],
  [
    'the session twice',
    'INVALID_JSON',
    'same name twice',
    () => mine.sign(`{"session_id":"${theirSession}","session_id":"${session}"}`),
  ],
];

const LOOK_ALIKES: readonly Forgery[] = [
  ['a Cyrillic letter in a field name', 'VALIDATION_FAILED', 'se\u0430ts', () => ask({ 'se\u0430ts': 2 })],
  ['a Cyrillic letter in a plan', 'VALIDATION_FAILED', 'plan', () => ask({ plan: 't\u0435am' })],
  ['a Cyrillic letter in a feature', 'NOT_ENTITLED', 'features', () => ask({ features: ['\u0435xport'] })],
  [
    'full-width letters in a fingerprint',
    'NOT_ENTITLED',
    'fingerprint',
    () => ask({ fingerprint: '\uff4captop' }),
  ],
  [
    'an invisible character in a fingerprint',
    'NOT_ENTITLED',
    'fingerprint',
    () => ask({ fingerprint: 'laptop\u200b' }),
  ],
  [
    'a right-to-left override in a feature',
    'NOT_ENTITLED',
    'features',
    () => ask({ features: ['\u202etropxe'] }),
  ],
  [
    'full-width digits in a license id',
    'VALIDATION_FAILED',
    'license_id',
    () => ask({ license_id: mine.licenseId.replace(/\d/, '\uff10') }),
  ],
  [
    'Arabic digits in a date',
    'VALIDATION_FAILED',
    'expires_at',
    () => ask({ expires_at: '\u0662\u0669\u0669\u0669-01-01T00:00:00Z' }),
  ],
  [
    'a NUL after a fingerprint',
    'VALIDATION_FAILED',
    'fingerprint',
    () => ask({ fingerprint: 'laptop\u0000' }),
  ],
];

const WRONG_CALLERS: readonly Forgery[] = [
  ['the session of another license', 'SESSION_NOT_FOUND', '', () => mine.sign({ session_id: theirSession })],
  [
    'the session of another license in license_data',
    'SESSION_NOT_FOUND',
    '',
    () => mine.sign({ license_data: { session_id: theirSession } }),
  ],
  [
    'an invented license key',
    'CREDENTIALS_INVALID',
    '',
    () =>
      suite.call('POST', '/api/v1/licenses/sign', {
        authorization: `License ${newLicenseKey(theirs.licenseId)}`,
        body: { session_id: theirSession },
      }),
  ],
  [
    'no license key',
    'AUTHENTICATION_REQUIRED',
    '',
    () => suite.call('POST', '/api/v1/licenses/sign', { body: { session_id: session } }),
  ],
  [
    'a token instead of a license key',
    'CREDENTIALS_INVALID',
    '',
    async () => {
      const token = (await theirs.sign({ session_id: theirSession })).body.license_token;
      signed = 0;
      return suite.call('POST', '/api/v1/licenses/sign', {
        authorization: `Bearer ${token}`,
        body: { session_id: theirSession },
      });
    },
  ],
];

/** What the reader ignores: unknown fields beside `license_data`, and `null`. */
const IGNORED: readonly (readonly [what: string, ask: () => Promise<Reply>])[] = [
  ['no end at all', () => ask({ expires_at: null, offline_until: null })],
  ['a symmetric algorithm', () => mine.sign({ session_id: session, algorithm: 'HS256' })],
  ['an own key', () => mine.sign({ session_id: session, header: {}, jwk: { kty: 'oct' } })],
  [
    'a prototype around the whole body',
    () => mine.sign(`{"session_id":"${session}","__proto__":{"license_data":{"seats":1}}}`),
  ],
];

const FORGERIES = [...TOO_MUCH, ...MALFORMED, ...ALGORITHMS, ...SMUGGLED, ...LOOK_ALIKES, ...WRONG_CALLERS];

describe('no license is signed for more than was bought', () => {
  test('has at least 25 attempts', () => {
    expect(FORGERIES.length).toBeGreaterThanOrEqual(25);
  });

  test.each(FORGERIES)('%s: %s at %s, and nothing is signed', async (_, code, field, attempt) => {
    signed = 0;
    const reply = await attempt();
    expect(reply.body.code, reply.text).toBe(code);
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.status).toBeLessThan(500);
    expect(reply.body.detail ?? '').toContain(field);
    expect(reply.body).not.toHaveProperty('signed_license');
    expect(signed).toBe(0);
  });

  test.each(IGNORED)('%s: ignored, and exactly what was bought is signed', async (_, attempt) => {
    const { body: bought } = await mine.sign({ session_id: session });
    const { status, body } = await attempt();
    expect(status).toBe(200);
    const { issued_at, ...granted } = bought.license_data;
    expect(body).toMatchObject({ license_data: granted, algorithm: bought.algorithm, key_id: bought.key_id });
  });

  test('still signs what was bought, after all attempts', async () => {
    const { status, body } = await ask({
      seats: 2,
      features: ['export'],
      limits: { projects: 19 },
      plan: 'team',
      fingerprint: 'laptop',
    });
    expect(status).toBe(200);
    const { license_data: data } = body;
    expect(data).toMatchObject({ seats: 2, features: ['export'], limits: { projects: 19 }, plan: 'team' });
    expect(Object.prototype).not.toHaveProperty('seats');
  });
});
