import { describe, expect, test } from 'vitest';
import type { EventType } from '../../shared/domain/event.ts';
import { newSessionId } from '../../shared/domain/ids.ts';
import { event, LICENSE } from '../../shared/testing/seats/events.ts';
import type { Sample } from './client.ts';
import { judge, type Play, type ServerLog } from './judge.ts';
import type { Fields, Operation, Seen } from './network.ts';

const SESSION = newSessionId(LICENSE);
const KEY = 'slk_03_tenant_secretsecretsecret';
const INSTANCE = '6f1c1a3e-0000-4000-8000-000000000001';
const ANOTHER = '6f1c1a3e-0000-4000-8000-000000000002';
const TTL_MS = 10_000;

const PATHS: Readonly<Record<string, readonly [string, string]>> = {
  acquire: ['POST', '/api/v1/licenses/acquire'],
  heartbeat: ['PUT', '/api/v1/licenses/heartbeat'],
  release: ['POST', '/api/v1/licenses/release'],
};

/** A request at `atMs`, which is answered by `told`; without an answer it is lost. */
function sends(
  operation: Operation,
  atMs: number,
  told?: { status: number; body?: Fields },
  body: Fields = {},
): Seen {
  const [method = '', path = ''] = PATHS[operation] ?? [];
  const usual: Fields =
    operation === 'acquire'
      ? { fingerprint: 'ann', instance_id: INSTANCE }
      : { session_id: SESSION, session_token: `st1.${operation === 'heartbeat' ? 'newest' : ''}` };
  const answer = told && { atMs: atMs + 5, status: told.status, body: told.body };
  return {
    ...{ operation, method, path, atMs, fate: 'passes' },
    headers: { authorization: `License ${KEY}`, 'content-type': 'application/json' },
    body: { ...usual, ...body },
    ...(answer && { reached: answer, told: { ...answer, isGood: true } }),
  };
}

const grant = (atMs: number) => ({
  status: 200,
  body: {
    session_id: SESSION,
    session_token: 'st1.newest',
    expires_at: new Date(atMs + TTL_MS).toISOString(),
  },
});
const problem = (status: number, code: string, members: Fields = {}) => ({
  status,
  body: { code, ...members },
});
const says = (atMs: number, state: string, holdsLease: boolean): Sample => {
  const mayRun = state === 'online' || state === 'offline';
  return { askedMs: atMs, atMs, state, mayRun, holdsLease, reply: {} };
};
const records = (type: EventType, atMs: number) => event({ type, sessionId: SESSION, atMs });

/** Acquires at 1 s, beats at 4 s and 7 s, and is killed: its lease ends at 17 s. */
const SOUND: Play = {
  name: 'client 1',
  fingerprint: 'ann',
  licenseKey: KEY,
  ttlMs: TTL_MS,
  heartbeatMs: 3_000,
  canHaveGrace: false,
  acquires: [900],
  releases: [],
  disturbances: [{ fromMs: 900, toMs: 1_500 }],
  printed: '{"re":"acquire","ok":true}',
  seen: [
    sends('acquire', 1_000, grant(1_000)),
    sends('heartbeat', 4_000, grant(4_000)),
    sends('heartbeat', 7_000, grant(7_000)),
  ],
  samples: [
    says(950, 'none', false),
    says(2_000, 'online', true),
    says(16_900, 'online', true),
    says(17_100, 'expired', false),
  ],
  events: [],
};
const SERVER: ServerLog = {
  licenseId: LICENSE,
  max: 1,
  events: [records('session.acquired', 1_000), records('session.expired', 17_000)],
  moves: [{ atMs: 0, aheadMs: 0 }],
};

const rulesBroken = (change: Partial<Play>, server: Partial<ServerLog> = {}): string[] => [
  ...new Set(judge([{ ...SOUND, ...change }], { ...SERVER, ...server }).map(({ rule }) => rule)),
];
const withSeen = (...more: readonly Seen[]): Partial<Play> => ({ seen: [...SOUND.seen, ...more] });
const withSample = (...more: readonly Sample[]): Partial<Play> => ({ samples: [...SOUND.samples, ...more] });

test('finds nothing in a client that follows the protocol', () => {
  expect(rulesBroken({})).toEqual([]);
});

describe('finds a client that', () => {
  test('claims a lease that has ended, or that it never had', () => {
    expect(rulesBroken(withSample(says(17_400, 'online', true)))).toEqual(['no false belief']);
    expect(rulesBroken({ seen: [], samples: [says(2_000, 'online', true)] }, { events: [] })).toContain(
      'no false belief',
    );
  });

  test('claims a lease after the clock of the server has moved on', () => {
    const moves = [
      { atMs: 0, aheadMs: 0 },
      { atMs: 8_000, aheadMs: 3_600_000 },
    ];
    const samples = [says(2_000, 'online', true), says(8_100, 'online', true)];
    expect(rulesBroken({ samples }, { moves })).toContain('no false belief');
  });

  test('runs without a lease and without a grace', () => {
    const offline = says(18_000, 'offline', false);
    expect(rulesBroken(withSample(offline))).toEqual(['may_run only with lease or grace']);
    expect(rulesBroken({ ...withSample(offline), canHaveGrace: true })).toEqual([]);
  });

  test('runs on its grace after the server has said that it has no right to a seat', () => {
    const suspended = sends('heartbeat', 10_000, problem(403, 'LICENSE_SUSPENDED'));
    const silence = sends('heartbeat', 15_000);
    const change = { ...withSample(says(18_000, 'offline', false)), ...withSeen(suspended, silence) };
    expect(rulesBroken({ ...change, canHaveGrace: true })).toEqual(['may_run only with lease or grace']);
  });

  test('says states that do not agree', () => {
    for (const wrong of [
      { ...says(2_100, 'online', true), mayRun: false },
      { ...says(2_100, 'expired', false), mayRun: true },
      { ...says(2_100, 'fine', true), mayRun: true },
    ])
      expect(rulesBroken(withSample(wrong))).toContain('state, may_run and holds_lease agree');
  });

  test('is lost although the server did not refuse it and fewer than three tries failed', () => {
    const lost = [{ atMs: 13_000, event: 'lost', code: 'expired' }];
    const failed = (...times: readonly number[]): Partial<Play> =>
      withSeen(...times.map((ms) => sends('heartbeat', ms)));
    expect(rulesBroken({ events: lost, ...failed(10_000, 11_000) })).toEqual(['lost only for a reason']);
    expect(rulesBroken({ events: lost, ...failed(10_000, 11_000, 12_000) })).toEqual([]);
    const refused = withSeen(sends('heartbeat', 10_000, problem(401, 'CREDENTIALS_INVALID')));
    expect(rulesBroken({ events: lost, ...refused })).toEqual([]);
  });

  test('sends a wrong credential, fingerprint, session, token or content type', () => {
    const beat = sends('heartbeat', 10_000, grant(10_000));
    const acquire = sends('acquire', 10_000, grant(10_000));
    for (const wrong of [
      { ...beat, headers: { ...beat.headers, authorization: `Bearer ${KEY}` } },
      { ...beat, headers: { ...beat.headers, 'content-type': 'text/plain' } },
      { ...beat, headers: { ...beat.headers, cookie: 'a=b' } },
      { ...beat, body: { ...beat.body, session_id: newSessionId(LICENSE) } },
      { ...beat, body: { ...beat.body, session_token: 'st1.older' } },
      { ...acquire, body: { ...acquire.body, fingerprint: 'ben' } },
      { ...beat, operation: 'other' as const, method: 'POST' },
    ])
      expect(rulesBroken(withSeen(wrong))).toContain('requests are right');
  });

  test('takes another instance while it asks, an old one later, or none', () => {
    const again = (instance: unknown, atMs: number): Seen =>
      sends('acquire', atMs, grant(atMs), { instance_id: instance });
    expect(rulesBroken(withSeen(again(ANOTHER, 10_000)))).toEqual(['one instance a holding']);
    expect(rulesBroken(withSeen(again(undefined, 10_000)))).toEqual(['one instance a holding']);
    expect(rulesBroken(withSeen(again(INSTANCE, 10_000)))).toEqual([]);
    const later = { acquires: [900, 9_900], disturbances: [{ fromMs: 9_900, toMs: 10_500 }] };
    expect(rulesBroken({ ...withSeen(again(ANOTHER, 10_000)), ...later })).toEqual([]);
    expect(rulesBroken({ ...withSeen(again(ANOTHER, 10_000), again(INSTANCE, 10_100)), ...later })).toEqual([
      'one instance a holding',
    ]);
  });

  test('keeps its instance in a new holding', () => {
    const again = sends('acquire', 10_000, grant(10_000));
    expect(rulesBroken({ ...withSeen(again), acquires: [900, 9_900] })).toEqual(['one instance a holding']);
  });

  test('beats early', () => {
    expect(rulesBroken(withSeen(sends('heartbeat', 9_000, grant(9_000))))).toEqual(['beats are not early']);
    const blocked = { disturbances: [{ fromMs: 6_000, toMs: 8_500 }] };
    expect(rulesBroken({ ...withSeen(sends('heartbeat', 9_000, grant(9_000))), ...blocked })).toEqual([]);
    expect(rulesBroken(withSeen(sends('heartbeat', 9_800, grant(9_800))))).toEqual([]);
    // Sent at 10 s, but 800 ms under way.
    const late = sends('heartbeat', 10_800, grant(10_800));
    expect(rulesBroken(withSeen(late, sends('heartbeat', 13_000, grant(13_000))))).toEqual([]);
    expect(rulesBroken(withSeen(late, sends('heartbeat', 12_000, grant(12_000))))).toEqual([
      'beats are not early',
    ]);
  });

  test('hammers', () => {
    const tries = (count: number, everyMs: number): Partial<Play> =>
      withSeen(...Array.from({ length: count }, (_, i) => sends('heartbeat', 10_000 + i * everyMs)));
    expect(rulesBroken(tries(7, 100))).toEqual(['no hammering']);
    expect(rulesBroken(tries(20, 600))).toEqual(['no hammering']);
    expect(rulesBroken(tries(7, 900))).toEqual([]);
  });

  test('uses or extends a seat that it has released', () => {
    const released = { releases: [8_000] };
    const silent = SOUND.samples.slice(0, 2);
    expect(rulesBroken({ ...released, samples: silent })).toEqual([]);
    const beat = withSeen(sends('heartbeat', 10_000, grant(10_000)));
    expect(rulesBroken({ ...released, samples: silent, ...beat })).toEqual(['a released seat is not used']);
    const samples = [...silent, says(9_000, 'online', true)];
    expect(rulesBroken({ ...released, samples })).toEqual(['a released seat is not used']);
  });

  test('puts its credential into an address, or prints it', () => {
    expect(rulesBroken({ printed: `trying ${KEY}` })).toEqual(['credentials stay secret']);
    expect(rulesBroken({ printed: 'token st1.eyJzZXNzaW9uSWQiOiJzZXNfMDNf' })).toEqual([
      'credentials stay secret',
    ]);
    const leak = {
      ...sends('heartbeat', 10_000, grant(10_000)),
      path: `/api/v1/licenses/heartbeat?key=${KEY}`,
    };
    expect(rulesBroken(withSeen(leak))).toContain('credentials stay secret');
  });
});

test('excuses an evicted program until its next heartbeat is refused', () => {
  const events = [records('session.acquired', 1_000), records('session.evicted', 8_000)];
  const refused = sends('heartbeat', 10_000, problem(404, 'SESSION_NOT_FOUND', { ended: 'evicted' }));
  const seen = withSeen(refused);
  const before = [says(2_000, 'online', true), says(9_900, 'online', true)];
  expect(rulesBroken({ ...seen, samples: before }, { events })).not.toContain('no false belief');
  const after = [...before, says(11_000, 'online', true)];
  expect(rulesBroken({ ...seen, samples: after }, { events })).toContain('no false belief');
});
