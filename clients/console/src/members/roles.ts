import type { Member } from '../../../sdk/src/api.ts';
import type { Role } from '../viewer.ts';

export type MemberRole = Member['role'];

/** What each role is, as people choose it. */
export const ROLE_WORDS: Readonly<Record<MemberRole, { readonly name: string; readonly may: string }>> = {
  member: { name: 'Member', may: 'takes seats' },
  admin: { name: 'Admin', may: 'takes seats, and looks after them, the people and the bills' },
  owner: { name: 'Owner', may: 'does what admins do, and can hand the tenant on or delete it' },
};

/** Which roles somebody may invite to. The server has the last word; this only spares people a refusal. */
export function invitable(by: Role): readonly MemberRole[] {
  if (by === 'operator') return ['member', 'admin', 'owner'];
  return by === 'member' ? [] : ['member', 'admin'];
}

/** Whether somebody may change who is what, and hand the tenant on. */
export function mayChangeRoles(by: Role): boolean {
  return by === 'owner' || by === 'operator';
}

/** Whether somebody may remove a member who is another person. */
export function mayRemove(by: Role, whom: MemberRole): boolean {
  return whom !== 'owner' && invitable(by).includes(whom);
}
