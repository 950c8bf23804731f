import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../../../functions/testing/clocked-suite.ts';
import type { TestLicense } from '../../../functions/testing/suite.ts';
import type { SeatleaseError } from './errors.ts';
import { NativeSeatlease as Seatlease } from './native.ts';
import { utf8 } from './offline/bytes.ts';
import { importKeys } from './offline/keys.ts';
import type { Stored } from './offline/store.ts';
import { verifyToken } from './offline/token.ts';
import type { SeatleaseOptions } from './options.ts';
import { NoAnswer } from './platform.ts';
import type { Seat } from './seat.ts';
import { TestClock } from './testing/clock.ts';
import { sendByFetch } from './testing/network.ts';
import { powerCut, type TestMachine, testMachine, testPlatform } from './testing/platform.ts';
import { testVendor } from './testing/vendor.ts';

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
  const seatlease = new Seatlease(
    { url: world.suite.url, licenseKey: license.key, publicKeys: pem, ...options },
    platform,
  );
  const events: string[] = [];
  for (const name of ['lost', 'offline', 'online', 'reacquired'] as const) {
    seatlease.on(name, (event) => void events.push('reason' in event ? `${name}: ${event.reason}` : name));
  }
  seatlease.on('graceAtRisk', ({ error }) => void events.push(`graceAtRisk: ${error.code}`));
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
    const { seatlease, network, events } = start();
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

  describe('for its TTL and two hours', () => {
    /** A program that may still use most of its grace, and whose session the server has forgotten. */
    async function cutOff() {
      license = await world.suite.createLicense({ plan: 'pro', max: 1 });
      const program = start();
      const seat = await clock.until(program.seatlease.acquire());
      await clock.advance(1);
      program.network.condition = 'cut';
      await pass(360_000 + 2 * HOUR_MS);
      expect(seat).toMatchObject(IN_GRACE);
      return { ...program, seat };
    }

    test('a running program takes a free seat by itself', async () => {
      const { network, seat, events } = await cutOff();
      network.condition = 'on';
      await pass(65_000);
      expect(seat).toMatchObject(HELD_ONLINE);
      expect(events).toEqual(['offline', 'reacquired', 'online']);
    });

    test('a running program that finds all seats taken takes the next free one', async () => {
      const { network, seat, events } = await cutOff();
      const other = await world.seat(license, 'other');
      network.condition = 'on';
      await pass(65_000);
      expect(seat).toMatchObject({ state: 'expired', mayRun: false });
      await license.release(other.id);
      await pass(65_000);
      expect(seat).toMatchObject(HELD_ONLINE);
      expect(events).toEqual(['offline', 'lost: SEATS_EXHAUSTED', 'reacquired', 'online']);
    });
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

  test('the grace ends when the network returns and all seats are taken, and the seat comes back with a free one', async () => {
    await crashed();
    await pass(DAY_MS);
    const { id } = await world.seat(license, 'a');
    await world.seat(license, 'b');
    const { network, seat, events } = startCut();
    const begun = await seat;
    network.condition = 'on';
    await clock.advance(10_000);
    expect(begun).toMatchObject({ state: 'expired', mayRun: false });
    expect(events).toEqual(['lost: SEATS_EXHAUSTED']);
    await license.release(id);
    await pass(150_000);
    expect(begun).toMatchObject(HELD_ONLINE);
  });

  test('a seat has the plan, features and limits of its signed license', async () => {
    const { plan, features } = await crashed();
    expect(await startCut().seat).toMatchObject({ plan, features });
    expect(plan).toBe('pro');
    expect(features).not.toEqual([]);
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

  test('is impossible after an admin has ended the session', async () => {
    const { seatlease, events } = start();
    const seat = await clock.until(seatlease.acquire());
    await clock.advance(1);
    await world.suite.operate('DELETE', `/api/v1/licenses/sessions/${seat.sessionId}`);
    await pass(300_000);
    expect(events).toEqual(['lost: SESSION_NOT_FOUND']);
    await expect(startCut().seat).rejects.toMatchObject({ code: 'NO_ANSWER' });
  });

  test('is possible after a release for offline_start_days, and reported to the server afterwards', async () => {
    license = await world.suite.createLicense({ plan: 'pro', offline_start_days: 2 });
    const seat = await clock.until(start().seatlease.acquire());
    await clock.advance(1);
    await seat.release();
    const until = new Date(world.nowMs() + 2 * DAY_MS);
    await pass(DAY_MS);
    const { network, seat: starting } = startCut();
    const since = clock.now().wallMs;
    const begun = await starting;
    expect(begun).toMatchObject(IN_GRACE);
    machine = powerCut(machine);
    await pass(DAY_MS);
    const refused = await startCut().seat.catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'OFFLINE_START_NOT_ALLOWED' });
    const named = / until (\S+)\.$/.exec((refused as SeatleaseError).message)?.[1];
    expect(Math.abs(Date.parse(String(named)) - until.getTime())).toBeLessThan(2_000);
    network.condition = 'on';
    const next = start();
    await clock.until(next.seatlease.acquire());
    const [request] = next.network.sent;
    const { offline_since } = JSON.parse(request?.body ?? '');
    expect(Math.abs(Date.parse(offline_since) - since)).toBeLessThan(30_000);
    await clock.advance(1);
    machine = powerCut(machine);
    const last = start();
    await clock.until(last.seatlease.acquire());
    expect(JSON.parse(last.network.sent[0]?.body ?? '').offline_since).toBeUndefined();
  });
});

describe('a clock that is wrong, but never set,', () => {
  test.each([-10 * 60_000, -10 * DAY_MS, 10 * 60_000, 10 * DAY_MS])(
    'by %i ms changes nothing',
    async (ms) => {
      await clock.shift(ms);
      await crashed({}, 3 * DAY_MS);
      const { seat, events } = startCut();
      const begun = await seat;
      await clock.advance(4 * DAY_MS - HOUR_MS);
      expect(begun).toMatchObject(IN_GRACE);
      await clock.advance(HOUR_MS);
      expect(begun).toMatchObject({ state: 'expired', mayRun: false });
      expect(events).toEqual(['lost: expired']);
    },
  );

  test('does not end a loan', async () => {
    await clock.shift(-10 * 60_000);
    await clock.until(start().seatlease.acquire({ borrowDays: 10 }));
    machine = powerCut(machine);
    await clock.advance(9 * DAY_MS);
    expect(await startCut().seat).toMatchObject(IN_GRACE);
  });

  test('and is set right while the program is online, is measured anew', async () => {
    await clock.shift(3 * DAY_MS);
    const { network, seatlease } = start();
    const seat = await clock.until(seatlease.acquire());
    await clock.advance(1);
    await clock.shift(-3 * DAY_MS);
    await pass(300_000);
    network.condition = 'cut';
    await pass(6 * DAY_MS);
    expect(seat).toMatchObject(IN_GRACE);
    machine = powerCut(machine);
    expect(await startCut().seat).toMatchObject(IN_GRACE);
  });
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
});

describe('before the grace is lost, an event says so', () => {
  test('if the key that signs is not pinned', async () => {
    const { pem: publicKeys } = await testVendor();
    const { seatlease, events } = start({ publicKeys });
    const seat = await clock.until(seatlease.acquire());
    for (let n = 0; n < 10; n += 1) await pass(300_000);
    expect(events).toEqual(['graceAtRisk: OFFLINE_LICENSE_INVALID']);
    expect(seat).toMatchObject({ ...HELD_ONLINE, offlineUntil: undefined });
    expect(machine.files.size).toBe(0);
  });

  test('if too many machines hold a signed license', async () => {
    license = await world.suite.createLicense({ plan: 'pro', max: 2, signed_limit: 1 });
    await clock.until(start().seatlease.acquire());
    await clock.advance(1);
    machine = testMachine('other', clock);
    const { seatlease, events } = start();
    const seat = await clock.until(seatlease.acquire());
    for (let n = 0; n < 10; n += 1) await pass(300_000);
    expect(events).toEqual(['graceAtRisk: SIGNED_LIMIT']);
    expect(seat).toMatchObject({ ...HELD_ONLINE, offlineUntil: undefined });
  });
});

describe('without pinned keys', () => {
  const UNPINNED = { publicKeys: undefined };

  test('nothing is signed, stored or used offline', async () => {
    const { seatlease, network, events } = start(UNPINNED);
    const seat = await clock.until(seatlease.acquire());
    await clock.advance(1);
    expect(network.count('/sign')).toBe(0);
    expect(machine.files.size).toBe(0);
    network.condition = 'cut';
    await clock.advance(HOUR_MS);
    expect(seat).toMatchObject({ state: 'expired', mayRun: false });
    expect(events).toEqual(['offline', 'lost: expired']);
    await crashed();
    await expect(startCut(UNPINNED).seat).rejects.toMatchObject({ code: 'NO_ANSWER' });
  });

  test('no seat can be borrowed', async () => {
    const { seatlease, network } = start(UNPINNED);
    await expect(seatlease.acquire({ borrowDays: 1 })).rejects.toMatchObject({
      code: 'PUBLIC_KEYS_REQUIRED',
      members: { option: 'publicKeys' },
    });
    expect(network.sent).toEqual([]);
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
    await crashed();
    await resealed((stored) => {
      const [head, payload = '', signature] = stored.license.token.split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
      claims.exp += 86_400;
      claims.license.offline_until = new Date(claims.exp * 1000).toISOString();
      const forged = Buffer.from(JSON.stringify(claims)).toString('base64url');
      return { ...stored, license: { ...stored.license, token: `${head}.${forged}.${signature}` } };
    });
    await expect(startCut().seat).rejects.toMatchObject(INVALID);
  });

  test.each(['none', 'HS256'])('is rejected with the algorithm %s', async (alg) => {
    await crashed();
    await resealed((stored) => {
      const [, payload] = stored.license.token.split('.');
      const head = Buffer.from(JSON.stringify({ alg, typ: 'license+jwt', kid: 'any' })).toString('base64url');
      return { ...stored, license: { ...stored.license, token: `${head}.${payload}.` } };
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
    const { token } = JSON.parse(JSON.parse(text).content).license;
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
  async function resealed(change: (stored: Stored) => object): Promise<void> {
    const [[name, text] = ['', '']] = machine.files;
    const content = JSON.stringify(change(JSON.parse(JSON.parse(text).content)));
    const secret = JSON.stringify([license.key, 'fingerprint of laptop']);
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const raw = utf8(`seatlease offline license ${secret}`);
    const key = await crypto.subtle.importKey('raw', raw, algorithm, false, ['sign']);
    const seal = Buffer.from(await crypto.subtle.sign('HMAC', key, utf8(content))).toString('hex');
    machine.files.set(name, JSON.stringify({ v: 1, content, seal }));
  }
});

class ReadOnlyFiles extends Map<string, string> {
  override set(): this {
    return this;
  }
}

/** Keys that the server does not sign with. */
const otherKeys = async () => [(await testVendor()).pem];

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

  test('is used online also by a program whose clock is wrong, which is right from then on', async () => {
    const borrowed = await clock.until(start().seatlease.acquire({ borrowDays: 10 }));
    machine = powerCut(machine);
    await clock.shift(-HOUR_MS);
    await expect(startCut().seat).rejects.toMatchObject({ code: 'CLOCK_ROLLED_BACK' });
    await pass(60_000);
    const { borrowedUntil, sessionId } = borrowed;
    const next = await clock.until(start().seatlease.acquire());
    expect(next).toMatchObject({ ...HELD_ONLINE, borrowedUntil, sessionId });
    await clock.advance(1);
    machine = powerCut(machine);
    expect(await startCut().seat).toMatchObject({ ...IN_GRACE, borrowedUntil });
  });

  test.each<[string, Partial<SeatleaseOptions>, number]>([
    ['its license can be used', {}, 0],
    ['the clock was set back', {}, -HOUR_MS],
    ['the clock was set past its end', {}, 20 * DAY_MS],
    ['the keys are missing', { publicKeys: undefined }, 0],
    ['the keys are others', { publicKeys: [] }, 0],
  ])('is returned by returnLoan() without taking a seat, if %s', async (_, options, setMs) => {
    const { sessionId, licenseId } = await clock.until(start().seatlease.acquire({ borrowDays: 10 }));
    machine = powerCut(machine);
    await clock.shift(setMs);
    const others =
      'publicKeys' in options && options.publicKeys ? { publicKeys: await otherKeys() } : options;
    const { seatlease, network } = start(others);
    expect(await clock.until(seatlease.returnLoan())).toMatchObject({ sessionId, licenseId });
    expect(network.sent.map(({ url }) => new URL(url).pathname)).toEqual(['/api/v1/licenses/release']);
    expect((await license.heartbeat({ session_id: sessionId })).body.code).toBe('SESSION_NOT_FOUND');
    expect(await clock.until(start().seatlease.returnLoan())).toBe(undefined);
  });

  test('is returned by returnLoan() of the program that holds it', async () => {
    const { seatlease } = start();
    const seat = await clock.until(seatlease.acquire({ borrowDays: 10 }));
    expect(await clock.until(seatlease.returnLoan())).toBe(seat);
    expect(seat.state).toBe('released');
    expect(await clock.until(seatlease.returnLoan())).toBe(undefined);
  });

  test('stays borrowed if the server does not confirm its return', async () => {
    const { sessionId } = await clock.until(start().seatlease.acquire({ borrowDays: 10 }));
    machine = powerCut(machine);
    const { seatlease, network } = start();
    network.condition = 'cut';
    await expect(clock.until(seatlease.returnLoan())).rejects.toMatchObject({ code: 'NO_ANSWER' });
    network.condition = 'on';
    expect(await clock.until(seatlease.returnLoan())).toMatchObject({ sessionId });
  });

  test('that cannot be stored is released again, and acquire throws', async () => {
    machine = { ...machine, files: new ReadOnlyFiles() };
    const { seatlease } = start();
    await expect(clock.until(seatlease.acquire({ borrowDays: 10 }))).rejects.toMatchObject({
      code: 'OFFLINE_START_NOT_ALLOWED',
      message: 'No offline use: the state folder is not writable.',
    });
    expect((await license.acquire('another machine')).body.seats.active).toBe(1);
    expect((await clock.until(seatlease.acquire())).borrowedUntil).toBe(undefined);
  });

  test('whose license cannot be verified is released again, unless it was borrowed before', async () => {
    const publicKeys = await otherKeys();
    const failed = { code: 'OFFLINE_LICENSE_INVALID' };
    await expect(
      clock.until(start({ publicKeys }).seatlease.acquire({ borrowDays: 3 })),
    ).rejects.toMatchObject(failed);
    expect((await license.acquire('another machine')).body.seats.active).toBe(1);
    const { sessionId } = await clock.until(start().seatlease.acquire({ borrowDays: 3 }));
    machine = powerCut(machine);
    const { seatlease, events } = start({ publicKeys });
    const seat = await clock.until(seatlease.acquire({ borrowDays: 5 }));
    expect([seat.sessionId, events]).toEqual([sessionId, ['graceAtRisk: OFFLINE_LICENSE_INVALID']]);
    expect((await license.heartbeat({ session_id: sessionId })).status).toBe(200);
  });

  test('is signed again if the first answer is lost', async () => {
    const { seatlease, network } = start();
    const { send } = network;
    let lost = 0;
    network.send = async (request, options) => {
      const answer = await send.call(network, request, options);
      if (!request.url.endsWith('/sign') || lost > 0) return answer;
      lost += 1;
      throw new NoAnswer('The answer was lost.');
    };
    const seat = await clock.until(seatlease.acquire({ borrowDays: 3 }));
    expect([lost, seat.offlineUntil]).toEqual([1, seat.borrowedUntil]);
  });

  test('does not start after its loan has ended', async () => {
    await clock.until(start().seatlease.acquire({ borrowDays: 10 }));
    machine = powerCut(machine);
    await pass(10 * DAY_MS);
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
    expect(events).toEqual(['offline', 'lost: expired', 'reacquired', 'online']);
    expect(seat).toMatchObject(HELD_ONLINE);
  });

  test('waits for a seat until one is released', async () => {
    const first = await world.seat(license, 'a');
    await world.seat(license, 'b');
    const { seatlease, network } = start();
    const waiting = seatlease.acquire({ wait: true });
    await pass(100_000);
    // Pauses double, up to a minute, whatever Retry-After says: a seat may be released before.
    expect(network.count('/acquire')).toBe(8);
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
