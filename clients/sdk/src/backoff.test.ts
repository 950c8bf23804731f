import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { leastMs, orAborted, pauseMs, sleep, within } from './backoff.ts';
import { TestClock } from './testing/clock.ts';

let clock: TestClock;
beforeEach(() => {
  clock = new TestClock();
});
afterEach(() => void vi.restoreAllMocks());

const longest = (backoff: Parameters<typeof pauseMs>[0], n: number, retryAfterSeconds?: number): number => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  return pauseMs(backoff, n, retryAfterSeconds);
};
const shortest = (backoff: Parameters<typeof pauseMs>[0], n: number, retryAfterSeconds?: number): number => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  return pauseMs(backoff, n, retryAfterSeconds);
};

describe('a pause', () => {
  test('is random, and doubles up to its upper bound', () => {
    expect([0, 1, 2, 5, 6, 1000].map((n) => longest('outage', n))).toEqual([
      1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
    ]);
    expect([0, 3, 4].map((n) => longest('repair', n))).toEqual([30_000, 240_000, 300_000]);
    expect(shortest('outage', 1000)).toBe(0);
  });

  test('is not shorter than Retry-After, which counts for five minutes at most', () => {
    expect(shortest('outage', 0, 20)).toBe(20_000);
    expect(longest('outage', 0, 20)).toBe(21_000);
    expect(longest('outage', 0, 86_400)).toBe(301_000);
    expect(leastMs('repair', 86_400)).toBe(300_000);
    expect(leastMs('outage')).toBe(0);
  });

  test('for a seat ends when the next lease does, and is a second at least: many programs may wait', () => {
    expect(longest('seat', 5, 10)).toBe(10_000);
    expect(longest('seat', 1, 10)).toBe(4_000);
    expect(longest('seat', 9)).toBe(60_000);
    expect(shortest('seat', 5, 10)).toBe(1_000);
    expect(longest('seat', 5, 0)).toBe(1_000);
    expect(leastMs('seat', 10)).toBe(0);
  });
});

describe('a wait leaves no timer behind', () => {
  test('when it ends by its time, or by its signal', async () => {
    await clock.until(sleep(clock, 1_000));
    const wake = new AbortController();
    const sleeping = sleep(clock, 1_000, wake.signal);
    expect(clock.isIdle).toBe(false);
    wake.abort();
    await sleeping;
    expect(clock.isIdle).toBe(true);
  });

  test('when what it waits for settles first', async () => {
    const late = new Error('late');
    expect(await within(clock, 1_000, Promise.resolve('done'), late)).toBe('done');
    await expect(within(clock, 1_000, Promise.reject(new Error('failed')), late)).rejects.toThrow('failed');
    await clock.advance(0);
    expect(clock.isIdle).toBe(true);
    await expect(clock.until(within(clock, 1_000, new Promise(() => undefined), late))).rejects.toBe(late);
  });
});

test('a wait ends with the reason of its signal, also if that has aborted before', async () => {
  const never = new Promise(() => undefined);
  const stop = new AbortController();
  const waiting = orAborted(never, stop.signal);
  stop.abort('enough');
  await expect(waiting).rejects.toBe('enough');
  await expect(orAborted(never, stop.signal)).rejects.toBe('enough');
  expect(await orAborted(Promise.resolve('done'), new AbortController().signal)).toBe('done');
});
