import { describe, expect, test } from 'vitest';
import { readGrant, readHeartbeat, readProblem, readRetryAfter } from './parse-answers.ts';
import { CannedServer, problem, SESSION } from './testing/canned.ts';
import { TestClock } from './testing/clock.ts';

const clock = new TestClock();
const server = new CannedServer(clock);
const at = (seconds: number): string => new Date(server.nowMs() + seconds * 1000).toISOString();
const grantWith = (more: object) => readGrant(JSON.stringify(server.grant({ ...more })));
const beatWith = (more: object) =>
  readHeartbeat(JSON.stringify(server.heartbeatAnswer({ ...more })), SESSION);

/** Of a license that ends with the lease. */
const leaseOf = (ttl: number) => ({ ttl, expires_at: at(ttl), next_heartbeat_due: at(ttl) });

describe('a grant', () => {
  test('has the lease, the server’s time, and no right to start offline unless it says so', () => {
    expect(grantWith({})).toMatchObject({
      sessionId: SESSION,
      ttlSeconds: 360,
      heartbeatSeconds: 300,
      serverMs: server.nowMs(),
      startDays: 0,
      borrowedUntil: undefined,
    });
    expect(grantWith({ offline_start_days: 3 })).toMatchObject({ startDays: 3 });
  });

  test.each<[string, object]>([
    ['a lease of more than 90 days', leaseOf(90 * 86_400 + 1)],
    ['a lease below zero', { ttl: -1 }],
    ['a heartbeat due after the lease', { next_heartbeat_due: at(361), heartbeat_interval: 361 }],
    ['a heartbeat due before now', { next_heartbeat_due: at(-3) }],
    ['an interval that its times contradict', { heartbeat_interval: 200 }],
    ['a time that is no timestamp', { expires_at: 'soon' }],
    ['no session', { session_id: '' }],
    ['no token', { session_token: undefined }],
    ['a loan until no time', { borrowed_until: 'tomorrow' }],
  ])('is refused with %s', (_, more) => {
    expect(grantWith(more)).toBeUndefined();
  });

  test('has a lease shorter than the interval if its license ends before', () => {
    expect(grantWith(leaseOf(60))).toMatchObject({ heartbeatSeconds: 60 });
    expect(grantWith(leaseOf(90 * 86_400))).toMatchObject({ ttlSeconds: 90 * 86_400 });
  });
});

describe('the answer to a heartbeat', () => {
  test('has the lease, and says whether the session was revived', () => {
    expect(beatWith({})).toMatchObject({ ttlSeconds: 360, revived: false, serverMs: server.nowMs() });
    expect(beatWith({ revived: true })).toMatchObject({ revived: true });
    // The server rounds its times: the heartbeat is due at once, not before the answer.
    expect(beatWith({ next_heartbeat_due: at(-1) })).toMatchObject({ heartbeatSeconds: 0 });
  });

  test('is none if it is for another session, or of another kind', () => {
    expect(beatWith({ session_id: 'ses_other' })).toBeUndefined();
    expect(beatWith({ status: 'ok' })).toBeUndefined();
  });
});

describe('a problem', () => {
  const read = ({ status, body, headers }: ReturnType<typeof problem>, more: object = {}) =>
    readProblem({
      status,
      body: JSON.stringify({ ...(body as object), ...more }),
      header: (name) => headers?.[name],
    });

  test('has code, status and what it says beside them', () => {
    const members = { retry_after: 7, ended: 'expired' };
    expect(read(problem(404, 'SESSION_NOT_FOUND', members))).toMatchObject({
      code: 'SESSION_NOT_FOUND',
      status: 404,
      retryAfterSeconds: 7,
      requestId: 'req_1',
      members: { ended: 'expired' },
    });
    const headers = { 'retry-after': '12' };
    expect(read({ ...problem(429, 'RATE_LIMITED'), headers })).toMatchObject({ retryAfterSeconds: 12 });
  });

  test.each<[string, object]>([
    ['whose type is another problem’s', { type: 'urn:seatlease:problem:internal' }],
    ['whose type is another server’s', { type: 'about:blank' }],
    ['whose status is another than that of the answer', { status: 200 }],
    ['without a code', { code: undefined }],
  ])('is none of ours %s', (_, more) => {
    expect(read(problem(404, 'SESSION_NOT_FOUND'), more)).toBeUndefined();
  });
});

test.each([
  ['12', 12],
  ['0', 0],
  [undefined, undefined],
  ['', undefined],
  ['soon', undefined],
  ['1.5', undefined],
  ['-1', undefined],
  ['12 seconds', undefined],
  ['99999999999', undefined],
  ['Sun, 29 Nov 2026 12:00:00 GMT', undefined],
])('Retry-After "%s" asks for %s seconds', (text, seconds) => {
  expect(readRetryAfter(text)).toBe(seconds);
});
