const KEPT_AS = 'seatlease.tab';
/** The page before this one lets go of its lock as it is unloaded, but perhaps not before this one asks for it. */
const HANDOVER_MS = 500;

/**
 * A browser that duplicates a tab copies what the tab keeps. Two tabs with one refresh token would use it twice, which
 * ends the sign-in of both: so the copy, which finds that another tab lives under its name, starts with nothing.
 */
export async function startAsOwnTab(
  storage: Storage,
  locks: LockManager,
  handoverMs = HANDOVER_MS,
): Promise<void> {
  const name = storage.getItem(KEPT_AS) ?? newName(storage);
  if (!(await holdWhileOpen(name, locks, handoverMs))) {
    storage.clear();
    await holdWhileOpen(newName(storage), locks, handoverMs);
  }
}

function newName(storage: Storage): string {
  const name = crypto.randomUUID();
  storage.setItem(KEPT_AS, name);
  return name;
}

/** Whether this tab has the name now, until it is closed. */
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
