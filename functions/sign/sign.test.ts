import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newSessionId } from '../../shared/domain/ids.ts';
import { membershipId } from '../../shared/domain/users.ts';
import { MEMBERSHIPS } from '../../shared/ports/collections.ts';
import type { SignVerdict } from '../../shared/ports/signer.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { bareAnswer } from '../testing/bare-answer.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { readRedisValues } from '../testing/inspectable-suite.ts';
import { interceptSigning } from '../testing/intercept-signing.ts';
import type { TestLicense } from '../testing/suite.ts';
import { signIn, signOut } from '../testing/users.ts';

const DAY_MS = 24 * 3600 * 1000;
const at = (ms: number): string => new Date(ms).toISOString();

/** Number of signatures since the start. */
let signatures = 0;
let beforeSignature: () => Promise<SignVerdict | undefined> = async () => undefined;
let clocked: ClockedSuite;
beforeAll(async () => {
  clocked = await openClockedSuite((deps) => ({
    ...deps,
    signer: interceptSigning(deps.signer, () => {
      signatures += 1;
      return beforeSignature();
    }),
  }));
});
afterAll(() => clocked.close());

/** A license with one seat held. */
async function seated(
  terms: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): Promise<{ license: TestLicense; session: string }> {
  const license = await clocked.suite.createLicense({ features: ['export', 'print'], ...terms });
  const { status, body, text } = await license.acquire('machine', more);
  if (status !== 201) throw new Error(`no seat: ${text}`);
  return { license, session: body.session_id };
}

/** The result of `work`, and the number of signatures that it took. */
async function countSignatures<R>(work: () => Promise<R>): Promise<{ result: R; signatures: number }> {
  const before = signatures;
  const result = await work();
  return { result, signatures: signatures - before };
}

test('signs the whole license of a session that holds a seat, and names the key', async () => {
  const { license, session } = await seated();
  const { status, body, text } = await license.sign({ session_id: session });
  expect(status, text).toBe(200);
  const untilMs = clocked.nowMs() + 7 * DAY_MS;
  expect(body.license_data).toEqual({
    jti: expect.stringMatching(/^sig_[0-9a-z]{26}$/),
    license_id: license.licenseId,
    tenant_id: license.tenantId,
    plan: 'pro',
    features: ['export', 'print'],
    limits: { projects: 20 },
    seats: 3,
    fingerprint: 'machine',
    issued_at: at(clocked.nowMs()),
    expires_at: at(untilMs),
    offline_until: at(untilMs),
  });
  expect(JSON.parse(body.license_json)).toEqual(body.license_data);
  expect(body.algorithm).toBe('RSA_SIGN_PKCS1_4096_SHA256');
  expect(Buffer.from(body.signed_license, 'base64')).toHaveLength(512);
  const keys = await clocked.suite.call('GET', '/api/v1/public-key');
  expect(body.key_id).toBe(keys.body.key_id);
});

describeReal('openssl', 'a signed license verifies without our code', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'seatlease-openssl-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function openssl(pem: string, signature: Buffer, data: Buffer): Promise<string> {
    const [keyFile, signatureFile, dataFile] = ['key.pem', 'license.sig', 'license.json'].map((name) =>
      join(folder, name),
    );
    await Promise.all([
      writeFile(String(keyFile), pem),
      writeFile(String(signatureFile), signature),
      writeFile(String(dataFile), data),
    ]);
    const args = [
      'dgst',
      '-sha256',
      '-verify',
      String(keyFile),
      '-signature',
      String(signatureFile),
      String(dataFile),
    ];
    return promisify(execFile)('openssl', args).then(
      ({ stdout }) => stdout.trim(),
      (error) => String(error.stdout).trim(),
    );
  }

  test('verifies with openssl, and fails with any one byte changed', async () => {
    const { license, session } = await seated();
    const signed = (await license.sign({ session_id: session })).body;
    const { public_key } = (await clocked.suite.call('GET', '/api/v1/public-key')).body;
    const signature = Buffer.from(signed.signed_license, 'base64');
    const data = Buffer.from(signed.license_json);
    expect(await openssl(public_key, signature, data)).toBe('Verified OK');

    const changed = (bytes: Buffer, place: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(place) ^ 1, place);
      return copy;
    };
    const places = [0, 1, 17, 100, 200, data.length - 2, data.length - 1];
    for (const place of places)
      expect(await openssl(public_key, signature, changed(data, place))).toBe('Verification failure');
    for (const place of [0, 255, 511])
      expect(await openssl(public_key, changed(signature, place), data)).toBe('Verification failure');
    expect(await openssl(public_key, signature, Buffer.concat([data, Buffer.from('\n')]))).toBe(
      'Verification failure',
    );
  });
});

describe('the token', () => {
  const verified = (token: string) =>
    jwtVerify(token, createRemoteJWKSet(new URL('/.well-known/jwks.json', clocked.suite.url)), {
      algorithms: ['RS256'],
      typ: 'license+jwt',
      currentDate: new Date(clocked.nowMs()),
    });

  test('verifies with a standard JWT library and the published keys, and contains the license', async () => {
    const { license, session } = await seated();
    const { body } = await license.sign({ session_id: session });
    const { payload, protectedHeader } = await verified(body.license_token);
    expect(payload.license).toEqual(body.license_data);
    expect(payload).toMatchObject({ sub: license.licenseId });
    expect(payload.exp).toBe(Math.floor(Date.parse(body.license_data.expires_at) / 1000));
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'license+jwt', kid: body.key_id });
  });

  test('is refused by that library when changed or expired', async () => {
    const { license, session } = await seated();
    const token: string = (await license.sign({ session_id: session })).body.license_token;
    const [header, payload = '', signature] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const more = { ...claims, license: { ...claims.license, seats: 4 } };
    const forged = [header, Buffer.from(JSON.stringify(more)).toString('base64url'), signature].join('.');
    await expect(verified(forged)).rejects.toMatchObject({ code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
    clocked.moveClock(7 * DAY_MS);
    await expect(verified(token)).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' });
  });
});

describe('the offline time of a client', () => {
  test.each([
    ['free', {}, 360_000],
    ['pro', {}, 7 * DAY_MS],
    ['team', {}, 3 * DAY_MS],
    ['enterprise', {}, 7 * DAY_MS],
    ['enterprise', { offline_grace_days: 30 }, 30 * DAY_MS],
  ])('of the %s plan (%j) is the same in acquire and in the signed license', async (plan, terms, ms) => {
    const { license, session } = await seated({ plan, ...terms });
    const again = await license.acquire('machine');
    const { license_data } = (await license.sign({ session_id: session })).body;
    expect(license_data.offline_until).toBe(at(clocked.nowMs() + ms));
    expect(again.body.offline_grace_days * DAY_MS).toBe(ms < DAY_MS ? 0 : ms);
  });

  test('ends with the license', async () => {
    const endMs = clocked.nowMs() + DAY_MS;
    const { license, session } = await seated({ valid_until: at(endMs) });
    expect((await license.sign({ session_id: session })).body.license_data.offline_until).toBe(at(endMs));
  });
});

describe('a repeated request', () => {
  test('signs again for the full offline time after more than a tenth of it has passed', async () => {
    const { license, session } = await seated({ ttl_seconds: 30 * 24 * 3600 });
    const first = await license.sign({ session_id: session });
    expect(first.status).toBe(200);
    clocked.moveClock(3 * DAY_MS + 1000);
    await license.heartbeat({ session_id: session });
    const later = await countSignatures(() => license.sign({ session_id: session }));
    expect(later.signatures).toBe(2);
    expect(later.result.body.license_data.issued_at).toBe(at(clocked.nowMs()));
  });

  test.each([
    ['its seats', { max: 5 }, { seats: 5 }],
    ['its features', { features: ['scan'] }, { features: ['scan'] }],
    ['its limits', { limits: { users: 5 } }, { limits: { users: 5 } }],
    ['its plan', { plan: 'team' }, { plan: 'team' }],
  ])('signs a change of %s at once', async (_, change, signed) => {
    const { license, session } = await seated();
    await license.sign({ session_id: session });
    await clocked.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, change);
    const after = await countSignatures(() => license.sign({ session_id: session }));
    expect(after.signatures).toBe(2);
    expect(after.result.body.license_data).toMatchObject(signed);
  });

  test('signs a smaller license, which replaces the stored one', async () => {
    const { license, session } = await seated();
    await license.sign({ session_id: session });
    const less = {
      session_id: session,
      license_data: { features: ['print'], limits: { projects: 5 }, seats: 1 },
    };
    const first = await countSignatures(() => license.sign(less));
    expect(first.signatures).toBe(2);
    expect(first.result.body.license_data).toMatchObject({
      features: ['print'],
      limits: { projects: 5 },
      seats: 1,
    });
    expect((await countSignatures(() => license.sign(less))).signatures).toBe(0);
  });

  test('signs for each machine of a user', async () => {
    const license = await clocked.suite.createLicense({ unit: 'user' });
    const signedOn = async (machine: string) => {
      const { session_id } = (await license.acquire(machine, { user_id: 'ada' })).body;
      return countSignatures(() => license.sign({ session_id }));
    };
    for (const machine of ['desk', 'laptop']) {
      const { result, signatures } = await signedOn(machine);
      expect([result.body.license_data.fingerprint, signatures]).toEqual([machine, 2]);
    }
    expect(await signedOn('desk')).toMatchObject({ signatures: 0, result: { status: 200 } });
  });

  test('returns the same license to later sessions of the machine, without signing', async () => {
    const license = await clocked.suite.createLicense();
    const start = async (instance_id: string): Promise<string> =>
      (await license.acquire('machine', { instance_id })).body.session_id;
    const first = await start('start-1');
    const signed = await license.sign({ session_id: first });
    const sibling = await start('start-2');
    for (const body of [
      { session_id: sibling },
      { license_data: { session_id: sibling } },
      { session_id: sibling, license_data: { session_id: sibling } },
    ]) {
      const again = await countSignatures(() => license.sign(body));
      expect(again).toMatchObject({ signatures: 0, result: { status: 200, text: signed.text } });
    }
  });

  test('returns the stored license after the session was revived', async () => {
    const license = await clocked.suite.createLicense();
    const { id: session_id, token: session_token } = await clocked.seat(license, 'machine');
    const signed = await license.sign({ session_id });
    clocked.moveClock(400_000);
    expect((await license.heartbeat({ session_id, session_token })).body.revived).toBe(true);
    const again = await countSignatures(() => license.sign({ session_id }));
    expect(again).toMatchObject({ signatures: 0, result: { text: signed.text } });
  });
});

describe('signatures are limited', () => {
  /** Each request asks for another end, so that each needs a new signature. */
  const signAnother = (license: TestLicense, session_id: string, n: number) => {
    const expires_at = at(clocked.nowMs() + 60_000 + n);
    return license.sign({ session_id, license_data: { expires_at } });
  };

  test('to 24 a seat and UTC day', async () => {
    clocked.moveClock(DAY_MS - (clocked.nowMs() % DAY_MS));
    const { license, session } = await seated();
    for (let n = 0; n < 24; n += 1) expect((await signAnother(license, session, n)).status).toBe(200);
    const refused = await countSignatures(() => signAnother(license, session, 24));
    expect(refused).toMatchObject({ signatures: 0, result: { status: 429 } });
    expect(refused.result.body.code).toBe('RATE_LIMITED');
    expect(Number(refused.result.headers.get('retry-after'))).toBeGreaterThan(23 * 3600);
    expect((await signAnother(license, session, 23)).status).toBe(200);
    const { session_id } = (await license.acquire('other')).body;
    expect((await license.sign({ session_id })).status).toBe(200);
  });

  test('to the machines that may hold a signed license at once', async () => {
    const license = await clocked.suite.createLicense({ max: 1, unit: 'user' });
    const acquire = async (n: number): Promise<string> =>
      (await license.acquire(`machine-${n}`, { user_id: 'ada' })).body.session_id;
    for (let n = 0; n < 10; n += 1) {
      const signed = await license.sign({ session_id: await acquire(n) });
      expect(signed.status, signed.text).toBe(200);
    }
    const session_id = await acquire(10);
    const refused = await countSignatures(() => license.sign({ session_id }));
    expect(refused).toMatchObject({ signatures: 0, result: { status: 409 } });
    expect(refused.result.body).toMatchObject({ code: 'SIGNED_LIMIT', limit: 10 });
    await license.release(await acquire(0));
    expect((await license.sign({ session_id })).status).toBe(200);
  });
});

describe('a borrowed seat', () => {
  const LENDING = { borrow: { max_days: 14, low_water: 1 } };

  test('is held for days without heartbeats, and signed for exactly that time', async () => {
    const { license, session } = await seated(LENDING, { borrow_days: 10 });
    const untilMs = clocked.nowMs() + 10 * DAY_MS;
    const { body } = await license.sign({ session_id: session });
    expect(body.license_data).toMatchObject({ expires_at: at(untilMs), offline_until: at(untilMs) });
    clocked.moveClock(9 * DAY_MS);
    const again = await countSignatures(() => license.sign({ session_id: session }));
    expect(again).toMatchObject({ signatures: 0, result: { text: expect.stringContaining(at(untilMs)) } });
    clocked.moveClock(DAY_MS);
    expect((await license.sign({ session_id: session })).body.code).toBe('SESSION_NOT_FOUND');
  });

  test('that is shorter than the offline grace ends with the loan', async () => {
    const { license, session } = await seated(LENDING, { borrow_days: 1 });
    const { body } = await license.sign({ session_id: session });
    expect(body.license_data.offline_until).toBe(at(clocked.nowMs() + DAY_MS));
  });

  test('that is borrowed for longer is signed again', async () => {
    const { license, session } = await seated(LENDING, { borrow_days: 2 });
    await license.sign({ session_id: session });
    await license.acquire('machine', { borrow_days: 3 });
    const longer = await license.sign({ session_id: session });
    expect(longer.body.license_data.offline_until).toBe(at(clocked.nowMs() + 3 * DAY_MS));

    clocked.moveClock(3_600_000);
    await license.acquire('machine', { borrow_days: 3 });
    const anHour = await license.sign({ session_id: session });
    expect(anHour.body.license_data.offline_until).toBe(at(clocked.nowMs() + 3 * DAY_MS));
  });

  test('that is released early is free at once, and no longer signed', async () => {
    const { license, session } = await seated({ max: 2, ...LENDING }, { borrow_days: 10 });
    await license.acquire('second');
    expect((await license.acquire('third')).body.code).toBe('SEATS_EXHAUSTED');
    expect((await license.release(session)).status).toBe(204);
    expect((await license.acquire('third')).status).toBe(201);
    expect((await license.sign({ session_id: session })).body.code).toBe('SESSION_NOT_FOUND');
  });
});

describe('nothing is signed', () => {
  test('for an ended, unknown or foreign session, with the same answer', async () => {
    const { license, session } = await seated();
    const ended = (await license.acquire('ended')).body.session_id;
    await license.release(ended);
    const foreign = await seated();
    const replies = await Promise.all(
      [ended, newSessionId(license.licenseId), foreign.session].map((id) => license.sign({ session_id: id })),
    );
    for (const reply of replies) {
      expect([reply.status, reply.body.code]).toEqual([404, 'SESSION_NOT_FOUND']);
      expect(bareAnswer(reply)).toEqual(bareAnswer(replies[0] ?? reply));
    }
    expect((await license.sign({ session_id: session })).status).toBe(200);
  });

  test('without a session', async () => {
    const { license } = await seated();
    for (const body of [{}, { license_data: {} }]) {
      const refused = await license.sign(body);
      expect(refused.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ at: '/session_id' }] });
    }
  });

  test('for a suspended or expired license, even if it was signed before', async () => {
    const endMs = clocked.nowMs() + 60_000;
    const { license, session } = await seated({ valid_until: at(endMs) });
    await license.sign({ session_id: session });
    await clocked.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
    expect((await license.sign({ session_id: session })).body.code).toBe('LICENSE_SUSPENDED');
    await clocked.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'active' });
    clocked.moveClock(60_000);
    expect((await license.sign({ session_id: session })).body.code).toBe('LICENSE_EXPIRED');
  });

  test('for a session that ends while it is being signed', async () => {
    const { license, session } = await seated();
    beforeSignature = async () => {
      await license.release(session);
      return undefined;
    };
    const refused = await license.sign({ session_id: session });
    beforeSignature = async () => undefined;
    expect([refused.status, refused.body.code]).toEqual([404, 'SESSION_NOT_FOUND']);
  });

  test.each([
    ['both signatures', 1],
    ['the second signature', 2],
  ])('while the key is over quota (for %s): 503 with Retry-After', async (_, nth) => {
    const { license, session } = await seated();
    let attempts = 0;
    beforeSignature = async () => {
      attempts += 1;
      return attempts % nth === 0 ? { verdict: 'BUSY' } : undefined;
    };
    const refused = await license.sign({ session_id: session });
    beforeSignature = async () => undefined;
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
      503,
      'SIGNING_BUSY',
      '60',
    ]);
    expect((await license.sign({ session_id: session })).status).toBe(200);
  });
});

test('applies a change that has not reached the seat store yet', async () => {
  const { license, session } = await seated();
  const key = `license:{s${license.licenseId.slice(4, 6)}}:${license.licenseId}`;
  const before = await clocked.redis.command(['HGETALL', key]);
  await clocked.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
  await clocked.redis.command(['DEL', key]);
  await clocked.redis.command(['HSET', key, ...(Array.isArray(before) ? before.map(String) : [])]);
  expect((await license.sign({ session_id: session })).body.code).toBe('LICENSE_SUSPENDED');
});

test('keeps no signed license in Redis for a machine whose last session was released', async () => {
  const { license, session } = await seated();
  const { body } = await license.sign({ session_id: session });
  // Redis' JSON escapes slashes.
  const stored = async () =>
    [...(await readRedisValues(clocked.redis)).values()].join('\n').replaceAll('\\', '');
  expect(await stored()).toContain(body.signed_license);
  await license.release(session);
  expect(await stored()).not.toContain(body.signed_license);
});

test('puts nothing into the token header that a verifier has to trust', async () => {
  const { license, session } = await seated();
  const { license_token } = (await license.sign({ session_id: session })).body;
  expect(Object.keys(decodeProtectedHeader(license_token)).toSorted()).toEqual(['alg', 'kid', 'typ']);
});

describe('a signed-in user', () => {
  async function seatedUser() {
    const ada = await signIn(clocked.suite, `ada-${randomUUID()}@example.com`);
    const [tenantId = ''] = ada.tenants.keys();
    const license = await clocked.suite.createLicense({ tenant_id: tenantId, max: 5 });
    const body = { fingerprint: 'laptop', license_id: license.licenseId };
    const { session_id } = (await ada.call('POST', '/api/v1/licenses/acquire', body)).body;
    const sign = () => ada.call('POST', '/api/v1/licenses/sign', { session_id });
    expect((await sign()).status).toBe(200);
    return { ada, tenantId, sign };
  }

  test('cannot have a license signed after signing out, nor get one that was signed before, with an access token that is left', async () => {
    const { ada, sign } = await seatedUser();
    expect((await signOut(clocked.suite, ada)).status).toBe(200);
    expect(await sign()).toMatchObject({ status: 401, body: { code: 'CREDENTIALS_INVALID' } });
  });

  test('cannot have a license signed after leaving its tenant', async () => {
    const { ada, tenantId, sign } = await seatedUser();
    const { records } = clocked.suite.deps;
    const id = membershipId(tenantId, ada.userId);
    await records.transact(async (transaction) => transaction.delete(MEMBERSHIPS, id));
    expect(await sign()).toMatchObject({ status: 404, body: { code: 'LICENSE_NOT_FOUND' } });
  });
});
