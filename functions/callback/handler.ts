import { CODES_TO_TRY, sealTicket } from '../../shared/domain/device-sign-in.ts';
import { hashSecret, newSecretWord } from '../../shared/domain/ids.ts';
import { CODE_SECONDS } from '../../shared/domain/sign-in.ts';
import {
  openProgress,
  type Purpose,
  providerNonceOf,
  providerStateOf,
  type SignInInProgress,
  sealProgress,
} from '../../shared/domain/sign-in-progress.ts';
import { Unavailable } from '../../shared/errors.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { html, htmlPage } from '../../shared/http/html-page.ts';
import { redirectBack } from '../../shared/http/redirect-back.ts';
import { signInCookie } from '../../shared/http/sign-in-cookie.ts';
import { SIGN_IN_CODES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { SignedInUser, SignIn } from '../../shared/ports/sign-in.ts';
import { findDeviceSignIn } from '../../shared/use-cases/device-sign-ins.ts';
import { callbackOf } from '../../shared/use-cases/sign-in-page.ts';
import type contract from './contract.ts';
import { signUp } from './sign-up.ts';

type Request = RequestOf<typeof contract, 'callback'>;
type Reply = ReplyOf<typeof contract, 'callback'>;
type ForClient = Extract<Purpose, { for: 'client' }>;

async function finishSignIn({ query, cookie, by, note }: Request, deps: Deps): Promise<Reply> {
  const { signIn, signInState, clock, publicUrl } = deps;
  if (!signIn) return { problem: 'SIGN_IN_NOT_SET_UP' };
  const inProgress = openProgress(signInState, cookie, clock.nowMs());
  const finished = inProgress.find((each) => providerStateOf(each) === query.state);
  if (!finished) return { problem: 'SIGN_IN_MISMATCH' };
  const others = inProgress.filter((each) => each !== finished);
  const headers = signInCookie(others.length === 0 ? '' : sealProgress(signInState, others), publicUrl);

  const { purpose } = finished;
  try {
    const redeemed = await redeem(finished, query, signIn, deps);
    if (redeemed.verdict === 'REFUSED') {
      note({ severity: 'WARNING', because: redeemed.because });
      if (purpose.for === 'device') return { problem: 'SIGN_IN_DENIED', headers };
      return redirectBack(purpose, { error: 'access_denied' }, publicUrl, headers);
    }
    const userId = await signUp(redeemed.person, by.requestId, deps);
    if (userId === undefined) {
      note({ because: 'the user is being erased' });
      if (purpose.for === 'device') return { problem: 'SIGN_IN_DENIED', headers };
      return redirectBack(purpose, { error: 'access_denied' }, publicUrl, headers);
    }
    if (purpose.for === 'device') return await askConsent(purpose, userId, redeemed.person, headers, deps);
    return redirectBack(purpose, { code: await issueCode(userId, purpose, deps) }, publicUrl, headers);
  } catch (error) {
    // The client waits for a code, and gets an error in its place (RFC 6749 section 4.1.2.1).
    if (!(error instanceof Unavailable) || purpose.for === 'device') throw error;
    note({ severity: 'ERROR', because: error.message });
    return redirectBack(purpose, { error: 'temporarily_unavailable' }, publicUrl, headers);
  }
}

function redeem(
  begun: SignInInProgress,
  { code, error }: Request['query'],
  signIn: SignIn,
  { publicUrl }: Deps,
) {
  if (code === undefined)
    return { verdict: 'REFUSED' as const, because: `the provider answered: ${errorCodeOf(error)}` };
  const { verifier: codeVerifier } = begun;
  const redirectUri = callbackOf({ publicUrl });
  return signIn.redeem({ code, codeVerifier, redirectUri, nonce: providerNonceOf(begun) });
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

async function issueCode(
  userId: string,
  { clientId, redirectUri, challenge }: ForClient,
  { records, clock }: Deps,
): Promise<string> {
  const code = newSecretWord();
  const expiresAtMs = clock.nowMs() + CODE_SECONDS * 1000;
  const codeHash = hashSecret(code);
  await records.create(SIGN_IN_CODES, codeHash, {
    codeHash,
    userId,
    clientId,
    redirectUri,
    challenge,
    usedFor: null,
    expiresAtMs,
  });
  return code;
}

/**
 * Asks the user, who has signed in, whether the device may sign in as them. Someone may have sent them the code to get
 * their account, so the page says what asks, and what it gets (RFC 8628 section 5.4).
 */
async function askConsent(
  { userCode }: Extract<Purpose, { for: 'device' }>,
  userId: string,
  { email }: SignedInUser,
  headers: Readonly<Record<string, string>>,
  deps: Deps,
): Promise<Reply> {
  const { verdict, resetSeconds } = await deps.limits.take(`user-code:${userId}`, CODES_TO_TRY);
  if (verdict === 'LIMITED') return { problem: 'RATE_LIMITED', retryAfterSeconds: resetSeconds, headers };
  const device = await findDeviceSignIn(userCode, deps);
  if (!device) return { problem: 'USER_CODE_UNKNOWN', headers };
  const { clientId, expiresAtMs } = device;
  const ticket = sealTicket(deps.signInState, { userCode, userId, expiresAtMs });
  const body = htmlPage(
    'Allow this sign-in?',
    `<p>The program <strong>${html(clientId)}</strong> on another device asks to sign in as <strong>${html(email)}</strong>. It shows this code:</p>
<p><strong class="code">${html(userCode)}</strong></p>
<p>It can then use everything that you can use here, until you sign it out.</p>
<p>Allow this only if you started the program yourself, and see this code there now. If you got the code from someone else, deny it: they would get your account.</p>
<form method="post" action="/auth/device/decision">
<input type="hidden" name="ticket" value="${html(ticket)}">
<button name="decision" value="deny">Deny</button>
<button name="decision" value="allow">Allow</button>
</form>`,
  );
  return { answer: 'consent', body, headers };
}

export default { callback: finishSignIn } satisfies HandlersOf<typeof contract>;
