import { describe, expect, test } from 'vitest';
import {
  doneEvent,
  failedEvent,
  isProcessable,
  MOST_TRIES,
  postponedEvent,
  receivedEvent,
  reopenedEvent,
  type StoredEvent,
  unreadableEvent,
} from './billing-event.ts';

const NOW_MS = Date.UTC(2026, 10, 29);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const RECEIVED = receivedEvent(
  {
    eventId: 'evt_1',
    type: 'invoice.paid',
    createdAtMs: NOW_MS - 5_000,
    about: { kind: 'subscription', id: 'sub_1' },
  },
  NOW_MS,
);

function failed(times: number): StoredEvent {
  let event: StoredEvent = RECEIVED;
  for (let n = 0; n < times; n += 1) event = failedEvent(event, `Error: ${n}`, NOW_MS);
  return event;
}

describe('a stored event', () => {
  test('is left to the request that received it for a minute', () => {
    expect(RECEIVED).toMatchObject({ state: 'open', tries: 0, nextTryAtMs: NOW_MS + MINUTE_MS });
    expect(isProcessable(RECEIVED)).toBe(true);
  });

  test('is tried again after pauses that double up to an hour, and set aside after the last try', () => {
    const pauses = Array.from({ length: MOST_TRIES - 1 }, (_, n) => {
      const { state, tries, nextTryAtMs, keptUntilMs } = failed(n + 1);
      expect([state, tries, keptUntilMs]).toEqual(['open', n + 1, null]);
      return ((nextTryAtMs ?? 0) - NOW_MS) / MINUTE_MS;
    });
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60]);
    expect(failed(MOST_TRIES)).toMatchObject({
      state: 'set_aside',
      tries: MOST_TRIES,
      nextTryAtMs: null,
      lastError: `Error: ${MOST_TRIES - 1}`,
      keptUntilMs: NOW_MS + 30 * DAY_MS,
    });
  });

  test('loses no try while Stripe is unavailable', () => {
    const event = postponedEvent(failed(2), NOW_MS);
    expect(event).toMatchObject({ state: 'open', tries: 2, nextTryAtMs: NOW_MS + 5 * MINUTE_MS });
  });

  test('has all its tries after it was opened again', () => {
    const opened = reopenedEvent(failed(MOST_TRIES), NOW_MS);
    expect(opened).toMatchObject({ state: 'open', tries: 0, nextTryAtMs: NOW_MS, keptUntilMs: null });
  });

  test('is kept for 30 days after its end, and until then while it is open', () => {
    const keptUntilMs = NOW_MS + 30 * DAY_MS;
    expect(doneEvent(RECEIVED, NOW_MS)).toMatchObject({ state: 'done', nextTryAtMs: null, keptUntilMs });
    const unreadable = unreadableEvent({ eventId: 'evt_2', type: null, because: 'it is not JSON' }, NOW_MS);
    expect(unreadable).toMatchObject({ state: 'unreadable', lastError: 'it is not JSON', keptUntilMs });
    expect(isProcessable(unreadable)).toBe(false);
    expect(RECEIVED.keptUntilMs).toBeNull();
  });
});
