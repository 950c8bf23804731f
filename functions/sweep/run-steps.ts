import { type Part, Unavailable } from '../../shared/errors.ts';
import { emptyProgress, type SweepProgress } from './progress.ts';

/** One run of the sweep: the time left for its steps, what they have done, and which dependencies were unavailable. */
export interface SweepRun {
  readonly progress: SweepProgress;
  readonly isTimeUp: () => boolean;
  readonly unavailable: ReadonlySet<Part>;
  /** Runs a step. A fault ends the step, not the sweep: other steps may not need the dependency that is unavailable. */
  attempt(step: () => Promise<void>): Promise<void>;
  /** Whether no dependency was unavailable and no step failed. Time that ran out is no failure. */
  readonly isSuccess: () => boolean;
  /** Throws the first fault other than an unavailable dependency. Call it after all steps. */
  throwFault(): void;
  /** Records that a step stopped before its work was done. */
  markIncomplete(): void;
  /** Logs why one of a step's many items failed; the step goes on with the others. */
  logFailure(what: string, fault: unknown): void;
  /** Records a document that this release cannot read; the step goes on without it. */
  markUnreadable(error: Error): void;
  readonly isComplete: () => boolean;
}

export function beginRun(
  isTimeUp: () => boolean,
  report: (fault: Unavailable) => void,
  logFailure: SweepRun['logFailure'],
): SweepRun {
  const unavailable = new Set<Part>();
  const faults: unknown[] = [];
  const progress = emptyProgress();
  let isIncomplete = false;
  return {
    progress,
    isTimeUp,
    logFailure,
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
    isSuccess: () => unavailable.size === 0 && faults.length === 0,
    throwFault() {
      if (faults.length > 0) throw faults[0];
    },
    markIncomplete() {
      isIncomplete = true;
    },
    markUnreadable({ message }) {
      progress.unreadableDocuments.push(message);
    },
    isComplete: () => !isIncomplete && unavailable.size === 0,
  };
}
