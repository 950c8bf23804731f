import { useEffect, useRef, useState } from 'preact/hooks';
import { type Polling, poll, type Visibility, type Watched } from '../poll.ts';

const PAGE_VISIBILITY: Visibility = {
  isVisible: () => document.visibilityState === 'visible',
  onChange(listener) {
    document.addEventListener('visibilitychange', listener);
    return () => document.removeEventListener('visibilitychange', listener);
  },
};

export interface Watch<T> extends Watched<T> {
  /** Sends a request now. */
  now(): void;
}

/** Polls while the page is visible. Starts again when one of `inputs` changes. */
export function useWatch<T>(
  request: (signal: AbortSignal) => Promise<T>,
  everyMs: number,
  inputs: readonly unknown[],
): Watch<T> {
  const [watched, setWatched] = useState<Watched<T>>(NOTHING_YET);
  const polling = useRef<Polling | undefined>(undefined);
  useEffect(() => {
    setWatched(NOTHING_YET);
    const started = poll(request, setWatched, { everyMs, visibility: PAGE_VISIBILITY });
    polling.current = started;
    return started.stop;
  }, inputs);
  return { ...watched, now: () => polling.current?.now() };
}

const NOTHING_YET = { value: undefined, asOfMs: undefined, problem: undefined } as const;
