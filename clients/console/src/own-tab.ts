const STORED_AS = 'seatlease.tab';
/** After a reload, the previous page may still hold the lock when this page requests it. */
const HANDOVER_MS = 500;

/**
 * Makes sure that `storage` belongs to this tab alone. Duplicating a tab copies its storage, and two tabs that use one
 * refresh token end the sign-in of both. The duplicate finds that its lock is taken, and clears its storage.
 */
export async function startAsOwnTab(
  storage: Storage,
  locks: LockManager,
  handoverMs = HANDOVER_MS,
): Promise<void> {
  const name = storage.getItem(STORED_AS) ?? newName(storage);
  if (!(await holdWhileOpen(name, locks, handoverMs))) {
    storage.clear();
    await holdWhileOpen(newName(storage), locks, handoverMs);
  }
}

function newName(storage: Storage): string {
  const name = crypto.randomUUID();
  storage.setItem(STORED_AS, name);
  return name;
}

/** Takes the lock of `name` until the tab is closed. Returns whether the lock was free. */
function holdWhileOpen(name: string, locks: LockManager, handoverMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    locks
      .request(`seatlease.tab.${name}`, { signal: AbortSignal.timeout(handoverMs) }, () => {
        resolve(true);
        return new Promise<never>(() => {});
      })
      .catch(() => resolve(false));
  });
}
