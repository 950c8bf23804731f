import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { FAULT_KINDS } from './fault-plan.ts';
import { type Report, reportOf } from './report.ts';
import { runChaos } from './run.ts';

/**
 * A run takes about 80 s on two cores: Firestore keeps the locks of a client that was killed in the middle of a
 * transaction for 60 s, and only then can all be settled. It takes longer where the machine does much else besides.
 */
const WITHIN_MS = 240_000;

/** Functions and Redis are killed early, so that those 60 s are part of the run, and what harms connections finds some. */
const SEED = 338;

/** The part that is missing, or the last of those that are needed. */
function leastCertainPart() {
  const missing = inject('missingParts');
  return missing.includes('redis-server')
    ? 'redis-server'
    : missing.includes('Firestore emulator')
      ? 'Firestore emulator'
      : 'Pub/Sub emulator';
}

describeReal(leastCertainPart(), 'half a minute of chaos', () => {
  let folder: string;
  let report: Report;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'seatlease-chaos-test-'));
    const options = { appendfsync: 'always', chaosMs: 25_000, clients: 60, licenses: 15 } as const;
    report = reportOf(await runChaos({ ...options, folder, seed: SEED, say: () => {} }));
  }, WITHIN_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('never shows more confirmed leases than seats, loses no event and tells none twice', () => {
    expect(report.findings).toEqual([]);
  });

  describe('was worth its name:', () => {
    test('every kind of fault happened, and was felt', () => {
      expect(report.faults).toEqual(Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 1])));
      const { clients, redis } = report.harm;
      expect(clients.connectionsCut).toBeGreaterThan(5);
      expect(redis.connectionsCut).toBeGreaterThan(0);
      expect(clients.answersLost + redis.answersLost).toBeGreaterThan(5);
      expect(clients.piecesDelayed + redis.piecesDelayed).toBeGreaterThan(5);
      expect(report.deliveries[0]).toBeGreaterThan(5);
    });

    test.each([
      ['acquire 201', 70],
      ['acquire 200', 1],
      ['acquire 409', 40],
      ['acquire none', 10],
      ['heartbeat 200', 60],
      ['heartbeat 404', 1],
      ['heartbeat none', 10],
      ['release 204', 50],
    ])('clients were answered %s at least %d times', (answer, times) => {
      expect(report.answers[answer]).toBeGreaterThanOrEqual(times);
    });

    test('seats were revived, events were told of every way that a session goes, and recorded', () => {
      expect(report.revivals).toBeGreaterThan(0);
      expect(report.claims).toBeGreaterThan(70);
      for (const type of ['session.acquired', 'session.released', 'session.expired']) {
        expect(report.events[type]).toBeGreaterThan(15);
      }
      expect(report.events['session.revived']).toBeGreaterThan(0);
      expect(report.deliveries[204]).toBeGreaterThan(100);
    });

    test('all served again after each kill', () => {
      expect(Object.values(report.recovery).map(({ kills }) => kills)).toEqual([1, 1, 1]);
    });
  });
});
