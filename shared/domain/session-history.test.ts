import fc from 'fast-check';
import { expect, test } from 'vitest';
import { event, LICENSE, permutationsOf, poolLives, SESSION, TENANT } from '../testing/seats/events.ts';
import type { EventType, SeatEvent } from './event.ts';
import {
  addToHistory,
  finalEndOf,
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

test('keeps the session id of a program that acquires anew, however its events arrive', () => {
  const anew = { acquiredAtMs: 12 * MINUTE_MS };
  // The seat store forgets an expired session after an hour, and reports the next one as a new one.
  for (const type of ['session.revived', 'session.acquired'] as const) {
    const life = [
      at(0, 'session.acquired'),
      at(10, 'session.expired', { reason: 'lease_ran_out' }),
      at(12, type, anew),
      at(20, 'session.expired', { reason: 'lease_ran_out', ...anew }),
      at(90, type, { acquiredAtMs: 90 * MINUTE_MS }),
    ];
    for (const order of permutationsOf(life)) {
      expect(historyOf(order)).toMatchObject({
        acquiredAtMs: 0,
        seatedSinceMs: 90 * MINUTE_MS,
        endedAtMs: null,
        endReason: null,
        seatedMs: 18 * MINUTE_MS,
        revivals: 2,
        isOpen: true,
      });
    }
  }
});

test('begins with the earliest time that any event reports, and keeps it if the first event was lost', () => {
  const anew = { acquiredAtMs: 12 * MINUTE_MS };
  const left = [at(10, 'session.expired'), at(12, 'session.revived', anew), at(30, 'session.released', anew)];
  for (const order of permutationsOf(left))
    expect(historyOf(order)).toMatchObject({ acquiredAtMs: 0, seatedMs: 28 * MINUTE_MS, revivals: 1 });
});

test('begins a loan with session.borrowed and keeps its latest end, in every order of events', () => {
  const lent = (minute: number, untilMinute: number) =>
    at(minute, 'session.borrowed', { borrowedUntilMs: untilMinute * MINUTE_MS });
  const loan = [lent(0, 50), lent(5, 70), lent(5, 90), at(9, 'session.released')];
  for (const order of permutationsOf(loan)) {
    const history = historyOf(order);
    expect(history).toMatchObject({
      acquiredAtMs: 0,
      borrowedUntilMs: 90 * MINUTE_MS,
      seatedMs: 9 * MINUTE_MS,
      revivals: 0,
      endReason: 'released',
    });
  }
  expect(historyOf([lent(0, 50)])).toMatchObject({ isOpen: true, seatedSinceMs: 0, endedAtMs: null });
  expect(historyOf(LIFE)?.borrowedUntilMs).toBeNull();
});

test('counts an end once that was recorded at the eviction and is reported by its event, in every order', () => {
  const written = { ...at(31, 'session.evicted'), position: `${31 * MINUTE_MS}-0` };
  const life = [...LIFE.slice(0, 5), at(31, 'session.evicted')];
  const once = historyOf(life);
  for (const order of permutationsOf([...LIFE.slice(3, 5), written, at(31, 'session.evicted')]))
    expect(historyOf([...LIFE.slice(0, 3), ...order])).toEqual(once);
  expect(once).toMatchObject({ endReason: 'evicted', endedAtMs: 31 * MINUTE_MS, revivals: 2 });
});

test('knows for good that a session was released or evicted, also before its last revival is recorded', () => {
  const [acquired, expired, revived] = LIFE;
  if (!acquired || !expired || !revived) throw new Error('no events');
  for (const ended of ['released', 'evicted'] as const) {
    const end = at(31, `session.${ended}`);
    for (const life of [
      [acquired, end],
      [acquired, expired, end],
      [acquired, expired, end, revived],
    ]) {
      const history = historyOf(life);
      expect(history && finalEndOf(history)).toBe(ended);
    }
    const anew = historyOf([acquired, end, at(95, 'session.acquired', { acquiredAtMs: 95 * MINUTE_MS })]);
    expect(anew && finalEndOf(anew)).toBeUndefined();
  }
  for (const life of [
    [acquired],
    [acquired, expired],
    [acquired, at(9, 'session.expired', { reason: 'lost' })],
  ]) {
    const history = historyOf(life);
    expect(history && finalEndOf(history)).toBeUndefined();
  }
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

const MARKS = [
  ...['session.acquired', 'session.revived', 'session.borrowed', 'session.expired', 'session.released'],
  'session.evicted',
] as const satisfies readonly EventType[];
const marks = fc
  .array(fc.tuple(fc.constantFrom(...MARKS), fc.nat(5), fc.boolean(), fc.nat(5)), {
    minLength: 1,
    maxLength: MAX_MARKS,
  })
  .map((list) =>
    list.map(([type, minute, isLost, acquiredMinute], i) => ({
      ...at(minute, type, {
        acquiredAtMs: Math.min(minute, acquiredMinute) * MINUTE_MS,
        ...(isLost && type === 'session.expired' ? { reason: 'lost' as const } : {}),
        ...(type === 'session.borrowed' ? { borrowedUntilMs: i } : {}),
      }),
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

test('keeps every session of a pool open exactly while it lives, whatever order its events arrive in', () => {
  let anew = 0;
  const lives = poolLives(0).chain(({ events, stays }) =>
    fc.tuple(fc.shuffledSubarray([...events], { minLength: events.length }), fc.constant(stays)),
  );
  fc.assert(
    fc.property(lives, ([events, stays]) => {
      const histories = new Map<string, SessionHistory>();
      for (const each of events) {
        const history = addToHistory(histories.get(each.sessionId ?? ''), each);
        if (history) histories.set(history.sessionId, history);
      }
      for (const [sessionId, own] of Map.groupBy(stays, (stay) => stay.sessionId)) {
        const history = histories.get(sessionId);
        if (!history) throw new Error('a session has no history');
        const ended = own.filter(({ endMs }) => Number.isFinite(endMs));
        if (own.length > 1) anew += 1;
        expect(SessionHistorySchema.parse(history)).toEqual(history);
        expect(history).toMatchObject({
          isOpen: ended.length < own.length,
          acquiredAtMs: Math.min(...own.map(({ startMs }) => startMs)),
          seatedMs: ended.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0),
          revivals: own.length - 1,
        });
        expect(history.isOpen).toBe(history.endedAtMs === null);
      }
    }),
    SEED,
  );
  expect(anew).toBeGreaterThan(100);
});

test.each([
  ['session.expired', { reason: 'lease_ran_out' }, 'expired'],
  ['session.expired', { reason: 'lost' }, 'lost'],
  ['session.expired', { reason: 'seats_reduced' }, 'seats_reduced'],
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

test('ignores events that are not of a seat', () => {
  for (const type of ['license.created', 'seat.denied'] as const) {
    expect(addToHistory(undefined, event({ type }))).toBeUndefined();
  }
  const history = historyOf(LIFE);
  expect(addToHistory(history, event({ type: 'seat.denied' }))).toBe(history);
  const signed = event({ type: 'license.signed', sessionId: SESSION, detail: { holder: 'h' } });
  expect(addToHistory(history, signed)).toBe(history);
  expect(addToHistory(undefined, signed)).toBeUndefined();
});
