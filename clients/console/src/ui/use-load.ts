import { useEffect, useState } from 'preact/hooks';
import { Problem } from '../problem.ts';

/** Something that is asked for, and what has come of it so far. */
export interface Load<T> {
  /** `undefined` until the first answer; kept while it is asked for again. */
  readonly value: T | undefined;
  readonly isLoaded: boolean;
  readonly problem: Problem | undefined;
  readonly isLoading: boolean;
  /** Asks again. */
  again(): void;
}

/** Asks when the page comes up, and anew when one of `inputs` is another. Answers to what was asked before are dropped. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, inputs: readonly unknown[]): Load<T> {
  const [state, setState] = useState<Omit<Load<T>, 'again'>>(NOTHING_YET);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const asked = new AbortController();
    const settle = (next: Omit<Load<T>, 'again'>): void => {
      if (!asked.signal.aborted) setState(next);
    };
    if (round === 0) setState(NOTHING_YET);
    else setState((before) => ({ ...before, isLoading: true }));
    load(asked.signal).then(
      (value) => settle({ value, isLoaded: true, problem: undefined, isLoading: false }),
      (error: unknown) => {
        if (!(error instanceof Problem)) throw error;
        settle({ ...NOTHING_YET, problem: error, isLoading: false });
      },
    );
    return () => asked.abort();
  }, [...inputs, round]);
  return { ...state, again: () => setRound((count) => count + 1) };
}

const NOTHING_YET = { value: undefined, isLoaded: false, problem: undefined, isLoading: true } as const;
