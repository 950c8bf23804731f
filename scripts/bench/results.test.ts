import { expect, test } from 'vitest';
import { pageOf, readPage, readResults } from './results.ts';

test('the page of results says what the figures beside it say (npm run bench)', () => {
  expect(readPage()).toBe(pageOf(readResults()));
});

test('every part but the peer, which needs somebody to start it, has been measured', () => {
  expect(Object.keys(readResults())).toEqual(
    expect.arrayContaining(['hot-path', 'size', 'sweep', 'contention', 'cold-start', 'billable', 'chain']),
  );
});
