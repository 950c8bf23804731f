import { performance } from 'node:perf_hooks';
import type { Clock } from '../platform.ts';

/** The longest delay of a Node timer: a longer one fires at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Both clocks are read within this time, or again: a pause between the readings would be counted by one clock after the other. */
const LONGEST_READING_MS = 10;
const READINGS = 3;

export const nodeClock: Clock = {
  now() {
    for (let n = 1; ; n += 1) {
      const beforeMs = performance.now();
      const wallMs = Date.now();
      const monotonicMs = performance.now();
      if (monotonicMs - beforeMs < LONGEST_READING_MS || n === READINGS) return { wallMs, monotonicMs };
    }
  },
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
