import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SeatsBackend } from './backend.ts';
import { anyCommand, type Command } from './commands.ts';
import { type ModelRunner, openModelRunner } from './model-runner.ts';

const LONGEST = 60;
const SEED = 20_261_123;
const TIME_LIMIT_MS = 240_000;

/**
 * How often each result must occur in 1,000 histories: otherwise agreement would prove little. Counts of fewer than 200
 * histories vary more, so half of each is enough there.
 */
const EXPECTED_COUNTS: Readonly<Record<string, number>> = {
  commands: 25_000,
  'acquire GRANTED': 4_000,
  'acquire RENEWED': 1_000,
  'acquire FULL': 600,
  'acquire ENDED': 120,
  'acquire SUSPENDED': 300,
  'acquire EXPIRED': 120,
  'acquire WRONG_KEY': 250,
  'acquire UNKNOWN_LICENSE': 300,
  'acquire HOLDER_REQUIRED': 200,
  'acquire BORROW_TOO_LONG': 300,
  'acquire BORROW_LIMIT': 50,
  'acquire NOT_YOURS': 300,
  'acquire TOO_OFTEN': 300,
  'session.borrowed': 600,
  'read OK': 200,
  'read GONE': 500,
  'read SUSPENDED': 50,
  'read NOT_YOURS': 40,
  'read as another user': 10,
  'read what was signed': 15,
  'keep KEPT': 200,
  'keep GONE': 700,
  'heartbeat RENEWED': 1_500,
  'heartbeat REVIVED': 150,
  'heartbeat GONE': 2_000,
  'heartbeat NO_ROOM': 15,
  'heartbeat SUSPENDED': 150,
  'heartbeat EXPIRED': 60,
  'heartbeat WRONG_KEY': 120,
  'heartbeat NOT_YOURS': 150,
  'heartbeat TOO_OFTEN': 300,
  barred: 30,
  'revived after a loss': 40,
  'revived with its loan': 8,
  'release ENDED': 300,
  'release ALREADY_ENDED': 200,
  'release OVERTAKEN': 20,
  'release UNKNOWN_SESSION': 500,
  'release WRONG_KEY': 80,
  'release NOT_YOURS': 70,
  'forget FORGOTTEN': 400,
  'list OK': 700,
  'put STORED': 4_000,
  'put STALE': 300,
  'session.expired': 1_000,
  'seat.denied': 40,
  'clock at an expiry': 400,
  'clock 1 ms before an expiry': 200,
};

/** A suite: random histories, run against the seat scripts and the model, command by command. */
export function historiesAgree(start: () => Promise<SeatsBackend>, runs: number): void {
  let backend: SeatsBackend;
  let runner: ModelRunner;
  beforeAll(async () => {
    backend = await start();
    runner = openModelRunner(backend);
  });
  afterAll(() => backend?.close());

  test('every result, lease and event matches the model for random histories', {
    timeout: TIME_LIMIT_MS,
  }, async () => {
    const history: fc.Arbitrary<Command[]> = fc.array(anyCommand, {
      minLength: 1,
      maxLength: LONGEST,
      size: 'max',
    });
    await fc.assert(
      fc.asyncProperty(history, (commands) => runner.run(commands)),
      { seed: SEED, numRuns: runs },
    );

    const { counts } = runner;
    const tooRare = Object.entries(EXPECTED_COUNTS).filter(
      ([answer, times]) =>
        (counts.get(answer) ?? 0) < Math.floor((times * runs) / (runs < 200 ? 2_000 : 1_000)),
    );

    expect(tooRare.map(([answer]) => `${answer}: ${counts.get(answer) ?? 0}`)).toEqual([]);
    expect(counts.get('histories')).toBeGreaterThanOrEqual(runs);
  });
}
