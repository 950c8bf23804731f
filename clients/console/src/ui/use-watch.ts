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
  /** Does not wait for the next time. */
  now(): void;
}

/** Asks again and again while somebody looks; from the beginning when one of `inputs` is another. */
export function useWatch<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  everyMs: number,
  inputs: readonly unknown[],
): Watch<T> {
  const [watched, setWatched] = useState<Watched<T>>(NOTHING_YET);
  const polling = useRef<Polling | undefined>(undefined);
  useEffect(() => {
    setWatched(NOTHING_YET);
    const begun = poll(ask, setWatched, { everyMs, visibility: PAGE_VISIBILITY });
    polling.current = begun;
    return begun.stop;
  }, inputs);
  return { ...watched, now: () => polling.current?.now() };
}

const NOTHING_YET = { value: undefined, asOfMs: undefined, problem: undefined } as const;
