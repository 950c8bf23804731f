import type { Storage } from '../platform.ts';

const PREFIX = 'seatlease:';

/** `localStorage` throws if the user or a policy forbids storage. */
export const localStore: Storage = {
  async read(name) {
    try {
      return localStorage.getItem(PREFIX + name) ?? undefined;
    } catch {
      return undefined;
    }
  },
  async write(name, text) {
    try {
      localStorage.setItem(PREFIX + name, text);
    } catch {
      // Only the offline grace is lost.
    }
  },
  async remove(name) {
    try {
      localStorage.removeItem(PREFIX + name);
    } catch {
      // Without storage there is nothing to remove.
    }
  },
};

const FINGERPRINT = 'fingerprint';
const ofThisPage = crypto.randomUUID();

/**
 * A random id, stored for this origin: browsers provide no other reliable id. Another profile, a private window and a browser
 * whose data was cleared count as other machines.
 */
export async function browserFingerprint(): Promise<string> {
  const kept = await localStore.read(FINGERPRINT);
  if (kept !== undefined) return kept;
  await localStore.write(FINGERPRINT, ofThisPage);
  // Another tab may have written its id at the same time: both use the stored one.
  return (await localStore.read(FINGERPRINT)) ?? ofThisPage;
}
