import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Polling, poll, type Watched } from './poll.ts';
import { Problem } from './problem.ts';

const EVERY_MS = 4_000;
const HOUR_MS = 3_600_000;

const refusal = (more: { retryAfterSeconds?: number } = {}): Problem =>
  new Problem('No.', { code: 'RECORDS_UNAVAILABLE', status: 503, ...more });

const lateBy = (ms: number) => (): Promise<number> =>
  new Promise((resolve) => setTimeout(() => resolve(1), ms));

/** A page that can be hidden, and a server that can be slow or refuse. */
function world(firstAnswer?: () => Promise<number>) {
  const askedAtMs: number[] = [];
  const told: Watched<number>[] = [];
  const listeners = new Set<() => void>();
  const page = { isVisible: true };
  const server: { answer: () => Promise<number> } = { answer: firstAnswer ?? (async () => askedAtMs.length) };
  const startMs = Date.now();
  const ask = (): Promise<number> => {
    askedAtMs.push(Date.now() - startMs);
    return server.answer();
  };
  const polling: Polling = poll(ask, (watched) => told.push(watched), {
    everyMs: EVERY_MS,
    random: () => 0,
    visibility: {
      isVisible: () => page.isVisible,
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  });
  const show = (isVisible: boolean): void => {
    page.isVisible = isVisible;
    for (const listener of listeners) listener();
  };
  return { polling, askedAtMs, told, server, show };
}

describe('watching', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

  test('asks at once and then exactly once an interval', async () => {
    const { askedAtMs } = world();
    await pass(HOUR_MS - 1);
    expect(askedAtMs.slice(0, 3)).toEqual([0, 4_000, 8_000]);
    expect(askedAtMs).toHaveLength(HOUR_MS / EVERY_MS);
  });

  test('asks nothing while nobody looks, and at once when somebody does again', async () => {
    const { askedAtMs, show } = world();
    await pass(5_000);
    show(false);
    await pass(HOUR_MS);
    expect(askedAtMs).toEqual([0, 4_000]);
    show(true);
    await pass(0);
    expect(askedAtMs).toEqual([0, 4_000, 5_000 + HOUR_MS]);
  });

  test('somebody who switches to and fro causes no more requests than somebody who stays', async () => {
    const { askedAtMs, show } = world();
    for (let switches = 0; switches < 79; switches += 1) {
      await pass(100);
      show(switches % 2 === 1);
    }
    expect(askedAtMs).toEqual([0, 4_000]);
  });

  test('waits for a slow answer instead of asking twice', async () => {
    const { askedAtMs, server } = world();
    await pass(0);
    server.answer = lateBy(10_000);
    await pass(4_000 + 9_999);
    expect(askedAtMs).toEqual([0, 4_000]);
    await pass(1);
    expect(askedAtMs).toEqual([0, 4_000, 14_000]);
  });

  test('waits twice as long after each failure, up to a minute, and as usual once it is well again', async () => {
    const { askedAtMs, server } = world(() => Promise.reject(refusal()));
    await pass(8_000 + 16_000 + 32_000 + 60_000 + 59_999);
    expect(askedAtMs).toEqual([0, 8_000, 24_000, 56_000, 116_000]);
    server.answer = async () => 1;
    await pass(1 + 8_000);
    expect(askedAtMs.slice(5)).toEqual([176_000, 180_000, 184_000]);
    server.answer = () => Promise.reject(refusal());
    await pass(4_000 + 8_000);
    expect(askedAtMs.slice(8)).toEqual([188_000, 196_000]);
  });

  test('does not come back before the server wants it', async () => {
    const { askedAtMs } = world(() => Promise.reject(refusal({ retryAfterSeconds: 90 })));
    await pass(90_000);
    expect(askedAtMs).toEqual([0, 90_000]);
  });

  test('does not come back sooner because somebody looked away meanwhile', async () => {
    const { askedAtMs, show } = world(() => Promise.reject(refusal({ retryAfterSeconds: 90 })));
    await pass(10_000);
    show(false);
    show(true);
    await pass(79_999);
    expect(askedAtMs).toEqual([0]);
  });

  test('keeps showing the last answer while there is none, and says how old it is', async () => {
    const { told, server } = world();
    const startMs = Date.now();
    await pass(0);
    server.answer = () => Promise.reject(refusal());
    await pass(4_000);
    expect(told).toMatchObject([
      { value: 1, asOfMs: startMs, problem: undefined },
      { value: 1, asOfMs: startMs, problem: { code: 'RECORDS_UNAVAILABLE' } },
    ]);
  });

  test('asks at once where it is told to, and after an answer that was under way then', async () => {
    const { polling, askedAtMs, server } = world();
    await pass(1_000);
    server.answer = lateBy(500);
    polling.now();
    await pass(100);
    polling.now();
    await pass(400);
    expect(askedAtMs).toEqual([0, 1_000, 1_500]);
    await pass(4_000);
    expect(askedAtMs).toEqual([0, 1_000, 1_500, 5_500]);
  });

  test('is over when it is stopped, also for an answer that is still to come', async () => {
    const { polling, askedAtMs, told, show } = world(lateBy(500));
    await pass(0);
    polling.stop();
    await pass(HOUR_MS);
    show(true);
    polling.now();
    await pass(HOUR_MS);
    expect(askedAtMs).toEqual([0]);
    expect(told).toEqual([]);
  });
});
