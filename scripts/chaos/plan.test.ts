import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UsageError } from '../../clients/command-line/errors.ts';
import { readOptions } from '../../clients/command-line/options.ts';
import type { SeatEvent } from '../../shared/domain/event.ts';
import { Unavailable } from '../../shared/errors.ts';
import { event } from '../../shared/testing/seats/events.ts';
import { FAULT_KINDS, planFaults } from './fault-plan.ts';
import { journaled, readJournal } from './journal.ts';
import { CHAOS_OPTIONS, modesOf } from './options.ts';

describe('the plan of a run', () => {
  test('is the same for the same seed, and differs for another seed', () => {
    expect(planFaults(5, 60_000)).toEqual(planFaults(5, 60_000));
    expect(planFaults(6, 60_000)).not.toEqual(planFaults(5, 60_000));
  });

  test.each([18_000, 25_000, 60_000, 180_000])('has every kind of fault equally often in %d ms', (ms) => {
    for (let seed = 0; seed < 20; seed += 1) {
      const plan = planFaults(seed, ms);
      const counts = FAULT_KINDS.map((kind) => plan.filter((fault) => fault.kind === kind).length);
      expect(new Set(counts).size).toBe(1);
      expect(counts[0]).toBeGreaterThan(0);
      const times = plan.map(({ atMs }) => atMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(Math.max(...times)).toBeLessThanOrEqual(ms);
    }
  });
});

describe('the journal of accepted events', () => {
  const [first, second] = [event({ type: 'session.acquired' }), event({ type: 'session.released', atMs: 1 })];
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'seatlease-journal-'));
    file = join(folder, 'journal.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const topic = (publish: (events: readonly SeatEvent[]) => Promise<void>) =>
    journaled({ publish, ping: async () => {}, close: async () => {} }, file);

  test('holds each accepted event once, and is empty at first', async () => {
    expect(readJournal(file).size).toBe(0);
    const events = topic(async () => {});
    await events.publish([first]);
    await events.publish([first, second]);
    await events.publish([]);
    expect([...readJournal(file).values()]).toEqual([first, second]);
  });

  test('holds nothing that the topic did not accept', async () => {
    const events = topic(async () => {
      throw new Unavailable('events', 'down');
    });
    await expect(events.publish([first])).rejects.toThrow(Unavailable);
    expect(readJournal(file).size).toBe(0);
  });

  test('skips a line that a killed writer left half-written', async () => {
    const events = topic(async () => {});
    await events.publish([first]);
    appendFileSync(file, JSON.stringify(second));
    truncateSync(file, statSync(file).size - 5);
    expect([...readJournal(file).values()]).toEqual([first]);
    await events.publish([second]);
    expect([...readJournal(file).values()]).toEqual([first, second]);
  });
});

describe('the options', () => {
  test('default to three minutes in each sync mode of Redis, with 200 clients', () => {
    const usual = readOptions(CHAOS_OPTIONS, []);
    expect(modesOf(usual.appendfsync)).toEqual(['always', 'everysec']);
    expect(usual).toMatchObject({
      minutes: 3,
      clients: 200,
      licenses: 50,
      redis: 'protocol',
    });
    const args = '--minutes 0.5 --appendfsync everysec --clients 12 --licenses 4 --seed 3'.split(' ');
    expect(modesOf('everysec')).toEqual(['everysec']);
    expect(readOptions(CHAOS_OPTIONS, args)).toEqual({
      minutes: 0.5,
      appendfsync: 'everysec',
      clients: 12,
      licenses: 4,
      redis: 'protocol',
      seed: 3,
    });
  });

  test.each([
    '--minutes 0.1',
    '--minutes soon',
    '--appendfsync no',
    '--appendfsync toString',
    '--clients 149',
    '--licenses 0',
    '--redis embedded',
    '--seed -1',
    '--sede 1',
    'always',
  ])('reject %s', (args) => {
    expect(() => readOptions(CHAOS_OPTIONS, args.split(' '))).toThrow(UsageError);
  });
});
