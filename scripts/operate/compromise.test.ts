import { createHash, createPublicKey } from 'node:crypto';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { runAdmin } from '../../clients/admin/src/run.ts';
import { NativeSeatlease } from '../../clients/sdk/src/native.ts';
import { TestClock } from '../../clients/sdk/src/testing/clock.ts';
import { sendByFetch } from '../../clients/sdk/src/testing/network.ts';
import { testMachine, testPlatform } from '../../clients/sdk/src/testing/platform.ts';
import { type ClockedSuite, openClockedSuite } from '../../functions/testing/clocked-suite.ts';
import type { TestLicense } from '../../functions/testing/suite.ts';
import { OPERATOR_KEY } from '../../functions/testing/suite.ts';
import { openKmsKeys } from '../../shared/adapters/signer/kms-keys.ts';
import { openKmsSigner } from '../../shared/adapters/signer/kms-signer.ts';
import { tokenInputOf } from '../../shared/domain/license-signature.ts';
import { type KeyDeployment, openKeyDeployment } from './testing/key-deployment.ts';

/** The rehearsal of "If the key is compromised" in the runbook, with its commands. */
const MINUTE_MS = 60_000;

let key: KeyDeployment;
let world: ClockedSuite;
beforeEach(async () => {
  key = await openKeyDeployment();
  world = await openClockedSuite((deps) => ({ ...deps, signer: key.signer }));
});
afterEach(async () => {
  await world.close();
  await key.close();
});

/** `npm run operate -- keys …`, as JSON. */
async function keys(...args: string[]) {
  const { code, printed } = await key.runKeys(world.nowMs(), ...args, '--json');
  return { code, ...JSON.parse(printed) };
}

/** `npm run admin -- revocations …`, as JSON. */
async function revocations(...args: string[]) {
  const printed: string[] = [];
  const print = (text: string) => void printed.push(text);
  const environment = { SEATLEASE_URL: world.suite.url, OPERATOR_KEY };
  const code = await runAdmin(['revocations', ...args, '--json'], environment, { print, printError: print });
  expect(code, printed.join('\n')).toBe(0);
  return JSON.parse(printed.join(''));
}

/** A verifier that is online: it has the published keys, and the list of revocations, which it checks as the guide says. */
async function verify(token: string): Promise<void> {
  const origin = world.suite.doors['run.app'];
  const jwks = createRemoteJWKSet(new URL('/.well-known/jwks.json', origin));
  const { payload } = await jwtVerify(token, jwks, { algorithms: ['RS256'], typ: 'license+jwt' });
  for (const list of await lists()) {
    const { kid } = decodeProtectedHeader(token);
    const issuedAt = (payload.license as { issued_at: string }).issued_at;
    const isKey = list.keys.some(
      ({ key_id, since }) => key_id === kid && (since === null || issuedAt >= since),
    );
    if (isKey || list.licenses.some(({ jti }) => jti === payload.jti)) throw new Error('revoked');
  }
}

interface List {
  readonly keys: readonly { key_id: string; since: string | null }[];
  readonly licenses: readonly { jti: string }[];
}

const lists = async (): Promise<List[]> => {
  const { body } = await world.suite.call('GET', '/.well-known/license-revocations.json', {
    door: 'run.app',
  });
  return body.tokens.map((token: string) => decodeJwt<List>(token));
};

/** What a person with `useToSign` on the key signs: any license, backdated, for ever. */
async function forge(number: number): Promise<string> {
  const thief = openKmsSigner({ keyVersion: key.server.versionName(number), client: key.server.client });
  const { keyId, sign } = await thief.current();
  const license = {
    license_id: 'lic_00_x',
    fingerprint: 'pirate',
    issued_at: '2020-01-01T00:00:00.000Z',
    offline_until: '2099-01-01T00:00:00.000Z',
  };
  const claims = {
    jti: createHash('sha256').update('forged').digest('base64url'),
    iat: 1,
    exp: 4_070_908_800,
    license,
  };
  const input = tokenInputOf({ alg: 'RS256', kid: keyId, typ: 'license+jwt' }, claims);
  const signed = await sign(Buffer.from(input));
  await thief.close();
  if (signed.verdict !== 'SIGNED') throw new Error('not signed');
  return `${input}.${Buffer.from(signed.signature).toString('base64url')}`;
}

/** Customers, whose seats must go on through all of it. */
async function customers() {
  const license = await world.suite.createLicense({ plan: 'pro', max: 3, borrow: { max_days: 7 } });
  const seats = [(await license.acquire('laptop')).body, (await license.acquire('desktop')).body];
  const loan = (await license.acquire('ship', { borrow_days: 5 })).body;
  return {
    license,
    session: seats[0].session_id as string,
    loan: loan.session_id as string,
    /** Every customer’s next contact, five minutes later. */
    async goOn(): Promise<void> {
      world.moveClock(5 * MINUTE_MS);
      for (const { session_id } of [...seats, loan])
        expect((await license.heartbeat({ session_id })).status).toBe(200);
      expect((await license.acquire('one more')).body.code).toBe('SEATS_EXHAUSTED');
    },
  };
}

async function tokenOf(license: TestLicense, session_id: string): Promise<string> {
  const { status, body, text } = await license.sign({ session_id });
  expect(status, text).toBe(200);
  return body.license_token;
}

test('a compromised key is rotated and revoked: forged licenses are refused, and every seat, heartbeat and loan goes on', async () => {
  const { license, session, loan, goOn } = await customers();
  const [old, ofLoan] = [await tokenOf(license, session), await tokenOf(license, loan)];
  const forged = await forge(1);
  // Nobody can tell it from a real one.
  await verify(forged);
  await verify(old);
  const { kid = '' } = decodeProtectedHeader(old);

  // 1. A new version, which signs at once.
  expect(await keys('rotate', '--compromised', '--apply')).toMatchObject({ step: 'create', applied: true });
  key.server.setState(2, 'ENABLED');
  expect(await keys('rotate', '--compromised')).toMatchObject({ step: 'pin', version: { number: 2 } });
  await goOn();
  await key.deploy(2);
  await goOn();

  // 2. Revoke the old one, while it can still sign its own revocation.
  expect(await revocations('key', '--key', kid)).toEqual({ key_id: kid, applied: false });
  await verify(forged);
  expect(await revocations('key', '--key', kid, '--yes')).toMatchObject({
    applied: true,
    keys: [{ key_id: kid, since: null, is_self_signed: true }],
  });

  // 3. Disable it.
  expect(await keys('disable', '--version', '1', '--compromised', '--apply')).toMatchObject({
    applied: true,
  });
  await goOn();
  await expect(verify(forged)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  await expect(verify(old)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  await expect(forge(1)).rejects.toThrow();

  // The next contact of each customer: the kept license is replaced, and the loan's keeps its end.
  const renewed = await tokenOf(license, session);
  await verify(renewed);
  expect(decodeProtectedHeader(renewed).kid).not.toBe(kid);
  const loaned = await tokenOf(license, loan);
  await verify(loaned);
  expect(decodeJwt(loaned).exp).toBe(decodeJwt(ofLoan).exp);
  await goOn();
  expect(await tokenOf(license, session)).toBe(renewed);
});

test('a mistaken revocation is undone, and licenses of the key are accepted again', async () => {
  const { license, session, goOn } = await customers();
  const old = await tokenOf(license, session);
  const { kid = '' } = decodeProtectedHeader(old);
  await keys('rotate', '--compromised', '--apply');
  key.server.setState(2, 'ENABLED');
  await key.deploy(2);
  await revocations('key', '--key', kid, '--yes');
  await goOn();
  await expect(verify(old)).rejects.toThrow();
  expect(await revocations('undo', '--id', kid)).toMatchObject({ keys: [] });
  await goOn();
  await verify(old);
});

test('a faulty release is revoked since its deploy: earlier licenses stay valid, later ones are replaced', async () => {
  const { license, session, goOn } = await customers();
  const before = await tokenOf(license, session);
  await goOn();
  const since = new Date(world.nowMs()).toISOString();
  const other = await world.suite.createLicense({ plan: 'pro' });
  const seat = (await other.acquire('machine')).body.session_id;
  const faulty = await tokenOf(other, seat);
  const { kid = '' } = decodeProtectedHeader(faulty);
  await keys('rotate', '--compromised', '--apply');
  key.server.setState(2, 'ENABLED');
  await key.deploy(2);
  await revocations('key', '--key', kid, '--since', since, '--yes');
  await goOn();
  await verify(before);
  await expect(verify(faulty)).rejects.toThrow('revoked');
  // The other customer's program has not been heard of for six minutes: it acquires again, and its license is new.
  await other.acquire('machine');
  await verify(await tokenOf(other, seat));
});

test('a running program that has both keys in its build replaces its license within an hour, and refuses a forged one offline', async () => {
  const spare = openKmsKeys({ keyVersion: key.server.versionName(1), client: key.server.client });
  await spare.create();
  await spare.close();
  key.server.setState(2, 'ENABLED');
  await key.deploy(1);
  const license = await world.suite.createLicense({ plan: 'pro', max: 1 });
  const clock = new TestClock(world.nowMs());
  const machine = testMachine('laptop', clock);
  const start = (condition: 'on' | 'cut') => {
    const platform = testPlatform(sendByFetch, machine);
    platform.transport.condition = condition;
    const publicKeys = inject('signingKeys').map((pem) =>
      createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString(),
    );
    return new NativeSeatlease({ url: world.suite.url, licenseKey: license.key, publicKeys }, platform);
  };
  const pass = async (minutes: number): Promise<void> => {
    for (let left = minutes; left > 0; left -= 5) {
      world.moveClock(5 * MINUTE_MS);
      await clock.advance(5 * MINUTE_MS);
    }
  };
  const stored = (): string | undefined =>
    [...machine.files.values()].map((text) => /[\w-]+\.[\w-]+\.[\w-]{600,}/.exec(text)?.[0]).find(Boolean);
  const events: string[] = [];

  const seatlease = start('on');
  for (const name of ['lost', 'offline', 'graceAtRisk'] as const)
    seatlease.on(name, () => void events.push(name));
  const seat = await clock.until(seatlease.acquire());
  await pass(5);
  const before = stored() ?? expect.fail('nothing is stored');
  const { kid = '' } = decodeProtectedHeader(before);
  const kept = new Map(machine.files);

  await key.deploy(2);
  await revocations('key', '--key', kid, '--yes');
  await keys('disable', '--version', '1', '--compromised', '--apply');
  await pass(65);
  const after = stored() ?? expect.fail('nothing is stored');
  await verify(after);
  expect(decodeProtectedHeader(after).kid).not.toBe(kid);
  expect([seat.state, seat.sessionId.length > 0, events]).toEqual(['online', true, []]);
  expect((await license.acquire('other')).body.code).toBe('SEATS_EXHAUSTED');

  // The program crashes, and a user puts the file with the license of the stolen key back.
  clock.dropTimers();
  const restarted = await clock.until(start('cut').acquire());
  expect(restarted.state).toBe('offline');
  clock.dropTimers();
  for (const [name, text] of kept) machine.files.set(name, text);
  await expect(clock.until(start('cut').acquire())).rejects.toMatchObject({
    message: expect.stringContaining('revoked'),
  });
});
