import type { By } from '../domain/actor.ts';
import { VENDOR } from '../domain/audit-event.ts';
import { idOfOperatorToken, isUserId } from '../domain/ids.ts';
import { isUseDue, type OperatorToken, statusOf } from '../domain/operator-token.ts';
import { hasHash } from '../domain/secret.ts';
import { OPERATOR_TOKENS, USERS } from '../ports/collections.ts';
import type { Deps } from '../ports/deps.ts';
import { eachDocument } from '../ports/each-document.ts';
import { OPERATOR_TOKENS_OF_CREATOR } from '../ports/queries.ts';
import type { Records } from '../ports/records.ts';
import { recordEvent } from './record-event.ts';

/**
 * The token that a caller presents, or why it is refused. One read for each call and no cache, so that a revoked token is
 * refused at once.
 */
export async function findOperatorToken(
  records: Records,
  presented: string,
  nowMs: number,
): Promise<OperatorToken | { readonly because: string }> {
  const tokenId = idOfOperatorToken(presented);
  const token = tokenId && (await records.get(OPERATOR_TOKENS, tokenId));
  if (!token) return { because: 'unknown operator token' };
  if (!hasHash(presented, token.hash)) return { because: `wrong secret for ${token.tokenId}` };
  const status = statusOf(token, nowMs);
  return status === 'active' || status === 'expiring' ? token : { because: `${token.tokenId} is ${status}` };
}

/** Records that a token was used, unless that was done less than an hour ago, by this instance or another. */
export async function recordUse(token: OperatorToken, records: Records, nowMs: number): Promise<void> {
  if (!isUseDue(token, nowMs)) return;
  await records.transact(async (transaction) => {
    const current = await transaction.get(OPERATOR_TOKENS, token.tokenId);
    if (current && isUseDue(current, nowMs))
      transaction.set(OPERATOR_TOKENS, token.tokenId, { ...current, lastUsedAtMs: nowMs });
  });
}

/**
 * Stores a new token, and returns `answer`. `CREATOR_REVOKED`: in the meantime, the token that it is created with was
 * revoked, or an erasure of the user who creates it has begun. So there is no token that either would miss.
 */
export async function createOperatorToken<A>(
  token: OperatorToken,
  answer: A,
  creatorId: string | undefined,
  by: By,
  { records }: Pick<Deps, 'records'>,
): Promise<A | 'CREATOR_REVOKED'> {
  return records.transact(async (transaction) => {
    const creator = creatorId && (await transaction.get(OPERATOR_TOKENS, creatorId));
    if (creatorId && (!creator || creator.revokedAtMs !== null)) return 'CREATOR_REVOKED';
    const { id: userId } = by.actor;
    const user = isUserId(userId) ? await transaction.get(USERS, userId) : null;
    if (user === undefined || (user !== null && user.erasureId !== null)) return 'CREATOR_REVOKED';
    transaction.set(OPERATOR_TOKENS, token.tokenId, token);
    const note = { type: 'operator_token.created', tenantId: VENDOR, subject: token.tokenId, by } as const;
    recordEvent(transaction, note, token.createdAtMs);
    return answer;
  });
}

/**
 * Revokes a token, and then those that were created with it: a thief could have created another. The
 * token itself is first, so that it creates no more. If a call is interrupted, its repetition revokes the rest.
 */
export async function revokeOperatorToken(
  tokenId: string,
  by: By,
  deps: Pick<Deps, 'records' | 'clock'>,
): Promise<void> {
  const nowMs = deps.clock.nowMs();
  await deps.records.transact(async (transaction) => {
    const token = await transaction.get(OPERATOR_TOKENS, tokenId);
    if (!token || token.revokedAtMs !== null) return;
    const endsAtMs = Math.min(token.expiresAtMs, nowMs);
    transaction.set(OPERATOR_TOKENS, tokenId, { ...token, revokedAtMs: nowMs, endsAtMs });
    recordEvent(
      transaction,
      { type: 'operator_token.revoked', tenantId: VENDOR, subject: tokenId, by },
      nowMs,
    );
  });
  const created = eachDocument(deps.records, OPERATOR_TOKENS_OF_CREATOR, { 'createdBy.id': tokenId });
  for await (const child of created) await revokeOperatorToken(child.tokenId, by, deps);
}
