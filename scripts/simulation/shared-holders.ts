import type { Clock, Holders, Membership } from '../../clients/sdk/src/platform.ts';

/** As on Node: how long a leaving program can hold up a new one, and how often the new one checks again. */
const LEAVING_MS = 10_000;
const POLL_MS = 50;

export interface MachineHolders extends Holders {
  /** Functions to call after the releases that were left behind have been sent. */
  takeMarks(): (() => void)[];
}

/** What a machine's programs share, as its operating system keeps it: of a dead program only that it was leaving. */
export function sharedHolders(nowMs: () => number): (clock: Clock, isAlive: () => boolean) => MachineHolders {
  const groups = new Map<string, { stay: Set<() => boolean>; leaving: Set<{ untilMs: number }> }>();

  return (clock, isAlive) => {
    const marks: (() => void)[] = [];
    return {
      async join(name): Promise<Membership> {
        const group = groups.get(name) ?? { stay: new Set(), leaving: new Set() };
        groups.set(name, group);
        const self = (): boolean => isAlive();
        group.stay.add(self);
        const isHeldUp = (): boolean => [...group.leaving].some(({ untilMs }) => nowMs() < untilMs);
        while (isHeldUp()) await new Promise<void>((resolve) => clock.after(POLL_MS, resolve, true));

        function leave(): { isLast: boolean; end: () => void } {
          group.stay.delete(self);
          const mark = { untilMs: nowMs() + LEAVING_MS };
          group.leaving.add(mark);
          const isLast = ![...group.stay].some((isThere) => isThere());
          return { isLast, end: () => void group.leaving.delete(mark) };
        }

        return {
          async leave(last) {
            const { isLast, end } = leave();
            try {
              if (isLast) await last();
            } finally {
              end();
            }
          },
          leaveNow() {
            const { isLast, end } = leave();
            if (isLast) marks.push(end);
            else end();
            return isLast;
          },
        };
      },
      takeMarks: () => marks.splice(0),
    };
  };
}
