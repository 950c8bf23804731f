import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../../../functions/testing/clocked-suite.ts';
import type { TestLicense } from '../../../functions/testing/suite.ts';
import { Seatlease } from './client.ts';
import { utf8 } from './offline/bytes.ts';
import { importKeys } from './offline/keys.ts';
import { verifyToken } from './offline/token.ts';
import type { SeatleaseOptions } from './options.ts';
import type { Seat } from './seat.ts';
import { TestClock } from './testing/clock.ts';
import { sendByFetch } from './testing/network.ts';
import { powerCut, type TestMachine, testMachine, testPlatform } from './testing/platform.ts';

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;

let world: ClockedSuite;
let pem: string;
beforeAll(async () => {
  world = await openClockedSuite();
  pem = (await world.suite.call('GET', '/api/v1/public-key')).body.public_key;
});
afterAll(() => world.close());

let license: TestLicense;
let machine: TestMachine;
let clock: TestClock;
beforeEach(async () => {
  license = await world.suite.createLicense({ plan: 'pro', max: 2, borrow: { max_days: 14 } });
  clock = new TestClock(world.nowMs());
  machine = testMachine('laptop', clock);
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => void vi.restoreAllMocks());

/** Starts a program on the machine. */
function start(options: Partial<SeatleaseOptions> = {}) {
  const platform = testPlatform(sendByFetch, machine);
  const seatlease = new Seatlease({ url: world.suite.url, licenseKey: license.key, ...options }, platform);
  const events: string[] = [];
  for (const name of ['lost', 'offline', 'online', 'revived'] as const) {
    seatlease.on(name, (event) => void events.push('reason' in event ? `${name}: ${event.reason}` : name));
  }
  return { platform, network: platform.transport, seatlease, events };
}

/** Starts a program without a network. */
function startCut(options: Partial<SeatleaseOptions> = {}) {
  const program = start(options);
  program.network.condition = 'cut';
  return { ...program, seat: clock.until(program.seatlease.acquire()) };
}

/** The seat of a program that stored a signed license, ran offline for `afterMs`, and crashed. */
async function crashed(options: Partial<SeatleaseOptions> = {}, afterMs = 1): Promise<Seat> {
  const { seatlease, network } = start(options);
  const seat = await clock.until(seatlease.acquire());
  await clock.advance(1);
  if (!seat.offlineUntil) throw new Error('not signed');
  network.condition = 'cut';
  await clock.advance(afterMs);
  machine = powerCut(machine);
  return seat;
}

/** Moves the clocks of the server and of the machine. */
async function pass(ms: number): Promise<void> {
  world.moveClock(ms);
  await clock.advance(ms);
}

const HELD_ONLINE = { state: 'online', mayRun: true, holdsLease: true };
const IN_GRACE = { state: 'offline', mayRun: true, holdsLease: false };

describe('without a network', () => {
  test('a seat may run for the offline grace, and not an hour longer', async () => {
    const { seatlease, network, events } = start({ publicKeys: pem });
    const seat = await clock.until(seatlease.acquire());
    await clock.advance(1);
    expect(seat.offlineUntil?.getTime()).toBe(world.nowMs() + 7 * DAY_MS);
    network.condition = 'cut';
    await clock.advance(6 * DAY_MS + 23 * HOUR_MS);
    expect(seat).toMatchObject(IN_GRACE);
    expect(events).toEqual(['offline']);
    await clock.advance(HOUR_MS);
    expect(seat).toMatchObject({ state: 'expired', mayRun: false });
    expect(events).toEqual(['offline', 'lost: expired']);
  });

  test('the grace counts from the last day online', async () => {
    const terms = { plan: 'pro', ttl_seconds: 4 * 3600, heartbeat_seconds: 3 * 3600 };
    license = await world.suite.createLicense(terms);
    const { seatlease } = start();
    const seat = await clock.until(seatlease.acquire());
    for (let hour = 0; hour < 25; hour += 1) await pass(HOUR_MS);
    expect(seat).toMatchObject(HELD_ONLINE);
    expect(seat.offlineUntil?.getTime()).toBeGreaterThan(world.nowMs() + 6.8 * DAY_MS);
  });

  test('a program may start within the grace', async () => {
    const before = await crashed();
    await clock.advance(5 * DAY_MS);
    const { seat } = startCut();
    expect(await seat).toMatchObject({
      ...IN_GRACE,
      sessionId: before.sessionId,
      licenseId: license.licenseId,
    });
    await clock.advance(2 * DAY_MS);
    expect((await seat).mayRun).toBe(false);
    await expect(startCut().seat).rejects.toMatchObject({ code: 'OFFLINE_LICENSE_EXPIRED' });
  });

  test('a seat whose lease has expired is online again when the network returns', async () => {
    await crashed();
    await pass(2 * DAY_MS);
    const { network, seat, events } = startCut();
    const begun = await seat;
    network.condition = 'on';
    await clock.advance(10_000);
    expect(begun).toMatchObject(HELD_ONLINE);
    expect(events).toEqual(['online']);
    await begun.release();
    expect((await license.heartbeat({ session_id: begun.sessionId })).status).toBe(404);
  });

  test('the grace ends when the network returns and all seats are taken', async () => {
    await crashed();
    await pass(DAY_MS);
    await world.seat(license, 'a');
    await world.seat(license, 'b');
    const { network, seat, events } = startCut();
    const begun = await seat;
    network.condition = 'on';
    await clock.advance(10_000);
    expect(begun).toMatchObject({ state: 'expired', mayRun: false });
    expect(events).toEqual(['lost: SEATS_EXHAUSTED']);
  });
});

describe('a start without the server', () => {
  test('acquires in the background, never at the same time as the program', async () => {
    await crashed();
    const { network, seat, seatlease } = startCut();
    await seat;
    network.condition = 9_000;
    const before = network.count('/acquire');
    await clock.advance(2_000);
    const borrowed = seatlease.acquire({ borrowDays: 1 });
    await clock.advance(1_000);
    expect(network.count('/acquire')).toBe(before + 1);
    expect(await clock.until(borrowed)).toBe(await seat);
    expect(network.count('/acquire')).toBe(before + 2);
  });

  test('does not bypass a refusal', async () => {
    await crashed();
    await pass(HOUR_MS);
    await world.seat(license, 'a');
    await world.seat(license, 'b');
    await expect(start().seatlease.acquire()).rejects.toMatchObject({ code: 'SEATS_EXHAUSTED' });
    await world.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
    await expect(start().seatlease.acquire()).rejects.toMatchObject({ code: 'LICENSE_SUSPENDED' });
    // The refusal has removed the stored license.
    await expect(startCut().seat).rejects.toMatchObject({ code: 'NO_ANSWER' });
  });

  test('requires a license with an offline grace', async () => {
    license = await world.suite.createLicense({ plan: 'free' });
    await clock.until(start().seatlease.acquire());
    await clock.advance(HOUR_MS);
    expect(machine.files.size).toBe(0);
    await expect(startCut().seat).rejects.toMatchObject({ code: 'NO_ANSWER' });
  });

  test('requires a seat that was not released', async () => {
    const seat = await clock.until(start().seatlease.acquire());
    await clock.advance(1);
    expect(machine.files.size).toBe(1);
    await seat.release();
    expect(machine.files.size).toBe(0);
    await expect(startCut().seat).rejects.toMatchObject({ code: 'NO_ANSWER' });
  });

  test.each(['LICENSE_SUSPENDED', 'SESSION_NOT_FOUND'])(
    'is impossible after the server has answered %s',
    async (code) => {
      const { seatlease, events } = start();
      const seat = await clock.until(seatlease.acquire());
      await clock.advance(1);
      if (code === 'LICENSE_SUSPENDED')
        await world.suite.operate('PATCH', `/api/v1/licenses/${license.licenseId}`, { status: 'suspended' });
      else await world.suite.operate('DELETE', `/api/v1/licenses/sessions/${seat.sessionId}`);
      await pass(300_000);
      expect(events).toEqual([`lost: ${code}`]);
      await expect(startCut().seat).rejects.toMatchObject({ code: 'NO_ANSWER' });
    },
  );
});

describe('a clock that is set back', () => {
  test('ends the grace of a running program', async () => {
    const { seatlease, network, events } = start();
    const seat = await clock.until(seatlease.acquire());
    await clock.advance(1);
    network.condition = 'cut';
    await clock.advance(2 * DAY_MS);
    await clock.shift(-4 * 60_000);
    expect(seat.mayRun).toBe(true);
    await clock.shift(-2 * 60_000);
    expect(seat.mayRun).toBe(false);
    await clock.advance(20_000);
    expect(events).toEqual(['offline', 'lost: CLOCK_ROLLED_BACK']);
  });

  test('between two starts is detected', async () => {
    await crashed({}, 6 * DAY_MS);
    await clock.shift(-5 * DAY_MS);
    await expect(startCut().seat).rejects.toMatchObject({ code: 'CLOCK_ROLLED_BACK' });
    await clock.shift(5 * DAY_MS);
    expect(await startCut().seat).toMatchObject(IN_GRACE);
  });

  test('to a time before the license was signed is detected, even if no program ran since', async () => {
    await crashed();
    await clock.shift(-HOUR_MS);
    await expect(startCut().seat).rejects.toMatchObject({ code: 'CLOCK_ROLLED_BACK' });
  });

  test('is accepted once the server has signed a license with the right time', async () => {
    await clock.shift(3 * DAY_MS);
    await crashed();
    await clock.shift(-3 * DAY_MS);
    expect(await startCut().seat).toMatchObject(IN_GRACE);
  });
});

test('a program that started offline and ends without the server leaves the others of the machine alone', async () => {
  const online = start();
  const seat = await clock.until(online.seatlease.acquire());
  await clock.advance(1);
  const { seat: starting, network } = startCut();
  await (await starting).release();
  expect(network.count('/release')).toBe(0);
  await pass(300_000);
  expect(seat).toMatchObject(HELD_ONLINE);
  expect(online.events).toEqual([]);
});

describe('a stored license', () => {
  const edit = (change: (text: string) => string): void => {
    for (const [name, text] of machine.files) machine.files.set(name, change(text));
  };
  const INVALID = { code: 'OFFLINE_LICENSE_INVALID' };
  const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  /** Changes the highest bit of a character: the lowest bits of the last character may have no meaning. */
  const another = (character = ''): string => BASE64URL[BASE64URL.indexOf(character) ^ 32] ?? 'A';

  test('is rejected after a change at any place', async () => {
    await crashed();
    const [whole = ''] = machine.files.values();
    for (let at = 0; at < whole.length; at += 97) {
      edit(() => `${whole.slice(0, at)}${another(whole[at])}${whole.slice(at + 1)}`);
      await expect(startCut().seat, `changed at ${at}`).rejects.toMatchObject(INVALID);
    }
    edit(() => whole.slice(0, 100));
    await expect(startCut().seat).rejects.toMatchObject(INVALID);
    edit(() => whole);
    expect(await startCut().seat).toMatchObject(IN_GRACE);
  });

  test('is rejected with a valid seal and claims that the vendor has not signed', async () => {
    await crashed({ publicKeys: pem });
    await resealed((stored) => {
      const [head, payload = '', signature] = stored.token.split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
      claims.exp += 86_400;
      claims.license.offline_until = new Date(claims.exp * 1000).toISOString();
      const forged = Buffer.from(JSON.stringify(claims)).toString('base64url');
      return { ...stored, token: `${head}.${forged}.${signature}` };
    });
    await expect(startCut({ publicKeys: pem }).seat).rejects.toMatchObject(INVALID);
  });

  test.each(['none', 'HS256'])('is rejected with the algorithm %s', async (alg) => {
    await crashed();
    await resealed((stored) => {
      const [, payload] = stored.token.split('.');
      const head = Buffer.from(JSON.stringify({ alg, typ: 'license+jwt', kid: 'any' })).toString('base64url');
      return { ...stored, token: `${head}.${payload}.` };
    });
    await expect(startCut().seat).rejects.toMatchObject(INVALID);
  });

  test('is rejected on another machine, with another fingerprint, and by an app with other public keys', async () => {
    await crashed();
    await expect(startCut({ fingerprint: 'another' }).seat).rejects.toMatchObject({ code: 'NO_ANSWER' });
    const [[name, text] = ['', '']] = machine.files;
    const { publicKey } = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      },
      true,
      ['sign', 'verify'],
    );
    const spki = Buffer.from(await crypto.subtle.exportKey('spki', publicKey)).toString('base64');
    const publicKeys = `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----`;
    await expect(startCut({ publicKeys }).seat).rejects.toMatchObject(INVALID);
    // Copied to the place where the other machine stores its own license.
    const other = testMachine('other', clock);
    machine = other;
    const stranger = startCut();
    await stranger.seat.catch(() => undefined);
    await crashed();
    const [mine = ''] = other.files.keys();
    expect(mine).not.toBe(name);
    other.files.set(mine, text);
    await expect(startCut().seat).rejects.toMatchObject(INVALID);
  });

  test('is rejected for another machine and for another license, whatever its seal', async () => {
    await crashed();
    const [text = ''] = machine.files.values();
    const { token } = JSON.parse(JSON.parse(text).content);
    const keys = await importKeys(pem);
    const mine = { fingerprint: 'fingerprint of laptop', licenseId: license.licenseId, isLocal: true };
    expect(await verifyToken(token, keys, mine)).toMatchObject({ licenseId: license.licenseId });
    await expect(verifyToken(token, keys, { ...mine, fingerprint: 'another' })).rejects.toMatchObject(
      INVALID,
    );
    await expect(verifyToken(token, keys, { ...mine, licenseId: 'lic_07_other' })).rejects.toMatchObject(
      INVALID,
    );
    // It is signed by a test key, which is accepted only from a server on this machine.
    await expect(verifyToken(token, keys, { ...mine, isLocal: false })).rejects.toMatchObject(INVALID);
  });

  /** Stores a changed license with a valid seal, as an attacker who has disassembled the app can do. */
  async function resealed(change: (stored: { readonly token: string }) => object): Promise<void> {
    const [[name, text] = ['', '']] = machine.files;
    const content = JSON.stringify(change(JSON.parse(JSON.parse(text).content)));
    const secret = JSON.stringify([license.key, 'fingerprint of laptop']);
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const raw = utf8(`seatlease offline license ${secret}`);
    const key = await crypto.subtle.importKey('raw', raw, algorithm, false, ['sign']);
    const seal = Buffer.from(await crypto.subtle.sign('HMAC', key, utf8(content))).toString('hex');
    machine.files.set(name, JSON.stringify({ content, seal }));
  }
});

describe('a borrowed seat', () => {
  test('starts without the server until its loan ends, and can be released early online', async () => {
    const borrowed = await clock.until(start().seatlease.acquire({ borrowDays: 10 }));
    machine = powerCut(machine);
    expect(borrowed.offlineUntil).toEqual(borrowed.borrowedUntil);
    await pass(9 * DAY_MS);
    const { network, seat, seatlease } = startCut();
    const begun = await seat;
    expect(begun).toMatchObject({ ...IN_GRACE, borrowedUntil: borrowed.borrowedUntil });
    network.condition = 'on';
    await clock.advance(10_000);
    expect(begun).toMatchObject({ ...HELD_ONLINE, sessionId: borrowed.sessionId });
    expect(network.count('/heartbeat')).toBeLessThanOrEqual(3);
    expect(network.count('/acquire')).toBe(0);
    await begun.release();
    await expect(startCut().seat).rejects.toMatchObject({ code: 'NO_ANSWER' });
    const next = await clock.until(seatlease.acquire());
    expect(next.borrowedUntil).toBeUndefined();
    expect(next.sessionId).not.toBe(borrowed.sessionId);
  });

  test('is used by every program that starts with the server, too, until it is returned', async () => {
    const borrowed = await clock.until(start().seatlease.acquire({ borrowDays: 10 }));
    machine = powerCut(machine);
    await pass(DAY_MS);
    const next = await clock.until(start().seatlease.acquire());
    const { borrowedUntil, sessionId } = borrowed;
    expect(next).toMatchObject({ ...HELD_ONLINE, borrowedUntil, sessionId });
    await license.release(sessionId);
    machine = powerCut(machine);
    const last = await clock.until(start().seatlease.acquire());
    expect(last).toMatchObject({ ...HELD_ONLINE, borrowedUntil: undefined });
  });

  test('does not start after its loan has ended', async () => {
    await clock.until(start().seatlease.acquire({ borrowDays: 10 }));
    await clock.advance(10 * DAY_MS);
    await expect(startCut().seat).rejects.toMatchObject({ code: 'OFFLINE_LICENSE_EXPIRED' });
  });
});

describe('with the real server, the SDK', () => {
  test('acquires, extends and releases a seat', async () => {
    const { seatlease, network, events } = start();
    const seat = await clock.until(seatlease.acquire());
    for (let n = 0; n < 12; n += 1) await pass(60_000);
    expect(network.count('/heartbeat')).toBe(2);
    expect(seat).toMatchObject(HELD_ONLINE);
    await seat.release();
    expect((await license.heartbeat({ session_id: seat.sessionId })).body.code).toBe('SESSION_NOT_FOUND');
    expect(events).toEqual([]);
  });

  test('revives a seat whose lease expired without a network', async () => {
    license = await world.suite.createLicense({ plan: 'free' });
    const { seatlease, network, events } = start();
    const seat = await clock.until(seatlease.acquire());
    network.condition = 'cut';
    await pass(1200_000);
    network.condition = 'on';
    await pass(300_000);
    expect(events).toEqual(['offline', 'lost: expired', 'revived', 'online']);
    expect(seat).toMatchObject(HELD_ONLINE);
  });

  test('waits for a seat until one is released', async () => {
    const first = await world.seat(license, 'a');
    await world.seat(license, 'b');
    const { seatlease, network } = start();
    const waiting = seatlease.acquire({ wait: true });
    await pass(100_000);
    expect(network.count('/acquire')).toBe(2);
    await license.release(first.id);
    await pass(60_000);
    expect(await waiting).toMatchObject(HELD_ONLINE);
  });

  test('takes one seat per process if the license counts processes', async () => {
    license = await world.suite.createLicense({ unit: 'process' });
    const first = await clock.until(start({ processId: '1' }).seatlease.acquire());
    const second = await clock.until(start({ processId: '2' }).seatlease.acquire());
    expect(first.sessionId).not.toBe(second.sessionId);
    await first.release();
    expect((await license.heartbeat({ session_id: first.sessionId })).status).toBe(404);
    expect((await license.heartbeat({ session_id: second.sessionId })).status).toBe(200);
  });
});
