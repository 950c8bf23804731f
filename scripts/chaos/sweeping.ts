import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { Random } from '../../shared/testing/random.ts';
import { sendRequest } from './requests.ts';
import type { Stage } from './stage.ts';

/** The function's own limit is 120 s; no server is down that long here. */
const SWEEP_WITHIN_MS = 60_000;

const Swept = z.object({
  expired: z.int(),
  published: z.int(),
  pending: z.int(),
  sealed: z.int(),
  reconciled: z.nullable(z.object({ sessions_missing: z.int(), sessions_closed: z.int() })),
  complete: z.boolean(),
});
type Swept = z.infer<typeof Swept>;

/** Sweeps as Cloud Scheduler does; `undefined` for no response. */
async function sweepOnce(stage: Stage): Promise<{ status: number; swept: Swept | undefined } | undefined> {
  const outcome = await sendRequest({
    port: stage.functionsPort,
    method: 'POST',
    path: '/internal/sweep',
    authorization: `Bearer ${stage.token('scheduler')}`,
    timeoutMs: SWEEP_WITHIN_MS,
  });
  if (outcome.status === null) return undefined;
  return { status: outcome.status, swept: z.safeParse(Swept, outcome.body).data };
}

export interface Sweeping {
  /** Number of sweeps by status; 0 for no response. */
  readonly statuses: ReadonlyMap<number, number>;
  stop(): Promise<void>;
}

const MOST_AT_A_TIME = 4;

/**
 * Sweeps about once a second, even if the previous sweep has not ended, as Cloud Scheduler may. A sweep can take a
 * minute if functions were killed in the middle of a transaction: Firestore keeps its locks for that long.
 */
export function startSweeping(stage: Stage, random: Random): Sweeping {
  const statuses = new Map<number, number>();
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();

  async function sweepAndCount(): Promise<void> {
    const status = (await sweepOnce(stage))?.status ?? 0;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }

  async function sweepRepeatedly(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (running.size < MOST_AT_A_TIME) {
        const sweep = sweepAndCount().finally(() => running.delete(sweep));
        running.add(sweep);
      }
      await sleep(random.between(600, 1_400), undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  const sweeping = sweepRepeatedly();
  return {
    statuses,
    async stop() {
      stopping.abort();
      await sweeping;
      await Promise.all(running);
    },
  };
}

/** What is left to do after settling. */
export interface Leftover {
  /** As the last sweep reported it; `null` if it did not. */
  readonly pending: number | null;
  /** Events that the topic accepted and that were never acknowledged. */
  readonly unacknowledged: number;
  readonly isQuiet: boolean;
}

const QUIET_SWEEPS = 2;
const PAUSE_MS = 200;

/** Sweeps until two sweeps in a row find nothing to do, or `withinMs` have passed. */
export async function settle(stage: Stage, withinMs: number): Promise<Leftover> {
  const untilMs = performance.now() + withinMs;
  let quiet = 0;
  let pending: number | null = null;
  while (quiet < QUIET_SWEEPS && performance.now() < untilMs) {
    const answer = await sweepOnce(stage);
    pending = answer?.swept?.pending ?? null;
    const isQuiet =
      answer?.swept !== undefined && isIdle(answer.status, answer.swept) && stage.unacknowledged() === 0;
    quiet = isQuiet ? quiet + 1 : 0;
    await sleep(PAUSE_MS);
  }
  return { pending, unacknowledged: stage.unacknowledged(), isQuiet: quiet >= QUIET_SWEEPS };
}

function isIdle(status: number, { expired, published, pending, sealed, complete }: Swept): boolean {
  return status === 200 && complete && expired + published + pending + sealed === 0;
}

/** Sweeps until the hourly comparison of seats and records has run; returns the number of sessions that it closed. */
export async function reconcileOnce(stage: Stage, withinMs: number): Promise<number> {
  const untilMs = performance.now() + withinMs;
  let closed = 0;
  while (performance.now() < untilMs) {
    const answer = await sweepOnce(stage);
    closed += answer?.swept?.reconciled?.sessions_closed ?? 0;
    if (answer?.status === 200 && answer.swept?.reconciled && answer.swept.complete) return closed;
    await sleep(PAUSE_MS);
  }
  throw new Error(`Seats and records were not compared within ${withinMs} ms.`);
}
