import { performance } from 'node:perf_hooks';
import type { Clock } from '../platform.ts';

/** The longest delay of a Node timer: a longer one fires at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const nodeClock: Clock = {
  now: () => ({ wallMs: Date.now(), monotonicMs: performance.now() }),
  after(delayMs, call, isAwaited = false) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      const now = Math.min(leftMs, LONGEST_DELAY_MS);
      timer = setTimeout(() => (leftMs > now ? wait(leftMs - now) : call()), now);
      if (!isAwaited) timer.unref();
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};
