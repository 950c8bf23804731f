import * as z from 'zod/mini';
import type { PseudonymOf } from './holder.ts';
import type { Invitation } from './users.ts';

/** Open invitations of one tenant. A company with more colleagues than this has a domain that they join by. */
export const MAX_INVITATIONS_OF_TENANT = 200;

/** Open invitations for one address: as many as a person can look through, whatever strangers send. */
export const MAX_INVITATIONS_FOR_ADDRESS = 50;

/**
 * The open invitations of a tenant, or for an address. A transaction reads documents by id and cannot query, so the ones
 * that count invitations, or end those of a member, read this list.
 */
export const OpenInvitationsSchema = z.object({
  /** The tenant's id, or `addressListId`. */
  listId: z.string(),
  invitations: z.array(
    z.object({
      invitationId: z.string(),
      invitedBy: z.nullable(z.string()),
      expiresAtMs: z.int(),
    }),
  ),
  /** When the last of them has expired. */
  expiresAtMs: z.int(),
});
export type OpenInvitations = z.infer<typeof OpenInvitationsSchema>;

/** The id of the list of an address: a pseudonym. */
export function addressListId(email: string, pseudonymOf: PseudonymOf): string {
  return pseudonymOf('email', email);
}

/** The list with the invitation in place of an earlier one with its id, and without those that have expired. */
export function withInvitation(
  list: OpenInvitations | undefined,
  listId: string,
  { invitationId, invitedBy, expiresAtMs }: Invitation,
  nowMs: number,
): OpenInvitations {
  const others = (list?.invitations ?? []).filter(
    (other) => other.invitationId !== invitationId && nowMs < other.expiresAtMs,
  );
  return listOf(list, listId, [...others, { invitationId, invitedBy, expiresAtMs }]);
}

/**
 * Which of the invitations for an address makes room for one more by `inviterId` (`null`: an operator): the oldest of the
 * user with the most, if they have more than the inviter would have. So a user with many tenants cannot keep others from
 * inviting a user, and never displaces the only invitation by another. Those of operators stay.
 */
export function surplusFor(inviterId: string | null, open: readonly Invitation[]): Invitation | undefined {
  const byInviter = Map.groupBy(open, ({ invitedBy }) => invitedBy);
  const own = inviterId === null ? 0 : (byInviter.get(inviterId)?.length ?? 0);
  byInviter.delete(null);
  const [most = []] = [...byInviter.values()].toSorted((a, b) => b.length - a.length);
  return most.length > own + 1 ? most.toSorted((a, b) => a.invitedAtMs - b.invitedAtMs)[0] : undefined;
}

/** The id of the tenant's open invitation for the address: the one that both lists have. */
export function invitationInBoth(
  ofTenant: OpenInvitations | undefined,
  forAddress: OpenInvitations | undefined,
  nowMs: number,
): string | undefined {
  const ids = forAddress?.invitations.map(({ invitationId }) => invitationId);
  return ofTenant?.invitations.find(
    ({ invitationId, expiresAtMs }) => nowMs < expiresAtMs && ids?.includes(invitationId),
  )?.invitationId;
}

/** The list without these invitations; `undefined` if none is left. */
export function withoutInvitations(
  list: OpenInvitations | undefined,
  ended: readonly Pick<Invitation, 'invitationId'>[],
): OpenInvitations | undefined {
  if (!list) return undefined;
  const ids = new Set(ended.map(({ invitationId }) => invitationId));
  const left = list.invitations.filter(({ invitationId }) => !ids.has(invitationId));
  return left.length === 0 ? undefined : listOf(list, list.listId, left);
}

function listOf(
  list: OpenInvitations | undefined,
  listId: string,
  invitations: OpenInvitations['invitations'],
): OpenInvitations {
  const expiresAtMs = Math.max(...invitations.map((invitation) => invitation.expiresAtMs));
  return { ...list, listId, invitations, expiresAtMs };
}
