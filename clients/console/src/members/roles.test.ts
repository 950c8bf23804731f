import { expect, test } from 'vitest';
import type { Member } from '../../../sdk/src/api.ts';
import { invitableRoles, powersOver } from './roles.ts';

const memberAs = (role: Member['role']): Member => ({
  user_id: 'usr_1',
  email: 'a@example.com',
  name: 'A',
  role,
  joined_at: '2026-11-28T10:00:00.000Z',
});
const NOTHING = { canChangeRole: false, canTransfer: false, canRemove: false };
const ALL = { canChangeRole: true, canTransfer: true, canRemove: true };

test.each([
  ['an owner over themselves', 'owner', true, 'owner', NOTHING],
  ['an owner over an admin', 'admin', false, 'owner', ALL],
  ['an admin over the owner', 'owner', false, 'admin', NOTHING],
  ['an admin over another', 'admin', false, 'admin', { ...NOTHING, canRemove: true }],
  ['an admin over themselves: they may leave', 'admin', true, 'admin', { ...NOTHING, canRemove: true }],
  ['a member over themselves', 'member', true, 'member', { ...NOTHING, canRemove: true }],
  ['a member over another', 'member', false, 'member', NOTHING],
  ['an operator over the owner', 'owner', false, 'operator', NOTHING],
  ['an operator over a member', 'member', false, 'operator', ALL],
] as const)('%s', (_, of, isSelf, role, powers) => {
  expect(powersOver(memberAs(of), isSelf, role)).toEqual(powers);
});

test('an owner is invited by an operator, where there is none', () => {
  expect(invitableRoles('operator', false)).toContain('owner');
  expect(invitableRoles('operator', true)).not.toContain('owner');
  expect(invitableRoles('owner', false)).not.toContain('owner');
});
