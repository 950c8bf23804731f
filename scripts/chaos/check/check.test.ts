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
const [ANN, BEN, CAT, FRESH, OTHER, SHARED] = Array.from({ length: 6 }, () => newSessionId(LICENSE));
const LICENSES = [{ licenseId: LICENSE, tenantId: TENANT, limit: 2 }];

/** A request whose response came two milliseconds after it was sent; by Redis' clock it was handled half-way. */
function request(some: Partial<Request> & Pick<Request, 'op' | 'sentMs' | 'status'>): Request {
  const confirms = some.status === 200 || some.status === 201;
  const { client = 'ann', status } = some;
  const code = status === 409 ? 'SEATS_EXHAUSTED' : status === 404 ? 'SESSION_NOT_FOUND' : undefined;
  return {
    client,
    machine: client,
    ...(code && { code }),
    licenseId: LICENSE,
    phase: 'chaos',
    endedMs: some.sentMs + 2,
    ...(confirms ? { expiresAtMs: some.sentMs + 1 + TTL_MS, ttlMs: TTL_MS, revived: false } : {}),
    ...some,
  };
}

/** The verifier's report on these events and this head, without reading records. */
function chainReport(events: readonly AuditEvent[], head: ChainHead): Facts['chains'][number] {
  const verifier = chainVerifier(head.tenantId);
  const problems = [...events.flatMap((one) => verifier.check(one)), ...verifier.finish(head)];
  return { tenantId: head.tenantId, sealed: events.length, unsealed: 0, head, problems };
}

type EventRow = readonly [type: EventType, sessionId: string | undefined, atMs: number, detail?: EventDetail];

/** The records after exactly these events. */
function recordsOf(rows: readonly EventRow[]): Pick<Facts, 'audit' | 'histories' | 'chains'> {
  const events = rows
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
 * Two seats, three clients. Ann sends one heartbeat and releases. Ben crashes, returns after his lease expired and
 * crashes again. Cat acquires Ann's seat in the millisecond in which it is freed. At the end both seats are free.
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
const EVENTS: readonly EventRow[] = [
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

function factsOf(
  change: { requests?: readonly Request[]; events?: readonly EventRow[] } & Partial<Facts>,
): Facts {
  const { requests = REQUESTS, events = EVENTS, ...rest } = change;
  return { licenses: LICENSES, requests, ...recordsOf(events), pending: 0, unacknowledged: 0, ...rest };
}

const kindsOf = (facts: Facts): string[] => check(facts).findings.map(({ kind }) => kind);
const found = (change: Parameters<typeof factsOf>[0]): string[] => kindsOf(factsOf(change));
const without = <T>(list: readonly T[], ...indexes: number[]): T[] =>
  list.filter((_, i) => !indexes.includes(i));
const REQUEST = { annBeats: 3, annReleases: [4, 6], catAcquires: 5, benRevives: 8, newest: 11 } as const;
const EVENT = {
  annAcquires: 1,
  annReleases: 3,
  catAcquires: 4,
  benExpires: 5,
  benRevives: 6,
  benExpiresAgain: 8,
} as const;

/** The same list with one item changed. */
function changed<T>(list: readonly T[], index: number, change: (item: T) => T): T[] {
  return list.map((item, i) => (i === index ? change(item) : item));
}

test('a sound run yields no findings, and the claims that its clients had', () => {
  const { findings, claims, excess } = check(factsOf({}));
  expect(findings).toEqual([]);
  expect(excess).toEqual([]);
  expect(claims).toBe(6);
  expect(claimsOf(REQUESTS)).toContainEqual({
    licenseId: LICENSE,
    holder: 'ann',
    sessionId: ANN,
    beginMs: 1_001,
    endMs: 6_001,
  });
});

describe('seats beyond max', () => {
  test('are found when claims overlap by a single millisecond', () => {
    const requests = changed(REQUESTS, REQUEST.annReleases[0], (one) => ({ ...one, sentMs: 6_002 }));
    expect(excessOf(claimsOf(requests), LICENSES)).toEqual([
      { licenseId: LICENSE, fromMs: 6_001, toMs: 6_002, seats: 1 },
    ]);
    expect(found({ requests })).toContain('BEYOND_MAX');
  });

  test('are found when a lease is extended after another client acquired the seat', () => {
    const beat = request({ op: 'heartbeat', sentMs: 5_990, status: 200, sessionId: ANN });
    const requests = [...without(REQUESTS, ...REQUEST.annReleases), beat];
    expect(found({ requests })).toContain('BEYOND_MAX');
  });

  test('do not include the time between a lease and its revival, whether or not the response says revived', () => {
    const meanwhile = request({
      op: 'acquire',
      sentMs: 12_100,
      status: 201,
      sessionId: 'dan',
      client: 'dan',
    });
    const released = request({ op: 'release', sentMs: 13_501, status: 204, sessionId: 'dan', client: 'dan' });
    for (const revived of [true, false]) {
      const requests = changed(REQUESTS, REQUEST.benRevives, (one) => ({ ...one, revived }));
      expect(excessOf(claimsOf([...requests, meanwhile, released]), LICENSES)).toEqual([]);
    }
  });

  test('do not include programs that share the seat of their machine', () => {
    const events: EventRow[] = [
      ...EVENTS,
      ['session.acquired', SHARED, 3_001],
      ['session.released', SHARED, 5_001],
    ];
    const shared = (machine: string) => [
      ...REQUESTS,
      request({ op: 'acquire', sentMs: 3_000, status: 200, sessionId: SHARED, client: 'second', machine }),
      request({ op: 'release', sentMs: 5_000, status: 204, sessionId: SHARED, client: 'second', machine }),
    ];
    expect(found({ requests: shared('ann'), events })).toEqual([]);
    expect(found({ requests: shared('second'), events })).toEqual(['BEYOND_MAX']);
  });

  test('are counted per license, with the largest excess', () => {
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
  test('is found when a heartbeat within it gets 404', () => {
    const beat = request({ op: 'heartbeat', sentMs: 5_000, status: 404, sessionId: ANN });
    expect(found({ requests: [...REQUESTS, beat] })).toEqual(['CUT_SHORT']);
    const late = request({ op: 'heartbeat', sentMs: 12_500, status: 404, sessionId: BEN, client: 'ben' });
    expect(found({ requests: [...REQUESTS, late] })).toEqual([]);
  });

  test('is found when it is revived before its end', () => {
    const requests = changed(REQUESTS, REQUEST.annBeats, (one) => ({ ...one, revived: true }));
    expect(found({ requests })).toContain('CUT_SHORT');
  });

  test('is found when its holder gets another seat', () => {
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
] as const)('a response that no fault explains is found: %s %d', (op, status) => {
  const strange = request({ op, sentMs: 9_000, status, client: 'dan' });
  expect(found({ requests: [...REQUESTS, strange] })).toEqual(['UNEXPECTED_RESPONSE']);
});

test.each([
  ['acquire', 409, 'SESSION_ENDED', 'released'],
  ['acquire', 409, 'SESSIONS_EXHAUSTED', undefined],
  ['heartbeat', 404, 'SESSION_NOT_FOUND', 'released'],
  ['heartbeat', 404, 'SESSION_NOT_FOUND', 'unknown'],
  ['heartbeat', 404, 'LICENSE_NOT_FOUND', undefined],
] as const)('a refusal that no fault explains is found: %s %d %s %s', (op, status, code, ended) => {
  const refused = request({ op, sentMs: 9_000, status, client: 'dan', code, ...(ended && { ended }) });
  expect(found({ requests: [...REQUESTS, refused] })).toEqual(['UNEXPECTED_RESPONSE']);
});

describe('a seat at the end of a run', () => {
  test('is found if it is not free', () => {
    const requests = changed(REQUESTS, 10, ({ expiresAtMs, ttlMs, revived, sessionId, ...one }) => ({
      ...one,
      status: 409,
    }));
    expect(found({ requests })).toContain('SEAT_TAKEN');
    expect(found({ requests: without(REQUESTS, 9, 10, 11, 12, 13) })).toContain('SEAT_TAKEN');
  });

  test('is found if it is granted beyond the limit', () => {
    const one = { op: 'acquire', sentMs: 40_002, client: 'newest', phase: 'fresh' } as const;
    const requests = changed(REQUESTS, REQUEST.newest, () =>
      request({ ...one, status: 201, sessionId: newSessionId(LICENSE) }),
    );
    expect(found({ requests })).toContain('SEAT_TOO_MANY');
    expect(found({ requests: without(REQUESTS, REQUEST.newest) })).toContain('SEAT_TOO_MANY');
  });
});

describe('events of sessions', () => {
  test('a grant without an event in the audit log is found', () => {
    const events = EVENTS.filter(([, sessionId]) => sessionId !== CAT);
    expect(found({ events })).toEqual(['EVENT_MISSING']);
    expect(found({ events: without(EVENTS, EVENT.annAcquires) })).toEqual(
      expect.arrayContaining(['EVENTS_UNPAIRED', 'EVENT_MISSING']),
    );
  });

  test('an acquired session that is not open by its events is found, also without a new seat', () => {
    const joined = (sentMs: number, sessionId = ANN) =>
      request({ op: 'acquire', sentMs, status: 200, sessionId });
    expect(found({ requests: [...REQUESTS, joined(3_000)] })).toEqual([]);
    const released = request({ op: 'release', sentMs: 5_000, status: 204, sessionId: SHARED });
    expect(found({ requests: [...REQUESTS, joined(3_000, SHARED), released] })).toEqual(['EVENT_MISSING']);
    const afterEnd = request({ op: 'acquire', sentMs: 24_000, status: 200, sessionId: BEN, client: 'ben' });
    expect(found({ requests: [...REQUESTS, afterEnd] })).toContain('EVENT_MISSING');
  });

  test('a session that expired and was acquired anew has a revival', () => {
    const requests = changed(REQUESTS, REQUEST.benRevives, ({ sentMs, revived, ...one }) => ({
      ...one,
      sentMs,
      op: 'acquire' as const,
      status: 201,
    }));
    expect(found({ requests })).toEqual([]);
  });

  test('a revival without an event, or with one at another time, is found', () => {
    expect(found({ events: without(EVENTS, EVENT.benRevives, EVENT.benExpiresAgain) })).toContain(
      'EVENT_MISSING',
    );
    const events = changed(EVENTS, EVENT.benRevives, ([type, id]): EventRow => [type, id, 13_500]);
    expect(found({ events })).toContain('EVENT_MISSING');
  });

  test('an end that is missing, duplicated, or of a session that never began is found', () => {
    expect(found({ events: without(EVENTS, EVENT.annReleases) })).toEqual([
      'EVENTS_UNPAIRED',
      'HISTORY_OPEN',
    ]);
    expect(found({ events: without(EVENTS, EVENT.benExpires) })).toContain('EVENTS_UNPAIRED');
    expect(found({ events: [...EVENTS, ['session.expired', ANN, 14_001]] })).toContain('EVENTS_UNPAIRED');
    expect(found({ events: [...EVENTS, ['session.expired', newSessionId(LICENSE), 14_001]] })).toContain(
      'EVENTS_UNPAIRED',
    );
  });

  test('a session that is revived after its release is found', () => {
    const events: EventRow[] = [...EVENTS, ['session.revived', ANN, 7_000], ['session.expired', ANN, 17_000]];
    expect(found({ events })).toEqual(['EVENTS_UNPAIRED']);
  });

  test('an end that contradicts the client is found', () => {
    const expired = changed(EVENTS, EVENT.annReleases, ([, id]): EventRow => ['session.expired', id, 6_001]);
    expect(found({ events: expired })).toEqual(['WRONG_END']);
    const late = changed(EVENTS, EVENT.annReleases, ([type, id]): EventRow => [type, id, 7_000]);
    expect(found({ events: late })).toEqual(['WRONG_END']);
    const early = changed(EVENTS, EVENT.benExpiresAgain, ([type, id]): EventRow => [type, id, 23_500]);
    expect(found({ events: early })).toEqual(['WRONG_END']);
    const released = changed(
      EVENTS,
      EVENT.benExpiresAgain,
      ([, id, atMs]): EventRow => ['session.released', id, atMs],
    );
    expect(found({ events: released })).toEqual(['WRONG_END']);
  });

  test('one event with two ids is found, of a session and of a minute', () => {
    const twice = found({ events: [...EVENTS, ['session.released', ANN, 6_001, { active: 1 }]] });
    expect(twice).toContain('EVENT_DUPLICATED');
    expect(found({ events: [...EVENTS, ['seat.denied', undefined, 0, { count: 2 }]] })).toEqual([
      'EVENT_DUPLICATED',
    ]);
  });
});

describe('histories', () => {
  const { histories } = recordsOf(EVENTS);
  const ofBen = histories.findIndex(({ sessionId }) => sessionId === BEN);

  test.each<[string, Partial<SessionHistory>]>([
    ['beginning', { acquiredAtMs: 2_000 }],
    ['end', { endedAtMs: 23_502 }],
    ['reason', { endReason: 'released' }],
    ['duration', { seatedMs: 20_001 }],
    ['number of revivals', { revivals: 0 }],
  ])('with a wrong %s are found', (_, change) => {
    expect(found({ histories: changed(histories, ofBen, (one) => ({ ...one, ...change })) })).toEqual([
      'HISTORY_WRONG',
    ]);
  });

  test('that are open or missing are found', () => {
    const open = changed(histories, ofBen, (one) => ({ ...one, isOpen: true }));
    expect(found({ histories: open })).toEqual(['HISTORY_OPEN']);
    expect(found({ histories: without(histories, ofBen) })).toEqual(['HISTORY_WRONG']);
  });
});

describe('at the end of a run', () => {
  const { audit, chains } = recordsOf(EVENTS);
  const [whole] = chains;
  const head = whole?.head ?? emptyChain(TENANT);

  test('a chain with a changed or removed event is found', () => {
    const forged = changed(audit, 3, (one) => ({ ...one, recordedAtMs: one.recordedAtMs + 1 }));
    expect(found({ chains: [chainReport(forged, head)] })).toEqual(['CHAIN_BROKEN']);
    expect(found({ chains: [chainReport(without(audit, 3), head)] })).toEqual(['CHAIN_BROKEN']);
  });

  test('an unsealed event is found', () => {
    const open = changed(audit, 3, ({ link, ...one }) => ({ ...one, sealed: false }));
    expect(found({ audit: open })).toEqual(['NOT_SEALED']);
  });

  test('events left in the outbox or the topic are found, and an outbox of unknown size', () => {
    expect(found({ pending: 1 })).toEqual(['NOT_DRAINED']);
    expect(found({ pending: null })).toEqual(['NOT_DRAINED']);
    expect(found({ unacknowledged: 1 })).toEqual(['NOT_DRAINED']);
  });
});

test('tolerates only findings that a lost second explains, and only if Redis may lose one', () => {
  const events = [
    ...without(EVENTS, EVENT.annReleases),
    ['seat.denied', undefined, 0, { count: 2 }],
  ] as EventRow[];
  const { findings } = check(factsOf({ events }));
  expect(judge(findings, false).breaches).toEqual(findings);
  const { breaches, holes } = judge(findings, true);
  expect(breaches.map(({ kind }) => kind)).toEqual(['HISTORY_OPEN', 'EVENT_DUPLICATED']);
  expect(holes.map(({ kind }) => kind)).toEqual(['EVENTS_UNPAIRED']);
});
