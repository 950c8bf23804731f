import { expect, test } from 'vitest';
import { startAsOwnTab } from './own-tab.ts';
import { memoryStorage } from './testing/fake-server.ts';

const HANDOVER_MS = 5;

/** As the browser's locks for one origin: exclusive, held until what is done under them is over, or its tab is closed. */
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

test('a reload keeps what the tab had', async () => {
  const { openTab } = browserLocks();
  const storage = memoryStorage();
  const before = openTab();
  await startAsOwnTab(storage, before.locks, HANDOVER_MS);
  storage.setItem('token', 'mine');
  before.close();
  await startAsOwnTab(storage, openTab().locks, HANDOVER_MS);
  expect(storage.getItem('token')).toBe('mine');
});

test('a duplicate of a tab starts with nothing, so that the two do not use one token twice', async () => {
  const { openTab } = browserLocks();
  const storage = memoryStorage();
  await startAsOwnTab(storage, openTab().locks, HANDOVER_MS);
  storage.setItem('token', 'mine');
  const copy = copyOf(storage);
  const duplicate = openTab();
  await startAsOwnTab(copy, duplicate.locks, HANDOVER_MS);
  expect(copy.getItem('token')).toBeNull();
  expect(storage.getItem('token')).toBe('mine');

  copy.setItem('token', 'its own');
  duplicate.close();
  await startAsOwnTab(copy, openTab().locks, HANDOVER_MS);
  expect(copy.getItem('token')).toBe('its own');
});
