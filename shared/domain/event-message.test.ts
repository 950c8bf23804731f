import fc from 'fast-check';
import { expect, test } from 'vitest';
import { event, eventFields, LICENSE, SESSION, TENANT } from '../testing/seats/events.ts';
import { eventOf } from './event.ts';
import { EventJson, eventToJson, messageOf, PushEnvelope, readMessage } from './event-message.ts';
import { unknownFieldsOf } from './unknown-fields.ts';

const SEED = { seed: 20261125, numRuns: 500 };

const encode = (json: unknown): string => Buffer.from(JSON.stringify(json) ?? '').toString('base64');

test('sends an event as one flat object with RFC 3339 times', () => {
  const original = event({
    type: 'session.expired',
    atMs: Date.parse('2030-01-01T00:06:00Z'),
    position: '1893456360000-7',
    detail: {
      holder: 'h',
      acquiredAtMs: Date.parse('2030-01-01T00:00:00Z'),
      seat: 'freed',
      active: 4,
      max: 5,
      reason: 'lease_ran_out',
    },
  });
  expect(eventToJson(original)).toEqual({
    event_id: original.eventId,
    type: 'session.expired',
    tenant_id: TENANT,
    license_id: LICENSE,
    session_id: SESSION,
    at: '2030-01-01T00:06:00.000Z',
    position: '1893456360000-7',
    actor: { type: 'license', id: LICENSE },
    holder: 'h',
    acquired_at: '2030-01-01T00:00:00.000Z',
    seat: 'freed',
    active: 4,
    max: 5,
    reason: 'lease_ran_out',
  });
});

test('leaves unknown values out of the message', () => {
  const json = eventToJson(event({ type: 'license.created', detail: { version: 1, holder: undefined } }));
  expect(Object.keys(JSON.parse(JSON.stringify(json)))).toEqual([
    'event_id',
    'type',
    'tenant_id',
    'license_id',
    'session_id',
    'at',
    'position',
    'actor',
    'version',
  ]);
});

test('reads back the same event that was sent', () => {
  fc.assert(
    fc.property(eventFields, (original) => {
      const sent = eventOf(original);
      const { data, attributes } = messageOf(sent);
      expect(readMessage(data.toString('base64'))).toEqual({ event: sent });
      const { v, ...json } = JSON.parse(data.toString());
      expect(EventJson.parse(json)).toEqual(eventToJson(sent));
      expect(v).toBe(1);
      expect(attributes).toEqual({
        v: '1',
        event_id: sent.eventId,
        type: sent.type,
        tenant_id: sent.tenantId,
        license_id: sent.licenseId,
      });
    }),
    SEED,
  );
});

test('refuses any other data without throwing, and quotes none of it in the reason', () => {
  const canary = 'ada@example.com';
  const garbage = fc.oneof(
    fc.string().map((text) => `${text}${canary}`),
    fc.string().map((text) => Buffer.from(`${text}${canary}`).toString('base64')),
    fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64')),
    fc.jsonValue().map(encode),
    fc.jsonValue().map((value) => encode({ [canary]: value })),
    fc.constantFrom('', 'bnVsbA==', encode([]), encode({ __proto__: null }), encode('{}')),
  );
  fc.assert(
    fc.property(garbage, (data) => {
      const read = readMessage(data);
      if ('event' in read) expect.fail('should have been refused');
      expect(read.because).toMatch(/^the (data of the message is not JSON|message has another version)/);
      expect(read.because).not.toContain(canary);
    }),
    SEED,
  );
});

test('keeps a field that a newer release added, out of sight, and refuses another version', () => {
  fc.assert(
    fc.property(eventFields, fc.constantFrom(undefined, 0, 2, '1', null), (original, v) => {
      const sent = eventOf(original);
      const json = JSON.parse(messageOf(sent).data.toString());
      const read = readMessage(encode({ ...json, added_later: 'x' }));
      if (!('event' in read)) expect.fail(read.because);
      expect(JSON.parse(JSON.stringify(read.event))).toEqual(JSON.parse(JSON.stringify(sent)));
      expect(unknownFieldsOf(read.event.detail)).toEqual({ added_later: 'x' });
      expect(readMessage(encode({ ...json, v }))).toEqual({
        because: 'the message has another version than 1, which this release reads',
      });
    }),
    SEED,
  );
});

test('refuses a missing or mistyped field, and quotes no value in the reason', () => {
  const secret = 'ada@example.com';
  const wrongs = [undefined, secret, { secret }, [secret], 1.5, true, null];
  fc.assert(
    fc.property(eventFields, fc.constantFrom(...wrongs), fc.nat(), (original, wrong, n) => {
      const json: Record<string, unknown> = JSON.parse(messageOf(eventOf(original)).data.toString());
      const fields = ['event_id', 'type', 'tenant_id', 'license_id', 'session_id', 'at', 'position'];
      const field = fields[n % fields.length] ?? 'at';
      fc.pre(!(field === 'session_id' && wrong === null));
      const read = readMessage(encode({ ...json, [field]: wrong }));
      expect(read).toEqual({ because: expect.stringMatching(`not an event: ${field} \\(`) });
      expect(JSON.stringify(read)).not.toContain(secret);
    }),
    SEED,
  );
});

test('reads a push with all fields of Pub/Sub and with only those of the emulator', () => {
  const message = { data: 'e30=', messageId: '1' };
  const subscription = 'projects/p/subscriptions/s';
  expect(PushEnvelope.parse({ message, subscription })).toEqual({ message, subscription });
  const whole = {
    message: {
      ...message,
      message_id: '1',
      attributes: { type: 'seat.denied' },
      orderingKey: LICENSE,
      publishTime: '2030-01-01T00:00:00Z',
      publish_time: '2030-01-01T00:00:00Z',
    },
    subscription,
    deliveryAttempt: 5,
  };
  expect(PushEnvelope.parse(whole)).toMatchObject({ deliveryAttempt: 5, message: { messageId: '1' } });
  for (const invalid of [{}, { message }, { message: { messageId: '1' }, subscription }, null, 'e30=']) {
    expect(PushEnvelope.safeParse(invalid).success).toBe(false);
  }
});
