import { optionInvalid } from '../options.ts';
import type { AtExit, Clock, Platform } from '../platform.ts';
import { browserFingerprint, localStore } from './storage.ts';
import { fetchTransport, sendOnPageHide } from './transport.ts';

const clock: Clock = {
  now: () => ({ wallMs: Date.now(), monotonicMs: performance.now() }),
  // The core never asks for a delay longer than a timer allows.
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
};

/** For a page or its worker. A page releases its seat when it closes. Throws OPTION_INVALID in a Node program. */
export function browserPlatform(): Platform {
  // Without the condition, a bundler takes this part also for Node, where it would never release a seat.
  if (!globalThis.addEventListener)
    throw optionInvalid('platform', 'is for browsers: bundle a Node program with the condition "node".');
  const ends = new Set<AtExit>();
  addEventListener('pagehide', (event) => {
    // The page is kept in the back/forward cache and may be shown again; the clocks then show how much time has passed.
    if ((event as PageTransitionEvent).persisted) return;
    for (const end of ends) {
      const request = end.afterwards();
      if (request) sendOnPageHide(request);
    }
  });
  return {
    transport: fetchTransport,
    clock,
    storage: localStore,
    fingerprint: browserFingerprint,
    hostname: () => undefined,
    processId: crypto.randomUUID(),
    atExit(end) {
      ends.add(end);
      return () => void ends.delete(end);
    },
    // Shown in the console and passed to the page’s `error` listeners, like any uncaught error.
    report: (error) => reportError(error),
  };
}
