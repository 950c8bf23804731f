import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../problem.ts';

export interface Action {
  readonly isBusy: boolean;
  readonly problem: Problem | undefined;
  /** Does it, unless it is being done. Resolves when it is over, well or not. */
  run(): Promise<void>;
}

/** Something that a person has done by a button: once at a time, and with what went wrong at hand. */
export function useAction(act: () => Promise<void>): Action {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const isOpen = useRef(true);
  useEffect(() => {
    isOpen.current = true;
    return () => {
      isOpen.current = false;
    };
  }, []);
  return {
    isBusy,
    problem,
    async run() {
      if (isBusy) return;
      setBusy(true);
      setProblem(undefined);
      try {
        await act();
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (isOpen.current) setProblem(error);
      } finally {
        if (isOpen.current) setBusy(false);
      }
    },
  };
}
