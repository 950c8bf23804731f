import fc from 'fast-check';
import type { MachineOptions } from './machine.ts';
import { type Fate, faultSequence } from './request-faults.ts';

export type Action =
  | { readonly do: 'acquire'; readonly wait: boolean }
  | { readonly do: 'release' | 'crash' | 'quit in time' | 'quit at once'; readonly thenAcquire: boolean }
  | { readonly do: 'sleep' }
  | { readonly do: 'wake' }
  | { readonly do: 'evict' }
  | { readonly do: 'nothing' }
  | { readonly do: 'outage'; readonly ms: number }
  /** A license that is renewed late, or suspended by mistake. */
  | { readonly do: 'suspend' }
  | { readonly do: 'resume' }
  | { readonly do: 'set clock'; readonly byMs: number };

export interface Scenario {
  readonly terms: {
    readonly max: number;
    readonly overdraft: number;
    readonly unit: 'machine' | 'process' | 'user';
    readonly ttl_seconds: number;
    readonly heartbeat_seconds: number;
    readonly offline_grace_days: number;
  };
  readonly machines: readonly Omit<MachineOptions, 'name'>[];
  readonly steps: readonly { readonly afterMs: number; readonly who: number; readonly action: Action }[];
  readonly fates: readonly Fate[];
  /** Values of `Math.random`, repeated: the SDK's jitter. */
  readonly draws: readonly number[];
}

/** Uniform, as `Math.random` is: with a draw of 0 each time, no try would wait for the next. */
const JITTER = fc.noBias(fc.integer({ min: 0, max: 9_999 })).map((n) => n / 10_000);

/** Clocks up to 0.05 % fast or slow, within the SDK's margin; quartz clocks differ by a tenth of that. */
const RATES = fc.double({ min: 0.9995, max: 1.0005, noNaN: true });
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Longer than a lease and the hour for which the server remembers a session that has ended. */
const LONGEST_OUTAGE_MS = 3 * HOUR_MS;

const rhythms = fc.constantFrom(
  { ttl_seconds: 360, heartbeat_seconds: 300 },
  { ttl_seconds: 60, heartbeat_seconds: 20 },
  { ttl_seconds: 10, heartbeat_seconds: 3 },
);

const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('acquire' as const), wait: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'release' as const,
        'crash' as const,
        'quit in time' as const,
        'quit at once' as const,
      ),
      thenAcquire: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('sleep' as const, 'wake' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('evict' as const, 'nothing' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('outage' as const),
      ms: fc.integer({ min: 1_000, max: LONGEST_OUTAGE_MS }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('suspend' as const, 'resume' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('set clock' as const),
      byMs: fc.oneof(fc.integer({ min: -DAY_MS, max: DAY_MS }), fc.integer({ min: -400_000, max: 400_000 })),
    }),
  },
);

export const scenarios: fc.Arbitrary<Scenario> = rhythms.chain((rhythm) => {
  const ttlMs = rhythm.ttl_seconds * 1000;
  const afterMs = fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: ttlMs }) },
    { weight: 4, arbitrary: fc.integer({ min: ttlMs / 2, max: ttlMs * 1.5 }) },
    { weight: 1, arbitrary: fc.integer({ min: ttlMs, max: LONGEST_OUTAGE_MS }) },
  );
  const terms = fc.record({
    max: fc.integer({ min: 1, max: 2 }),
    overdraft: fc.constantFrom(0, 0, 1),
    unit: fc.constantFrom('machine' as const, 'process' as const, 'user' as const),
    offline_grace_days: fc.constantFrom(0, 1, 7),
  });
  return fc.record({
    terms: terms.map((some) => ({ ...some, ...rhythm })),
    machines: fc.array(
      fc.record({
        rate: RATES,
        wallOffsetMs: fc.oneof(
          fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
          fc.integer({ min: -10 * DAY_MS, max: 10 * DAY_MS }),
        ),
        sleepStopsClock: fc.boolean(),
      }),
      { minLength: 2, maxLength: 3 },
    ),
    steps: fc.array(fc.record({ afterMs, who: fc.nat(5), action: actions }), {
      minLength: 15,
      maxLength: 40,
      size: 'max',
    }),
    fates: faultSequence(ttlMs * 1.2),
    draws: fc.array(JITTER, { minLength: 8, maxLength: 32 }),
  });
});
