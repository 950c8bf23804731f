import { expect, test } from 'vitest';
import { testPlatform } from '../testing/platform.ts';
import { guarded } from './guard.ts';

test('the guard gets the release of a seat as soon as the seat is granted, and none once it is released', () => {
  const release = { method: 'POST', url: 'https://licenses.example.com/release', headers: {} };
  const given: unknown[] = [];
  const platform = guarded(
    testPlatform(() => Promise.reject(new Error('nothing is sent'))),
    { releaseBy: (request) => void given.push(request) },
  );
  const off = platform.atExit({ inTime: async () => {}, afterwards: () => release });
  expect(given).toEqual([release]);
  off();
  expect(given).toEqual([release, undefined]);
});
