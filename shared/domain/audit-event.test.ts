import { expect, test } from 'vitest';
import {
  AuditEventFields,
  AuditEventJson,
  type AuditNote,
  auditEventOf,
  auditEventToJson,
  VENDOR,
} from './audit-event.ts';
import { newTenantId } from './ids.ts';

const NOTE: AuditNote = {
  type: 'member.role_changed',
  tenantId: newTenantId(1),
  subject: 'usr_0123456789abcdef',
  by: { actor: { kind: 'operator', id: 'bootstrap' }, requestId: 'req_1' },
  detail: { role: 'admin', previousRole: 'member', note: 'asked by mail' },
};

test.each([
  ['of a tenant', NOTE],
  ['of the vendor', { ...NOTE, type: 'operator_token.created', tenantId: VENDOR }],
] as const)('an event %s is valid, as it is stored and as it is returned', (_, note) => {
  const event = auditEventOf(note, 7);
  expect(AuditEventFields.parse(event)).toEqual(event);
  expect(AuditEventJson.parse(auditEventToJson(event, 'operator'))).toMatchObject({
    actor: { type: 'operator', id: 'bootstrap' },
    request_id: 'req_1',
    subject: NOTE.subject,
    role: 'admin',
    previous_role: 'member',
    note: 'asked by mail',
  });
  expect(auditEventToJson(event, 'tenant')).not.toHaveProperty('note');
});

test('a transaction that runs twice records one event, and two changes are two', () => {
  const id = (note: AuditNote, nowMs = 7) => auditEventOf(note, nowMs).eventId;
  expect(id(NOTE)).toBe(id({ ...NOTE }));
  const others: AuditNote[] = [
    { ...NOTE, type: 'member.removed' },
    { ...NOTE, tenantId: newTenantId(1) },
    { ...NOTE, subject: 'usr_0123456789abcdeg' },
    { ...NOTE, by: { ...NOTE.by, requestId: 'req_2' } },
  ];
  expect(new Set([id(NOTE), id(NOTE, 8), ...others.map((note) => id(note))]).size).toBe(6);
});
