import * as z from 'zod/mini';
import { ACCESS_TOKEN_SECONDS } from '../../shared/domain/access-token.ts';
import { hashSecret, newPersonalId } from '../../shared/domain/ids.ts';
import {
  beginSignIn,
  challengeOf,
  RefreshTokenSchema,
  refresh,
  type SignIn,
} from '../../shared/domain/sign-in.ts';
import type { HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { SIGN_IN_CODES, SIGN_INS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { tenantsOf } from '../../shared/use-cases/members.ts';
import type contract from './contract.ts';

async function issueTokens(
  { body }: RequestOf<typeof contract, 'token'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'token'>> {
  const signIn =
    body.grant_type === 'authorization_code'
      ? await redeemCode(body, deps)
      : await redeemRefreshToken(body.refresh_token, deps);
  if ('problem' in signIn) return signIn;
  const { userId, signInId } = signIn;
  const [user, tenants] = await Promise.all([
    deps.records.get(USERS, userId),
    tenantsOf(deps.records, userId),
  ]);
  if (!user || user.erasureId !== null) return invalid('the user was erased, or is being erased');
  return {
    answer: 'tokens',
    body: {
      access_token: await deps.accessTokenIssuer.issue({ userId, signInId, tenants }, deps.clock.nowMs()),
      token_type: 'Bearer',
      expires_in: ACCESS_TOKEN_SECONDS,
      refresh_token: sealRefresh(signIn, deps),
      user_id: userId,
      tenants: Object.entries(tenants).map(([tenant_id, role]) => ({ tenant_id, role })),
    },
  };
}

async function signOut(
  { body }: RequestOf<typeof contract, 'signOut'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'signOut'>> {
  const presented = openRefresh(body.refresh_token, deps);
  if (presented) {
    await deps.records.transact(async (transaction) => {
      const signIn = await transaction.get(SIGN_INS, presented.signInId);
      if (signIn?.revoked === null) {
        transaction.set(SIGN_INS, signIn.signInId, { ...signIn, revoked: 'signed_out' });
      }
    });
  }
  return { answer: 'ended', body: undefined };
}

type Invalid = Refusal<'GRANT_INVALID'>;

function invalid(because: string): Invalid {
  return { problem: 'GRANT_INVALID', because };
}

/**
 * Starts the sign-in of a code. A code is valid for one attempt, successful or not. After a second attempt, the
 * code counts as stolen, and the sign-in of the first attempt is revoked as well (RFC 6749 section 4.1.2).
 */
function redeemCode(
  presented: { code: string; code_verifier: string; redirect_uri: string },
  { records, clock }: Deps,
): Promise<SignIn | Invalid> {
  const codeHash = hashSecret(presented.code);
  const nowMs = clock.nowMs();
  return records.transact(async (transaction) => {
    const code = await transaction.get(SIGN_IN_CODES, codeHash);
    if (!code || nowMs >= code.expiresAtMs) return invalid('the code does not exist or has expired');
    if (code.usedFor !== null) {
      const first = await transaction.get(SIGN_INS, code.usedFor);
      if (first) transaction.set(SIGN_INS, first.signInId, { ...first, revoked: 'reused' });
      return invalid('the code was used before');
    }
    const signIn = beginSignIn(newPersonalId('sin'), code.userId, nowMs);
    transaction.set(SIGN_IN_CODES, codeHash, { ...code, usedFor: signIn.signInId });
    if (code.redirectUri !== presented.redirect_uri)
      return invalid('the code was issued for another redirect_uri');
    if (code.challenge !== challengeOf(presented.code_verifier))
      return invalid('the code_verifier does not match the code');
    transaction.set(SIGN_INS, signIn.signInId, signIn);
    return signIn;
  });
}

function redeemRefreshToken(token: string, deps: Deps): Promise<SignIn | Invalid> {
  const presented = openRefresh(token, deps);
  if (!presented) return Promise.resolve(invalid('the refresh token is not valid'));
  return deps.records.transact(async (transaction) => {
    const signIn = await transaction.get(SIGN_INS, presented.signInId);
    if (!signIn) return invalid('the sign-in no longer exists');
    const outcome = refresh(signIn, presented.generation, deps.clock.nowMs());
    const changed = 'next' in outcome ? outcome.next : outcome.ended;
    if (changed && changed !== signIn) transaction.set(SIGN_INS, signIn.signInId, changed);
    return 'next' in outcome ? outcome.next : invalid(outcome.because);
  });
}

function sealRefresh({ signInId, generation }: SignIn, { refreshTokens }: Deps): string {
  return refreshTokens.seal(JSON.stringify({ signInId, generation }));
}

function openRefresh(token: string, { refreshTokens }: Deps): z.infer<typeof RefreshTokenSchema> | undefined {
  const sealed = refreshTokens.open(token);
  return sealed === undefined ? undefined : z.parse(RefreshTokenSchema, JSON.parse(sealed));
}

export default { token: issueTokens, signOut } satisfies HandlersOf<typeof contract>;
