import { SeatleaseError } from '../errors.ts';
import type { Storage } from '../platform.ts';

const PREFIX = 'seatlease:';

/** Rejects if the user or a policy forbids storage. */
export const localStore: Storage = {
  read: async (name) => localStorage.getItem(PREFIX + name) ?? undefined,
  write: async (name, text) => localStorage.setItem(PREFIX + name, text),
  remove: async (name) => localStorage.removeItem(PREFIX + name),
};

const FINGERPRINT = 'fingerprint';

/**
 * A random id, stored for this origin: browsers provide no other reliable id. Another profile, a private window and a browser
 * whose data was cleared count as other machines. Throws FINGERPRINT_UNAVAILABLE if nothing can be stored: a new id on each
 * page would take a seat on each page.
 */
export async function browserFingerprint(): Promise<string> {
  try {
    const kept = await localStore.read(FINGERPRINT);
    if (kept === undefined) await localStore.write(FINGERPRINT, crypto.randomUUID());
    // Another tab may have written its id at the same time: both use the stored one.
    const stored = await localStore.read(FINGERPRINT);
    if (stored) return stored;
  } catch {
    // Explained below.
  }
  throw new SeatleaseError(
    'FINGERPRINT_UNAVAILABLE',
    'localStorage is not available: pass the option fingerprint.',
  );
}
