import fc from 'fast-check';
import { expect, test } from 'vitest';
import { event, LICENSE, permutationsOf, poolLives, SESSION, TENANT } from '../testing/seats/events.ts';
import type { EventType, SeatEvent } from './event.ts';
import {
  addToHistory,
  loanUntilMs,
  MAX_MARKS,
  type SessionHistory,
  SessionHistorySchema,
} from './session-history.ts';

const SEED = { seed: 20261125, numRuns: 300 };
const MINUTE_MS = 60_000;

function historyOf(events: readonly SeatEvent[]): SessionHistory | undefined {
  return events.reduce<SessionHistory | undefined>(addToHistory, undefined);
}

/** An event of the session, `minute` minutes after it was acquired. */
function at(minute: number, type: EventType, more: SeatEvent['detail'] = {}): SeatEvent {
  const atMs = minute * MINUTE_MS;
  const detail = { holder: 'h', acquiredAtMs: 0, ...more };
  return event({ type, atMs, position: `${atMs}-${minute}`, detail });
}

const LIFE = [
  at(0, 'session.acquired'),
  at(10, 'session.expired', { reason: 'lease_ran_out' }),
  at(12, 'session.revived'),
  at(20, 'session.expired', { reason: 'lease_ran_out' }),
  at(25, 'session.revived'),
  at(31, 'session.released'),
];

test('records when and why a session with two revivals ended and how long it had a seat', () => {
  expect(historyOf(LIFE)).toMatchObject({
    sessionId: SESSION,
    licenseId: LICENSE,
    tenantId: TENANT,
    holder: 'h',
    acquiredAtMs: 0,
    seatedSinceMs: null,
    endedAtMs: 31 * MINUTE_MS,
    endReason: 'released',
    seatedMs: (10 + 8 + 6) * MINUTE_MS,
    revivals: 2,
    isOpen: false,
    missingSinceMs: null,
  });
});

test('builds the same history from six events in each of their 720 orders', () => {
  const inOrder = historyOf(LIFE);
  const orders = permutationsOf(LIFE);
  expect(orders).toHaveLength(720);
  for (const order of orders) expect(historyOf(order)).toEqual(inOrder);
});

test('keeps the latest loan until it ends or its seat is given up, in every order of events', () => {
  const lent = (minute: number, untilMinute: number) =>
    at(minute, 'session.borrowed', { borrowedUntilMs: untilMinute * MINUTE_MS });
  const twice = [at(0, 'session.acquired'), lent(0, 50), lent(5, 70), lent(5, 90)];
  for (const order of permutationsOf(twice)) {
    const history = historyOf(order);
    if (!history) throw new Error('no history');
    expect(history).toMatchObject({ isOpen: true, seatedMs: 0, revivals: 0, endedAtMs: null });
    expect(loanUntilMs(history, 89 * MINUTE_MS)).toBe(90 * MINUTE_MS);
    expect(loanUntilMs(history, 90 * MINUTE_MS)).toBeUndefined();
  }
  for (const end of [at(9, 'session.released'), at(9, 'session.evicted'), at(9, 'session.expired')]) {
    for (const order of permutationsOf([...twice, end])) {
      const ended = historyOf(order);
      expect(ended && loanUntilMs(ended, 10 * MINUTE_MS)).toBeUndefined();
    }
  }
  for (const order of permutationsOf([lent(0, 50), at(9, 'session.expired'), at(10, 'session.revived')])) {
    const revived = historyOf(order);
    expect(revived?.isOpen).toBe(true);
    expect(revived && loanUntilMs(revived, 11 * MINUTE_MS)).toBeUndefined();
  }
});

test('keeps the loan of a session that was revived after it counted as lost, in every order of events', () => {
  const loan = { borrowedUntilMs: 90 * MINUTE_MS };
  const life = [
    at(0, 'session.acquired'),
    at(0, 'session.borrowed', loan),
    at(20, 'session.expired', { reason: 'lost' }),
    at(40, 'session.revived', loan),
  ];
  for (const order of permutationsOf(life)) {
    const history = historyOf(order);
    expect(history && loanUntilMs(history, 41 * MINUTE_MS)).toBe(90 * MINUTE_MS);
  }
});

test('reads a history from before borrowing as one without a loan', () => {
  const { loan: _, ...old } = historyOf(LIFE) ?? { loan: null };
  expect(SessionHistorySchema.parse(old)).toEqual(historyOf(LIFE));
});

test('builds the same history from the remaining events in every order if some were lost', () => {
  fc.assert(
    fc.property(fc.subarray(LIFE, { minLength: 1 }), (left) => {
      const inOrder = historyOf(left);
      for (const order of permutationsOf(left)) expect(historyOf(order)).toEqual(inOrder);
    }),
    { seed: 20261125, numRuns: 40 },
  );
});

const MARKS = ['session.revived', 'session.expired', 'session.released', 'session.evicted'] as const;
const marks = fc
  .array(fc.tuple(fc.constantFrom(...MARKS), fc.nat(5), fc.boolean()), {
    minLength: 1,
    maxLength: MAX_MARKS,
  })
  .map((list) =>
    list.map(([type, minute, isLost], i) => ({
      ...at(minute, type, isLost && type === 'session.expired' ? { reason: 'lost' } : {}),
      position: `${minute}-${i}`,
    })),
  );

test('builds the same history from any order of up to MAX_MARKS events', () => {
  const shuffled = marks.chain((events) =>
    fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
  );
  fc.assert(
    fc.property(shuffled, ([one, other]) => {
      expect(historyOf(other)).toEqual(historyOf(one));
    }),
    SEED,
  );
});

/** A session that loses its seat a minute after it took it and takes it again a minute later, repeatedly. */
function restless(times: number): SeatEvent[] {
  return Array.from({ length: times }, (_, n) => [
    at(2 * n + 1, 'session.expired', { reason: 'lease_ran_out' as const }),
    at(2 * n + 2, 'session.revived'),
  ]).flat();
}

test('keeps the history of 5,000 revivals in one small document without losing any of them', () => {
  const history = historyOf([at(0, 'session.acquired'), ...restless(5000), at(10_003, 'session.evicted')]);
  expect(history).toMatchObject({
    revivals: 5000,
    seatedMs: 5003 * MINUTE_MS,
    endedAtMs: 10_003 * MINUTE_MS,
    endReason: 'evicted',
  });
  expect(history?.marks).toHaveLength(MAX_MARKS);
  expect(Buffer.byteLength(JSON.stringify(history))).toBeLessThan(4096);
});

test('inserts an event that is up to MAX_MARKS - 1 events late in its place', () => {
  const life = restless(60);
  const inOrder = historyOf(life);
  const delays = fc.array(fc.nat(MAX_MARKS - 1), { minLength: life.length, maxLength: life.length });
  fc.assert(
    fc.property(delays, (delay) => {
      const arrival = life
        .map((each, i) => ({ each, dueAt: i + (delay[i] ?? 0) }))
        .sort((a, b) => a.dueAt - b.dueAt);
      expect(historyOf(arrival.map(({ each }) => each))).toEqual(inOrder);
    }),
    SEED,
  );
});

test('ignores an event that is older than all kept marks', () => {
  const [late, ...others] = restless(40);
  if (!late) expect.fail('no events');
  const history = historyOf(others);
  expect(addToHistory(history, late)).toEqual(history);
});

test('keeps every session of a pool open exactly while it holds a seat', () => {
  fc.assert(
    fc.property(poolLives(0), ({ events, stays }) => {
      const histories = new Map<string, SessionHistory>();
      for (const each of events) {
        const history = addToHistory(histories.get(each.sessionId ?? ''), each);
        if (history) histories.set(history.sessionId, history);
      }
      const all = [...histories.values()];
      const ended = stays.filter(({ endMs }) => Number.isFinite(endMs));
      expect(all.filter(({ isOpen }) => isOpen)).toHaveLength(stays.length - ended.length);
      const seatedMs = all.reduce((sum, history) => sum + history.seatedMs, 0);
      expect(seatedMs).toBe(ended.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0));
      for (const history of all) {
        expect(SessionHistorySchema.parse(history)).toEqual(history);
        expect(history.isOpen).toBe(history.endedAtMs === null);
      }
    }),
    SEED,
  );
});

test.each([
  ['session.expired', { reason: 'lease_ran_out' }, 'expired'],
  ['session.expired', { reason: 'lost' }, 'lost'],
  ['session.released', {}, 'released'],
  ['session.evicted', {}, 'evicted'],
] as const)('maps the end event %s %j to the reason %s', (type, more, reason) => {
  const history = historyOf([at(0, 'session.acquired'), at(7, type, more)]);
  expect(history).toMatchObject({ endReason: reason, endedAtMs: 7 * MINUTE_MS, isOpen: false });
});

test('counts the first of two ends, or of two revivals, if the event between them was lost', () => {
  const twiceEnded = [at(0, 'session.acquired'), at(5, 'session.evicted'), at(9, 'session.released')];
  expect(historyOf(twiceEnded)).toMatchObject({
    endedAtMs: 5 * MINUTE_MS,
    endReason: 'evicted',
    seatedMs: 5 * MINUTE_MS,
  });
  const twiceRevived = [
    ...twiceEnded,
    at(20, 'session.revived'),
    at(30, 'session.revived'),
    at(40, 'session.released'),
  ];
  expect(historyOf(twiceRevived)).toMatchObject({
    revivals: 1,
    seatedMs: 25 * MINUTE_MS,
    endReason: 'released',
  });
});

test('takes the beginning of a session from its other events if the first one was lost', () => {
  expect(historyOf([at(5, 'session.revived')])).toMatchObject({ acquiredAtMs: 0, isOpen: true });
});

test('clears missingSinceMs when the end of the missing session is reported', () => {
  const history = historyOf([at(0, 'session.acquired')]);
  if (!history) expect.fail('no history');
  const missing = { ...history, missingSinceMs: 1 };
  expect(addToHistory(missing, at(5, 'session.released'))?.missingSinceMs).toBeNull();
});

test('ignores events without a session', () => {
  for (const type of ['license.created', 'seat.denied'] as const) {
    expect(addToHistory(undefined, event({ type }))).toBeUndefined();
  }
  const history = historyOf(LIFE);
  expect(addToHistory(history, event({ type: 'seat.denied' }))).toBe(history);
});
