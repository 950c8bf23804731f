import type { Clock } from './platform.ts';

/**
 * Milliseconds before try `n` + 1, `n` from 0: anywhere up to a bound that doubles ("full jitter"), so that clients that
 * failed together do not come back together.
 */
export function backoffMs(n: number, firstMs: number, longestMs: number): number {
  return Math.random() * Math.min(longestMs, firstMs * 2 ** n);
}

/** Waits, for somebody who waits for it: until then, or until `signal`, whose reason is not thrown. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      signal?.removeEventListener('abort', done);
      callOff();
      resolve();
    };
    const callOff = clock.after(delayMs, done, true);
    signal?.addEventListener('abort', done, { once: true });
  });
}
