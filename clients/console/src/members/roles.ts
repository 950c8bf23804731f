import type { Member } from '../../../sdk/src/api.ts';
import type { Role } from '../viewer.ts';

export const ROLE_WORDS: Readonly<Record<Member['role'], string>> = {
  owner: 'Owner',
  admin: 'Admin',
  member: 'Member',
};

/** What the viewer may do with a member: the server decides, and this only spares people what it would refuse. */
export interface Powers {
  readonly canChangeRole: boolean;
  readonly canTransfer: boolean;
  /** Remove them; or, where it is the viewer, leave. */
  readonly canRemove: boolean;
}

/** An owner hands over before they go, and only an owner, or an operator, says who is what. */
export function powersOver(member: Member, isSelf: boolean, role: Role): Powers {
  const stands = role === 'owner' || role === 'operator';
  const isOwner = member.role === 'owner';
  return {
    canChangeRole: stands && !isOwner,
    canTransfer: stands && !isOwner,
    canRemove: !isOwner && (isSelf || stands || role === 'admin'),
  };
}

/** Only an operator invites an owner, and only where there is none. */
export function invitableRoles(role: Role, hasOwner: boolean): readonly Member['role'][] {
  return role === 'operator' && !hasOwner ? ['owner', 'admin', 'member'] : ['admin', 'member'];
}
