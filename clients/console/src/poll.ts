import { Problem } from './problem.ts';

/** The last value, and why the latest request failed, if it did. */
export interface Watched<T> {
  readonly value: T | undefined;
  /** When the request for `value` was sent, in milliseconds since the epoch. */
  readonly asOfMs: number | undefined;
  /** Why the latest request failed; `undefined` if it succeeded. */
  readonly problem: Problem | undefined;
}

/** Whether the page is visible. */
export interface Visibility {
  isVisible(): boolean;
  /** Returns a function that removes the listener. */
  onChange(listener: () => void): () => void;
}

export interface Polling {
  /** Sends a request now, or right after the pending one. */
  now(): void;
  stop(): void;
}

const MAX_DELAY_MS = 60_000;

/**
 * Sends a request every `everyMs`, one at a time, and none while the page is hidden. After each failure the delay
 * doubles, up to a minute, but is never shorter than Retry-After. Half of the delay is random, so that after an outage
 * the consoles do not all retry at once.
 */
export function poll<T>(
  request: (signal: AbortSignal) => Promise<T>,
  report: (watched: Watched<T>) => void,
  { everyMs, visibility, random = Math.random }: PollOptions,
): Polling {
  const controller = new AbortController();
  let watched: Watched<T> = { value: undefined, asOfMs: undefined, problem: undefined };
  let failures = 0;
  let dueMs = Date.now();
  let isPending = false;
  let isWantedNow = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function delayAfterFailure({ retryAfterSeconds = 0 }: Problem): number {
    const maxMs = Math.min(MAX_DELAY_MS, everyMs * 2 ** failures);
    return Math.max(retryAfterSeconds * 1000, maxMs * (1 - random() / 2));
  }

  async function sendOnce(): Promise<void> {
    isPending = true;
    const sentMs = Date.now();
    dueMs = sentMs + everyMs;
    try {
      const value = await request(controller.signal);
      failures = 0;
      watched = { value, asOfMs: sentMs, problem: undefined };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failures += 1;
      dueMs = Math.max(dueMs, Date.now() + delayAfterFailure(error));
      watched = { ...watched, problem: error };
    } finally {
      isPending = false;
    }
    if (controller.signal.aborted) return;
    if (isWantedNow) dueMs = Date.now();
    isWantedNow = false;
    report(watched);
    schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    if (isPending || controller.signal.aborted || !visibility.isVisible()) return;
    const waitMs = dueMs - Date.now();
    if (waitMs <= 0) void sendOnce();
    else timer = setTimeout(sendOnce, waitMs);
  }

  const unlisten = visibility.onChange(schedule);
  schedule();
  return {
    now() {
      isWantedNow = isPending;
      dueMs = Date.now();
      schedule();
    },
    stop() {
      controller.abort();
      clearTimeout(timer);
      unlisten();
    },
  };
}

interface PollOptions {
  readonly everyMs: number;
  readonly visibility: Visibility;
  /** From 0 to below 1. */
  readonly random?: () => number;
}
