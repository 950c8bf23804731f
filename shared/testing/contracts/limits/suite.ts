import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { BucketSize, Limits, Taken } from '../../../ports/limits.ts';

export interface LimitsUnderTest {
  readonly limits: Limits;
  /** The same limits, as another instance of a function opens them. */
  readonly elsewhere: Limits;
  close(): Promise<void>;
}

const TEN_A_MINUTE: BucketSize = { requests: 10, windowSeconds: 60 };

/** The contract of every rate limiter, as vitest tests. `Date` stands still in them; other timers do not. */
export function limitsContract(open: () => Promise<LimitsUnderTest>): void {
  let under: LimitsUnderTest;
  beforeAll(async () => {
    under = await open();
  });
  afterAll(() => under?.close());
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  let buckets = 0;
  const newBucket = (): string => `bucket-${++buckets}`;
  const passSeconds = (seconds: number): unknown => vi.setSystemTime(Date.now() + seconds * 1_000);

  async function takeTimes(
    times: number,
    bucket: string,
    size: BucketSize,
    limits: Limits = under.limits,
  ): Promise<Taken[]> {
    const taken: Taken[] = [];
    for (let n = 0; n < times; n += 1) taken.push(await limits.take(bucket, size));
    return taken;
  }

  const allowedOf = (taken: readonly Taken[]): number =>
    taken.filter(({ verdict }) => verdict === 'ALLOWED').length;

  test('allows as many requests as the bucket holds, and returns what remains and when to retry', async () => {
    expect(await takeTimes(4, newBucket(), { requests: 3, windowSeconds: 60 })).toEqual([
      { verdict: 'ALLOWED', remaining: 2, resetSeconds: 20 },
      { verdict: 'ALLOWED', remaining: 1, resetSeconds: 20 },
      { verdict: 'ALLOWED', remaining: 0, resetSeconds: 20 },
      { verdict: 'LIMITED', remaining: 0, resetSeconds: 20 },
    ]);
  });

  test('allows the next request exactly at the reset time', async () => {
    const bucket = newBucket();
    const full = await takeTimes(11, bucket, TEN_A_MINUTE);
    expect(full.at(-1)).toEqual({ verdict: 'LIMITED', remaining: 0, resetSeconds: 6 });
    passSeconds(5.999);
    const early = await under.limits.take(bucket, TEN_A_MINUTE);
    expect(early).toEqual({ verdict: 'LIMITED', remaining: 0, resetSeconds: 1 });
    passSeconds(0.001);
    expect((await takeTimes(2, bucket, TEN_A_MINUTE)).map(({ verdict }) => verdict)).toEqual([
      'ALLOWED',
      'LIMITED',
    ]);
  });

  test('rounds the reset time up to whole seconds', async () => {
    const size = { requests: 7, windowSeconds: 60 };
    const bucket = newBucket();
    const { resetSeconds = 0 } = (await takeTimes(8, bucket, size)).at(-1) ?? {};
    expect(resetSeconds).toBe(9);
    passSeconds(8.571);
    expect(await under.limits.take(bucket, size)).toMatchObject({ verdict: 'LIMITED', resetSeconds: 1 });
    passSeconds(resetSeconds - 8.571);
    expect(await under.limits.take(bucket, size)).toMatchObject({ verdict: 'ALLOWED' });
  });

  test('refills the whole bucket within a window, and never beyond its size', async () => {
    const bucket = newBucket();
    for (const seconds of [60, 61, 3_600, 86_400]) {
      expect(allowedOf(await takeTimes(12, bucket, TEN_A_MINUTE))).toBe(10);
      passSeconds(seconds);
    }
  });

  test.each([1, 0.7, 6, 30, 59.999])(
    'allows at most twice the bucket in a window, and its rate in the long run, for requests every %s seconds',
    async (everySeconds) => {
      const bucket = newBucket();
      const startedMs = Date.now();
      const windows = 4;
      const allowedMs: number[] = [];
      for (let ms = 0; ms <= windows * 60_000; ms = Math.round(ms + everySeconds * 1_000)) {
        vi.setSystemTime(startedMs + ms);
        const taken = everySeconds < 6 ? 1 : 11;
        for (const { verdict } of await takeTimes(taken, bucket, TEN_A_MINUTE)) {
          if (verdict === 'ALLOWED') allowedMs.push(ms);
        }
      }
      for (const fromMs of allowedMs) {
        const inWindow = allowedMs.filter((ms) => ms >= fromMs && ms < fromMs + 60_000);
        expect(inWindow.length).toBeLessThanOrEqual(20);
      }
      expect(allowedMs.length).toBeLessThanOrEqual(10 * (windows + 1));
      expect(allowedMs.length).toBeGreaterThanOrEqual(10 * windows);
    },
  );

  test("allows exactly the bucket's size of 64 concurrent requests on two instances", async () => {
    const bucket = newBucket();
    const taken = await Promise.all(
      Array.from({ length: 64 }, (_, n) =>
        (n % 2 ? under.limits : under.elsewhere).take(bucket, TEN_A_MINUTE),
      ),
    );
    expect(allowedOf(taken)).toBe(10);
    const remainders = taken.flatMap(({ verdict, remaining }) => (verdict === 'ALLOWED' ? [remaining] : []));
    expect(remainders.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('keeps buckets apart, however similar their names are', async () => {
    const bucket = newBucket();
    await takeTimes(11, bucket, TEN_A_MINUTE);
    for (const other of [
      `${bucket}:1`,
      `${bucket} `,
      bucket.toUpperCase(),
      `{${bucket}}`,
      '*',
      '__proto__',
    ]) {
      expect(await under.limits.take(other, TEN_A_MINUTE), other).toMatchObject({ remaining: 9 });
    }
  });

  test('keeps each bucket to its own size', async () => {
    const sizes = [
      { requests: 1, windowSeconds: 1_000 },
      { requests: 5, windowSeconds: 60 },
      { requests: 20, windowSeconds: 3_600 },
    ];
    const each = sizes.map((size) => ({ size, bucket: newBucket() }));
    const taken = await Promise.all(each.map(({ size, bucket }) => takeTimes(25, bucket, size)));
    expect(taken.map(allowedOf)).toEqual([1, 5, 20]);
    expect(taken.map((list) => list.at(-1)?.resetSeconds)).toEqual([1_000, 12, 180]);
  });

  test('does not count refused requests', async () => {
    const bucket = newBucket();
    await takeTimes(10, bucket, TEN_A_MINUTE);
    expect(allowedOf(await takeTimes(50, bucket, TEN_A_MINUTE))).toBe(0);
    passSeconds(6);
    expect(await under.limits.take(bucket, TEN_A_MINUTE)).toMatchObject({ verdict: 'ALLOWED' });
  });

  test('allows no more requests on an instance whose clock is behind', async () => {
    const bucket = newBucket();
    await takeTimes(10, bucket, TEN_A_MINUTE);
    passSeconds(-300);
    expect(allowedOf(await takeTimes(5, bucket, TEN_A_MINUTE, under.elsewhere))).toBe(0);
  });
}
