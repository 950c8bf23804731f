import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { AppendFsync } from './stage.ts';

export const USAGE = `Usage: npm run chaos -- [--minutes 3] [--appendfsync always|everysec|both] [--clients 200] [--licenses 50] [--seed N]

  --minutes      of faults in each run; what comes before and after takes about a minute more
  --appendfsync  how soon Redis' disk has what Redis answered; "both" (the default) makes one run after the other
  --clients      at least two for each license; a license has one seat less than it has clients
  --seed         of an earlier run, for the same faults and choices

Needs redis-server, and gcloud with the Firestore and Pub/Sub emulators. Ends with 0 where every promise was kept, 1 where
one was broken, 2 where nothing can be said.`;

export interface ChaosOptions {
  readonly chaosMs: number;
  readonly modes: readonly AppendFsync[];
  readonly clients: number;
  readonly licenses: number;
  readonly seed: number;
}

const MODES: Readonly<Record<string, readonly AppendFsync[]>> = {
  always: ['always'],
  everysec: ['everysec'],
  both: ['always', 'everysec'],
};

/** The shortest time in which every kind of fault has its turn. */
const LEAST_MINUTES = 0.3;
const MOST_MINUTES = 24 * 60;

export function readOptions(args: readonly string[]): ChaosOptions | { readonly because: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string', default: '3' },
        appendfsync: { type: 'string', default: 'both' },
        clients: { type: 'string', default: '200' },
        licenses: { type: 'string', default: '50' },
        seed: { type: 'string', default: String(randomInt(1_000_000)) },
      },
    });
    const minutes = Number(values.minutes);
    const [clients, licenses, seed] = [values.clients, values.licenses, values.seed].map(Number);
    const modes = Object.hasOwn(MODES, values.appendfsync) ? MODES[values.appendfsync] : undefined;
    if (!(minutes >= LEAST_MINUTES && minutes <= MOST_MINUTES)) {
      return { because: `--minutes needs a number from ${LEAST_MINUTES} to ${MOST_MINUTES}` };
    }
    if (!modes) return { because: '--appendfsync needs always, everysec or both' };
    if (!isWhole(licenses, 1, 1_000)) return { because: '--licenses needs a whole number from 1 to 1000' };
    if (!isWhole(clients, 2 * licenses, 10_000)) {
      return { because: '--clients needs a whole number, twice --licenses to 10000' };
    }
    if (!isWhole(seed, 0, Number.MAX_SAFE_INTEGER)) return { because: '--seed needs a whole number' };
    return { chaosMs: minutes * 60_000, modes, clients, licenses, seed };
  } catch (error) {
    // What it throws for is the caller's mistake, whichever it is.
    return { because: error instanceof Error ? error.message : String(error) };
  }
}

function isWhole(number: number | undefined, least: number, most: number): number is number {
  return Number.isInteger(number) && number !== undefined && number >= least && number <= most;
}
