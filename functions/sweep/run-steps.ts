import { type Part, Unavailable } from '../../shared/errors.ts';

/** The frame in which the steps of a sweep run: how long they may, and which parts have been found away. */
export interface Frame {
  readonly isTimeUp: () => boolean;
  readonly away: ReadonlySet<Part>;
  /** Runs a step. Whatever it meets ends the step and not the sweep: others may not need the part that is away. */
  attempt(step: () => Promise<void>): Promise<void>;
  /** Throws the first fault that was no part's being away, now that everything else is done. */
  throwFault(): void;
  /** Says that a step ended before its work did. */
  leaveOver(): void;
  readonly isComplete: () => boolean;
}

export function openFrame(isTimeUp: () => boolean, report: (fault: Unavailable) => void): Frame {
  const away = new Set<Part>();
  const faults: unknown[] = [];
  let hasLeftOver = false;
  return {
    isTimeUp,
    away,
    async attempt(step) {
      try {
        await step();
      } catch (fault) {
        if (!(fault instanceof Unavailable)) {
          faults.push(fault);
          return;
        }
        away.add(fault.part);
        report(fault);
      }
    },
    throwFault() {
      if (faults.length > 0) throw faults[0];
    },
    leaveOver() {
      hasLeftOver = true;
    },
    isComplete: () => !hasLeftOver && away.size === 0,
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
