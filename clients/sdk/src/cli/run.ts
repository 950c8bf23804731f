import type { Seatlease } from '../client.ts';
import type { SeatleaseError } from '../errors.ts';
import type { AcquireOptions } from '../options.ts';
import type { Clock } from '../platform.ts';
import { isRefusal } from '../steps.ts';
import type { Guard } from './guard.ts';
import { describeNoSeat, fieldsOf } from './no-seat.ts';
import type { RunOptions } from './options.ts';
import { runProgram, type Spawn } from './program.ts';
import { ForwardedSignals } from './signals.ts';

/**
 * The SDK reports a lost seat once it is certain, which takes three tries. Someone between this machine and the server could
 * delay that for ever.
 */
const LONGEST_DOUBT_SECONDS = 30;

export interface RunHost {
  readonly asJson: boolean;
  /** Of the license server. */
  readonly origin: string;
  readonly spawn: Spawn;
  /** Prints an event. */
  say(event: string, text: string, fields?: Readonly<Record<string, unknown>>): void;
  readonly guard: Pick<Guard, 'start' | 'watch' | 'ended'>;
  readonly clock: Clock;
}

/** Returns the exit code of the program. The SDK releases the seat when this process ends. */
export async function run(
  { wait, graceSeconds, program, args }: RunOptions & Pick<AcquireOptions, 'wait'>,
  seatlease: Pick<Seatlease, 'on' | 'acquire'>,
  host: RunHost,
): Promise<number> {
  const { say, origin, guard, clock } = host;
  let stopLooking = (): void => {};
  const signals = new ForwardedSignals();
  const waiting = new Obstacle();
  seatlease.on('denied', ({ error, retryInSeconds }) => {
    if (!wait || retryInSeconds === undefined || !waiting.isNew(error)) return;
    const seconds = Math.ceil(retryInSeconds);
    say('waiting', `waiting for a seat: ${describeNoSeat(error, origin)} Next try in ${seconds} s.`, {
      ...fieldsOf(error),
      retry_in_seconds: seconds,
    });
  });
  try {
    const seat = await seatlease.acquire({ wait, signal: signals.ended });
    const { sessionId: session_id, licenseId: license_id, state, borrowedUntil, offlineUntil } = seat;
    if (waiting.isKnown || host.asJson) say('granted', 'got a seat.', { session_id, license_id, state });
    guard.start();
    const running = runProgram(program, args, signals, {
      spawn: host.spawn,
      failed: (problem) => say('error', problem, { program }),
    });
    if (running.pid !== undefined) guard.watch(running.pid);
    if (state === 'offline') {
      const until = (borrowedUntil ?? offlineUntil)?.toISOString();
      const what = borrowedUntil ? 'borrowed seat' : 'offline license';
      say('offline', `${origin} does not answer; the program runs on the ${what} until ${until}.`, {
        offline_until: until,
      });
    }
    seat.on('offline', () => {
      const { problem } = seat;
      const why = problem ? `: ${describeNoSeat(problem, origin)}` : '.';
      const isRefused = problem && isRefusal(problem);
      const until = isRefused ? 'only until its lease ends' : 'as long as the license allows';
      say('offline', `the seat cannot be renewed; the program runs on ${until}${why}`, {
        ...(problem && fieldsOf(problem)),
        offline_until: isRefused ? undefined : seat.offlineUntil,
      });
    });
    let isLost = false;
    // The program may have its SIGTERM, and may take its time to end.
    const isBack = (event: string, text: string): void => {
      isLost = false;
      const spared = running.spare() ? ' The program has already received SIGTERM, and gets no SIGKILL.' : '';
      say(event, `${text}${spared}`);
    };
    const lose = (reason: string, error: SeatleaseError | undefined): void => {
      if (isLost) return;
      isLost = true;
      const why = error ? describeNoSeat(error, origin) : reason;
      say('lost', `the seat is lost: ${why} Sending SIGTERM to the program.`, {
        ...(error && fieldsOf(error)),
        code: reason,
      });
      running.end(graceSeconds);
    };
    seat.on('reacquired', () => isBack('reacquired', 'the seat had ended and was acquired again.'));
    seat.on('online', () => isBack('online', 'the server renews the seat again.'));
    seat.on('graceAtRisk', ({ error, offlineUntil: until }) =>
      say('grace_at_risk', `the program may soon not run offline: ${describeNoSeat(error, origin)}`, {
        ...fieldsOf(error),
        offline_until: until,
      }),
    );
    seat.on('lost', ({ reason, error }) => lose(reason, error));
    // Counted in looks, not by a clock: while this process or the machine was stopped, nothing could be asked.
    let doubts = 0;
    const look = (): void => {
      doubts = seat.mayRun ? 0 : doubts + 1;
      if (doubts === LONGEST_DOUBT_SECONDS) lose('expired', seat.problem);
      if (doubts === 0 && isLost) isBack(seat.state, 'the seat can be used again.');
      stopLooking = clock.after(1_000, look);
    };
    look();
    const exitCode = await running.exitCode;
    guard.ended();
    return exitCode;
  } catch (error) {
    if (signals.exitCode !== undefined) return signals.exitCode;
    throw error;
  } finally {
    stopLooking();
    // The program has ended: from here on a signal ends this process.
    signals.stop();
  }
}

/** What stands in the way of a seat. It is said once, and again when it changes; the numbers in it change at every try. */
class Obstacle {
  #last: string | undefined;

  get isKnown(): boolean {
    return this.#last !== undefined;
  }

  isNew({ code, status, message }: SeatleaseError): boolean {
    const obstacle = `${code} ${status} ${code === 'NO_ANSWER' ? message : ''}`;
    const isNew = obstacle !== this.#last;
    this.#last = obstacle;
    return isNew;
  }
}
