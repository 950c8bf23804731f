import { describe, expect, test } from 'vitest';
import type { EventType } from '../../shared/domain/event.ts';
import { newSessionId } from '../../shared/domain/ids.ts';
import { event, LICENSE } from '../../shared/testing/seats/events.ts';
import { type Belief, beliefsOf, type Confirmed, findFalseBeliefs, type Logs } from './beliefs.ts';

const [ANN, BEN, CAT] = Array.from({ length: 3 }, () => newSessionId(LICENSE)) as [string, string, string];

const eventAt = (type: EventType, sessionId: string, atMs: number) => event({ type, sessionId, atMs });
const belief = (machine: string, sessionId: string, fromMs: number, toMs: number): Belief => {
  return { program: machine, machine, sessionId, fromMs, toMs };
};

const confirms = (machine: string, sessionId: string, atMs: number, expiresAtMs: number): Confirmed => {
  return { program: machine, machine, sessionId, atMs, expiresAtMs };
};

/**
 * Two seats: Ann's lease expires and is revived. Ben releases his seat; Cat acquires it in that millisecond and is
 * evicted.
 */
const SOUND: Logs = {
  licenses: [{ licenseId: LICENSE, limit: 2 }],
  confirmed: [
    confirms('ann', ANN, 1_000, 11_000),
    confirms('ann', ANN, 15_000, 25_000),
    confirms('ben', BEN, 2_000, 12_000),
    confirms('cat', CAT, 6_000, 16_000),
  ],
  events: [
    eventAt('session.acquired', ANN, 1_000),
    eventAt('session.acquired', BEN, 2_000),
    eventAt('session.released', BEN, 6_000),
    eventAt('session.acquired', CAT, 6_000),
    eventAt('session.expired', ANN, 11_000),
    eventAt('session.evicted', CAT, 12_000),
    eventAt('session.revived', ANN, 15_000),
  ],
  beliefs: [
    belief('ann', ANN, 1_002, 10_999),
    belief('ben', BEN, 2_002, 6_000),
    belief('cat', CAT, 6_000, 14_000),
    belief('ann', ANN, 15_001, 20_000),
  ],
  refusals: [{ program: 'cat', sessionId: CAT, atMs: 14_000 }],
};

const kindsIn = (change: Partial<Logs>): string[] =>
  findFalseBeliefs({ ...SOUND, ...change }).map(({ kind }) => kind);
const withBelief = (...more: Belief[]): Partial<Logs> => ({ beliefs: [...SOUND.beliefs, ...more] });

test('finds nothing if every program believed only in seats that the server held for it', () => {
  expect(findFalseBeliefs(SOUND)).toEqual([]);
});

describe('finds a belief', () => {
  test('that outlasts the lease by a millisecond', () => {
    expect(kindsIn(withBelief(belief('ann', ANN, 9_000, 11_001)))).toEqual(['NOT_HELD']);
  });

  test('that begins before the seat was granted, or after the lease expired', () => {
    expect(kindsIn(withBelief(belief('ann', ANN, 999, 1_500)))).toEqual(['NOT_HELD']);
    expect(kindsIn(withBelief(belief('ann', ANN, 11_001, 11_001)))).toEqual(['NOT_HELD']);
  });

  test('that spans the gap between a lease and its revival', () => {
    expect(kindsIn(withBelief(belief('ann', ANN, 10_000, 16_000)))).toEqual(['NOT_HELD']);
  });

  test('that continues after any program released the seat', () => {
    const other = { ...belief('ben', BEN, 5_000, 6_001), program: 'ben, another' };
    expect(kindsIn(withBelief(other))).toContain('NOT_HELD');
  });

  test("in another machine's session", () => {
    expect(kindsIn(withBelief(belief('ben', ANN, 2_000, 3_000)))).toEqual(['NOT_ITS_OWN']);
  });

  test('in a session that the server never granted', () => {
    expect(kindsIn(withBelief(belief('ben', newSessionId(LICENSE), 2_000, 3_000)))).toContain(
      'NEVER_GRANTED',
    );
  });

  test('that exceeds the limit, even if the server held each session', () => {
    expect(kindsIn({ licenses: [{ licenseId: LICENSE, limit: 1 }] })).toContain('BEYOND_LIMIT');
  });
});

describe('an evicted program is excused', () => {
  test('until its heartbeat is refused, and no longer', () => {
    const beliefs = [belief('cat', CAT, 6_000, 14_001)];
    expect(kindsIn({ beliefs })).toEqual(['NOT_HELD']);
    expect(kindsIn({ beliefs, refusals: [] })).toEqual([]);
  });

  test('until its lease would have ended, refused or not', () => {
    expect(kindsIn({ beliefs: [belief('cat', CAT, 6_000, 16_000)], refusals: [] })).toEqual([]);
    expect(kindsIn({ beliefs: [belief('cat', CAT, 6_000, 16_001)], refusals: [] })).toEqual(['NOT_HELD']);
  });

  test('and does not count against the limit, even if its grant arrived after the eviction', () => {
    const next = newSessionId(LICENSE);
    const events = [...SOUND.events, eventAt('session.acquired', next, 12_000)];
    const confirmed = [...SOUND.confirmed, confirms('dan', next, 12_000, 22_000)];
    for (const fromMs of [6_000, 12_500]) {
      const beliefs = [
        belief('ann', ANN, 15_001, 20_000),
        belief('cat', CAT, fromMs, 15_900),
        belief('dan', next, 12_001, 20_000),
      ];
      expect(kindsIn({ beliefs, events, confirmed, refusals: [] })).toEqual([]);
    }
  });

  test('and a refusal of another program does not end that', () => {
    const refusals = [{ program: 'ann', sessionId: CAT, atMs: 12_500 }];
    expect(kindsIn({ beliefs: [belief('cat', CAT, 6_000, 15_000)], refusals })).toEqual([]);
  });
});

test('a program is not excused if another program of its machine released the session before', () => {
  const successor = { ...belief('ben', BEN, 5_950, 8_000), program: 'ben, another' };
  expect(kindsIn({ beliefs: [successor] })).toEqual(['NOT_HELD']);
});

test('finds a second seat granted to a machine that has one', () => {
  const seatAt = (seat: 'taken' | 'kept' | 'freed', atMs: number) =>
    event({ type: 'session.acquired', sessionId: BEN, atMs, detail: { holder: 'h', seat } });
  const change = (...more: Logs['events']): Partial<Logs> => ({ events: [...SOUND.events, ...more] });
  const [first, kept, second] = [seatAt('taken', 2_500), seatAt('kept', 3_000), seatAt('taken', 3_500)];
  expect(kindsIn(change(first, kept, second))).toContain('TWO_SEATS');
  expect(kindsIn(change(first, kept, seatAt('freed', 3_200), second))).not.toContain('TWO_SEATS');
});

test('counts programs of a machine as one seat, whatever their sessions', () => {
  const [one, other] = [newSessionId(LICENSE), newSessionId(LICENSE)];
  const events = [ANN, one, other].map((session) => eventAt('session.acquired', session, 1_000));
  const confirmed = [ANN, one, other].map((session) => confirms('ann', session, 1_000, 90_000));
  const beliefs = [ANN, one, other].map((session) => belief('ann', session, 2_000, 9_000));
  expect(kindsIn({ events, confirmed, beliefs })).toEqual([]);
});

test('counts programs that share a session as one seat', () => {
  const shared = { ...belief('ann', ANN, 3_000, 9_000), program: 'ann, another' };
  expect(kindsIn(withBelief(shared))).toEqual([]);
});

test('reads a belief from its first sample to its last, and two if a sample between them has no lease', () => {
  const who = { program: 'p', machine: 'ann', sessionId: ANN };
  const at = (atMs: number, holdsLease: boolean) => ({ ...who, atMs, holdsLease });
  const samples = [at(1, false), at(2, true), at(3, true), at(4, false), at(5, false), at(6, true)];
  expect(beliefsOf(samples)).toEqual([
    { ...who, fromMs: 2, toMs: 3 },
    { ...who, fromMs: 6, toMs: 6 },
  ]);
});
