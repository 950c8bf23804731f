import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../problem.ts';

export interface Action {
  readonly isBusy: boolean;
  readonly problem: Problem | undefined;
  /** Runs the action unless it is already running. Resolves when the action has ended, even if it failed. */
  run(): Promise<void>;
}

/** The action of a button. It runs once at a time, and keeps its problem if it fails. */
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
