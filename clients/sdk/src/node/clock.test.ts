import { performance } from 'node:perf_hooks';
import { afterEach, expect, test, vi } from 'vitest';
import { nodeClock } from './clock.ts';

afterEach(() => vi.restoreAllMocks());

test('reads both clocks again if the program was stopped between the readings', () => {
  vi.spyOn(performance, 'now')
    .mockReturnValueOnce(0)
    .mockReturnValueOnce(3_600_000)
    .mockReturnValueOnce(3_600_001)
    .mockReturnValueOnce(3_600_001.5);
  vi.spyOn(Date, 'now').mockReturnValueOnce(1_000).mockReturnValueOnce(3_601_001);
  expect(nodeClock.now()).toEqual({ wallMs: 3_601_001, monotonicMs: 3_600_001.5 });
});

test('gives up reading them at the same time on a machine that is too slow', () => {
  let ms = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => {
    ms += 1_000;
    return ms;
  });
  expect(nodeClock.now().monotonicMs).toBe(6_000);
});
