import type { Engine } from '../redis-option.ts';
import { type Effort, howMany } from './effort.ts';
import { type Figure, figureOf, ratioOf } from './figure.ts';
import { type Ask, drive, eachOnce, errorsOf, just, type Measured, type Turn } from './load.ts';
import type { Goal, Report, Table } from './report.ts';
import { fillAndEmpty, oneSeat, SEAT_VERBS, seatRequests } from './seat-requests.ts';
import { openStage } from './stage.ts';

const CLIENTS = [1, 16, 64];
const TURNS = 2_000;
const REPEATS = 7;
const LARGE_SEATS = 20_000;
const LARGE_CLIENTS = 128;
const MAX_SEATS = 1_000_000;

/** Another license server: the requests that correspond to ourSide. */
export interface Peer {
  readonly name: string;
  acquire(machine: string): Ask;
  heartbeat(machine: string): Ask;
  release(machine: string): Ask;
}

/** One of the two servers under the same load. */
interface Side {
  readonly name: string;
  prepare(): Promise<void>;
  turn(machine: string): Turn;
  fillAndEmpty(machines: readonly string[], clients: number): Promise<ReadonlyMap<string, Measured>>;
}

/**
 * Measures our server and a running peer in turns, with the same client and the same load. Throws if the peer does not
 * grant a seat to the first machine.
 */
export async function benchPeer(
  peer: Peer,
  seats: number,
  effort: Effort,
  engine: Engine = 'upstash',
): Promise<Report> {
  await tryOut(peer);
  const stage = await openStage(engine);
  try {
    const urls = await stage.startBundled(await stage.bundle(SEAT_VERBS));
    let asks = seatRequests(urls, '');
    const ourSide: Side = {
      name: 'Seatlease',
      async prepare() {
        asks = seatRequests(urls, (await stage.reset(MAX_SEATS)).key);
      },
      turn: (machine) => oneSeat(asks, machine),
      fillAndEmpty: (machines, clients) => fillAndEmpty(asks, machines, clients),
    };
    const peerSide: Side = {
      name: peer.name,
      prepare: async () => {},
      *turn(machine) {
        if (!(yield peer.acquire(machine))) return;
        yield peer.heartbeat(machine);
        yield peer.release(machine);
      },
      async fillAndEmpty(machines, clients) {
        return new Map([
          ...(await eachOnce(clients, machines, (machine) => just(peer.acquire(machine)))),
          ...(await eachOnce(clients, machines, (machine) => just(peer.heartbeat(machine)))),
          ...(await eachOnce(clients, machines, (machine) => just(peer.release(machine)))),
        ]);
      },
    };
    const sides = [ourSide, peerSide];
    const tables: Table[] = [];
    const goals: Goal[] = [];
    for (const clients of CLIENTS.filter((each) => each <= seats)) {
      const samples = await inTurns(sides, clients, effort);
      tables.push(loopTable(clients, sides, samples));
      if (clients > 1) goals.push(...goalsOf(clients, samples));
    }
    if (seats >= LARGE_SEATS) {
      const { table, goal } = await atManySeats(sides, howMany(effort, LARGE_SEATS));
      tables.push(table);
      goals.push(goal);
    }
    return { title: `Compared with ${peer.name}`, meaning: meaningOf(peer, seats), tables, goals };
  } finally {
    await stage.close();
  }
}

/** Runs one turn, so that a peer without a free seat or without a server fails before anything is measured. */
async function tryOut(peer: Peer): Promise<void> {
  const asks = [peer.acquire('trial'), peer.heartbeat('trial'), peer.release('trial')];
  for (const ask of asks) {
    const got = await statusOf(ask);
    if (!ask.expected.includes(got))
      throw new Error(
        `${peer.name} answered ${got} to ${ask.method} ${ask.url}, not ${ask.expected.join(' or ')}`,
      );
  }
}

async function statusOf({ url, method }: Ask): Promise<number> {
  try {
    return (await fetch(url, { method })).status;
  } catch (error) {
    throw new Error(`no response from ${new URL(url).origin}`, { cause: error });
  }
}

interface Sample {
  /** Complete turns. */
  readonly loopsPerSecond: number;
  readonly byVerb: ReadonlyMap<string, Measured>;
}

type Samples = readonly (readonly Sample[])[];

async function inTurns(sides: readonly Side[], clients: number, effort: Effort): Promise<Samples> {
  const samples = sides.map((): Sample[] => []);
  const turns = howMany(effort, clients === 1 ? TURNS / 4 : TURNS);
  let machine = 0;
  for (let repeat = -1; repeat < howMany(effort, REPEATS); repeat += 1) {
    for (const [i, side] of sides.entries()) {
      await side.prepare();
      let left = turns;
      const startedMs = performance.now();
      const byVerb = await drive({
        clients,
        nextTurn: () => {
          left -= 1;
          machine += 1;
          return left < 0 ? undefined : side.turn(`machine-${machine}`);
        },
      });
      const seconds = (performance.now() - startedMs) / 1_000;
      // The first round warms both servers.
      if (repeat >= 0) samples[i]?.push({ loopsPerSecond: turns / seconds, byVerb });
    }
  }
  return samples;
}

function loopTable(clients: number, sides: readonly Side[], samples: Samples): Table {
  const columns = [
    'loops/s',
    ...SEAT_VERBS.flatMap((verb) => [`${verb} p50 ms`, `${verb} p99 ms`]),
    'errors',
  ];
  return {
    columns: [`${clients} client${clients === 1 ? '' : 's'}`, ...columns],
    rows: sides.map(({ name }, i) => {
      const own = samples[i] ?? [];
      return [
        name,
        figureOf(own.map(({ loopsPerSecond }) => loopsPerSecond)),
        ...SEAT_VERBS.flatMap((verb) => [
          figureOf(ofVerb(own, verb, 'p50Ms')),
          figureOf(ofVerb(own, verb, 'p99Ms')),
        ]),
        errorsOf(own.flatMap(({ byVerb }) => [...byVerb.values()])),
      ];
    }),
  };
}

function ofVerb(samples: readonly Sample[], verb: string, field: 'p50Ms' | 'p99Ms'): number[] {
  return samples.map(({ byVerb }) => byVerb.get(verb)?.[field] ?? Number.NaN);
}

function goalsOf(clients: number, [ourSide = [], peerSide = []]: Samples): Goal[] {
  const loops = (of: readonly Sample[]) => of.map(({ loopsPerSecond }) => loopsPerSecond);
  const claims: Figure = ratioOf(ofVerb(ourSide, 'acquire', 'p99Ms'), ofVerb(peerSide, 'acquire', 'p99Ms'));
  return [
    {
      what: `loops/s ÷ the peer’s at ${clients} clients`,
      reached: ratioOf(loops(ourSide), loops(peerSide)),
      bound: { atLeast: 2 },
    },
    { what: `claim p99 ÷ the peer’s at ${clients} clients`, reached: claims, bound: { atMost: 0.25 } },
  ];
}

async function atManySeats(
  sides: readonly Side[],
  seats: number,
): Promise<{ readonly table: Table; readonly goal: Goal }> {
  const machines = Array.from({ length: seats }, (_, n) => `seat-${n}`);
  const rows: (readonly [string, string, Measured])[] = [];
  for (const side of sides) {
    await side.prepare();
    for (const [verb, measured] of await side.fillAndEmpty(machines, LARGE_CLIENTS))
      rows.push([side.name, verb, measured]);
  }
  const own = rows.flatMap(([name, , measured]) => (name === sides[0]?.name ? [measured] : []));
  return {
    table: {
      columns: [
        `${LARGE_CLIENTS} clients fill ${seats.toLocaleString('en')} seats`,
        '',
        'requests/s',
        'p50 ms',
        'p99 ms',
        'errors',
      ],
      rows: rows.map(([name, verb, { perSecond, p50Ms, p99Ms, errors }]) => [
        name,
        verb,
        perSecond,
        p50Ms,
        p99Ms,
        errors,
      ]),
    },
    goal: { what: 'our errors at 20,000 seats', reached: errorsOf(own), bound: { atMost: 0 } },
  };
}

function meaningOf(peer: Peer, seats: number): string {
  return `${peer.name}, running on the same machine with ${seats.toLocaleString('en')} seats, and our server, measured in
turns. Each client claims a seat for a machine that had none, extends the claim and releases it, over a kept connection,
one request at a time. Ours runs as deployed: three functions, each in its own process, check the license key, enforce
its rate limit, write each change to the outbox in the same step and log. Redis syncs its append-only file every second,
behind a REST server in another process. How the peer was started is unknown, and nothing of it is in this repository.`;
}
