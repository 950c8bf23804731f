import { settled } from '../../clients/sdk/src/testing/work.ts';

/** Time in which only what is planned happens, one thing after the other. Milliseconds, by the server's clock. */
export interface World {
  nowMs(): number;
  plan(atMs: number, call: () => unknown): void;
  /** Machines have clocks of their own: they say themselves what comes next by them. */
  add(machine: { nextDueMs(): number; runDue(): void }): void;
  /** Lets everything happen that does so until then. */
  runUntil(untilMs: number): Promise<void>;
}

/** `look` is called whenever something has happened, and never before: looking at clocks must not be what keeps them right. */
export function openWorld(server: { nowMs(): number; moveClock(ms: number): void }, look: () => void): World {
  const machines: { nextDueMs(): number; runDue(): void }[] = [];
  let planned: { atMs: number; call: () => unknown }[] = [];

  async function happen(atMs: number, call: () => unknown): Promise<void> {
    const passedMs = atMs - server.nowMs();
    if (passedMs > 0) server.moveClock(passedMs);
    await call();
    await settled();
    look();
  }

  return {
    nowMs: server.nowMs,
    plan(atMs, call) {
      const at = Math.max(server.nowMs(), Math.ceil(atMs));
      const place = planned.findLastIndex((one) => one.atMs <= at);
      planned.splice(place + 1, 0, { atMs: at, call });
    },
    add: (machine) => void machines.push(machine),
    async runUntil(untilMs) {
      for (;;) {
        const [next] = planned;
        const due = machines.map((machine) => Math.ceil(machine.nextDueMs()));
        const dueMs = Math.min(...due);
        if (Math.min(dueMs, next?.atMs ?? Number.POSITIVE_INFINITY) > untilMs) break;
        if (next && next.atMs <= dueMs) {
          planned = planned.slice(1);
          await happen(next.atMs, next.call);
        } else {
          await happen(Math.max(dueMs, server.nowMs()), () => machines[due.indexOf(dueMs)]?.runDue());
        }
      }
      server.moveClock(Math.max(0, untilMs - server.nowMs()));
    },
  };
}
