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
 * histories vary more, so a quarter of each is enough there.
 */
const EXPECTED_COUNTS: Readonly<Record<string, number>> = {
  commands: 14_500,
  repeated: 2_000,
  'acquire GRANTED': 1_500,
  'acquire JOINED': 400,
  'acquire RENEWED': 2_000,
  'acquire FULL': 350,
  'acquire SESSIONS_EXHAUSTED': 60,
  'acquire after released': 35,
  'acquire after evicted': 20,
  'acquire SUSPENDED': 250,
  'acquire EXPIRED': 35,
  'acquire WRONG_KEY': 150,
  'acquire NOT_YOURS': 250,
  'acquire UNKNOWN_LICENSE': 150,
  'acquire HOLDER_REQUIRED': 350,
  'acquire TOO_OFTEN': 20,
  barred: 55,
  'borrow GRANTED': 250,
  'borrow JOINED': 50,
  'borrow RENEWED': 100,
  'borrow FULL': 20,
  'borrow BORROW_TOO_LONG': 200,
  'borrow BORROW_LIMIT': 25,
  'heartbeat RENEWED': 1_000,
  'heartbeat MISSING': 2_000,
  'heartbeat SUSPENDED': 150,
  'heartbeat EXPIRED': 15,
  'heartbeat WRONG_KEY': 75,
  'heartbeat NOT_YOURS': 90,
  'heartbeat TOO_OFTEN': 10,
  told: 650,
  'told before': 1_500,
  'revive REVIVED': 75,
  'revive RENEWED': 800,
  'revive ENDED released': 300,
  'revive ENDED evicted': 250,
  'revive ENDED expired': 75,
  'revive ENDED unknown': 2_000,
  'revive NO_ROOM': 4,
  'revive FORGOTTEN': 15,
  'revive TOO_OFTEN': 35,
  'revived after a loss': 20,
  'release of instance': 150,
  'release of machine': 70,
  'release of loan': 40,
  'release ALREADY_ENDED': 550,
  'release UNKNOWN_SESSION': 1_000,
  'release after a loss': 30,
  'release WRONG_KEY': 55,
  'release NOT_YOURS': 85,
  'release TOO_OFTEN': 20,
  'evict EVICTED': 150,
  'evict several': 20,
  'evict ended before': 100,
  'evict UNKNOWN_SESSION': 250,
  'forget FORGOTTEN': 200,
  'read OK': 300,
  'read GONE': 1_000,
  'read SUSPENDED': 20,
  'read NOT_YOURS': 35,
  'read as another user': 10,
  'read what was signed': 40,
  'read TOO_OFTEN': 25,
  'reserve RESERVED': 600,
  'reserve GONE': 1_000,
  'reserve SIGNED_LIMIT': 4,
  'reserve TOO_OFTEN': 10,
  'keep KEPT': 300,
  'keep GONE': 600,
  'license.signed': 150,
  'list OK': 300,
  'put STORED': 400,
  'put STALE': 350,
  'put MISSING': 40,
  restore: 350,
  'restore with copy': 1_500,
  'loan restored': 25,
  'loan without room': 10,
  'at the end of a key': 10,
  'at the end of a bar': 5,
  'session.acquired taken': 1_500,
  'session.acquired kept': 400,
  'session.borrowed taken': 250,
  'session.borrowed kept': 55,
  'session.revived taken': 80,
  'session.revived kept': 25,
  'session.expired freed': 1_000,
  'session.expired kept': 300,
  'seats_reduced freed': 50,
  'seats_reduced kept': 8,
  'session.released freed': 200,
  'session.released kept': 55,
  'session.evicted freed': 200,
  'session.evicted kept': 55,
  'seat.denied': 100,
  'license.updated': 250,
  swept: 650,
  'set back': 100,
  'clock stepped back': 65,
  'clock at an expiry': 250,
  'clock 1 ms before an expiry': 150,
};

/** A suite: random histories, run against the seat scripts and the model, command by command. */
export function historiesAgree(start: () => Promise<SeatsBackend>, runs: number): void {
  let backend: SeatsBackend;
  let runner: ModelRunner;
  beforeAll(async () => {
    backend = await start();
    runner = openModelRunner(backend);
  });
  afterAll(async () => {
    runner?.close();
    await backend?.close();
  });

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
        (counts.get(answer) ?? 0) < Math.floor((times * runs) / (runs < 200 ? 4_000 : 1_000)),
    );

    expect(tooRare.map(([answer]) => `${answer}: ${counts.get(answer) ?? 0}`)).toEqual([]);
    expect(counts.get('histories')).toBeGreaterThanOrEqual(runs);
  });
}
