import type { Storage } from '../platform.ts';

const PREFIX = 'seatlease:';

/** `localStorage` throws where people or policies do not let a page keep anything. */
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
      // The offline grace is lost, and nothing else.
    }
  },
  async remove(name) {
    try {
      localStorage.removeItem(PREFIX + name);
    } catch {
      // Then there is nothing to remove.
    }
  },
};

const FINGERPRINT = 'fingerprint';
const ofThisPage = crypto.randomUUID();

/**
 * A random id that the browser keeps for this origin: a browser shows nothing else that is surely its own. Another
 * profile, a private window and a browser whose data was cleared are other machines.
 */
export async function browserFingerprint(): Promise<string> {
  const kept = await localStore.read(FINGERPRINT);
  if (kept !== undefined) return kept;
  await localStore.write(FINGERPRINT, ofThisPage);
  // Another tab may have written its own at the same time: what is kept now counts for both.
  return (await localStore.read(FINGERPRINT)) ?? ofThisPage;
}
