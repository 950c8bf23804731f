import { system } from '../../domain/actor.ts';
import { addErased, continueAt, type Erasure, endStep } from '../../domain/erasure.ts';
import { addressListId } from '../../domain/open-invitations.ts';
import { boundsOf } from '../../domain/person.ts';
import { accountClaimId } from '../../domain/trial-claim.ts';
import { withoutUnknownFields } from '../../domain/unknown-fields.ts';
import { type Invitation, type Membership, membershipId } from '../../domain/users.ts';
import {
  ACCOUNTS,
  OPEN_INVITATIONS,
  OPERATOR_TOKENS,
  SIGN_INS,
  TENANTS,
  TRIAL_CLAIMS,
  USERS,
} from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import { eachDocument } from '../../ports/each-document.ts';
import {
  CODES_OF_USER,
  DEVICE_SIGN_INS_OF_USER,
  FORMER_MEMBERSHIPS_OF_USER,
  INVITATIONS_FOR_EMAIL,
  MEMBERSHIPS_OF_USER,
  OPERATOR_TOKENS_OF_CREATOR,
  SIGN_INS_OF_USER,
} from '../../ports/queries.ts';
import type { Transaction } from '../../ports/records.ts';
import { barUser } from '../bars.ts';
import { removeFromLists } from '../end-invitations.ts';
import { readInvitations } from '../invitations.ts';
import { withdrawOffersOf } from '../members.ts';
import { revokeOperatorToken } from '../operator-tokens.ts';
import { BATCH, commit, deleteBatch, end, list } from './engine.ts';

/**
 * Access tokens stay valid for a while, so the seat store is updated first: from then on they get no new seat. Operator
 * tokens that the user created are revoked, with those created by them: no person answers for them any more.
 */
export async function signOut(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { userId, searchedIds, goingIds, place } = erasure;
  if (userId === null) return end(erasure, deps);
  const by = { actor: system('erasure') };
  for (const tenantId of [...searchedIds, ...goingIds]) await barUser(tenantId, userId, deps);
  for (const tenantId of searchedIds) await withdrawOffersOf(tenantId, userId, by, deps);
  const tokens = eachDocument(deps.records, OPERATOR_TOKENS_OF_CREATOR, { 'createdBy.id': userId });
  for await (const { tokenId } of tokens) await revokeOperatorToken(tokenId, by, deps);
  const page = await list(deps.records, SIGN_INS_OF_USER, { userId }, BATCH, place.list);
  const open = page.documents.filter(({ revoked }) => revoked === null);
  return commit(erasure, deps, async (transaction, current) => {
    const found = await Promise.all(open.map(({ signInId }) => transaction.get(SIGN_INS, signInId)));
    for (const signIn of found) {
      if (signIn?.revoked === null)
        transaction.set(SIGN_INS, signIn.signInId, { ...signIn, revoked: 'removed' });
    }
    return page.nextCursor === undefined
      ? endStep(current, deps.clock.nowMs(), deps.retentionDays)
      : continueAt(current, { list: page.nextCursor }, deps.clock.nowMs());
  });
}

/** Deletes the user document last: a resumed run needs the e-mail address to find the rest. */
export async function eraseUser(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { userId } = erasure;
  if (userId === null) return end(erasure, deps);
  const user = await deps.records.get(USERS, userId);
  for (const { email, ...period } of user?.addresses ?? []) {
    const deleted = await deleteBatch(erasure, deps, {
      query: INVITATIONS_FOR_EMAIL,
      equals: { email },
      bounds: boundsOf(period),
      idOf: ({ invitationId }) => invitationId,
      kind: 'invitations',
      onDelete: (invitations, transaction) => removeFromOpen(invitations, transaction, deps),
    });
    if (deleted) return deleted;
  }
  return (
    (await deleteBatch(erasure, deps, {
      query: MEMBERSHIPS_OF_USER,
      equals: { userId },
      idOf: ({ tenantId }) => membershipId(tenantId, userId),
      kind: 'memberships',
      onDelete: refuseOwner,
    })) ??
    (await deleteBatch(erasure, deps, {
      query: FORMER_MEMBERSHIPS_OF_USER,
      equals: { userId },
      idOf: ({ tenantId }) => membershipId(tenantId, userId),
    })) ??
    (await deleteBatch(erasure, deps, {
      query: CODES_OF_USER,
      equals: { userId },
      idOf: ({ codeHash }) => codeHash,
    })) ??
    (await deleteBatch(erasure, deps, {
      query: DEVICE_SIGN_INS_OF_USER,
      equals: { userId },
      idOf: ({ deviceSignInId }) => deviceSignInId,
    })) ??
    (await deleteBatch(erasure, deps, {
      query: SIGN_INS_OF_USER,
      equals: { userId },
      idOf: ({ signInId }) => signInId,
      kind: 'signIns',
    })) ??
    (await eraseCreator(erasure, userId, deps)) ??
    deleteUser(erasure, userId, deps)
  );
}

/** No tenant may be left without an owner, whatever was decided before: the erasure stops, and the log says so. */
async function refuseOwner(memberships: readonly Membership[], transaction: Transaction): Promise<void> {
  for (const { tenantId, userId } of memberships) {
    const tenant = await transaction.get(TENANTS, tenantId);
    if (tenant?.closedAtMs === null && tenant.ownerId === userId)
      throw new Error(`${tenantId} is open and owned by the user who is being erased`);
  }
}

async function removeFromOpen(
  invitations: readonly Invitation[],
  transaction: Transaction,
  { pseudonymOf }: Deps,
): Promise<void> {
  const ids = invitations.flatMap(({ tenantId, email }) => [tenantId, addressListId(email, pseudonymOf)]);
  const lists = await Promise.all([...new Set(ids)].map((id) => transaction.get(OPEN_INVITATIONS, id)));
  removeFromLists(
    transaction,
    lists.filter((list) => list !== undefined),
    invitations,
  );
}

/** Removes the user as creator of operator tokens, with the name that they gave it. `undefined` if there is none left. */
async function eraseCreator(erasure: Erasure, userId: string, deps: Deps): Promise<Erasure | undefined> {
  const equals = { 'createdBy.id': userId };
  const { documents } = await deps.records.query(OPERATOR_TOKENS_OF_CREATOR, equals, { limit: BATCH });
  if (documents.length === 0) return undefined;
  return commit(erasure, deps, async (transaction, current) => {
    const found = await Promise.all(
      documents.map(({ tokenId }) => transaction.get(OPERATOR_TOKENS, tokenId)),
    );
    for (const token of found) {
      if (!token) continue;
      const { tokenId, createdBy } = token;
      const erased = { name: tokenId, createdBy: { ...createdBy, id: null } };
      transaction.set(OPERATOR_TOKENS, tokenId, { ...withoutUnknownFields(token), ...erased });
    }
    return continueAt(current, {}, deps.clock.nowMs());
  });
}

function deleteUser(erasure: Erasure, userId: string, deps: Deps): Promise<Erasure> {
  const { clock, retentionDays, pseudonymOf } = deps;
  return commit(erasure, deps, async (transaction, current) => {
    const found = await transaction.get(USERS, userId);
    const claimId = found && accountClaimId(found.accountId, pseudonymOf);
    const claim = claimId && (await transaction.get(TRIAL_CLAIMS, claimId));
    const lists = await Promise.all(
      (found?.addresses ?? []).map(({ email }) =>
        transaction.get(OPEN_INVITATIONS, addressListId(email, pseudonymOf)),
      ),
    );
    const read = await Promise.all(lists.map((list) => readInvitations(list, transaction)));
    // Lists of addresses keep what ended with its inviter or tenant.
    for (const [i, list] of lists.entries())
      if (list) removeFromLists(transaction, [list], read[i]?.ended ?? []);
    if (found) {
      transaction.delete(ACCOUNTS, found.accountId);
      transaction.delete(USERS, userId);
    }
    // The claim is kept, so that there is no second trial. Only its reference to the license is removed.
    if (claim) transaction.set(TRIAL_CLAIMS, claim.claimId, { ...withoutUnknownFields(claim), given: null });
    return endStep(addErased(current, { users: found ? 1 : 0 }), clock.nowMs(), retentionDays);
  });
}
