import { system } from '../../domain/actor.ts';
import { addErased, continueAt, type Erasure, endStep } from '../../domain/erasure.ts';
import { boundsOf } from '../../domain/person.ts';
import { accountClaimId } from '../../domain/trial-claim.ts';
import { withoutUnknownFields } from '../../domain/unknown-fields.ts';
import { type Membership, membershipId } from '../../domain/users.ts';
import { ACCOUNTS, SIGN_INS, TENANTS, TRIAL_CLAIMS, USERS } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import {
  CODES_OF_USER,
  DEVICE_SIGN_INS_OF_USER,
  FORMER_MEMBERSHIPS_OF_USER,
  INVITATIONS_FOR_EMAIL,
  MEMBERSHIPS_OF_USER,
  SIGN_INS_OF_USER,
} from '../../ports/queries.ts';
import type { Transaction } from '../../ports/records.ts';
import { barUser } from '../bars.ts';
import { withdrawOffersOf } from '../members.ts';
import { BATCH, commit, deleteBatch, end, list } from './engine.ts';

/** Access tokens stay valid for a while, so the seat store is updated first: from then on they get no new seat. */
export async function signOut(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { userId, searchedIds, goingIds, place } = erasure;
  if (userId === null) return end(erasure, deps);
  const by = { actor: system('erasure') };
  for (const tenantId of [...searchedIds, ...goingIds]) await barUser(tenantId, userId, deps);
  for (const tenantId of searchedIds) await withdrawOffersOf(tenantId, userId, by, deps);
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
    deleteUser(erasure, userId, deps)
  );
}

/** No tenant may be left without an owner, whatever was decided before: the erasure stops, and the log says so. */
async function refuseOwner(
  { tenantId, userId }: Membership,
  transaction: Pick<Transaction, 'get'>,
): Promise<void> {
  const tenant = await transaction.get(TENANTS, tenantId);
  if (tenant?.closedAtMs === null && tenant.ownerId === userId)
    throw new Error(`${tenantId} is open and owned by the user who is being erased`);
}

function deleteUser(erasure: Erasure, userId: string, deps: Deps): Promise<Erasure> {
  const { clock, retentionDays, pseudonymOf } = deps;
  return commit(erasure, deps, async (transaction, current) => {
    const found = await transaction.get(USERS, userId);
    const claimId = found && accountClaimId(found.accountId, pseudonymOf);
    const claim = claimId && (await transaction.get(TRIAL_CLAIMS, claimId));
    if (found) {
      transaction.delete(ACCOUNTS, found.accountId);
      transaction.delete(USERS, userId);
    }
    // The claim is kept, so that there is no second trial. Only its reference to the license is removed.
    if (claim) transaction.set(TRIAL_CLAIMS, claim.claimId, { ...withoutUnknownFields(claim), given: null });
    return endStep(addErased(current, { users: found ? 1 : 0 }), clock.nowMs(), retentionDays);
  });
}
