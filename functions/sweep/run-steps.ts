import { type Part, Unavailable } from '../../shared/errors.ts';
import { emptyProgress, type SweepProgress } from './progress.ts';

/** One run of the sweep: how long its steps may take, what they have done, and which parts they found unavailable. */
export interface SweepRun {
  readonly progress: SweepProgress;
  readonly isTimeUp: () => boolean;
  readonly unavailable: ReadonlySet<Part>;
  /** Runs a step. Whatever it meets ends the step and not the sweep: others may not need the part that is unavailable. */
  attempt(step: () => Promise<void>): Promise<void>;
  /** Throws the first fault other than an unavailable part, now that everything else is done. */
  throwFault(): void;
  /** Says that a step ended before its work did. */
  markIncomplete(): void;
  readonly isComplete: () => boolean;
}

export function beginRun(isTimeUp: () => boolean, report: (fault: Unavailable) => void): SweepRun {
  const unavailable = new Set<Part>();
  const faults: unknown[] = [];
  let isIncomplete = false;
  return {
    progress: emptyProgress(),
    isTimeUp,
    unavailable,
    async attempt(step) {
      try {
        await step();
      } catch (fault) {
        if (!(fault instanceof Unavailable)) {
          faults.push(fault);
          return;
        }
        unavailable.add(fault.part);
        report(fault);
      }
    },
    throwFault() {
      if (faults.length > 0) throw faults[0];
    },
    markIncomplete() {
      isIncomplete = true;
    },
    isComplete: () => !isIncomplete && unavailable.size === 0,
  };
}

/** Does `work` for each item, at most `bound` at a time. Throws the first fault, once all that had begun has ended. */
export async function inParallel<T>(
  items: readonly T[],
  bound: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  const ended = await Promise.allSettled(Array.from({ length: bound }, worker));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
}
