import { expect, test } from 'vitest';
import { pageOf, readPage, readResults } from './results.ts';

test('RESULTS.md matches results.json (npm run bench writes both)', () => {
  expect(readPage()).toBe(pageOf(readResults()));
});

test('results.json has every part but the peer, which must be started by hand', () => {
  expect(Object.keys(readResults())).toEqual(
    expect.arrayContaining([
      'hot-path',
      'size',
      'memory',
      'sweep',
      'contention',
      'cold-start',
      'billable',
      'chain',
      'hostile',
    ]),
  );
});
