import { expect, test } from 'vitest';
import { CHANGE_MAX_MS, requestedChange } from './requested-change.ts';

const NOW_MS = 1_000_000;
const FIVE = { requestId: 'change:1', asked: '5 seats' };
const SIX = { requestId: 'change:2', asked: '6 seats' };
const running = { ...FIVE, atMs: NOW_MS, untilMs: NOW_MS + CHANGE_MAX_MS, state: 'running' } as const;

test('a change begins if none was requested, or the last one has ended', () => {
  expect(requestedChange(null, FIVE, NOW_MS)).toEqual(running);
  for (const state of ['made', 'refused'] as const)
    expect(requestedChange({ ...running, state }, SIX, NOW_MS)).toEqual({ ...running, ...SIX });
});

test('a running change keeps others out until it can no longer be running', () => {
  expect(requestedChange(running, SIX, running.untilMs - 1)).toBeUndefined();
  expect(requestedChange(running, SIX, running.untilMs)).toMatchObject(SIX);
});

test('the same change as the running one is that one, and runs for longer', () => {
  const again = requestedChange(running, { ...FIVE, requestId: 'change:3' }, NOW_MS + 1);
  expect(again).toEqual({ ...running, untilMs: running.untilMs + 1 });
});
