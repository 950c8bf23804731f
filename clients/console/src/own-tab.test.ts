import { expect, test } from 'vitest';
import { startAsOwnTab } from './own-tab.ts';
import { memoryStorage } from './testing/fake-server.ts';

const HANDOVER_MS = 5;

/** The browser's locks of one origin: exclusive, held until the callback settles or the tab is closed. */
function browserLocks() {
  const holders = new Map<string, object>();
  const openTab = () => {
    const tab = {};
    const request = (name: string, { signal }: LockOptions, hold: LockGrantedCallback<unknown>) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        if (holders.has(name)) return;
        holders.set(name, tab);
        resolve(hold({ name, mode: 'exclusive' }));
      });
    return {
      locks: { request } as unknown as LockManager,
      close: () => {
        for (const [name, holder] of holders) if (holder === tab) holders.delete(name);
      },
    };
  };
  return { openTab };
}

function copyOf(storage: Storage): Storage {
  const copy = memoryStorage();
  for (let index = 0; index < storage.length; index += 1) {
    const name = storage.key(index) ?? '';
    copy.setItem(name, storage.getItem(name) ?? '');
  }
  return copy;
}

test('keeps the storage of a tab over a reload', async () => {
  const { openTab } = browserLocks();
  const storage = memoryStorage();
  const before = openTab();
  await startAsOwnTab(storage, before.locks, HANDOVER_MS);
  storage.setItem('token', 'original');
  before.close();
  await startAsOwnTab(storage, openTab().locks, HANDOVER_MS);
  expect(storage.getItem('token')).toBe('original');
});

test('clears the storage of a duplicated tab, so that the two tabs do not use one token twice', async () => {
  const { openTab } = browserLocks();
  const storage = memoryStorage();
  await startAsOwnTab(storage, openTab().locks, HANDOVER_MS);
  storage.setItem('token', 'original');
  const copy = copyOf(storage);
  const duplicate = openTab();
  await startAsOwnTab(copy, duplicate.locks, HANDOVER_MS);
  expect(copy.getItem('token')).toBeNull();
  expect(storage.getItem('token')).toBe('original');

  copy.setItem('token', 'duplicate');
  duplicate.close();
  await startAsOwnTab(copy, openTab().locks, HANDOVER_MS);
  expect(copy.getItem('token')).toBe('duplicate');
});
