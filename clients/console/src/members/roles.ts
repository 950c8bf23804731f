import type { Member } from '../../../sdk/src/api.ts';
import type { Role } from '../viewer.ts';

export type MemberRole = Member['role'];

/** The name of each role, and what it allows. */
export const ROLES: Readonly<Record<MemberRole, { readonly name: string; readonly allows: string }>> = {
  member: { name: 'Member', allows: 'Members can use seats.' },
  admin: { name: 'Admin', allows: 'Admins can use seats, and manage licenses, members and billing.' },
  owner: {
    name: 'Owner',
    allows: 'Owners can do what admins can, and change roles, transfer the tenant or delete it.',
  },
};

/** The roles that a role can invite to. The server decides; this only hides what it would refuse. */
export function invitable(by: Role): readonly MemberRole[] {
  if (by === 'operator') return ['member', 'admin', 'owner'];
  return by === 'member' ? [] : ['member', 'admin'];
}

/** Whether a role can change roles and transfer the tenant. */
export function canChangeRoles(by: Role): boolean {
  return by === 'owner' || by === 'operator';
}

/** Whether a role can remove another member. */
export function canRemove(by: Role, member: MemberRole): boolean {
  return member !== 'owner' && invitable(by).includes(member);
}
