import { randomOf } from '../../shared/testing/random.ts';

/** All kinds of faults. The first three end a process with SIGKILL and start it again. */
export const FAULT_KINDS = [
  'kill-redis',
  'kill-functions',
  'kill-pubsub',
  'cut-clients',
  'cut-redis',
  'lose-answers-to-clients',
  'lose-answers-of-redis',
  'delay-clients',
  'delay-redis',
  'lose-deliveries',
  'lose-acknowledgements',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Milliseconds from the beginning of the run. */
  readonly atMs: number;
  /** How long a process is down, or responses are lost or late. */
  readonly forMs: number;
  /** Delay of data. Some delays exceed the time that functions wait for Redis (1,200 ms), so that they time out. */
  readonly delayMs: number;
  /** Number of event deliveries that it affects. */
  readonly deliveries: number;
}

const USUAL_GAP_MS = 2_500;
const QUIET_BEFORE_MS = 1_500;

/** Faults one after the other, every kind equally often, in an order and at times that `seed` determines. */
export function planFaults(seed: number, durationMs: number): Fault[] {
  const random = randomOf(seed, 'faults');
  const gapMs = Math.min(USUAL_GAP_MS, (durationMs - QUIET_BEFORE_MS) / FAULT_KINDS.length);
  const rounds = Math.max(1, Math.floor((durationMs - QUIET_BEFORE_MS) / gapMs / FAULT_KINDS.length));
  const kinds = Array.from({ length: rounds }, () => random.shuffled(FAULT_KINDS)).flat();
  return kinds.map((kind, index) => ({
    kind,
    atMs: Math.round(QUIET_BEFORE_MS + (index + random.next() * 0.9) * gapMs),
    forMs: random.between(100, 1_500),
    delayMs: random.between(50, 1_800),
    deliveries: random.between(5, 25),
  }));
}
