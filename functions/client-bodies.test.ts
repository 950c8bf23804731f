import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { nowhere, SAMPLES } from './testing/sample-requests.ts';
import { openTestSuite, type TestLicense, type TestSuite } from './testing/suite.ts';

const NEWER = { from_a_newer_client: { any: 'value' } };

let suite: TestSuite;
let license: TestLicense;
beforeAll(async () => {
  suite = await openTestSuite();
  license = await suite.createLicense({ max: 2, features: ['export'] });
});
afterAll(() => suite.close());

const release = (body: object) =>
  suite.call('POST', '/api/v1/licenses/release', { authorization: `License ${license.key}`, body });

describe('what a program on a customer’s machine sends', () => {
  test('can be newer than the server, and have null in every optional field, from acquire to release', async () => {
    const nulls = [
      'license_id',
      'user_id',
      'process_id',
      'hostname',
      'app_version',
      'offline_since',
      'borrow_days',
    ];
    const acquired = await license.acquire('machine', {
      ...Object.fromEntries(nulls.map((field) => [field, null])),
      ...NEWER,
    });
    expect(acquired.status, acquired.text).toBe(201);
    const { session_id } = acquired.body;

    const beat = { session_id, session_token: null, ...NEWER };
    const single = await license.heartbeat({ ...beat, sessions: null });
    expect(single.body, single.text).toMatchObject({ status: 'heartbeat_acknowledged', session_id });
    const batch = await license.heartbeat({ session_id: null, sessions: [beat], ...NEWER });
    expect(batch.body.results, batch.text).toMatchObject([{ status: 'heartbeat_acknowledged', session_id }]);

    const fields = [
      'license_id',
      'tenant_id',
      'plan',
      'features',
      'limits',
      'seats',
      'fingerprint',
      'expires_at',
    ];
    const asked = { session_id, offline_until: null, ...Object.fromEntries(fields.map((f) => [f, null])) };
    const signed = await license.sign({ session_id: null, license_data: asked, ...NEWER });
    expect(signed.body.license_data, signed.text).toMatchObject({ seats: 2, features: ['export'] });
    expect((await license.sign({ session_id, license_data: null })).status).toBe(200);

    const ended = await release({ session_id, session_token: null, ...NEWER });
    expect(ended.status, ended.text).toBe(204);
    expect((await license.heartbeat({ session_id })).body.code).toBe('SESSION_NOT_FOUND');
  });

  test('is refused by the name of the field where null is in a required field', async () => {
    const replies = [
      await license.acquire('machine', { fingerprint: null }),
      await license.heartbeat({ session_id: null }),
      await license.heartbeat({ sessions: [{ session_id: null }] }),
      await release({ session_id: null }),
      await license.sign({ session_id: null }),
    ];
    for (const { status, body } of replies) {
      expect([status, body.code]).toEqual([400, 'VALIDATION_FAILED']);
      expect(body.detail).toMatch(/fingerprint|session_id/);
    }
  });

  test('never extends one session while the request also names others', async () => {
    const { session_id } = (await license.acquire('machine')).body;
    const refused = await license.heartbeat({ session_id, sessions: [{ session_id }] });
    expect([refused.status, refused.body.code]).toEqual([400, 'VALIDATION_FAILED']);
  });
});

test('only acquire, heartbeat, release, sign and the endpoints of OAuth ignore unknown fields', () => {
  const ignoring = SAMPLES.filter(({ endpoint: { body, auth }, requestIn }) => {
    // Stripe and Pub/Sub define their own bodies. OAuth clients send parameters that we do not know (RFC 6749 section 3.2).
    if (!body || auth.some((grant) => grant === 'stripe' || grant === 'pubsub')) return false;
    const sample = requestIn(nowhere()).body;
    expect(z.safeParse(body, sample).success).toBe(true);
    return z.safeParse(body, { ...Object(sample), ...NEWER }).success;
  });
  expect(ignoring.map(({ action }) => action).toSorted()).toEqual([
    ...['acquire.acquire', 'device.decide', 'device.start', 'heartbeat.heartbeat'],
    ...['release.release', 'sign.sign', 'token.revoke', 'token.token'],
  ]);
});
