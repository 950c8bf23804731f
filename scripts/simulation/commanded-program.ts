/**
 * For tests: a Node program that holds a seat with the SDK, does what the lines on its standard input say, and prints all
 * the time, one JSON value a line, what it believes and what it is told.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Seatlease } from '../../clients/sdk/src/node.ts';
import type { PublicKeys } from '../../clients/sdk/src/options.ts';
import type { Seat } from '../../clients/sdk/src/seat.ts';

export interface CommandedProgram {
  readonly url: string;
  readonly licenseKey: string;
  readonly publicKeys: PublicKeys;
  /** Default: of this machine. */
  readonly fingerprint?: string | undefined;
  readonly userId?: string | undefined;
}

/** `atMs` is by the system's monotonic clock, which all programs of a machine share, and which no test sets. */
export type Line = { readonly atMs: number } & (
  | {
      readonly sessionId: string;
      readonly state: string;
      readonly holdsLease: boolean;
      readonly mayRun: boolean;
      /** Whether it has a signed license. */
      readonly hasGrace: boolean;
    }
  | { readonly event: string; readonly isFinal?: boolean | undefined; readonly code?: string | undefined }
);

const SAMPLE_EVERY_MS = 10;

export function systemMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** A blocked program must print, too. The pipe is full while its reader is busy: a write is then refused, or cut. */
function print(line: object, atMs = systemMs()): void {
  let left = Buffer.from(`${JSON.stringify({ ...line, atMs })}\n`);
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}

async function main(settings: CommandedProgram): Promise<void> {
  const seatlease = new Seatlease(settings);
  let seat: Seat | undefined;

  const sample = (): void => {
    // Read first: if the process is stopped in between, the sample has the time before the stop.
    const atMs = systemMs();
    if (!seat) return;
    const { sessionId, state, holdsLease, mayRun, offlineUntil } = seat;
    print({ sessionId, state, holdsLease, mayRun, hasGrace: offlineUntil !== undefined }, atMs);
  };
  setInterval(sample, SAMPLE_EVERY_MS);

  for (const event of ['online', 'offline', 'reacquired'] as const)
    seatlease.on(event, () => print({ event, code: seat?.problem?.code }));
  seatlease.on('lost', ({ reason: code, isFinal }) => print({ event: 'lost', code, isFinal }));
  seatlease.on('graceAtRisk', ({ error: { code } }) => print({ event: 'graceAtRisk', code }));

  const acquire = (): Promise<void> =>
    seatlease.acquire().then(
      (granted) => {
        seat = granted;
        print({ event: 'acquired', code: granted.state });
      },
      ({ code }) => print({ event: 'refused', code }),
    );
  const block = (ms: number): void => {
    print({ event: 'blocked' });
    let nextMs = systemMs();
    for (const endMs = nextMs + ms; nextMs < endMs; )
      if (systemMs() >= nextMs) {
        sample();
        nextMs += SAMPLE_EVERY_MS;
      }
    print({ event: 'unblocked' });
  };

  const commands = createInterface({ input: process.stdin });
  // The test has ended.
  commands.on('close', () => process.kill(process.pid, 'SIGKILL'));
  commands.on('line', (line) => {
    const [command, argument] = line.split(' ');
    if (command === 'acquire') void acquire();
    if (command === 'release') void seat?.release().then(() => print({ event: 'released' }));
    if (command === 'block') block(Number(argument));
  });
  await acquire();
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? ''));
