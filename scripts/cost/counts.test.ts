import { beforeAll, describe, expect, test } from 'vitest';
import { COUNTS, type Counted, WATCH } from './counts.ts';
import { storedBytes } from './firestore-size.ts';
import { measure, measureSeatHour, measureWatch } from './measure.ts';

let measured: Readonly<Record<string, Counted>>;
beforeAll(async () => {
  measured = await measure();
});

describe('what the cost model counts with is what the code does (counts.ts, then npm run generate)', () => {
  test.each(Object.entries(COUNTS))('%s', (name, counted) => {
    expect(measured[name]).toEqual(counted);
  });

  test('and there is nothing measured that it leaves out', () => {
    expect(Object.keys(measured).toSorted()).toEqual(Object.keys(COUNTS).toSorted());
  });
});

test('a seat-hour costs what the calls, sweeps and events in it add up to, and nothing beside', async () => {
  const { acquire, heartbeat, sign, release, idleSweep, publishedBatch } = COUNTS;
  const { recordedSession, sealedSession, sealedChain } = COUNTS;
  const { sweeps, cost } = await measureSeatHour();
  // Its two events come in two sweeps, which seal a chain each, and find an event where an idle one finds none.
  const batches = 2;
  expect(cost.redisCommands).toBe(
    acquire.redisCommands +
      12 * heartbeat.redisCommands +
      sign.redisCommands +
      release.redisCommands +
      sweeps * idleSweep.redisCommands +
      batches * publishedBatch.redisCommands,
  );
  expect(cost.documentReads).toBe(
    sign.documentReads +
      sweeps * idleSweep.documentReads +
      recordedSession.documentReads +
      sealedSession.documentReads +
      batches * (sealedChain.documentReads - 1),
  );
  expect(cost.documentWrites).toBe(
    recordedSession.documentWrites + sealedSession.documentWrites + batches * sealedChain.documentWrites,
  );
  expect(cost.signatures).toBe(sign.signatures);
});

test('the size of a document is the one that Firestore’s own example gives', () => {
  const task = { type: 'Personal', done: false, priority: 1, description: 'Learn Cloud Firestore' };
  // The example's document lies below another, which adds 11 bytes to its name: 147 bytes there.
  expect(storedBytes('tasks', 'my_task_id', task, { composite: [], single: [] })).toBe(147 - 11);
});

test('to look at who holds the seats costs the same few operations, however many look', async () => {
  expect(await measureWatch()).toEqual(WATCH);
});
