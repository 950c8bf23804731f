import { newOperatorToken, newPersonalId } from '../../shared/domain/ids.ts';
import {
  expiryOf,
  newToken,
  type OperatorToken,
  scopesBeyond,
  statusOf,
} from '../../shared/domain/operator-token.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp, timestampOrNull } from '../../shared/http/fields.ts';
import { readPage } from '../../shared/http/page.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { insufficientScope } from '../../shared/http/scopes.ts';
import { OPERATOR_TOKENS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { ALL_OPERATOR_TOKENS } from '../../shared/ports/queries.ts';
import { createOperatorToken, revokeOperatorToken } from '../../shared/use-cases/operator-tokens.ts';
import type contract from './contract.ts';

async function create(
  { body, caller, by }: RequestOf<typeof contract, 'create'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'create'>> {
  const { name, scopes, expires_in_days: days } = body;
  const { token: creator } = caller;
  const beyond = creator ? scopesBeyond(creator.scopes, scopes) : [];
  if (beyond.length > 0) return insufficientScope(beyond);
  const nowMs = deps.clock.nowMs();
  const expiresAtMs = expiryOf(days, creator, nowMs);
  if (creator && expiresAtMs > creator.expiresAtMs) {
    const detail = `must not be after the expiry of your own token, ${timestamp(creator.expiresAtMs)}`;
    return refuseFields('VALIDATION_FAILED', [{ at: '/expires_in_days', detail }]);
  }

  const tokenId = newPersonalId('opt');
  const secret = newOperatorToken(tokenId);
  const token = newToken({ tokenId, secret, name, scopes, createdBy: by.actor, expiresAtMs }, nowMs);
  const answer = { answer: 'created', body: { ...viewOf(token, nowMs), operator_token: secret } } as const;
  const created = await createOperatorToken(token, answer, creator?.tokenId, by, deps);
  return created === 'CREATOR_REVOKED'
    ? { problem: 'CREDENTIALS_INVALID', because: 'revoked meanwhile' }
    : created;
}

async function list(
  { query, note }: RequestOf<typeof contract, 'list'>,
  { records, clock }: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  const page = await readPage(records, ALL_OPERATOR_TOKENS, {}, { query, note });
  if ('problem' in page) return page;
  const nowMs = clock.nowMs();
  const tokens = page.documents.map((token) => viewOf(token, nowMs));
  return { answer: 'tokens', body: { operator_tokens: tokens, next_cursor: page.next_cursor } };
}

async function read(
  { params }: RequestOf<typeof contract, 'read'>,
  { records, clock }: Deps,
): Promise<ReplyOf<typeof contract, 'read'>> {
  const token = await records.get(OPERATOR_TOKENS, params.token_id);
  if (!token) return { problem: 'OPERATOR_TOKEN_NOT_FOUND' };
  return { answer: 'token', body: viewOf(token, clock.nowMs()) };
}

async function revoke(
  { params, caller, by }: RequestOf<typeof contract, 'revoke'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'revoke'>> {
  const token = await deps.records.get(OPERATOR_TOKENS, params.token_id);
  if (!token) return { problem: 'OPERATOR_TOKEN_NOT_FOUND' };
  const beyond = caller.token ? scopesBeyond(caller.token.scopes, token.scopes) : [];
  if (beyond.length > 0) return insufficientScope(beyond);
  await revokeOperatorToken(token.tokenId, by, deps);
  return { answer: 'revoked', body: undefined };
}

function viewOf(token: OperatorToken, nowMs: number) {
  return {
    token_id: token.tokenId,
    name: token.name,
    scopes: token.scopes,
    status: statusOf(token, nowMs),
    created_at: timestamp(token.createdAtMs),
    created_by: { type: token.createdBy.kind, id: token.createdBy.id },
    expires_at: timestamp(token.expiresAtMs),
    last_used_at: timestampOrNull(token.lastUsedAtMs),
    revoked_at: timestampOrNull(token.revokedAtMs),
  };
}

export default { create, list, read, revoke } satisfies HandlersOf<typeof contract>;
