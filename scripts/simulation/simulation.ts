import { vi } from 'vitest';
import type { PublicKeys } from '../../clients/sdk/src/options.ts';
import type { ClockedSuite } from '../../functions/testing/clocked-suite.ts';
import type { TestLicense, TestSuite } from '../../functions/testing/suite.ts';
import { beliefsOf, type Logs, type Sample } from './beliefs.ts';
import { type Machine, openMachine } from './machine.ts';
import { type Arrival, type Network, openNetwork } from './network.ts';
import { type Loss, type Program, startProgram } from './programs.ts';
import type { Fate } from './request-faults.ts';
import type { Action, Scenario } from './scenario.ts';
import { eventsOf } from './server-log.ts';
import { openWorld, type World } from './world.ts';

const PROGRAMS_A_MACHINE = 2;
const WELL: Fate = { arrivesAfterMs: 1, answer: { how: 'none', afterMs: 1 } };
const LOST: Fate = { arrivesAfterMs: undefined, answer: { how: 'RESET', afterMs: 10 } };
/** Longer than any pause between tries: `repair` has the longest. */
const BACK_WITHIN_MS = 700_000;

export interface SimulationLogs extends Logs {
  readonly arrivals: readonly Arrival[];
  readonly happened: readonly string[];
  readonly tally: ReadonlyMap<string, number>;
  readonly losses: readonly Loss[];
  /** Programs that may not run, although the network works, the license grants seats, and this many are free. */
  readonly withoutSeat: readonly string[];
}

/** Runs a scenario against the suite; returns what both sides saw. */
export async function simulate(clocked: ClockedSuite, scenario: Scenario): Promise<SimulationLogs> {
  const { suite } = clocked;
  const { terms, fates, draws } = scenario;
  const license = await suite.createLicense({ ...terms, plan: 'enterprise', requests_per_minute: 1_000_000 });
  const places: Place[] = [];
  const samples: Sample[] = [];
  const world = openWorld(clocked, () => {
    for (const { machine, program } of places) {
      if (program?.isAlive() && !machine.isAsleep()) samples.push(...program.sample());
    }
  });
  const machines = scenario.machines.map((options, i) =>
    openMachine(world, { ...options, name: `machine-${i}` }),
  );
  for (const machine of machines) {
    for (let i = 0; i < PROGRAMS_A_MACHINE; i += 1) places.push({ name: `${machine.name}/${i}`, machine });
  }
  let draw = 0;
  vi.spyOn(Math, 'random').mockImplementation(() => draws[draw++ % draws.length] ?? 0);
  let fateIndex = 0;
  const network = openNetwork({
    world,
    server: ({ method, url, headers, body }) =>
      suite.call(method, new URL(url).pathname, { headers, ...(body === undefined ? {} : { body }) }),
    nextFate: () => {
      if (stage.isHealed) return WELL;
      if (world.nowMs() < stage.outageUntilMs) return LOST;
      return fates[fateIndex++ % fates.length] ?? WELL;
    },
  });
  const { body: publicKeys } = await suite.call('GET', '/.well-known/jwks.json');
  const userId = terms.unit === 'user' ? 'ada' : undefined;
  const stage: Stage = {
    suite,
    license,
    world,
    network,
    places,
    programs: [],
    publicKeys,
    userId,
    outageUntilMs: 0,
    isHealed: false,
  };

  for (const { afterMs, who, action } of scenario.steps) {
    await world.runUntil(world.nowMs() + afterMs);
    world.plan(world.nowMs(), () => perform(action, who, stage));
  }
  for (const machine of machines) world.plan(world.nowMs(), () => machine.wake());
  const ttlMs = terms.ttl_seconds * 1000;
  await world.runUntil(world.nowMs() + 1.2 * ttlMs);

  // Everything works again: a program without a seat gets it back by itself, if one is free.
  stage.isHealed = true;
  await perform({ do: 'resume' }, 0, stage);
  await world.runUntil(world.nowMs() + Math.max(BACK_WITHIN_MS, 2 * ttlMs));
  const held = await suite.deps.seats.listSeats(license.licenseId, { limit: 100 });
  const isFree = held.verdict === 'OK' && held.seats.length < terms.max;
  const withoutSeat = stage.programs.filter((program) => program.isAlive() && program.isWithoutSeat());

  // Without heartbeats every lease ends, and its end is recorded.
  for (const program of stage.programs) program.crash();
  await world.runUntil(world.nowMs() + ttlMs + 1);
  const { licenseId } = license;
  return {
    beliefs: beliefsOf(samples),
    refusals: network.refusals,
    confirmed: network.confirmed,
    arrivals: network.arrivals,
    events: await eventsOf(suite.deps, licenseId),
    licenses: [{ licenseId, limit: terms.max + terms.overdraft }],
    happened: stage.programs.flatMap(({ happened }) => happened),
    tally: network.tally,
    losses: stage.programs.flatMap(({ losses }) => losses),
    withoutSeat: isFree ? withoutSeat.map(({ name }) => name) : [],
  };
}

/** A place on a machine for one program at a time. */
interface Place {
  readonly name: string;
  readonly machine: Machine;
  /** The last program started there. */
  program?: Program;
}

interface Stage {
  readonly suite: TestSuite;
  readonly license: TestLicense;
  readonly world: World;
  readonly network: Network;
  readonly places: readonly Place[];
  /** All programs that were started. */
  readonly programs: Program[];
  readonly publicKeys: PublicKeys;
  readonly userId: string | undefined;
  outageUntilMs: number;
  isHealed: boolean;
}

async function perform(action: Action, who: number, stage: Stage): Promise<void> {
  const place = stage.places[who % stage.places.length];
  if (!place) return;
  const { machine, program } = place;
  if (action.do === 'wake') return machine.wake();
  if (action.do === 'evict') return evict(who, stage);
  if (action.do === 'suspend' || action.do === 'resume') {
    const status = action.do === 'suspend' ? 'suspended' : 'active';
    const { licenseId } = stage.license;
    await stage.suite.operate('PATCH', `/api/v1/licenses/${licenseId}`, { status });
    return;
  }
  if (action.do === 'outage') {
    stage.outageUntilMs = stage.world.nowMs() + action.ms;
    return;
  }
  if (machine.isAsleep()) return;
  if (action.do === 'sleep') return machine.sleep();
  if (action.do === 'set clock') return machine.setWallClock(action.byMs);

  if (action.do === 'acquire') return aliveAt(place, stage).acquire(action.wait);
  if (action.do === 'nothing' || !program?.isAlive()) return;
  if (action.do === 'release') program.release();
  if (action.do === 'crash') program.crash();
  if (action.do === 'quit in time') program.quit('IN_TIME');
  if (action.do === 'quit at once') program.quit('AT_ONCE');
  if (action.thenAcquire) aliveAt(place, stage).acquire(false);
}

/** The program that runs there, or a new one. */
function aliveAt(place: Place, stage: Stage): Program {
  const { suite, license, world, network, programs, publicKeys, userId } = stage;
  if (place.program?.isAlive()) return place.program;
  const program = startProgram({
    name: `${place.name} #${programs.length}`,
    machine: place.machine,
    network,
    url: suite.url,
    licenseKey: license.key,
    publicKeys,
    userId,
    nowMs: world.nowMs,
  });
  programs.push(program);
  place.program = program;
  return program;
}

async function evict(who: number, { suite, license }: Stage): Promise<void> {
  const held = await suite.deps.seats.listSeats(license.licenseId, { limit: 100 });
  if (held.verdict !== 'OK') return;
  const sessions = held.seats.flatMap((seat) => seat.sessions);
  const session = sessions[who % Math.max(1, sessions.length)];
  const scope = who % 2 === 0 ? 'program' : 'seat';
  if (session) await suite.operate('DELETE', `/api/v1/licenses/sessions/${session.sessionId}?scope=${scope}`);
}
