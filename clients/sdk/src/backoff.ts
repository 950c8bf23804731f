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

/** What `promise` gives, or the reason of `signal` where that comes first: `promise` goes on, and nobody hears of it. */
export function whileWanted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
