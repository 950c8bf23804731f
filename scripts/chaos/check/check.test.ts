import { describe, expect, test } from 'vitest';
import {
  type AuditEvent,
  type ChainHead,
  chainVerifier,
  emptyChain,
  sealEvents,
  unsealed,
} from '../../../shared/domain/audit-chain.ts';
import { compareMoments, type EventDetail, type EventType } from '../../../shared/domain/event.ts';
import { newSessionId } from '../../../shared/domain/ids.ts';
import { addToHistory, type SessionHistory } from '../../../shared/domain/session-history.ts';
import { event, LICENSE, TENANT } from '../../../shared/testing/seats/events.ts';
import { excessOf } from '../../../shared/testing/seats/over-allocation.ts';
import type { Request } from '../requests.ts';
import { check, type Facts } from './check.ts';
import { claimsOf } from './claims.ts';
import { judge } from './finding.ts';

const TTL_MS = 10_000;
const [ANN, BEN, CAT, FRESH, OTHER] = Array.from({ length: 5 }, () => newSessionId(LICENSE));
const LICENSES = [{ licenseId: LICENSE, tenantId: TENANT, limit: 2 }];

/** A request that was answered two milliseconds after it was sent, half-way in between by Redis' clock. */
function request(some: Partial<Request> & Pick<Request, 'op' | 'sentMs' | 'status'>): Request {
  const confirms = some.status === 200 || some.status === 201;
  return {
    client: 'ann',
    licenseId: LICENSE,
    phase: 'chaos',
    endedMs: some.sentMs + 2,
    ...(confirms ? { expiresAtMs: some.sentMs + 1 + TTL_MS, ttlMs: TTL_MS, revived: false } : {}),
    ...some,
  };
}

/** What the verifier says of these events and this head, without records to read them from. */
function chainReport(events: readonly AuditEvent[], head: ChainHead): Facts['chains'][number] {
  const verifier = chainVerifier(head.tenantId);
  const problems = [...events.flatMap((one) => verifier.check(one)), ...verifier.finish(head)];
  return { tenantId: head.tenantId, sealed: events.length, unsealed: 0, head, problems };
}

type Told = readonly [type: EventType, sessionId: string | undefined, atMs: number, detail?: EventDetail];

/** The records as they would be had these events, and no others, been told. */
function recordsOf(told: readonly Told[]): Pick<Facts, 'audit' | 'histories' | 'chains'> {
  const events = told
    .map(([type, sessionId, atMs, detail = {}], i) =>
      event({ type, sessionId: sessionId ?? null, atMs, position: `${atMs}-${i}`, detail }),
    )
    .sort(compareMoments);
  const histories = new Map<string, SessionHistory | undefined>();
  for (const one of events) {
    if (one.sessionId) histories.set(one.sessionId, addToHistory(histories.get(one.sessionId), one));
  }
  const { events: audit, head } = sealEvents(
    emptyChain(TENANT),
    events.map((one) => unsealed(one, one.atMs + 5)),
  );
  return {
    audit,
    histories: [...histories.values()].flatMap((history) => history ?? []),
    chains: [chainReport(audit, head)],
  };
}

/**
 * Two seats, three clients. Ann beats once and releases. Ben crashes, comes back after his lease and crashes again. Cat
 * gets Ann's seat in the millisecond in which it came free. In the end both seats are free.
 */
const REQUESTS: readonly Request[] = [
  request({ op: 'acquire', sentMs: 1_000, status: 201, sessionId: ANN }),
  request({ op: 'acquire', sentMs: 2_000, status: 201, sessionId: BEN, client: 'ben' }),
  request({ op: 'acquire', sentMs: 3_000, status: 409, client: 'cat' }),
  request({ op: 'heartbeat', sentMs: 4_000, status: 200, sessionId: ANN }),
  request({ op: 'release', sentMs: 6_001, status: null, lost: 'ECONNRESET', sessionId: ANN }),
  request({ op: 'acquire', sentMs: 6_000, status: 201, sessionId: CAT, client: 'cat' }),
  request({ op: 'release', sentMs: 6_500, status: 204, sessionId: ANN }),
  request({ op: 'heartbeat', sentMs: 13_000, status: 503, sessionId: BEN, client: 'ben' }),
  request({ op: 'heartbeat', sentMs: 13_500, status: 200, sessionId: BEN, client: 'ben', revived: true }),
  request({ op: 'acquire', sentMs: 40_000, status: 201, sessionId: FRESH, client: 'new', phase: 'fresh' }),
  request({ op: 'acquire', sentMs: 40_000, status: 201, sessionId: OTHER, client: 'newer', phase: 'fresh' }),
  request({ op: 'acquire', sentMs: 40_002, status: 409, client: 'newest', phase: 'fresh' }),
  request({ op: 'release', sentMs: 41_000, status: 204, sessionId: FRESH, client: 'new', phase: 'fresh' }),
  request({ op: 'release', sentMs: 41_000, status: 204, sessionId: OTHER, client: 'newer', phase: 'fresh' }),
];
const TOLD: readonly Told[] = [
  ['license.created', undefined, 500, { version: 1 }],
  ['session.acquired', ANN, 1_001],
  ['session.acquired', BEN, 2_001],
  ['session.released', ANN, 6_001],
  ['session.acquired', CAT, 6_001],
  ['session.expired', BEN, 12_001, { reason: 'lease_ran_out' }],
  ['session.revived', BEN, 13_501],
  ['session.expired', CAT, 16_001, { reason: 'lease_ran_out' }],
  ['session.expired', BEN, 23_501, { reason: 'lease_ran_out' }],
  ['seat.denied', undefined, 0, { count: 1 }],
  ['session.acquired', FRESH, 40_001],
  ['session.acquired', OTHER, 40_001],
  ['session.released', FRESH, 41_001],
  ['session.released', OTHER, 41_001],
];

function factsOf(change: { requests?: readonly Request[]; told?: readonly Told[] } & Partial<Facts>): Facts {
  const { requests = REQUESTS, told = TOLD, ...rest } = change;
  return { licenses: LICENSES, requests, ...recordsOf(told), pending: 0, unacknowledged: 0, ...rest };
}

const kindsOf = (facts: Facts): string[] => check(facts).findings.map(({ kind }) => kind);
const found = (change: Parameters<typeof factsOf>[0]): string[] => kindsOf(factsOf(change));
const without = <T>(list: readonly T[], ...indexes: number[]): T[] =>
  list.filter((_, i) => !indexes.includes(i));
const REQUEST = { annBeats: 3, annReleases: [4, 6], catComes: 5, benIsBack: 8, newest: 11 } as const;
const EVENT = {
  annComes: 1,
  annReleases: 3,
  catComes: 4,
  benRunsOut: 5,
  benIsBack: 6,
  benRunsOutAgain: 8,
} as const;

/** The same list with one item changed. */
function changed<T>(list: readonly T[], index: number, change: (item: T) => T): T[] {
  return list.map((item, i) => (i === index ? change(item) : item));
}

test('a sound run has nothing to be found, and its claims are those that its clients had', () => {
  const { findings, claims, excess } = check(factsOf({}));
  expect(findings).toEqual([]);
  expect(excess).toEqual([]);
  expect(claims).toBe(6);
  expect(claimsOf(REQUESTS)).toContainEqual({
    client: 'ann',
    licenseId: LICENSE,
    sessionId: ANN,
    beginMs: 1_001,
    endMs: 6_001,
  });
});

describe('seats beyond max', () => {
  test('are found where they overlap by a single millisecond', () => {
    const requests = changed(REQUESTS, REQUEST.annReleases[0], (one) => ({ ...one, sentMs: 6_002 }));
    expect(excessOf(claimsOf(requests), LICENSES)).toEqual([
      { licenseId: LICENSE, fromMs: 6_001, toMs: 6_002, seats: 1 },
    ]);
    expect(found({ requests })).toContain('BEYOND_MAX');
  });

  test('are found where a lease was extended that another client had got', () => {
    const beat = request({ op: 'heartbeat', sentMs: 5_990, status: 200, sessionId: ANN });
    const requests = [...without(REQUESTS, ...REQUEST.annReleases), beat];
    expect(found({ requests })).toContain('BEYOND_MAX');
  });

  test('are not made of the time between a lease and its revival, whether or not the answer says revived', () => {
    const meanwhile = request({
      op: 'acquire',
      sentMs: 12_100,
      status: 201,
      sessionId: 'dan',
      client: 'dan',
    });
    const gone = request({ op: 'release', sentMs: 13_501, status: 204, sessionId: 'dan', client: 'dan' });
    for (const revived of [true, false]) {
      const requests = changed(REQUESTS, REQUEST.benIsBack, (one) => ({ ...one, revived }));
      expect(excessOf(claimsOf([...requests, meanwhile, gone]), LICENSES)).toEqual([]);
    }
  });

  test('are counted by license, and with the most that were too many', () => {
    const requests = ['dan', 'eve'].map((client) =>
      request({ op: 'acquire', sentMs: 2_500, status: 201, sessionId: client, client }),
    );
    const elsewhere = REQUESTS.map((one) => ({
      ...one,
      licenseId: 'elsewhere',
      sessionId: `x ${one.sessionId}`,
    }));
    const [excess] = excessOf(claimsOf([...REQUESTS, ...requests, ...elsewhere]), LICENSES);
    expect(excess).toMatchObject({ fromMs: 2_501, seats: 2 });
  });
});

describe('a lease that the server did not keep', () => {
  test('is found where a beat within it is told that there is no such session', () => {
    const beat = request({ op: 'heartbeat', sentMs: 5_000, status: 404, sessionId: ANN });
    expect(found({ requests: [...REQUESTS, beat] })).toEqual(['CUT_SHORT']);
    const late = request({ op: 'heartbeat', sentMs: 12_500, status: 404, sessionId: BEN, client: 'ben' });
    expect(found({ requests: [...REQUESTS, late] })).toEqual([]);
  });

  test('is found where it is revived before its end', () => {
    const requests = changed(REQUESTS, REQUEST.annBeats, (one) => ({ ...one, revived: true }));
    expect(found({ requests })).toContain('CUT_SHORT');
  });

  test('is found where its holder is given another session', () => {
    const again = request({ op: 'acquire', sentMs: 5_000, status: 201, sessionId: newSessionId(LICENSE) });
    expect(found({ requests: [...REQUESTS, again] })).toContain('CUT_SHORT');
  });
});

test.each([
  ['acquire', 500],
  ['acquire', 401],
  ['heartbeat', 500],
  ['heartbeat', 409],
  ['release', 404],
] as const)('an answer that no fault explains is found: %s %d', (op, status) => {
  const strange = request({ op, sentMs: 9_000, status, client: 'dan' });
  expect(found({ requests: [...REQUESTS, strange] })).toEqual(['UNKNOWN_ANSWER']);
});

describe('seats when all is over', () => {
  test('that stay taken are found', () => {
    const requests = changed(REQUESTS, 10, ({ expiresAtMs, ttlMs, revived, sessionId, ...one }) => ({
      ...one,
      status: 409,
    }));
    expect(found({ requests })).toContain('SEAT_TAKEN');
    expect(found({ requests: without(REQUESTS, 9, 10, 11, 12, 13) })).toContain('SEAT_TAKEN');
  });

  test('of which there is one too many are found', () => {
    const one = { op: 'acquire', sentMs: 40_002, client: 'newest', phase: 'fresh' } as const;
    const requests = changed(REQUESTS, REQUEST.newest, () =>
      request({ ...one, status: 201, sessionId: newSessionId(LICENSE) }),
    );
    expect(found({ requests })).toContain('SEAT_TOO_MANY');
    expect(found({ requests: without(REQUESTS, REQUEST.newest) })).toContain('SEAT_TOO_MANY');
  });
});

describe('events of sessions', () => {
  test('a grant that the audit log does not know is found', () => {
    const told = TOLD.filter(([, sessionId]) => sessionId !== CAT);
    expect(found({ told })).toEqual(['NOT_TOLD']);
    expect(found({ told: without(TOLD, EVENT.annComes) })).toEqual(
      expect.arrayContaining(['UNEVEN', 'NOT_TOLD']),
    );
  });

  test('a revival that the audit log does not know, or at another moment, is found', () => {
    expect(found({ told: without(TOLD, EVENT.benIsBack, EVENT.benRunsOutAgain) })).toContain('NOT_TOLD');
    const told = changed(TOLD, EVENT.benIsBack, ([type, id]): Told => [type, id, 13_500]);
    expect(found({ told })).toContain('NOT_TOLD');
  });

  test('an end that is missing, or told twice, or of a session that never began, is found', () => {
    expect(found({ told: without(TOLD, EVENT.annReleases) })).toEqual(['UNEVEN', 'HISTORY_OPEN']);
    expect(found({ told: without(TOLD, EVENT.benRunsOut) })).toContain('UNEVEN');
    expect(found({ told: [...TOLD, ['session.expired', ANN, 14_001]] })).toContain('UNEVEN');
    expect(found({ told: [...TOLD, ['session.expired', newSessionId(LICENSE), 14_001]] })).toContain(
      'UNEVEN',
    );
  });

  test('a session that came back after it was released is found', () => {
    const told: Told[] = [...TOLD, ['session.revived', ANN, 7_000], ['session.expired', ANN, 17_000]];
    expect(found({ told })).toEqual(['UNEVEN']);
  });

  test('an end other than the one that its client knows is found', () => {
    const expired = changed(TOLD, EVENT.annReleases, ([, id]): Told => ['session.expired', id, 6_001]);
    expect(found({ told: expired })).toEqual(['WRONG_END']);
    const late = changed(TOLD, EVENT.annReleases, ([type, id]): Told => [type, id, 7_000]);
    expect(found({ told: late })).toEqual(['WRONG_END']);
    const early = changed(TOLD, EVENT.benRunsOutAgain, ([type, id]): Told => [type, id, 23_500]);
    expect(found({ told: early })).toEqual(['WRONG_END']);
    const released = changed(
      TOLD,
      EVENT.benRunsOutAgain,
      ([, id, atMs]): Told => ['session.released', id, atMs],
    );
    expect(found({ told: released })).toEqual(['WRONG_END']);
  });

  test('one fact under two ids is found, of a session and of a minute', () => {
    const twice = found({ told: [...TOLD, ['session.released', ANN, 6_001, { active: 1 }]] });
    expect(twice).toContain('TOLD_TWICE');
    expect(found({ told: [...TOLD, ['seat.denied', undefined, 0, { count: 2 }]] })).toEqual(['TOLD_TWICE']);
  });
});

describe('histories', () => {
  const { histories } = recordsOf(TOLD);
  const ofBen = histories.findIndex(({ sessionId }) => sessionId === BEN);

  test.each<[string, Partial<SessionHistory>]>([
    ['a beginning', { acquiredAtMs: 2_000 }],
    ['an end', { endedAtMs: 23_502 }],
    ['a reason', { endReason: 'released' }],
    ['a duration', { seatedMs: 20_001 }],
    ['a number of revivals', { revivals: 0 }],
  ])('with %s that is wrong are found', (_, change) => {
    expect(found({ histories: changed(histories, ofBen, (one) => ({ ...one, ...change })) })).toEqual([
      'HISTORY_WRONG',
    ]);
  });

  test('that are open, or missing, are found', () => {
    const open = changed(histories, ofBen, (one) => ({ ...one, isOpen: true }));
    expect(found({ histories: open })).toEqual(['HISTORY_OPEN']);
    expect(found({ histories: without(histories, ofBen) })).toEqual(['HISTORY_WRONG']);
  });
});

describe('when all is over', () => {
  const { audit, chains } = recordsOf(TOLD);
  const [whole] = chains;
  const head = whole?.head ?? emptyChain(TENANT);

  test('a chain with an event changed, or removed, is found broken', () => {
    const forged = changed(audit, 3, (one) => ({ ...one, recordedAtMs: one.recordedAtMs + 1 }));
    expect(found({ chains: [chainReport(forged, head)] })).toEqual(['CHAIN_BROKEN']);
    expect(found({ chains: [chainReport(without(audit, 3), head)] })).toEqual(['CHAIN_BROKEN']);
  });

  test('an event that is in no chain is found', () => {
    const open = changed(audit, 3, ({ link, ...one }) => ({ ...one, sealed: false }));
    expect(found({ audit: open })).toEqual(['NOT_SEALED']);
  });

  test('what waits in the outbox or the topic is found, and a sweep that never said', () => {
    expect(found({ pending: 1 })).toEqual(['NOT_DRAINED']);
    expect(found({ pending: null })).toEqual(['NOT_DRAINED']);
    expect(found({ unacknowledged: 1 })).toEqual(['NOT_DRAINED']);
  });
});

test('only what a lost second explains is forgiven, and only to a Redis that may lose one', () => {
  const told = [...without(TOLD, EVENT.annReleases), ['seat.denied', undefined, 0, { count: 2 }]] as Told[];
  const { findings } = check(factsOf({ told }));
  expect(judge(findings, false).breaches).toEqual(findings);
  const { breaches, holes } = judge(findings, true);
  expect(breaches.map(({ kind }) => kind)).toEqual(['HISTORY_OPEN', 'TOLD_TWICE']);
  expect(holes.map(({ kind }) => kind)).toEqual(['UNEVEN']);
});
