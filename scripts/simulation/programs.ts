import { NativeSeatlease as Seatlease } from '../../clients/sdk/src/native.ts';
import type { PublicKeys } from '../../clients/sdk/src/options.ts';
import type { AtExit, Platform, Request } from '../../clients/sdk/src/platform.ts';
import type { Seat } from '../../clients/sdk/src/seat.ts';
import type { Sample } from './beliefs.ts';
import type { Machine } from './machine.ts';
import type { Network, Sender } from './network.ts';

/** One run of a program that holds a seat with the SDK, from its start to its end. */
export interface Program {
  readonly name: string;
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
  /** Losses of which it was told. */
  readonly losses: readonly Loss[];
  /** Whether it holds a seat that it neither released nor lost for good, and may not run. */
  isWithoutSeat(): boolean;
}

/** A program was told that it must stop. Times by the server's clock. */
export interface Loss {
  readonly program: string;
  readonly atMs: number;
  readonly reason: string;
  readonly isFinal: boolean;
  /** Until when its signed license allowed it to run. */
  readonly offlineUntilMs: number | undefined;
}

export interface ProgramOptions {
  readonly name: string;
  readonly machine: Machine;
  readonly network: Network;
  readonly url: string;
  readonly licenseKey: string;
  readonly publicKeys: PublicKeys;
  /** Required if the license counts users. */
  readonly userId: string | undefined;
  readonly nowMs: () => number;
}

/** As on Node: how long an exit may wait for cleanup, and how long another process may send what is left. */
const EXIT_WITHIN_MS = 1_000;
const AFTERWARDS_MS = 5_000;

export function startProgram(options: ProgramOptions): Program {
  const { name, machine, network, url, licenseKey, publicKeys, userId, nowMs } = options;
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
  const seatlease = new Seatlease(
    { url, licenseKey, publicKeys, userId },
    platformOf(sender, network, exits),
  );
  const losses: Loss[] = [];
  const over = new Set<Seat>();
  seatlease.on('lost', ({ seat, reason, isFinal }) => {
    if (isFinal) over.add(seat);
    const offlineUntilMs = seat.offlineUntil?.getTime();
    losses.push({ program: name, atMs: nowMs(), reason, isFinal, offlineUntilMs });
  });

  function end(): void {
    if (!isAlive) return;
    const left = [...exits].flatMap((exit) => exit.afterwards() ?? []);
    isAlive = false;
    void sendAfterwards(left, sender, network);
  }

  return {
    name,
    isAlive: () => isAlive,
    acquire(wait) {
      seatlease.acquire(wait ? { wait } : {}).then(
        (seat) => {
          happened.push(`acquired ${seat.state}`);
          if (!seats.has(seat)) {
            for (const event of ['lost', 'reacquired', 'offline', 'online'] as const) {
              seat.on(event, () => void happened.push(event));
            }
          }
          seats.add(seat);
        },
        (error) => void happened.push(`not acquired: ${error.code}`),
      );
    },
    release() {
      for (const seat of seats) over.add(seat);
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
      return leasesOf(seats).map((lease) => ({
        program: name,
        machine: machine.name,
        holder: userId,
        atMs,
        ...lease,
      }));
    },
    happened,
    losses,
    isWithoutSeat: () => [...seats].some((seat) => !over.has(seat) && !seat.mayRun),
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
