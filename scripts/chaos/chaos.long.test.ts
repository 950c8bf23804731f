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
 * transaction for 60 s, and the run can settle only after that. It takes longer on a busy machine.
 */
const WITHIN_MS = 240_000;

/**
 * With this seed, functions and Redis are killed early, so that those 60 s overlap the run, and connection faults hit
 * open connections.
 */
const SEED = 338;

/** The part that is missing, or the last one needed if none is. */
function missingPart() {
  const missing = inject('missingParts');
  return missing.includes('redis-server')
    ? 'redis-server'
    : missing.includes('Firestore emulator')
      ? 'Firestore emulator'
      : 'Pub/Sub emulator';
}

describeReal(missingPart(), 'half a minute of chaos', () => {
  let folder: string;
  let report: Report;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'seatlease-chaos-test-'));
    const options = {
      appendfsync: 'always',
      chaosMs: 25_000,
      clients: 60,
      licenses: 15,
      redis: 'protocol',
    } as const;
    report = reportOf(await runChaos({ ...options, folder, seed: SEED, print: () => {} }));
  }, WITHIN_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('never has more confirmed leases than seats, and records every event exactly once', () => {
    expect(report.findings).toEqual([]);
  });

  describe('meets enough faults:', () => {
    test('every kind of fault is injected, and connections suffer', () => {
      expect(report.faults).toEqual(Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 1])));
      const { clients, redis } = report.harm;
      expect(clients.connectionsCut).toBeGreaterThan(2);
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
    ])('clients get "%s" at least %d times', (answer, times) => {
      expect(report.answers[answer]).toBeGreaterThanOrEqual(times);
    });

    test('seats are revived, and their acquired, released, expired and revived events are recorded', () => {
      expect(report.revivals).toBeGreaterThan(0);
      expect(report.claims).toBeGreaterThan(70);
      for (const type of ['session.acquired', 'session.released', 'session.expired']) {
        expect(report.events[type]).toBeGreaterThan(15);
      }
      expect(report.events['session.revived']).toBeGreaterThan(0);
      expect(report.deliveries[204]).toBeGreaterThan(100);
    });

    test('every server recovers after each kill', () => {
      expect(Object.values(report.recovery).map(({ kills }) => kills)).toEqual([1, 1, 1]);
    });
  });
});
