import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Polling, poll, type Watched } from './poll.ts';
import { Problem } from './problem.ts';

const EVERY_MS = 4_000;
const HOUR_MS = 3_600_000;

const failure = (more: { retryAfterSeconds?: number } = {}): Problem =>
  new Problem('No.', { code: 'RECORDS_UNAVAILABLE', status: 503, ...more });

const lateBy = (ms: number) => (): Promise<number> =>
  new Promise((resolve) => setTimeout(() => resolve(1), ms));

/** A page that can be hidden, and a server that can be slow or fail. */
function world(firstAnswer?: () => Promise<number>) {
  const sentAtMs: number[] = [];
  const reported: Watched<number>[] = [];
  const listeners = new Set<() => void>();
  const page = { isVisible: true };
  const server: { answer: () => Promise<number> } = { answer: firstAnswer ?? (async () => sentAtMs.length) };
  const startMs = Date.now();
  const request = (): Promise<number> => {
    sentAtMs.push(Date.now() - startMs);
    return server.answer();
  };
  const polling: Polling = poll(request, (watched) => reported.push(watched), {
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
  return { polling, sentAtMs, reported, server, show };
}

describe('polling', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

  test('sends a request at once and then exactly one per interval', async () => {
    const { sentAtMs } = world();
    await pass(HOUR_MS - 1);
    expect(sentAtMs.slice(0, 3)).toEqual([0, 4_000, 8_000]);
    expect(sentAtMs).toHaveLength(HOUR_MS / EVERY_MS);
  });

  test('sends nothing while the page is hidden, and at once when it is shown again', async () => {
    const { sentAtMs, show } = world();
    await pass(5_000);
    show(false);
    await pass(HOUR_MS);
    expect(sentAtMs).toEqual([0, 4_000]);
    show(true);
    await pass(0);
    expect(sentAtMs).toEqual([0, 4_000, 5_000 + HOUR_MS]);
  });

  test('sends no more requests when the page is hidden and shown repeatedly', async () => {
    const { sentAtMs, show } = world();
    for (let switches = 0; switches < 79; switches += 1) {
      await pass(100);
      show(switches % 2 === 1);
    }
    expect(sentAtMs).toEqual([0, 4_000]);
  });

  test('waits for a slow response before it sends the next request', async () => {
    const { sentAtMs, server } = world();
    await pass(0);
    server.answer = lateBy(10_000);
    await pass(4_000 + 9_999);
    expect(sentAtMs).toEqual([0, 4_000]);
    await pass(1);
    expect(sentAtMs).toEqual([0, 4_000, 14_000]);
  });

  test('doubles the delay after each failure, up to a minute, and resets it after a success', async () => {
    const { sentAtMs, server } = world(() => Promise.reject(failure()));
    await pass(8_000 + 16_000 + 32_000 + 60_000 + 59_999);
    expect(sentAtMs).toEqual([0, 8_000, 24_000, 56_000, 116_000]);
    server.answer = async () => 1;
    await pass(1 + 8_000);
    expect(sentAtMs.slice(5)).toEqual([176_000, 180_000, 184_000]);
    server.answer = () => Promise.reject(failure());
    await pass(4_000 + 8_000);
    expect(sentAtMs.slice(8)).toEqual([188_000, 196_000]);
  });

  test('waits at least as long as Retry-After says', async () => {
    const { sentAtMs } = world(() => Promise.reject(failure({ retryAfterSeconds: 90 })));
    await pass(90_000);
    expect(sentAtMs).toEqual([0, 90_000]);
  });

  test('respects Retry-After when the page is hidden and shown in the meantime', async () => {
    const { sentAtMs, show } = world(() => Promise.reject(failure({ retryAfterSeconds: 90 })));
    await pass(10_000);
    show(false);
    show(true);
    await pass(79_999);
    expect(sentAtMs).toEqual([0]);
  });

  test('reports a failure with the last value and its time', async () => {
    const { reported, server } = world();
    const startMs = Date.now();
    await pass(0);
    server.answer = () => Promise.reject(failure());
    await pass(4_000);
    expect(reported).toMatchObject([
      { value: 1, asOfMs: startMs, problem: undefined },
      { value: 1, asOfMs: startMs, problem: { code: 'RECORDS_UNAVAILABLE' } },
    ]);
  });

  test('sends a request on now(), or right after the pending request', async () => {
    const { polling, sentAtMs, server } = world();
    await pass(1_000);
    server.answer = lateBy(500);
    polling.now();
    await pass(100);
    polling.now();
    await pass(400);
    expect(sentAtMs).toEqual([0, 1_000, 1_500]);
    await pass(4_000);
    expect(sentAtMs).toEqual([0, 1_000, 1_500, 5_500]);
  });

  test('sends and reports nothing after stop(), not even a pending response', async () => {
    const { polling, sentAtMs, reported, show } = world(lateBy(500));
    await pass(0);
    polling.stop();
    await pass(HOUR_MS);
    show(true);
    polling.now();
    await pass(HOUR_MS);
    expect(sentAtMs).toEqual([0]);
    expect(reported).toEqual([]);
  });
});
