import { useCallback, useEffect, useState } from 'preact/hooks';
import { Problem } from '../problem.ts';

/** The state of loading a value. */
export interface Load<T> {
  /** `undefined` until the value is loaded. While the value is loaded again, the previous one stays. */
  readonly value: T | undefined;
  readonly isLoaded: boolean;
  readonly problem: Problem | undefined;
  readonly isLoading: boolean;
  /** Loads the value again. */
  again(): void;
}

/** Loads a value on the first render and whenever one of `inputs` changes. Ignores responses to earlier requests. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, inputs: readonly unknown[]): Load<T> {
  const [state, setState] = useState<Omit<Load<T>, 'again'>>(NOTHING_YET);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    const settle = (next: Omit<Load<T>, 'again'>): void => {
      if (!controller.signal.aborted) setState(next);
    };
    if (round === 0) setState(NOTHING_YET);
    else setState((previous) => ({ ...previous, isLoading: true }));
    load(controller.signal).then(
      (value) => settle({ value, isLoaded: true, problem: undefined, isLoading: false }),
      (error: unknown) => {
        if (!(error instanceof Problem)) throw error;
        settle({ ...NOTHING_YET, problem: error, isLoading: false });
      },
    );
    return () => controller.abort();
  }, [...inputs, round]);
  const again = useCallback(() => setRound((count) => count + 1), []);
  return { ...state, again };
}

const NOTHING_YET = { value: undefined, isLoaded: false, problem: undefined, isLoading: true } as const;
