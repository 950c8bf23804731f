import * as z from 'zod/mini';
import { ACCESS_TOKEN_SECONDS } from '../../shared/domain/access-token.ts';
import type { By } from '../../shared/domain/actor.ts';
import { type AuditNote, VENDOR } from '../../shared/domain/audit-event.ts';
import { DEVICE_PACE, isDeviceRetry, readDeviceCode } from '../../shared/domain/device-sign-in.ts';
import { hashSecret, newPersonalId } from '../../shared/domain/ids.ts';
import { DEVICE_GRANT, metadataOf, SCOPE } from '../../shared/domain/oauth-metadata.ts';
import {
  beginSignIn,
  challengeOf,
  RefreshTokenSchema,
  refresh,
  type SignIn,
} from '../../shared/domain/sign-in.ts';
import { isNative } from '../../shared/domain/sign-in-clients.ts';
import { isLiving } from '../../shared/domain/users.ts';
import type { HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { DEVICE_SIGN_INS, SIGN_IN_CODES, SIGN_INS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Transaction } from '../../shared/ports/records.ts';
import { tenantsOf } from '../../shared/use-cases/members.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';
import type contract from './contract.ts';

type TokenReply = ReplyOf<typeof contract, 'token'>;
type Grant = RequestOf<typeof contract, 'token'>['body'];

async function issueTokens(
  { body, by }: RequestOf<typeof contract, 'token'>,
  deps: Deps,
): Promise<TokenReply> {
  if (!deps.signInClients.has(body.client_id)) return { problem: 'CLIENT_UNKNOWN' };
  const signIn = await redeem(body, by, deps);
  if ('problem' in signIn) return signIn;
  const { userId, signInId } = signIn;
  const [user, tenants] = await Promise.all([
    deps.records.get(USERS, userId),
    tenantsOf(deps.records, userId),
  ]);
  if (!isLiving(user)) return ERASED;
  return {
    answer: 'tokens',
    body: {
      access_token: await deps.accessTokenIssuer.issue({ userId, signInId, tenants }, deps.clock.nowMs()),
      token_type: 'Bearer',
      expires_in: ACCESS_TOKEN_SECONDS,
      refresh_token: sealRefresh(signIn, deps),
      scope: SCOPE,
      user_id: userId,
      tenants: Object.entries(tenants).map(([tenant_id, role]) => ({ tenant_id, role })),
    },
  };
}

function redeem(grant: Grant, by: By, deps: Deps): Promise<SignIn | Refusal<TokenProblem>> {
  switch (grant.grant_type) {
    case 'authorization_code':
      return redeemCode(grant, by, deps);
    case 'refresh_token':
      return redeemRefreshToken(grant, by, deps);
    case DEVICE_GRANT:
      return redeemDeviceCode(grant, by, deps);
  }
}

/** Ends the sign-in of the token: its other tokens are refused too, as RFC 7009 section 2.1 recommends. */
async function revoke(
  { body: { token, client_id: clientId }, by }: RequestOf<typeof contract, 'revoke'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'revoke'>> {
  if (!deps.signInClients.has(clientId)) return { problem: 'CLIENT_UNKNOWN' };
  const signInId = await signInOf(token, deps);
  if (signInId === undefined) return { answer: 'revoked', body: undefined };
  return deps.records.transact(async (transaction) => {
    const signIn = await transaction.get(SIGN_INS, signInId);
    if (signIn && signIn.clientId !== clientId) return invalid('the token was issued to another client');
    if (signIn?.revoked === null) {
      transaction.set(SIGN_INS, signIn.signInId, { ...signIn, revoked: 'signed_out' });
      recordEvent(transaction, eventOf('user.signed_out', signIn, byUser(signIn, by)), deps.clock.nowMs());
    }
    return { answer: 'revoked', body: undefined };
  });
}

/** The sign-in of a refresh or access token, if we issued it. */
async function signInOf(
  token: string,
  { refreshTokens, accessTokens, clock }: Deps,
): Promise<string | undefined> {
  const refreshToken = openRefresh(token, { refreshTokens });
  if (refreshToken) return refreshToken.signInId;
  const access = await accessTokens.open(token, clock.nowMs());
  return 'because' in access ? undefined : access.signInId;
}

async function describe(
  _: RequestOf<typeof contract, 'metadata'>,
  { publicUrl }: Deps,
): Promise<ReplyOf<typeof contract, 'metadata'>> {
  return { answer: 'metadata', body: metadataOf(publicUrl) };
}

type TokenProblem = Extract<TokenReply, { problem: unknown }>['problem'];
type Invalid = Refusal<'GRANT_INVALID'>;

function invalid(because: string): Invalid {
  return { problem: 'GRANT_INVALID', because };
}

const ERASED = invalid('the user was erased, or is being erased');

/**
 * Starts the sign-in of a code. A code is valid for one attempt, successful or not. After a second attempt, the
 * code counts as stolen, and the sign-in of the first attempt is revoked as well (RFC 6749 section 4.1.2).
 */
function redeemCode(
  presented: Extract<Grant, { grant_type: 'authorization_code' }>,
  by: By,
  { records, clock }: Deps,
): Promise<SignIn | Invalid> {
  const codeHash = hashSecret(presented.code);
  const nowMs = clock.nowMs();
  return records.transact(async (transaction) => {
    const code = await transaction.get(SIGN_IN_CODES, codeHash);
    if (!code || nowMs >= code.expiresAtMs) return invalid('the code does not exist or has expired');
    if (code.usedFor !== null) {
      const first = await transaction.get(SIGN_INS, code.usedFor);
      if (first) endReused(transaction, first, by, nowMs);
      return invalid('the code was used before');
    }
    const user = await transaction.get(USERS, code.userId);
    const signIn = beginSignIn(newPersonalId('sin'), code.userId, code.clientId, nowMs);
    transaction.set(SIGN_IN_CODES, codeHash, { ...code, usedFor: signIn.signInId });
    if (code.clientId !== presented.client_id) return invalid('the code was issued to another client');
    if (code.redirectUri !== presented.redirect_uri)
      return invalid('the code was issued for another redirect_uri');
    if (code.challenge !== challengeOf(presented.code_verifier))
      return invalid('the code_verifier does not match the code');
    if (!isLiving(user)) return ERASED;
    begin(transaction, signIn, by);
    return signIn;
  });
}

function redeemRefreshToken(
  { refresh_token: token, client_id: clientId }: Extract<Grant, { grant_type: 'refresh_token' }>,
  by: By,
  deps: Deps,
): Promise<SignIn | Invalid> {
  const presented = openRefresh(token, deps);
  if (!presented) return Promise.resolve(invalid('the refresh token is not valid'));
  return deps.records.transact(async (transaction) => {
    const signIn = await transaction.get(SIGN_INS, presented.signInId);
    if (!signIn) return invalid('the sign-in no longer exists');
    if (signIn.clientId !== clientId) return invalid('the refresh token was issued to another client');
    const nowMs = deps.clock.nowMs();
    const outcome = refresh(signIn, presented.generation, nowMs);
    if ('next' in outcome) {
      if (outcome.next !== signIn) transaction.set(SIGN_INS, signIn.signInId, outcome.next);
      return outcome.next;
    }
    if (outcome.isReused) endReused(transaction, signIn, by, nowMs);
    return invalid(outcome.because);
  });
}

/**
 * Starts the sign-in that the user allowed on another device (RFC 8628 section 3.4). Questions are counted without reading
 * records, and only those that come much too soon are told to slow down: a network delays some more than others.
 */
async function redeemDeviceCode(
  { device_code: code, client_id: clientId }: Extract<Grant, { grant_type: typeof DEVICE_GRANT }>,
  by: By,
  { records, limits, signInClients, clock }: Deps,
): Promise<SignIn | Refusal<TokenProblem>> {
  if (!isNative(signInClients, clientId)) return { problem: 'CLIENT_NOT_ALLOWED' };
  const presented = readDeviceCode(code);
  if (!presented) return invalid('the device code is not valid');
  const { deviceSignInId, secretHash } = presented;
  const { verdict } = await limits.take(`device:${deviceSignInId}`, DEVICE_PACE);
  if (verdict === 'LIMITED') return { problem: 'SLOW_DOWN' };
  const nowMs = clock.nowMs();
  return records.transact(async (transaction) => {
    const device = await transaction.get(DEVICE_SIGN_INS, deviceSignInId);
    if (device?.secretHash !== secretHash) return invalid('the device code does not exist');
    if (device.clientId !== clientId) return invalid('the device code was issued to another client');
    if (nowMs >= device.expiresAtMs) return { problem: 'DEVICE_CODE_EXPIRED' };
    if (device.status === 'denied') return { problem: 'SIGN_IN_DENIED' };
    const { userId, usedFor } = device;
    if (device.status === 'pending' || userId === null) return { problem: 'AUTHORIZATION_PENDING' };
    if (usedFor !== null) {
      const first = await transaction.get(SIGN_INS, usedFor);
      if (first && isDeviceRetry(first, nowMs)) return first;
      if (first) endReused(transaction, first, by, nowMs);
      return invalid('the device code was used before');
    }
    if (!isLiving(await transaction.get(USERS, userId))) return ERASED;
    const signIn = beginSignIn(newPersonalId('sin'), userId, clientId, nowMs);
    transaction.set(DEVICE_SIGN_INS, deviceSignInId, { ...device, usedFor: signIn.signInId });
    begin(transaction, signIn, by);
    return signIn;
  });
}

function begin(transaction: Transaction, signIn: SignIn, by: By): void {
  transaction.set(SIGN_INS, signIn.signInId, signIn);
  recordEvent(transaction, eventOf('user.signed_in', signIn, byUser(signIn, by)), signIn.createdAtMs);
}

/** Ends a sign-in, once, of which a code or token may have been stolen: who sent it is unknown. */
function endReused(transaction: Transaction, signIn: SignIn, by: By, nowMs: number): void {
  if (signIn.revoked !== null) return;
  transaction.set(SIGN_INS, signIn.signInId, { ...signIn, revoked: 'reused' });
  recordEvent(transaction, eventOf('user.signed_out', signIn, by), nowMs);
}

function eventOf(type: 'user.signed_in' | 'user.signed_out', { userId }: SignIn, by: By): AuditNote {
  return { type, tenantId: VENDOR, subject: userId, by };
}

function byUser({ userId }: SignIn, { requestId }: By): By {
  return { actor: { kind: 'user', id: userId }, requestId };
}

function sealRefresh({ signInId, generation }: SignIn, { refreshTokens }: Deps): string {
  return refreshTokens.seal(JSON.stringify({ signInId, generation }));
}

function openRefresh(
  token: string,
  { refreshTokens }: Pick<Deps, 'refreshTokens'>,
): z.infer<typeof RefreshTokenSchema> | undefined {
  const sealed = refreshTokens.open(token);
  return sealed === undefined ? undefined : z.parse(RefreshTokenSchema, JSON.parse(sealed));
}

export default { token: issueTokens, revoke, metadata: describe } satisfies HandlersOf<typeof contract>;
