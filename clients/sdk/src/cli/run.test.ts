import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { SeatleaseError } from '../errors.ts';
import { Emitter } from '../events.ts';
import { SEAT_EVENTS, type Seat, type SeatEvents } from '../seat.ts';
import { TestClock } from '../testing/clock.ts';
import type { Guard } from './guard.ts';
import { run } from './run.ts';

class TestSeat extends Emitter<SeatEvents> {
  mayRun = true;
  state = 'online';
  problem = new SeatleaseError('NO_ANSWER', 'The server answered HTTP 503.');
  constructor() {
    super(SEAT_EVENTS, { report() {} });
  }
  report<Name extends keyof SeatEvents>(name: Name, event: Omit<SeatEvents[Name], 'seat'>): void {
    this.emit(name, { ...event, seat: this as unknown as Seat } as unknown as SeatEvents[Name]);
  }
}

/** Runs a program that ends when the test says so, with a seat whose state the test sets. */
function start() {
  const seat = new TestSeat();
  const clock = new TestClock();
  const signals: string[] = [];
  const said: string[] = [];
  const child = Object.assign(new EventEmitter(), { pid: 7, kill: (signal: string) => signals.push(signal) });
  const guard: Pick<Guard, 'start' | 'watch' | 'ended'> = { start() {}, watch() {}, ended() {} };
  const exitCode = run(
    { wait: undefined, graceSeconds: 10, program: 'my-program', args: [] },
    { on: () => () => {}, acquire: async () => seat as unknown as Seat },
    {
      asJson: false,
      origin: 'https://licenses.example.com',
      spawn: () => child as unknown as ChildProcess,
      say: (event, text) => said.push(`${event}: ${text}`),
      guard,
      clock,
    },
  );
  return { seat, clock, signals, said, end: () => child.emit('exit', 0, null), exitCode };
}

describe('a program that may not run any more', () => {
  test('gets SIGTERM after half a minute, although the SDK has not reported that the seat is lost', async () => {
    const { seat, clock, signals, said, end, exitCode } = start();
    await clock.advance(5_000);
    seat.mayRun = false;
    await clock.advance(28_000);
    expect(signals).toEqual([]);
    await clock.advance(3_000);
    expect(signals).toEqual(['SIGTERM']);
    seat.report('lost', { reason: 'expired', isFinal: false, error: undefined });
    await clock.advance(60_000);
    expect(said).toEqual([
      expect.stringMatching(/^lost: the seat is lost: .*HTTP 503.* Sending SIGTERM to the program\.$/),
    ]);
    end();
    expect(await exitCode).toBe(0);
    expect([await clock.advance(60_000), signals]).toEqual([undefined, ['SIGTERM']]);
  });

  test('gets no SIGKILL if the seat can be used again, also without an event', async () => {
    const { seat, clock, said, end, exitCode } = start();
    await clock.advance(1_000);
    seat.mayRun = false;
    await clock.advance(31_000);
    seat.mayRun = true;
    await clock.advance(1_000);
    expect(said.at(-1)).toBe(
      'online: the seat can be used again. The program has already received SIGTERM, and gets no SIGKILL.',
    );
    end();
    await exitCode;
  });

  test('gets no signal if the seat comes back before, nor because of a sleep, in which nothing can be asked', async () => {
    const { seat, clock, signals, end, exitCode } = start();
    await clock.advance(1_000);
    for (let n = 0; n < 3; n += 1) {
      seat.mayRun = false;
      await clock.advance(20_000);
      await clock.sleep(3_600_000);
      await clock.advance(5_000);
      seat.mayRun = true;
      await clock.advance(5_000);
    }
    expect(signals).toEqual([]);
    end();
    await exitCode;
  });
});
