import * as z from 'zod/mini';
import { hashSecret, newSecretWord } from '../../shared/domain/ids.ts';
import {
  CODE_SECONDS,
  type SignInInProgress,
  SignInUnderWaySchema,
  withParameters,
} from '../../shared/domain/sign-in.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { signInCookie } from '../../shared/http/cookie.ts';
import { SIGN_IN_CODES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type contract from './contract.ts';
import { signUp } from './sign-up.ts';

async function finishSignIn(
  { query, cookie, by, note }: RequestOf<typeof contract, 'callback'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'callback'>> {
  const { signIn, publicUrl } = deps;
  if (!signIn) return { problem: 'SIGN_IN_NOT_SET_UP' };
  const underWay = readUnderWay(cookie, deps);
  if (underWay === undefined || underWay.state !== query.state) return { problem: 'SIGN_IN_MISMATCH' };

  const { code, error } = query;
  const redeemed =
    code === undefined
      ? { verdict: 'REFUSED' as const, because: `the provider answered: ${errorCodeOf(error)}` }
      : await signIn.redeem({
          code,
          codeVerifier: underWay.codeVerifier,
          redirectUri: `${publicUrl}/auth/callback`,
          nonce: underWay.nonce,
        });
  if (redeemed.verdict === 'REFUSED') {
    // The client waits for a code, and gets an error instead (RFC 6749 section 4.1.2.1).
    note({ severity: 'WARNING', because: redeemed.because });
    return redirectBack(underWay, { error: 'access_denied' }, publicUrl);
  }
  const userId = await signUp(redeemed.person, by.requestId, deps);
  if (userId === undefined) {
    note({ because: 'the user is being erased' });
    return redirectBack(underWay, { error: 'access_denied' }, publicUrl);
  }
  return redirectBack(underWay, { code: await issueCode(userId, underWay, deps) }, publicUrl);
}

/**
 * Error codes of a provider (RFC 6749 section 4.1.2.1). They arrive through the browser, so anyone can forge them.
 * Other values are not logged.
 */
const PROVIDER_ERRORS: readonly (string | undefined)[] = [
  'access_denied',
  'invalid_request',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_response_type',
];

function errorCodeOf(error: string | undefined): string {
  if (error === undefined) return 'no code';
  return PROVIDER_ERRORS.includes(error) ? error : 'an unknown error';
}

function readUnderWay(
  cookie: string | undefined,
  { signInState, clock }: Deps,
): SignInInProgress | undefined {
  const sealed = signInState.open(cookie);
  if (sealed === undefined) return undefined;
  const underWay = z.parse(SignInUnderWaySchema, JSON.parse(sealed));
  return clock.nowMs() < underWay.expiresAtMs ? underWay : undefined;
}

async function issueCode(
  userId: string,
  { redirectUri, clientChallenge: challenge }: SignInInProgress,
  { records, clock }: Deps,
): Promise<string> {
  const code = newSecretWord();
  const expiresAtMs = clock.nowMs() + CODE_SECONDS * 1000;
  const codeHash = hashSecret(code);
  await records.create(SIGN_IN_CODES, codeHash, {
    codeHash,
    userId,
    redirectUri,
    challenge,
    usedFor: null,
    expiresAtMs,
  });
  return code;
}

/** `iss` identifies this server to clients that use several sign-in servers (RFC 9207). */
function redirectBack(
  { redirectUri, clientState }: SignInInProgress,
  outcome: Readonly<Record<string, string>>,
  publicUrl: string,
) {
  return {
    answer: 'back' as const,
    body: undefined,
    headers: {
      location: withParameters(redirectUri, { ...outcome, state: clientState, iss: publicUrl }),
      'set-cookie': signInCookie('', 0, publicUrl),
    },
  };
}

export default { callback: finishSignIn } satisfies HandlersOf<typeof contract>;
