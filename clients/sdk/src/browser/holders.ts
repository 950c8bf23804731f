import type { Holders } from '../platform.ts';

/**
 * Tabs that share a seat. Each has a lock of its own, which the browser takes from it however it ends, and an entry in
 * `localStorage`, which can be read at once when there is no time to wait. One of several is the gate: nobody joins while
 * the last is leaving.
 */
export const lockHolders: Holders = {
  async join(name) {
    const shared = `seatlease:holder:${name}`;
    const own = `${shared}:${crypto.randomUUID()}`;
    const giveUp = await navigator.locks.request(shared, { mode: 'shared' }, async () => {
      const release = await hold(own);
      enter(own);
      return release;
    });
    let isIn = true;
    function leaveNow(): boolean {
      if (!isIn) return false;
      isIn = false;
      remove(own);
      giveUp();
      return entries(shared).length === 0;
    }
    return {
      leaveNow,
      leave: (last) =>
        navigator.locks.request(shared, async () => {
          await forgetGone(shared);
          if (leaveNow()) await last();
        }),
    };
  },
};

/** Holds a lock until what it gives is called. */
function hold(lock: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    navigator.locks.request(lock, () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
}

/** Entries of tabs that ended without a word. */
async function forgetGone(shared: string): Promise<void> {
  const { held = [] } = await navigator.locks.query();
  const living = new Set(held.map(({ name }) => name));
  for (const entry of entries(shared)) if (!living.has(entry)) remove(entry);
}

function enter(entry: string): void {
  try {
    localStorage.setItem(entry, '');
  } catch {
    // No tab can see another then, and each gives back what it got.
  }
}

function remove(entry: string): void {
  try {
    localStorage.removeItem(entry);
  } catch {
    // It was never there.
  }
}

function entries(shared: string): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(`${shared}:`));
  } catch {
    return [];
  }
}
