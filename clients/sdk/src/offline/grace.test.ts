import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SeatleaseError } from '../errors.ts';
import type { Storage } from '../platform.ts';
import type { Answer, CallOptions, Operation } from '../server.ts';
import { Stopwatch } from '../stopwatch.ts';
import { LICENSE } from '../testing/canned.ts';
import { TestClock } from '../testing/clock.ts';
import { memoryStorage } from '../testing/platform.ts';
import { testVendor, type Vendor } from '../testing/vendor.ts';
import { Grace, type Terms } from './grace.ts';
import { importKeys, type VerifyingKey } from './keys.ts';
import { Store } from './store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const TERMS: Terms = { graceDays: 7, startDays: 0, borrowedUntil: undefined };

let vendor: Vendor;
let rotated: Vendor;
let pinned: readonly VerifyingKey[];
beforeAll(async () => {
  vendor = await testVendor('key-1');
  rotated = await testVendor('key-2');
  pinned = await importKeys(vendor.pem);
});

let clock: TestClock;
let files: Map<string, string>;
/** The server: `refusal` answers the next signings. */
let refusal: SeatleaseError | undefined;
let signer: Vendor;
let asked: number;
let serverErrorMs: number;
beforeEach(() => {
  clock = new TestClock();
  files = new Map();
  refusal = undefined;
  signer = vendor;
  asked = 0;
  serverErrorMs = 0;
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => void vi.restoreAllMocks());

const serverMs = (): number => clock.now().wallMs + serverErrorMs;

class Program {
  readonly stopwatch = new Stopwatch(clock);
  readonly risks: string[] = [];
  readonly grace: Grace;

  constructor({ keys = pinned, storage = memoryStorage(files) }: Options = {}) {
    this.grace = new Grace({
      server: { call: (operation, options) => this.#call(operation, options) },
      store: new Store(storage, 'seat', 'secret'),
      platform: { clock },
      stopwatch: this.stopwatch,
      keys: keys === 'none' ? undefined : keys,
      expected: { fingerprint: 'laptop', licenseId: LICENSE, isLocal: false },
      atRisk: (error) => void this.risks.push(error.code),
    });
  }

  /** A good answer of the server, and what the seat does after it. */
  async online(terms: Partial<Terms> = {}): Promise<this> {
    this.grace.observe(this.stopwatch.read(), serverMs());
    await this.grace.signIfDue('ses_07_a', { ...TERMS, ...terms });
    await this.grace.storeTime();
    return this;
  }

  /** Offline, as the seat does every 20 seconds; here every five minutes. */
  async offline(ms: number): Promise<this> {
    for (let leftMs = ms; leftMs > 0; leftMs -= 5 * MINUTE_MS) {
      await clock.advance(Math.min(leftMs, 5 * MINUTE_MS));
      await this.grace.storeTime();
    }
    return this;
  }

  async #call<Body>(_: Operation, { read }: CallOptions<Body>): Promise<Answer<Body>> {
    asked += 1;
    if (refusal) return { error: refusal };
    const token = await signer.sign({
      license_id: LICENSE,
      fingerprint: 'laptop',
      plan: 'pro',
      features: ['export'],
      limits: { projects: 5 },
      issued_at: new Date(serverMs()).toISOString(),
      offline_until: new Date(serverMs() + 7 * DAY_MS).toISOString(),
    });
    const body = read(JSON.stringify({ license_token: token }), 200);
    if (body === undefined) throw new Error('not read');
    return { sentAtMs: this.stopwatch.read(), body };
  }
}

interface Options {
  readonly keys?: readonly VerifyingKey[] | 'none';
  readonly storage?: Storage;
}

const refused = (status: number, code: string) => new SeatleaseError(code, 'No.', { status });
const unreachable = new SeatleaseError('NO_ANSWER', 'No.');

describe('without pinned keys', () => {
  test('nothing is requested, stored or used offline', async () => {
    const program = await new Program({ keys: 'none' }).online();
    expect(asked).toBe(0);
    expect(files.size).toBe(0);
    expect(program.grace.whyUnusable()?.code).toBe('NO_ANSWER');
    expect(program.risks).toEqual([]);
  });

  test('a license that another app has stored is not used, either', async () => {
    await new Program().online();
    const { grace } = new Program({ keys: 'none' });
    expect(await grace.load()).toBeUndefined();
    expect(await grace.find()).toBeUndefined();
  });
});

describe('a signed license', () => {
  test('says plan, features, limits and end', async () => {
    const { grace } = await new Program().online();
    const license = { plan: 'pro', features: ['export'], limits: { projects: 5 } };
    expect(await new Program().grace.load()).toMatchObject({ license });
    expect(grace.offlineUntil?.getTime()).toBe(serverMs() + 7 * DAY_MS);
    expect(grace.whyUnusable()).toBeUndefined();
  });

  test('is requested again after a day, and at once for a loan or another session', async () => {
    const program = await new Program().online();
    await clock.advance(DAY_MS - 1);
    await program.online();
    expect(asked).toBe(1);
    await clock.advance(1);
    await program.online();
    expect(asked).toBe(2);
    await program.online({ borrowedUntil: new Date(serverMs() + 7 * DAY_MS) });
    expect(asked).toBe(3);
    await program.grace.signIfDue('ses_07_b', TERMS);
    expect(asked).toBe(4);
  });

  test('is not requested without an offline grace, but for a loan', async () => {
    const program = await new Program().online({ graceDays: 0 });
    expect(asked).toBe(0);
    await program.online({ graceDays: 0, borrowedUntil: new Date(serverMs() + 7 * DAY_MS) });
    expect(asked).toBe(1);
  });

  test.each([-10 * DAY_MS, -10 * MINUTE_MS, 10 * MINUTE_MS, 10 * DAY_MS])(
    'holds until its end on a clock that is wrong by %i ms, also for the next program',
    async (errorMs) => {
      serverErrorMs = -errorMs;
      const program = await new Program().online();
      await program.offline(3 * DAY_MS);
      expect(program.grace.whyUnusable()).toBeUndefined();
      const next = new Program();
      expect(await next.grace.load()).toMatchObject({ sessionId: 'ses_07_a' });
      await clock.advance(4 * DAY_MS - 1);
      expect(next.grace.whyUnusable()).toBeUndefined();
      await clock.advance(1);
      expect(next.grace.whyUnusable()?.code).toBe('OFFLINE_LICENSE_EXPIRED');
      await expect(new Program().grace.load()).rejects.toMatchObject({ code: 'OFFLINE_LICENSE_EXPIRED' });
    },
  );
});

describe('a risk for the grace is reported', () => {
  test('at once, and once for each cause, if the server refuses', async () => {
    refusal = refused(409, 'SIGNED_LIMIT');
    const program = await new Program().online();
    expect(program.risks).toEqual(['SIGNED_LIMIT']);
    for (let n = 0; n < 10; n += 1) {
      await clock.advance(10 * MINUTE_MS);
      await program.online();
    }
    expect(asked).toBe(11);
    expect(program.risks).toEqual(['SIGNED_LIMIT']);
    refusal = refused(403, 'NOT_ENTITLED');
    await clock.advance(10 * MINUTE_MS);
    await program.online();
    expect(program.risks).toEqual(['SIGNED_LIMIT', 'NOT_ENTITLED']);
    refusal = undefined;
    await clock.advance(10 * MINUTE_MS);
    await program.online();
    expect(program.grace.whyUnusable()).toBeUndefined();
    refusal = refused(409, 'SIGNED_LIMIT');
    await clock.advance(DAY_MS);
    await program.online();
    expect(program.risks).toEqual(['SIGNED_LIMIT', 'NOT_ENTITLED', 'SIGNED_LIMIT']);
  });

  test('when the key has rotated, and the running grace lasts until its end', async () => {
    const program = await new Program({ keys: await importKeys({ keys: [vendor.jwk] }) }).online();
    const { offlineUntil } = program.grace;
    signer = rotated;
    await clock.advance(DAY_MS);
    await program.online();
    expect(program.risks).toEqual(['OFFLINE_LICENSE_INVALID']);
    expect(program.grace.offlineUntil).toEqual(offlineUntil);
    expect(program.grace.whyUnusable()).toBeUndefined();
    expect(await new Program().grace.load()).toBeDefined();
    await clock.advance(6 * DAY_MS);
    await program.online();
    expect(program.grace.whyUnusable()?.code).toBe('OFFLINE_LICENSE_EXPIRED');
    expect(program.risks).toEqual(['OFFLINE_LICENSE_INVALID']);
    // The app gets the new key.
    const updated = await new Program({ keys: await importKeys([vendor.pem, rotated.pem]) }).online();
    expect(updated.grace.whyUnusable()).toBeUndefined();
    expect(updated.risks).toEqual([]);
  });

  test.each([
    ['the server does not answer', unreachable],
    ['signing is unavailable', refused(502, 'SIGNING_UNAVAILABLE')],
    ['the session has just expired', refused(404, 'SESSION_NOT_FOUND')],
  ])('at the third try if %s', async (_, error) => {
    refusal = error;
    const program = await new Program().online();
    await clock.advance(10 * MINUTE_MS);
    await program.online();
    expect(program.risks).toEqual([]);
    await clock.advance(10 * MINUTE_MS);
    await program.online();
    expect(program.risks).toEqual([error.code]);
  });

  test('and the next try is not earlier than the server allows', async () => {
    refusal = new SeatleaseError('RATE_LIMITED', 'No.', { status: 429, retryAfterSeconds: 3600 });
    const program = await new Program().online();
    await clock.advance(HOUR_MS - 1);
    await program.online();
    expect(asked).toBe(1);
    await clock.advance(1);
    await program.online();
    expect(asked).toBe(2);
  });
});

describe('a start offline', () => {
  test('is possible until the license ends, if the program did not release its seat', async () => {
    await (await new Program().online()).offline(HOUR_MS);
    await clock.advance(6 * DAY_MS);
    const { grace } = new Program();
    expect(await grace.load()).toMatchObject({ isBorrowed: false, license: { licenseId: LICENSE } });
    expect(await grace.find()).toMatchObject({ isBorrowed: false, problem: undefined });
  });

  test('is impossible after a release, without offline_start_days', async () => {
    const program = await new Program().online();
    await program.grace.released(0);
    expect(program.grace.whyUnusable()?.code).toBe('NO_ANSWER');
    expect(files.size).toBe(0);
    expect(await new Program().grace.load()).toBeUndefined();
  });

  test('is possible after a release for offline_start_days after the last contact', async () => {
    const program = await new Program().online({ startDays: 2 });
    await clock.advance(HOUR_MS);
    await program.online({ startDays: 2 });
    const until = new Date(serverMs() + 2 * DAY_MS).toISOString();
    await program.grace.released(2);
    expect(program.grace.whyUnusable()?.code).toBe('NO_ANSWER');
    await clock.advance(2 * DAY_MS - 1);
    const next = new Program();
    expect(await next.grace.load()).toBeDefined();
    // It may run on, but not start again, also after a crash.
    await next.offline(DAY_MS);
    expect(next.grace.whyUnusable()).toBeUndefined();
    await expect(new Program().grace.load()).rejects.toMatchObject({
      code: 'OFFLINE_START_NOT_ALLOWED',
      message: expect.stringContaining(until),
      members: { until },
    });
    expect(await new Program().grace.find()).toMatchObject({
      license: { licenseId: LICENSE },
      problem: { code: 'OFFLINE_START_NOT_ALLOWED' },
    });
  });

  test('is possible until the license ends again, once a seat was taken after the release', async () => {
    await (await new Program().online({ startDays: 1 })).grace.released(1);
    await new Program().online({ startDays: 1 });
    await clock.advance(6 * DAY_MS);
    expect(await new Program().grace.load()).toBeDefined();
  });

  test('is impossible where the time cannot be stored, and the running grace lasts', async () => {
    const readOnly = { ...memoryStorage(files), write: async () => undefined };
    const program = await new Program({ storage: readOnly }).online();
    await program.offline(DAY_MS);
    expect(program.grace.whyUnusable()).toBeUndefined();
    await new Program().online();
    await clock.advance(HOUR_MS);
    await expect(new Program({ storage: readOnly }).grace.load()).rejects.toMatchObject({
      code: 'OFFLINE_START_NOT_ALLOWED',
      message: expect.stringContaining('writable'),
    });
  });

  test('is impossible after the clock was set back by more than five minutes', async () => {
    await (await new Program().online()).offline(6 * DAY_MS);
    await clock.shift(-5 * DAY_MS);
    const { grace } = new Program();
    await expect(grace.load()).rejects.toMatchObject({ code: 'CLOCK_ROLLED_BACK' });
    await clock.shift(5 * DAY_MS);
    expect(await grace.load()).toBeDefined();
  });

  test('is reported to the server once, also by a later program', async () => {
    await new Program().online();
    await clock.advance(DAY_MS);
    const since = new Date(serverMs());
    const first = new Program();
    await first.grace.load();
    first.grace.startedOffline();
    expect(await first.grace.offlineSince()).toEqual(since);
    await first.offline(DAY_MS);
    const second = new Program();
    await second.grace.load();
    second.grace.startedOffline();
    expect(await second.grace.offlineSince()).toEqual(since);
    await second.offline(HOUR_MS);
    const third = new Program();
    expect(await third.grace.offlineSince()).toEqual(since);
    third.grace.reported();
    await third.online();
    expect(await third.grace.offlineSince()).toBeUndefined();
    const fourth = new Program();
    expect(await fourth.grace.offlineSince()).toBeUndefined();
  });
});

test('the time is stored every five minutes, not at every call', async () => {
  const storage = memoryStorage(files);
  const write = vi.spyOn(storage, 'write');
  const program = await new Program({ storage }).online();
  write.mockClear();
  for (let n = 0; n < 60; n += 1) {
    await clock.advance(20_000);
    await program.grace.storeTime();
  }
  expect(write).toHaveBeenCalledTimes(4);
});

test('a file that was changed does not stop a program that has the server', async () => {
  await new Program().online();
  for (const name of files.keys()) files.set(name, 'changed');
  const program = new Program();
  expect(await program.grace.offlineSince()).toBeUndefined();
  await program.online();
  expect(program.grace.whyUnusable()).toBeUndefined();
  expect(await new Program().grace.load()).toBeDefined();
});

test('a seat that is granted after a start offline is noted at once, also if signing fails', async () => {
  await (await new Program().online({ startDays: 1 })).grace.released(1);
  const offline = new Program();
  await offline.grace.load();
  offline.grace.startedOffline();
  await clock.advance(MINUTE_MS);
  refusal = refused(409, 'SIGNED_LIMIT');
  await offline.online({ startDays: 1 });
  // A crash: without the note, the release of before would allow one day only.
  await clock.advance(6 * DAY_MS);
  expect(await new Program().grace.load()).toBeDefined();
});

test('a start offline is reported also if another program has deleted the file', async () => {
  await new Program().online();
  const { grace } = new Program();
  await grace.load();
  grace.startedOffline();
  const since = new Date(serverMs());
  await new Program().grace.remove();
  expect(await grace.offlineSince()).toEqual(since);
});

describe('programs of one machine', () => {
  test('the release of one does not end what another one stores', async () => {
    const running = await new Program().online();
    const ending = await new Program().online();
    await ending.grace.released(0);
    expect(files.size).toBe(0);
    expect(running.grace.whyUnusable()).toBeUndefined();
    await running.offline(6 * MINUTE_MS);
    expect(await new Program().grace.load()).toBeDefined();
  });

  test('the note of a release does not outlast another one that still holds a seat', async () => {
    const running = await new Program().online({ startDays: 1 });
    await (await new Program().online({ startDays: 1 })).grace.released(1);
    await running.offline(3 * DAY_MS);
    expect(await new Program().grace.load()).toBeDefined();
  });

  test('a program that started offline does not restore what another one has deleted', async () => {
    await new Program().online();
    const offline = new Program();
    await offline.grace.load();
    await (await new Program().online()).grace.remove();
    await offline.offline(HOUR_MS);
    expect(files.size).toBe(0);
    expect(offline.grace.whyUnusable()).toBeUndefined();
  });

  test('a loan outlasts the renewals and the end of other programs, and its return is final', async () => {
    const other = await new Program().online();
    const borrowing = await new Program().online({ borrowedUntil: new Date(serverMs() + 7 * DAY_MS) });
    await clock.advance(DAY_MS);
    await other.online();
    expect(await new Program().grace.find()).toMatchObject({ isBorrowed: true });
    await other.grace.released(0);
    expect(await new Program().grace.find()).toMatchObject({ isBorrowed: true });
    const third = new Program();
    expect(await third.grace.load()).toMatchObject({ isBorrowed: true });
    await third.grace.released(0);
    await borrowing.offline(HOUR_MS);
    expect(files.size).toBe(0);
  });

  test('the end of a loan ends the use of its license, and of no other', async () => {
    const other = await new Program().online();
    const borrowing = await new Program().online({ borrowedUntil: new Date(serverMs() + 7 * DAY_MS) });
    for (const { grace } of [other, borrowing]) await grace.loanEnded();
    expect(other.grace.whyUnusable()).toBeUndefined();
    expect(borrowing.grace.whyUnusable()?.code).toBe('NO_ANSWER');
    expect(await new Program().grace.find()).toBeUndefined();
  });

  test('a loan outlasts a refusal of another program, and not its own', async () => {
    const other = await new Program().online();
    const borrowing = await new Program().online({ borrowedUntil: new Date(serverMs() + 7 * DAY_MS) });
    await other.grace.remove();
    expect(other.grace.whyUnusable()?.code).toBe('NO_ANSWER');
    expect(await new Program().grace.find()).toMatchObject({ sessionId: 'ses_07_a', isBorrowed: true });
    await borrowing.grace.remove();
    expect(files.size).toBe(0);
  });

  test('a license that was removed while it was signed anew stays removed', async () => {
    const program = await new Program().online();
    await clock.advance(DAY_MS);
    const signing = program.grace.signIfDue('ses_07_a', TERMS);
    await program.grace.remove();
    await signing;
    expect(program.grace.offlineUntil).toBeUndefined();
    expect(files.size).toBe(0);
  });
});
