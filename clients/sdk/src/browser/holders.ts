import type { Holders } from '../platform.ts';

/**
 * Tabs that share a seat. Each tab holds a lock of its own, which the browser frees however the tab ends, and an entry in
 * `localStorage`, which a closing tab can read synchronously. A further lock is the gate: no tab joins while the last one
 * is leaving.
 */
export const lockHolders: Holders = {
  async join(name) {
    const shared = `seatlease:holder:${name}`;
    const own = `${shared}:${crypto.randomUUID()}`;
    const releaseLock = await navigator.locks.request(shared, { mode: 'shared' }, async () => {
      const release = await hold(own);
      enter(own);
      return release;
    });
    let isIn = true;
    function leaveNow(): boolean {
      if (!isIn) return false;
      isIn = false;
      remove(own);
      releaseLock();
      return entries(shared).length === 0;
    }
    return {
      leaveNow,
      leave: (last) =>
        navigator.locks.request(shared, async () => {
          await removeCrashed(shared);
          if (leaveNow()) await last();
        }),
    };
  },
};

/** Acquires a lock. Returns the function that releases it. */
function hold(lock: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    navigator.locks.request(lock, () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
}

/** Removes entries of tabs that crashed. */
async function removeCrashed(shared: string): Promise<void> {
  const { held = [] } = await navigator.locks.query();
  const openTabs = new Set(held.map(({ name }) => name));
  for (const entry of entries(shared)) if (!openTabs.has(entry)) remove(entry);
}

function enter(entry: string): void {
  try {
    localStorage.setItem(entry, '');
  } catch {
    // Without storage, tabs cannot see each other, and each releases its own seat.
  }
}

function remove(entry: string): void {
  try {
    localStorage.removeItem(entry);
  } catch {
    // Without storage there is no entry.
  }
}

function entries(shared: string): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(`${shared}:`));
  } catch {
    return [];
  }
}
