import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { eventOf, type SeatEvent } from '../../shared/domain/event.ts';
import { messageOf, type PushEnvelope } from '../../shared/domain/event-message.ts';
import { newLicenseId, newSessionId, newTenantId } from '../../shared/domain/ids.ts';
import { usageHourId } from '../../shared/domain/usage.ts';
import { Unavailable } from '../../shared/errors.ts';
import { USAGE_HOURS } from '../../shared/ports/collections.ts';
import { BY } from '../../shared/testing/by.ts';
import { auditOf, historiesOf } from '../../shared/testing/read-records.ts';
import { permutationsOf } from '../../shared/testing/seats/events.ts';
import {
  type CallOptions,
  OPERATOR_KEY,
  openTestSuite,
  type Reply,
  type TestSuite,
} from '../testing/suite.ts';

const START_MS = Date.UTC(2026, 10, 25, 9, 59);
const MINUTE_MS = 60_000;

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

let tenantId: string;
let licenseId: string;
let sessionId: string;
let life: SeatEvent[];
let lastMessage = 0;
beforeEach(() => {
  tenantId = newTenantId(16);
  licenseId = newLicenseId(tenantId);
  sessionId = newSessionId(licenseId);
  const sessionEvent = (
    type: SeatEvent['type'],
    minute: number,
    seat: 'taken' | 'freed',
    active: number,
  ): SeatEvent =>
    eventOf({
      type,
      tenantId,
      licenseId,
      sessionId,
      atMs: START_MS + minute * MINUTE_MS,
      position: `${START_MS + minute * MINUTE_MS}-0`,
      ...BY,
      detail: { holder: 'a-holder', acquiredAtMs: START_MS, seat, active, max: 9 },
    });
  life = [
    sessionEvent('session.acquired', 0, 'taken', 5),
    sessionEvent('session.expired', 6, 'freed', 4),
    sessionEvent('session.revived', 10, 'taken', 3),
    sessionEvent('session.released', 20, 'freed', 5),
  ];
});

function envelope(data: string | SeatEvent, attempt?: number): PushEnvelope {
  lastMessage += 1;
  return {
    message: {
      data: typeof data === 'string' ? data : messageOf(data).data.toString('base64'),
      messageId: `message-${lastMessage}`,
    },
    subscription: 'projects/p/subscriptions/s',
    ...(attempt === undefined ? {} : { deliveryAttempt: attempt }),
  };
}

function push(
  body: unknown,
  authorization = `Bearer ${suite.serviceToken('pubsub')}`,
  door: CallOptions['door'] = 'internal',
): Promise<Reply> {
  return suite.call('POST', '/internal/events', { body, authorization, door });
}

async function recorded() {
  const { records } = suite.deps;
  const [history] = await historiesOf(records, licenseId);
  return {
    types: (await auditOf(records, licenseId)).map(({ type }) => type),
    history,
    nine: await records.get(USAGE_HOURS, usageHourId(licenseId, START_MS)),
    ten: await records.get(USAGE_HOURS, usageHourId(licenseId, START_MS + MINUTE_MS)),
  };
}

const WHOLE_LIFE = {
  types: ['session.acquired', 'session.expired', 'session.revived', 'session.released'],
  history: {
    holder: 'a-holder',
    acquiredAtMs: START_MS,
    endedAtMs: START_MS + 20 * MINUTE_MS,
    endReason: 'released',
    seatedMs: 16 * MINUTE_MS,
    revivals: 1,
    isOpen: false,
  },
  nine: { peak: 5, denials: 0, closing: { active: 5 } },
  ten: { peak: 6, denials: 0, closing: { active: 5 } },
};

test('records an event with its session history and its hour of usage', async () => {
  for (const event of life) expect((await push(envelope(event))).status).toBe(204);
  expect(await recorded()).toMatchObject(WHOLE_LIFE);
});

test('builds the same history of a session from events in any order, each delivered twice', async () => {
  for (const order of permutationsOf([0, 1, 2, 3])) {
    const before = { tenantId, licenseId, sessionId };
    const renamed = newLicenseId(tenantId);
    const session = newSessionId(renamed);
    [licenseId, sessionId] = [renamed, session];
    const events = life.map(({ eventId: _, ...fields }) => eventOf({ ...fields, licenseId, sessionId }));
    for (const n of [...order, ...order]) {
      const event = events[n];
      if (event) expect((await push(envelope(event))).status).toBe(204);
    }
    expect(await recorded(), order.join()).toMatchObject(WHOLE_LIFE);
    ({ tenantId, licenseId, sessionId } = before);
  }
});

test('records an event once when it is delivered eight times concurrently', async () => {
  const denied = eventOf({
    type: 'seat.denied',
    tenantId,
    licenseId,
    sessionId: null,
    atMs: START_MS,
    position: `${START_MS}-1`,
    ...BY,
    detail: { count: 7, max: 9 },
  });
  const replies = await Promise.all(Array.from({ length: 8 }, () => push(envelope(denied))));
  expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(204));
  expect(await recorded()).toMatchObject({
    types: ['seat.denied'],
    nine: { denials: 7, peak: 0, closing: null },
  });
});

describe('a caller other than Pub/Sub, if Cloud Run did not refuse it,', () => {
  test.each([
    ['no token', () => '', 401],
    ['no valid token', () => 'Bearer let-me-in', 401],
    [
      'a token for another audience',
      () => `Bearer ${suite.serviceToken('pubsub', { aud: 'elsewhere' })}`,
      401,
    ],
    ['the token of Cloud Scheduler', () => `Bearer ${suite.serviceToken('scheduler')}`, 403],
    ['the token of another account', () => `Bearer ${suite.serviceToken('eve@seatlease.local')}`, 403],
  ])('with %s is refused, and nothing is recorded', async (_, authorizationOf, status) => {
    const [event] = life;
    if (!event) throw new Error('no event');
    const reply = await push(envelope(event), authorizationOf(), 'unguarded');
    expect(reply.status).toBe(status);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    expect(await recorded()).toMatchObject({ types: [], history: undefined, nine: undefined });
  });

  test('is refused even with the operator key', async () => {
    const reply = await push(envelope(''), `Operator ${OPERATOR_KEY}`, 'unguarded');
    expect([reply.status, reply.body.code]).toEqual([403, 'FORBIDDEN']);
  });
});

describe('a message without a valid event', () => {
  const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');

  test.each([
    ['empty', ''],
    ['not JSON', Buffer.from('{"type":').toString('base64')],
    ['another JSON object', base64({ hello: 'world' })],
    ['an event of an unknown type', base64({ type: 'session.cloned' })],
  ])('(%s) is refused, so that Pub/Sub dead-letters it', async (_, data) => {
    const reply = await push(envelope(data));
    expect([reply.status, reply.body.code]).toEqual([400, 'EVENT_INVALID']);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
  });

  test('is logged once, with the reason and without its content', async () => {
    const poison = envelope(base64({ type: 'session.acquired', holder: 'secret-name' }));
    const from = suite.logged.length;
    for (let n = 0; n < 5; n += 1) await push(poison);
    const lines = suite.logged.slice(from);
    expect(lines.map(({ severity }) => severity)).toEqual(['ERROR', 'INFO', 'INFO', 'INFO', 'INFO']);
    expect(lines.filter(({ because }) => because !== undefined)).toHaveLength(1);
    expect(lines[0]).toMatchObject({ message_id: poison.message.messageId, code: 'EVENT_INVALID' });
    expect(JSON.stringify(lines)).not.toContain('secret-name');
  });

  test('is logged once also if Pub/Sub counts deliveries to different instances', async () => {
    const from = suite.logged.length;
    for (const attempt of [1, 2, 3]) await push(envelope('', attempt));
    const lines = suite.logged.slice(from).filter(({ because }) => because !== undefined);
    expect(lines).toHaveLength(1);
  });

  test('does not delay events of other licenses', async () => {
    const poisoned = { ...envelope('').message, attributes: { license_id: licenseId } };
    expect((await push({ message: poisoned, subscription: 's' })).status).toBe(400);
    for (const event of life) expect((await push(envelope(event))).status).toBe(204);
    expect(await recorded()).toMatchObject(WHOLE_LIFE);
  });
});

test('acknowledges nothing while the records are unavailable, and records redelivered events once', async () => {
  const transact = vi.spyOn(suite.deps.records, 'transact').mockImplementation(async () => {
    throw new Unavailable('records', 'unavailable in this test');
  });
  const [event] = life;
  if (!event) throw new Error('no event');
  const reply = await push(envelope(event));
  expect([reply.status, reply.body.code]).toEqual([503, 'RECORDS_UNAVAILABLE']);
  transact.mockRestore();
  for (const each of [...life, ...life]) await push(envelope(each));
  expect(await recorded()).toMatchObject(WHOLE_LIFE);
});
