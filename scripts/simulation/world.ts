import { settled } from '../../clients/sdk/src/testing/work.ts';

/** Simulated time: planned calls run one after the other. Milliseconds, by the server's clock. */
export interface World {
  nowMs(): number;
  plan(atMs: number, call: () => unknown): void;
  /** Machines have their own clocks and report when their next timer is due. */
  add(machine: { nextDueMs(): number; runDue(): void }): void;
  /** Runs everything that is due until then. */
  runUntil(untilMs: number): Promise<void>;
}

/** `observe` is called after each call, never before: the SDK must be correct even if nothing reads its state. */
export function openWorld(
  server: { nowMs(): number; moveClock(ms: number): void },
  observe: () => void,
): World {
  const machines: { nextDueMs(): number; runDue(): void }[] = [];
  let planned: { atMs: number; call: () => unknown }[] = [];

  async function happen(atMs: number, call: () => unknown): Promise<void> {
    const passedMs = atMs - server.nowMs();
    if (passedMs > 0) server.moveClock(passedMs);
    await call();
    await settled();
    observe();
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
