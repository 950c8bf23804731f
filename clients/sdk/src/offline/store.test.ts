import { beforeEach, describe, expect, test } from 'vitest';
import type { Storage } from '../platform.ts';
import { memoryStorage } from '../testing/platform.ts';
import { join, type Mine, Store, type Stored, type StoredLicense } from './store.ts';

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = Date.UTC(2026, 0);

const license = (more: Partial<StoredLicense> = {}): StoredLicense => ({
  token: 'token',
  licenseId: 'lic_07_a',
  sessionId: 'ses_07_a_b',
  isBorrowed: false,
  issuedAtMs: NOW_MS,
  offlineUntilMs: NOW_MS + 7 * DAY_MS,
  ...more,
});
const stored = (more: Partial<Stored> = {}): Stored => ({
  license: license(),
  time: { offsetMs: 0, latestWallMs: NOW_MS, contactMs: NOW_MS },
  startDays: 0,
  isReleased: false,
  ...more,
});

const INVALID = { code: 'OFFLINE_LICENSE_INVALID' };

let files: Map<string, string>;
let storage: Storage;
let store: Store;
beforeEach(() => {
  files = new Map();
  storage = memoryStorage(files);
  store = new Store(storage, 'seat', 'secret');
});

describe('a store', () => {
  test('returns what was stored last', async () => {
    expect(await store.read()).toBeUndefined();
    expect(await store.update(() => stored())).toBe(true);
    expect(await store.update((found) => ({ ...(found as Stored), startDays: 3 }))).toBe(true);
    expect(await store.read()).toEqual(stored({ startDays: 3 }));
    expect(await store.update(() => undefined)).toBe(true);
    expect(await store.read()).toBeUndefined();
  });

  test('refuses a change at any place, another secret, and another version', async () => {
    await store.update(() => stored());
    const [whole = ''] = files.values();
    for (let at = 0; at < whole.length; at += 1) {
      const character = whole[at] === '7' ? '8' : '7';
      files.set('seat', `${whole.slice(0, at)}${character}${whole.slice(at + 1)}`);
      await expect(store.read(), `changed at ${at}`).rejects.toMatchObject(INVALID);
    }
    files.set('seat', whole);
    await expect(new Store(storage, 'seat', 'another').read()).rejects.toMatchObject(INVALID);
    files.set('seat', whole.replace('"v":1', '"v":2'));
    await expect(store.read()).rejects.toMatchObject(INVALID);
    // It is replaced like nothing.
    await store.update((found) => found ?? stored());
    expect(await store.read()).toEqual(stored());
  });

  test('runs the changes of one program one after the other', async () => {
    await store.update(() => stored());
    const addDay = (found: Stored | undefined) => {
      const before = found as Stored;
      return { ...before, startDays: before.startDays + 1 };
    };
    await Promise.all(Array.from({ length: 20 }, () => store.update(addDay)));
    expect(await store.read()).toMatchObject({ startDays: 20 });
  });

  test('returns true if another program has replaced what was stored', async () => {
    const theirs = new Map<string, string>();
    await new Store(memoryStorage(theirs), 'seat', 'secret').update(() => ({ ...stored(), startDays: 9 }));
    const contended: Storage = {
      ...storage,
      write: async (name) => storage.write(name, theirs.get(name) ?? ''),
    };
    expect(await new Store(contended, 'seat', 'secret').update(() => stored())).toBe(true);
    expect(await store.read()).toMatchObject({ startDays: 9 });
  });

  test('returns false if nothing can be stored, and never throws', async () => {
    const full: Storage = { ...storage, write: async () => undefined };
    expect(await new Store(full, 'seat', 'secret').update(() => stored())).toBe(false);
    const fail = async () => {
      throw new Error('no disk');
    };
    const failing = new Store({ read: fail, write: fail, remove: fail }, 'seat', 'secret');
    expect(await failing.read()).toBeUndefined();
    expect(await failing.update(() => stored())).toBe(false);
    await store.update(() => stored());
    expect(
      await new Store(full, 'seat', 'secret').update((found) => ({ ...(found as Stored), startDays: 3 })),
    ).toBe(false);
  });
});

describe('when two programs store, join keeps', () => {
  const mine = (more: Partial<Mine> = {}): Mine => ({
    ...stored(),
    isGranted: false,
    reportedMs: undefined,
    ...more,
  });

  test('the newer license', () => {
    const newer = license({ token: 'newer', issuedAtMs: NOW_MS + DAY_MS });
    expect(join(mine({ license: newer }), stored(), NOW_MS).license.token).toBe('newer');
    expect(join(mine(), stored({ license: newer }), NOW_MS).license.token).toBe('newer');
  });

  test('a loan until its end, whichever program stores later', () => {
    const loan = license({ token: 'loan', isBorrowed: true, issuedAtMs: NOW_MS - DAY_MS });
    expect(join(mine(), stored({ license: loan }), NOW_MS).license.token).toBe('loan');
    expect(join(mine({ license: loan }), stored(), NOW_MS).license.token).toBe('loan');
    expect(join(mine(), stored({ license: loan }), loan.offlineUntilMs).license.token).toBe('token');
    expect(join(mine({ license: loan }), stored(), loan.offlineUntilMs).license.token).toBe('token');
  });

  test('the time and the terms of the later contact, and then the later time', () => {
    const time = { offsetMs: 5, latestWallMs: NOW_MS - DAY_MS, contactMs: NOW_MS + 1 };
    expect(join(mine(), stored({ time, startDays: 2 }), NOW_MS)).toMatchObject({ time, startDays: 2 });
    expect(join(mine({ time, startDays: 2 }), stored(), NOW_MS)).toMatchObject({ time, startDays: 2 });
    const later = { ...stored().time, latestWallMs: NOW_MS + 1 };
    expect(join(mine(), stored({ time: later }), NOW_MS).time).toEqual(later);
    expect(join(mine({ time: later }), stored(), NOW_MS).time).toEqual(later);
  });

  test('the note of a release, unless this program holds a seat', () => {
    const released = stored({ isReleased: true });
    expect(join(mine(), released, NOW_MS).isReleased).toBe(true);
    expect(join(mine({ isGranted: true }), released, NOW_MS).isReleased).toBe(false);
    // Another program has taken a seat since this one started offline.
    expect(join(mine({ isReleased: true }), stored(), NOW_MS).isReleased).toBe(false);
  });

  test('the offline start of each program until it is reported', () => {
    const offlineSinceMs = NOW_MS + HOUR_MS;
    expect(join(mine(), stored({ offlineSinceMs }), NOW_MS).offlineSinceMs).toBe(offlineSinceMs);
    expect(join(mine({ offlineSinceMs }), stored(), NOW_MS).offlineSinceMs).toBe(offlineSinceMs);
    const reported = mine({ reportedMs: offlineSinceMs });
    expect(join(reported, stored({ offlineSinceMs }), NOW_MS).offlineSinceMs).toBeUndefined();
    expect(join(reported, stored({ offlineSinceMs: 1 }), NOW_MS).offlineSinceMs).toBe(1);
  });
});
