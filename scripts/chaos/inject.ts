import { setTimeout as sleep } from 'node:timers/promises';
import { FAULT_KINDS, type Fault, type FaultKind } from './fault-plan.ts';
import type { Stage } from './stage.ts';

export interface FaultDone {
  readonly kind: FaultKind;
  /** When it began; for a kill, when the process had ended. */
  readonly fromMs: number;
  /** When the fault ended; its consequences can last longer. */
  readonly toMs: number;
}

/** Injects each planned fault at its time; resolves with what was done when all faults have ended. */
export async function injectFaults(plan: readonly Fault[], stage: Stage): Promise<FaultDone[]> {
  const startedMs = performance.now();
  const running: Promise<FaultDone>[] = [];
  for (const fault of plan) {
    await sleep(Math.max(0, startedMs + fault.atMs - performance.now()));
    running.push(injectOne(fault, stage));
  }
  return Promise.all(running);
}

async function injectOne(fault: Fault, stage: Stage): Promise<FaultDone> {
  const { kind, forMs } = fault;
  if (isKill(kind)) {
    const fromMs = await stage.killAndRestart[KILLED[kind]](forMs);
    return { kind, fromMs, toMs: Date.now() };
  }
  const fromMs = Date.now();
  await HARMS[kind](fault, stage);
  return { kind, fromMs, toMs: Date.now() };
}

const KILLED = { 'kill-redis': 'redis', 'kill-functions': 'functions', 'kill-pubsub': 'pubsub' } as const;
type Kill = keyof typeof KILLED;

function isKill(kind: FaultKind): kind is Kill {
  return Object.hasOwn(KILLED, kind);
}

type Harm = (fault: Fault, stage: Stage) => Promise<void>;

const HARMS: Readonly<Record<Exclude<FaultKind, Kill>, Harm>> = {
  'cut-clients': async (_, { clients }) => clients.cut(),
  'cut-redis': async (_, { redis }) => redis.cut(),
  async 'lose-answers-to-clients'({ forMs }, { clients }) {
    clients.loseAnswers(true);
    await sleep(forMs);
    clients.loseAnswers(false);
  },
  async 'lose-answers-of-redis'({ forMs }, { redis }) {
    redis.loseAnswers(true);
    await sleep(forMs);
    redis.loseAnswers(false);
  },
  async 'delay-clients'({ forMs, delayMs }, { clients }) {
    clients.delay(delayMs);
    await sleep(forMs);
    clients.delay(0);
  },
  async 'delay-redis'({ forMs, delayMs }, { redis }) {
    redis.delay(delayMs);
    await sleep(forMs);
    redis.delay(0);
  },
  'lose-deliveries': async ({ deliveries }, { relay }) => relay.dropNextDeliveries(deliveries),
  'lose-acknowledgements': async ({ deliveries }, { relay }) => relay.dropNextAnswers(deliveries),
};

export function countKinds(done: readonly FaultDone[]): Record<FaultKind, number> {
  const counts = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  for (const { kind } of done) counts[kind] += 1;
  return counts;
}
