import { BACKOFFS } from './api.ts';
import type { Clock } from './platform.ts';

/**
 * How long to wait at least, by `Retry-After`. It has an upper bound: proxies send hours and years
 * (https://github.com/urllib3/urllib3/issues/1338, https://github.com/urllib3/urllib3/pull/3743), and a client that asks every
 * five minutes costs no more than one that sends heartbeats.
 */
export function leastMs(backoff: keyof typeof BACKOFFS, retryAfterSeconds = 0): number {
  return backoff === 'seat' ? 0 : Math.min(retryAfterSeconds * 1000, BACKOFFS.repair.longestMs);
}

/** Many programs may wait for one seat. */
const LEAST_SEAT_PAUSE_MS = 1_000;

/** Milliseconds before retry `n`, from 0: see `BACKOFFS`. */
export function pauseMs(backoff: keyof typeof BACKOFFS, n: number, retryAfterSeconds?: number): number {
  const { firstMs, longestMs } = BACKOFFS[backoff];
  const randomMs = Math.random() * Math.min(longestMs, firstMs * 2 ** n);
  // A seat can be released before the next lease ends, which is when the server says.
  if (backoff === 'seat') {
    const freeInMs = (retryAfterSeconds ?? Number.POSITIVE_INFINITY) * 1000;
    return Math.max(Math.min(randomMs, freeInMs), LEAST_SEAT_PAUSE_MS);
  }
  return leastMs(backoff, retryAfterSeconds) + randomMs;
}

/** Settles like `promise`, or rejects with `late` after `timeoutMs`. */
export function within<Value>(
  clock: Clock,
  timeoutMs: number,
  promise: Promise<Value>,
  late: Error,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => reject(late));
    promise.then(resolve, reject).finally(cancel);
  });
}

/** Returns a function that runs tasks one after the other, also after one has failed. */
export function oneAtATime(): <Value>(task: () => Promise<Value>) => Promise<Value> {
  let previous: Promise<unknown> = Promise.resolve();
  return (task) => {
    const done = previous.then(task);
    previous = done.catch(() => undefined);
    return done;
  };
}

/** Waits until the delay has passed or `signal` aborts; does not throw. A caller awaits it: it keeps the program running. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      resolve();
    };
    const cancel = clock.after(delayMs, done, true);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Settles like `promise`, or rejects with the reason of `signal` if that aborts first. `promise` is not canceled. */
export function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
