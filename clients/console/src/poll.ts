import { Problem } from './problem.ts';

/** Of the last answer, and of what has come since. */
export interface Watched<T> {
  readonly value: T | undefined;
  /** When the question was asked that `value` answers, in milliseconds since the epoch. */
  readonly asOfMs: number | undefined;
  /** Why there has been no answer since; `undefined` while all is well. */
  readonly problem: Problem | undefined;
}

/** Whether anybody can see the page. */
export interface Visibility {
  isVisible(): boolean;
  /** Gives what ends the listening. */
  onChange(listener: () => void): () => void;
}

export interface Polling {
  /** Asks now, or right after the answer that is awaited. */
  now(): void;
  stop(): void;
}

const LONGEST_WAIT_MS = 60_000;

/**
 * Asks every `everyMs`, one question at a time and never while nobody looks. After a failure it waits twice as long each
 * time, up to a minute, and never less than the server would like; half of the waiting is left to chance, so that the
 * consoles that saw a server go away do not all come back at once.
 */
export function poll<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  tell: (watched: Watched<T>) => void,
  { everyMs, visibility, random = Math.random }: PollOptions,
): Polling {
  const asking = new AbortController();
  let watched: Watched<T> = { value: undefined, asOfMs: undefined, problem: undefined };
  let failures = 0;
  let dueMs = Date.now();
  let isAsking = false;
  let isWantedNow = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function waitAfterFailure({ retryAfterSeconds = 0 }: Problem): number {
    const longestMs = Math.min(LONGEST_WAIT_MS, everyMs * 2 ** failures);
    return Math.max(retryAfterSeconds * 1000, longestMs * (1 - random() / 2));
  }

  async function askOnce(): Promise<void> {
    isAsking = true;
    const askedMs = Date.now();
    dueMs = askedMs + everyMs;
    try {
      const value = await ask(asking.signal);
      failures = 0;
      watched = { value, asOfMs: askedMs, problem: undefined };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failures += 1;
      dueMs = Math.max(dueMs, Date.now() + waitAfterFailure(error));
      watched = { ...watched, problem: error };
    } finally {
      isAsking = false;
    }
    if (asking.signal.aborted) return;
    if (isWantedNow) dueMs = Date.now();
    isWantedNow = false;
    tell(watched);
    schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    if (isAsking || asking.signal.aborted || !visibility.isVisible()) return;
    const waitMs = dueMs - Date.now();
    if (waitMs <= 0) void askOnce();
    else timer = setTimeout(askOnce, waitMs);
  }

  const unlisten = visibility.onChange(schedule);
  schedule();
  return {
    now() {
      isWantedNow = isAsking;
      dueMs = Date.now();
      schedule();
    },
    stop() {
      asking.abort();
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
