import { Seatlease } from '../../clients/sdk/src/client.ts';
import type { AtExit, Platform, Request } from '../../clients/sdk/src/platform.ts';
import type { Seat } from '../../clients/sdk/src/seat.ts';
import type { Sample } from './beliefs.ts';
import type { Machine } from './machine.ts';
import type { Network, Sender } from './network.ts';

/** One run of a program that holds a seat with the SDK, from its start to its end. */
export interface Program {
  isAlive(): boolean;
  /** Once at a time, as the SDK has it. */
  acquire(wait: boolean): void;
  release(): void;
  crash(): void;
  /** Ends like a program that can wait for cleanup, or like one that cannot. */
  quit(how: 'IN_TIME' | 'AT_ONCE'): void;
  /** What it believes now, for each session that it ever got. */
  sample(): Sample[];
  readonly happened: readonly string[];
}

export interface ProgramOptions {
  readonly name: string;
  readonly machine: Machine;
  readonly network: Network;
  readonly url: string;
  readonly licenseKey: string;
  readonly nowMs: () => number;
}

/** As on Node: how long an exit may wait for cleanup, and how long another process may send what is left. */
const EXIT_WITHIN_MS = 1_000;
const AFTERWARDS_MS = 5_000;

export function startProgram(options: ProgramOptions): Program {
  const { name, machine, network, url, licenseKey, nowMs } = options;
  let isAlive = true;
  const sender: Sender = {
    program: name,
    machine,
    clock: machine.clock(() => isAlive),
    isAlive: () => isAlive,
  };
  const exits = new Set<AtExit>();
  const seats = new Set<Seat>();
  const happened: string[] = [];
  const seatlease = new Seatlease({ url, licenseKey }, platformOf(sender, network, exits));

  function end(): void {
    if (!isAlive) return;
    const left = [...exits].flatMap((exit) => exit.afterwards() ?? []);
    isAlive = false;
    void sendAfterwards(left, sender, network);
  }

  return {
    isAlive: () => isAlive,
    acquire(wait) {
      seatlease.acquire(wait ? { wait } : {}).then(
        (seat) => {
          happened.push(`acquired ${seat.state}`);
          if (!seats.has(seat)) {
            for (const event of ['lost', 'revived', 'offline', 'online'] as const) {
              seat.on(event, () => void happened.push(event));
            }
          }
          seats.add(seat);
        },
        (error) => void happened.push(`not acquired: ${error.code}`),
      );
    },
    release() {
      for (const seat of seats) seat.release().then(() => void happened.push('released'));
    },
    crash() {
      isAlive = false;
    },
    quit(how) {
      if (how === 'AT_ONCE') return end();
      sender.clock.after(EXIT_WITHIN_MS, end, true);
      Promise.allSettled(
        [...exits].map(async (exit) => {
          await exit.inTime();
          exits.delete(exit);
        }),
      ).then(end);
    },
    sample() {
      const atMs = nowMs();
      return leasesOf(seats).map((lease) => ({ program: name, machine: machine.name, atMs, ...lease }));
    },
    happened,
  };
}

function platformOf(sender: Sender, network: Network, exits: Set<AtExit>): Platform {
  const { program, machine, clock } = sender;
  return {
    transport: { send: (request, options) => network.send(sender, request, options) },
    clock,
    storage: machine.storage,
    fingerprint: async () => machine.name,
    hostname: () => machine.name,
    processId: program,
    atExit(exit) {
      exits.add(exit);
      return () => void exits.delete(exit);
    },
    report(error) {
      throw error;
    },
  };
}

/** Sends the requests that a program left behind, as a separate process that outlives it. */
function sendAfterwards(left: readonly Request[], { program, machine }: Sender, network: Network) {
  const isAlive = (): boolean => true;
  const successor: Sender = {
    program: `${program}, afterwards`,
    machine,
    clock: machine.clock(isAlive),
    isAlive,
  };
  const options = { timeoutMs: AFTERWARDS_MS, background: false };
  return Promise.allSettled(left.map((request) => network.send(successor, request, options)));
}

/** Grouped by session: after a loss, the same session may return as another `Seat`. */
function leasesOf(seats: Iterable<Seat>): Pick<Sample, 'sessionId' | 'holdsLease'>[] {
  const bySession = Map.groupBy(seats, ({ sessionId }) => sessionId);
  return [...bySession].map(([sessionId, ofSession]) => ({
    sessionId,
    holdsLease: ofSession.some(({ holdsLease }) => holdsLease),
  }));
}
