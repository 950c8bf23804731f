import { expect, test } from 'vitest';
import { randomBytesOf } from './random.ts';

test('returns the requested number of bytes and never the same bytes twice', () => {
  const takes = Array.from({ length: 2_000 }, (_, n) => randomBytesOf(8 + (n % 25)));
  expect(takes.map(({ length }) => length)).toEqual(takes.map((_, n) => 8 + (n % 25)));
  const windows = takes.flatMap((take) =>
    Array.from({ length: take.length - 7 }, (_, at) => take.toString('hex', at, at + 8)),
  );
  expect(new Set(windows).size).toBe(windows.length);
});

test('does not change returned bytes when more are requested', () => {
  const taken = randomBytesOf(32);
  const before = taken.toString('hex');
  for (let n = 0; n < 1_000; n += 1) randomBytesOf(32);
  expect(taken.toString('hex')).toBe(before);
});

test('returns every byte value about equally often', () => {
  const counts = new Array<number>(256).fill(0);
  for (let n = 0; n < 4_096; n += 1)
    for (const byte of randomBytesOf(64)) counts[byte] = (counts[byte] ?? 0) + 1;
  // 1,024 of each on average; a sixth of that is more than five standard deviations.
  for (const count of counts) expect(Math.abs(count - 1_024)).toBeLessThan(170);
});

test('refuses a request for more than the pool holds', () => {
  expect(randomBytesOf(4_096)).toHaveLength(4_096);
  expect(() => randomBytesOf(4_097)).toThrow(RangeError);
});
