import { format } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fieldsOf } from './testing/bad-requests.ts';
import { findWords } from './testing/find-text.ts';
import { unlimited } from './testing/no-limits.ts';
import { SAMPLES, type Sample, sendTo } from './testing/sample-requests.ts';
import {
  credentialsFor,
  newMember,
  newPlace,
  type Place,
  stripeSignature,
  worldFor,
} from './testing/sample-world.ts';
import { OPERATOR_KEY, openTestSuite, type TestSuite } from './testing/suite.ts';
import { signInToCode, type TestUser } from './testing/users.ts';

/**
 * People paste a key into the wrong field. Each secret is put into each field of each endpoint; then the log and the
 * refusals are searched. (An answer to an accepted request may repeat what it stored.)
 */

/** Headers that a caller can fill with anything. */
const FREE_HEADERS = [
  ...['x-request-id', 'traceparent', 'tracestate', 'x-cloud-trace-context', 'idempotency-key', 'user-agent'],
  ...['referer', 'origin', 'cookie', 'accept', 'accept-language', 'content-language', 'if-none-match'],
  ...['stripe-signature', 'forwarded', 'x-http-method-override', 'access-control-request-method'],
  ...['x-serverless-authorization', 'x-made-up', 'content-type', 'content-encoding'],
];
const AT_A_TIME = 16;

let suite: TestSuite;
let place: Place;
let self: TestUser;
let secrets: Readonly<Record<string, string>> = {};
const refusals: [place: string, answer: string][] = [];
const written: string[] = [];
let sent = 0;

beforeAll(async () => {
  suite = await openTestSuite({ USAGE_METERS: 'exports' }, unlimited);
  place = await newPlace(suite);
  self = await newMember(suite, place.tenantId);
  secrets = await secretsOfAllKinds();
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => written.push(format(text)) > 0);
  const requests = (await Promise.all(SAMPLES.map(requestsFor))).flat();
  for (let n = 0; n < requests.length; n += AT_A_TIME)
    await Promise.all(requests.slice(n, n + AT_A_TIME).map((send) => send()));
  vi.restoreAllMocks();
}, 60_000);
afterAll(() => suite.close());

/** A secret of each kind that a program or person holds. */
async function secretsOfAllKinds(): Promise<Readonly<Record<string, string>>> {
  const { body: seat } = await place.license.acquire('machine');
  const { body: signed } = await place.license.sign({ session_id: seat.session_id });
  const { body: erasure } = await self.call('POST', '/api/v1/gdpr/delete', {});
  const { code, verifier } = await signInToCode(suite, {
    issuer: 'https://provider.test',
    subject: '1',
    email: 'code@example.com',
    name: 'code',
    hostedDomain: null,
  });
  return {
    'license key': place.license.key,
    'session token': seat.session_token,
    'signed license': signed.license_token,
    'access token': self.authorization.replace('Bearer ', ''),
    'refresh token': self.refreshToken,
    'confirmation token': erasure.confirmation_token,
    'sign-in code': code,
    'code verifier': verifier,
    'operator key': OPERATOR_KEY,
    'service token': suite.serviceToken('scheduler'),
    'Stripe key': suite.stripe.apiKey,
    'Stripe webhook secret': suite.stripe.webhookSecret,
    'Stripe signature': stripeSignature(suite, '{}').split('v1=')[1] ?? '',
  };
}

/** Requests that the endpoint mostly refuses, with each secret in each field: names among them. */
async function requestsFor(sample: Sample, n: number): Promise<(() => Promise<void>)[]> {
  const { endpoint } = sample;
  const credentials = credentialsFor(suite, endpoint, place, self);
  const valid = sample.requestIn(await worldFor(suite, sample, place));
  const body = typeof valid.body === 'object' ? Object(valid.body) : {};
  const values = Object.values(secrets);
  const [one = '', other = ''] = [values[n % values.length], values[(n + 6) % values.length]];

  const inHeaders = values.map((secret, i) => {
    const text =
      [secret, `a-${secret}`, `00-${secret}-${secret}-01`, `__session=${secret}`][(n * 3 + i) % 4] ?? '';
    // Together they would be larger than Node allows.
    const names = FREE_HEADERS.filter((_, each) => each % 4 === (n + i) % 4);
    return {
      ...valid,
      ...(endpoint.body && { body: { ...body, made_up: true } }),
      headers: Object.fromEntries(names.map((name) => [name, text])),
    };
  });
  const inPath = Object.keys(valid.params ?? {}).flatMap((name) =>
    values
      .filter((_, i) => i % 2 === n % 2)
      .map((secret) => ({ ...valid, params: { ...valid.params, [name]: secret } })),
  );
  const inQuery = [...(endpoint.query ? fieldsOf(endpoint.query) : []), 'made_up'].flatMap((name) => [
    { ...valid, query: { ...valid.query, [name]: one } },
    { ...valid, query: { ...valid.query, [other]: name } },
  ]);
  const fields = endpoint.method === 'GET' ? [] : [...fieldsOf(endpoint.body), 'made_up'];
  const inBody = fields.flatMap((name) => [
    { ...valid, body: { ...body, [name]: one } },
    { ...valid, body: { ...body, [name]: [{ [other]: one }], [other]: 1 } },
    { ...valid, body: `${one} ${JSON.stringify({ [name]: other })}` },
  ]);
  const inPlaceOfCredentials = values.map((secret, i) => {
    const scheme = ['License', 'Bearer', 'Operator', 'Basic', ''][(n + i) % 5];
    return { ...valid, authorization: `${scheme} ${secret}x`.trim() };
  });
  return [...inHeaders, ...inPath, ...inQuery, ...inBody, ...inPlaceOfCredentials].map(
    (request) => async () => {
      const { authorization } = { ...credentials, ...request };
      // Without Hosting's cache and Google's own refusals, so that each request gets to its function.
      const { status, headers, text } = await sendTo(suite, endpoint, request, {
        door: 'unguarded',
        ...(authorization !== undefined && { authorization }),
      });
      sent += 1;
      if (status >= 400) refusals.push([`${status} ${sample.action}`, JSON.stringify([...headers, text])]);
    },
  );
}

test('no log line and no output contains a secret that a caller put into any field', () => {
  const lines = suite.logged.map((line, n): [string, string] => [
    `${line.function} ${n}`,
    JSON.stringify(line),
  ]);
  expect(lines.length).toBeGreaterThanOrEqual(sent);
  expect(findWords([...lines, ['output', written.join('\n')]], secrets)).toEqual([]);
});

test('no refusal repeats such a secret, and none is long', () => {
  expect(refusals.length).toBeGreaterThan(SAMPLES.length * 15);
  expect(findWords(refusals, secrets)).toEqual([]);
  expect(Math.max(...refusals.map(([, answer]) => answer.length))).toBeLessThan(4_000);
});

test('no such request fails', () => {
  const failed = suite.logged.filter(({ severity }) => severity === 'ERROR');
  expect(failed.map((line) => JSON.stringify(line))).toEqual([]);
});
