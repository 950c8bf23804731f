import type { By } from '../domain/actor.ts';
import { type OpenInvitations, withoutInvitations } from '../domain/open-invitations.ts';
import type { Invitation } from '../domain/users.ts';
import { INVITATIONS, OPEN_INVITATIONS } from '../ports/collections.ts';
import type { Transaction } from '../ports/records.ts';
import { recordEvent } from './record-event.ts';

export interface EndedInvitations {
  readonly type: 'invitation.accepted' | 'invitation.declined' | 'invitation.withdrawn';
  readonly tenantId: string;
  readonly invitations: readonly (Pick<Invitation, 'invitationId'> & Partial<Pick<Invitation, 'role'>>)[];
  /** The lists that have them. An address's list that is not given drops them when it is full. */
  readonly lists: readonly OpenInvitations[];
}

/** Deletes invitations of a tenant, and records why. */
export function endInvitations(
  transaction: Transaction,
  { type, tenantId, invitations, lists }: EndedInvitations,
  by: By,
  nowMs: number,
): void {
  for (const { invitationId, role } of invitations) {
    transaction.delete(INVITATIONS, invitationId);
    const detail = role === undefined ? {} : { role };
    recordEvent(transaction, { type, tenantId, subject: invitationId, by, detail }, nowMs);
  }
  removeFromLists(transaction, lists, invitations);
}

export function removeFromLists(
  transaction: Pick<Transaction, 'set' | 'delete'>,
  lists: readonly OpenInvitations[],
  invitations: readonly Pick<Invitation, 'invitationId'>[],
): void {
  for (const list of lists) {
    const left = withoutInvitations(list, invitations);
    if (left) transaction.set(OPEN_INVITATIONS, list.listId, left);
    else transaction.delete(OPEN_INVITATIONS, list.listId);
  }
}
