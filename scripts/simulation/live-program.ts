/**
 * For tests: a program that uses the SDK on Node. It repeatedly acquires a seat, keeps it for a while and may release
 * it, and logs all the time whether it believes that it holds one. The log remains however the program ends.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { NativeSeatlease as Seatlease } from '../../clients/sdk/src/native.ts';
import { nodePlatform } from '../../clients/sdk/src/node/platform.ts';
import type { Seat } from '../../clients/sdk/src/seat.ts';
import type { Sample } from './beliefs.ts';

export interface LiveProgram {
  readonly name: string;
  readonly machine: string;
  readonly url: string;
  readonly licenseKey: string;
  readonly logFile: string;
  /** For what the programs of a machine store. */
  readonly folder: string;
  /**
   * `ENDED` runs until it is ended from outside. The others acquire a seat, print `seated`, and end in their way on
   * SIGUSR2.
   */
  readonly until: 'ENDED' | 'RUN_OUT_OF_WORK' | 'EXIT' | 'CRASH' | 'SIGNAL';
}

const SAMPLE_EVERY_MS = 10;
const LONGEST_STAY_MS = 2_000;
const LONGEST_PAUSE_MS = 300;

const { name, machine, url, licenseKey, logFile, folder, until }: LiveProgram = JSON.parse(
  process.argv[2] ?? '',
);
const platform = nodePlatform({ stateFolder: `${folder}/state` });
const seatlease = new Seatlease({ url, licenseKey }, { ...platform, fingerprint: async () => machine });
const seats = new Set<Seat>();

function logSamples(): void {
  // Read first: if the process is stopped in between, the samples have the time before the stop.
  const atMs = Date.now();
  const bySession = Map.groupBy(seats, ({ sessionId }) => sessionId);
  const samples = [...bySession].map(([sessionId, ofSession]): Sample => {
    return {
      program: name,
      machine,
      sessionId,
      atMs,
      holdsLease: ofSession.some(({ holdsLease }) => holdsLease),
    };
  });
  if (samples.length > 0)
    appendFileSync(logFile, samples.map((sample) => `${JSON.stringify(sample)}\n`).join(''));
}

async function live(): Promise<never> {
  setInterval(logSamples, SAMPLE_EVERY_MS);
  for (;;) {
    const seat = await seatlease.acquire({ wait: { atMostSeconds: 2 } }).catch(() => undefined);
    if (seat) {
      seats.add(seat);
      await sleep(Math.random() * LONGEST_STAY_MS);
      if (Math.random() < 0.5) await seat.release();
    }
    await sleep(Math.random() * LONGEST_PAUSE_MS);
  }
}

if (until === 'ENDED') await live();
await seatlease.acquire();
const work = setInterval(() => {}, 1_000);
process.once('SIGUSR2', () => {
  clearInterval(work);
  if (until === 'EXIT') process.exit();
  if (until === 'CRASH') throw new Error('as planned');
});
process.stdout.write('seated');
