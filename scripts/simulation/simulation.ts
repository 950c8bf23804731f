import fc from 'fast-check';
import { vi } from 'vitest';
import type { ClockedSuite } from '../../functions/testing/clocked-suite.ts';
import { beliefsOf, type Logs, type Sample } from './beliefs.ts';
import { type Machine, type MachineOptions, openMachine } from './machine.ts';
import { type Arrival, openNetwork } from './network.ts';
import { type Program, startProgram } from './programs.ts';
import { type Fate, weather } from './request-faults.ts';
import { eventsOf } from './server-log.ts';
import { openWorld } from './world.ts';

type Deed =
  | { readonly do: 'acquire'; readonly wait: boolean }
  | { readonly do: 'release' | 'crash' | 'quit in time' | 'quit at once'; readonly thenAcquire: boolean }
  | { readonly do: 'sleep' }
  | { readonly do: 'wake' }
  | { readonly do: 'evict' }
  | { readonly do: 'nothing' }
  | { readonly do: 'set clock'; readonly byMs: number };

export interface Scenario {
  readonly terms: {
    readonly max: number;
    readonly overdraft: number;
    readonly unit: 'machine' | 'process';
    readonly ttl_seconds: number;
    readonly heartbeat_seconds: number;
    readonly offline_grace_days: number;
  };
  readonly machines: readonly Omit<MachineOptions, 'name'>[];
  readonly steps: readonly { readonly afterMs: number; readonly who: number; readonly deed: Deed }[];
  readonly fates: readonly Fate[];
  /** What `Math.random` gives, again and again: the SDK's jitter. */
  readonly draws: readonly number[];
}

/** More than one and fewer than the SDK's margin allows for, both ways: clocks of crystals differ by a tenth of it. */
const RATES = fc.double({ min: 0.9995, max: 1.0005, noNaN: true });
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PROGRAMS_A_MACHINE = 2;

const rhythms = fc.constantFrom(
  { ttl_seconds: 360, heartbeat_seconds: 300 },
  { ttl_seconds: 60, heartbeat_seconds: 20 },
  { ttl_seconds: 10, heartbeat_seconds: 3 },
);

const deeds: fc.Arbitrary<Deed> = fc.oneof(
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
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: ttlMs }) },
    { weight: 1, arbitrary: fc.integer({ min: ttlMs / 2, max: ttlMs * 1.5 }) },
  );
  const terms = fc.record({
    max: fc.integer({ min: 1, max: 2 }),
    overdraft: fc.constantFrom(0, 0, 1),
    unit: fc.constantFrom('machine' as const, 'process' as const),
    offline_grace_days: fc.constantFrom(0, 0, 1),
  });
  return fc.record({
    terms: terms.map((some) => ({ ...some, ...rhythm })),
    machines: fc.array(
      fc.record({
        rate: RATES,
        wallOffsetMs: fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
        sleepStopsClock: fc.boolean(),
      }),
      { minLength: 2, maxLength: 3 },
    ),
    steps: fc.array(fc.record({ afterMs, who: fc.nat(5), deed: deeds }), {
      minLength: 15,
      maxLength: 40,
      size: 'max',
    }),
    fates: weather(ttlMs * 1.2),
    draws: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
      minLength: 8,
      maxLength: 32,
    }),
  });
});

export interface SimulationLogs extends Logs {
  readonly arrivals: readonly Arrival[];
  readonly happened: readonly string[];
  readonly met: ReadonlyMap<string, number>;
}

/** Lets all of it happen against the suite, and gives what was seen of it by both sides. */
export async function simulate(clocked: ClockedSuite, scenario: Scenario): Promise<SimulationLogs> {
  const { suite } = clocked;
  const license = await suite.createLicense({
    ...scenario.terms,
    plan: 'enterprise',
    requests_per_minute: 1_000_000,
  });
  const samples: Sample[] = [];
  const programs: Program[] = [];
  const alive = new Map<string, Program>();

  const world = openWorld(clocked, () => {
    for (const { machine, program } of running()) {
      if (!machine.isAsleep() && program.isAlive()) samples.push(...program.look());
    }
  });
  const machines = scenario.machines.map((options, i) =>
    openMachine(world, { ...options, name: `machine-${i}` }),
  );
  let draw = 0;
  vi.spyOn(Math, 'random').mockImplementation(() => scenario.draws[draw++ % scenario.draws.length] ?? 0);
  let fateIndex = 0;
  const network = openNetwork({
    world,
    server: ({ method, url, headers, body }) =>
      suite.call(method, new URL(url).pathname, { headers, ...(body === undefined ? {} : { body }) }),
    nextFate: () => scenario.fates[fateIndex++ % scenario.fates.length] ?? WELL,
  });
  const places = machines.flatMap((machine) =>
    Array.from({ length: PROGRAMS_A_MACHINE }, (_, i) => ({ machine, place: `${machine.name}/${i}` })),
  );

  function running(): { machine: Machine; program: Program }[] {
    return places.flatMap(({ machine, place }) => {
      const program = alive.get(place);
      return program ? [{ machine, program }] : [];
    });
  }

  function start({ machine, place }: (typeof places)[number]): Program {
    const program = startProgram({
      name: `${place} #${programs.length}`,
      machine,
      network,
      url: suite.url,
      licenseKey: license.key,
      nowMs: world.nowMs,
    });
    programs.push(program);
    alive.set(place, program);
    return program;
  }

  async function evict(who: number): Promise<void> {
    const held = await suite.deps.seats.listSessions(license.licenseId, { limit: 100 });
    if (held.verdict !== 'OK') return;
    const session = held.sessions[who % Math.max(1, held.sessions.length)];
    if (session) await suite.operate('DELETE', `/api/v1/licenses/sessions/${session.sessionId}`);
  }

  async function perform(deed: Deed, who: number): Promise<void> {
    const place = places[who % places.length];
    if (!place) return;
    const { machine } = place;
    if (deed.do === 'wake') return machine.wake();
    if (deed.do === 'evict') return evict(who);
    if (machine.isAsleep()) return;
    if (deed.do === 'sleep') return machine.sleep();
    if (deed.do === 'set clock') return machine.setWallClock(deed.byMs);

    const program = alive.get(place.place);
    if (deed.do === 'acquire') return (program?.isAlive() ? program : start(place)).acquire(deed.wait);
    if (deed.do === 'nothing' || !program?.isAlive()) return;
    if (deed.do === 'release') program.release();
    if (deed.do === 'crash') program.crash();
    if (deed.do === 'quit in time') program.quit('IN_TIME');
    if (deed.do === 'quit at once') program.quit('AT_ONCE');
    if (deed.thenAcquire) (program.isAlive() ? program : start(place)).acquire(false);
  }

  for (const { afterMs, who, deed } of scenario.steps) {
    await world.runUntil(world.nowMs() + afterMs);
    world.plan(world.nowMs(), () => perform(deed, who));
  }
  for (const machine of machines) world.plan(world.nowMs(), () => machine.wake());
  const ttlMs = scenario.terms.ttl_seconds * 1000;
  await world.runUntil(world.nowMs() + 1.2 * ttlMs);

  // Nobody beats any more, so that every lease comes to its end and that end becomes known.
  for (const program of programs) program.crash();
  await world.runUntil(world.nowMs() + ttlMs + 1);
  const { licenseId } = license;
  return {
    beliefs: beliefsOf(samples),
    refusals: network.refusals,
    confirmed: network.confirmed,
    arrivals: network.arrivals,
    events: await eventsOf(suite.deps, licenseId),
    licenses: [{ licenseId, limit: scenario.terms.max + scenario.terms.overdraft }],
    happened: programs.flatMap(({ happened }) => happened),
    met: network.tally,
  };
}

const WELL: Fate = { arrivesAfterMs: 1, answer: { how: 'none', afterMs: 1 } };
