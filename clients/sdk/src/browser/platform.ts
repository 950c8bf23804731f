import type { AtExit, Clock, Platform } from '../platform.ts';
import { lockHolders } from './holders.ts';
import { browserFingerprint, localStore } from './storage.ts';
import { fetchTransport, sendAtLast } from './transport.ts';

const clock: Clock = {
  now: () => ({ wallMs: Date.now(), monotonicMs: performance.now() }),
  // The core asks for no delay that is longer than a timer takes.
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
};

/** For a page or a worker of it; a page's seat is given back when it goes. */
export function browserPlatform(): Platform {
  const ends = new Set<AtExit>();
  globalThis.addEventListener?.('pagehide', (event) => {
    // It may be shown again as it was, and its clocks will tell how long that took.
    if ((event as PageTransitionEvent).persisted) return;
    for (const end of ends) {
      const request = end.afterwards();
      if (request) sendAtLast(request);
    }
  });
  return {
    transport: fetchTransport,
    clock,
    storage: localStore,
    holders: lockHolders,
    fingerprint: browserFingerprint,
    hostname: () => undefined,
    processId: crypto.randomUUID(),
    atExit(end) {
      ends.add(end);
      return () => void ends.delete(end);
    },
    // Seen in the browser’s console and by the page’s own listeners, as any error that nobody catches.
    report: (error) => reportError(error),
  };
}
