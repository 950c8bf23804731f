import {
  DEVICE_INTERVAL_SECONDS,
  DEVICE_SECONDS,
  openTicket,
  readUserCode,
} from '../../shared/domain/device-sign-in.ts';
import { isNative } from '../../shared/domain/sign-in-clients.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { html, htmlPage } from '../../shared/http/html-page.ts';
import { signInCookie } from '../../shared/http/sign-in-cookie.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { createDeviceSignIn, decideDeviceSignIn } from '../../shared/use-cases/device-sign-ins.ts';
import { beginAtProvider } from '../../shared/use-cases/sign-in-page.ts';
import type contract from './contract.ts';

async function start(
  { body: { client_id: clientId } }: RequestOf<typeof contract, 'start'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'start'>> {
  const { signInClients, signInPage, publicUrl } = deps;
  if (!signInPage) return { problem: 'SIGN_IN_NOT_SET_UP' };
  if (!signInClients.has(clientId)) return { problem: 'CLIENT_UNKNOWN' };
  if (!isNative(signInClients, clientId)) return { problem: 'CLIENT_NOT_ALLOWED' };
  const { deviceCode, userCode } = await createDeviceSignIn(clientId, deps);
  const address = `${publicUrl}/auth/device`;
  return {
    answer: 'started',
    body: {
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: address,
      verification_uri_complete: `${address}?user_code=${userCode}`,
      expires_in: DEVICE_SECONDS,
      interval: DEVICE_INTERVAL_SECONDS,
    },
  };
}

async function showPage(
  { query: { user_code: typed }, cookie }: RequestOf<typeof contract, 'page'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'page'>> {
  if (typed === undefined || typed === '') return { answer: 'page', body: ENTRY_PAGE };
  const userCode = readUserCode(typed);
  if (userCode === undefined) return { problem: 'USER_CODE_UNKNOWN' };
  const begun = await beginAtProvider({ for: 'device', userCode }, cookie, deps);
  if (!begun) return { problem: 'SIGN_IN_NOT_SET_UP' };
  const body = htmlPage(
    'Sign in on another device',
    `<p>A program on another device must show this code:</p>
<p><strong class="code">${html(userCode)}</strong></p>
<p>Continue only if you started the program yourself. You sign in here first, then you see what asks for your account.</p>
<a class="button" href="${html(begun.location)}">Continue</a>`,
  );
  return { answer: 'page', body, headers: signInCookie(begun.cookie, deps.publicUrl) };
}

const ENTRY_PAGE = htmlPage(
  'Sign in on another device',
  `<form method="get" action="/auth/device">
<label for="user_code">Code that the program shows</label>
<input id="user_code" name="user_code" required autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="64">
<button>Continue</button>
</form>`,
);

async function decide(
  { body: { ticket, decision } }: RequestOf<typeof contract, 'decide'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'decide'>> {
  const consent = openTicket(deps.signInState, ticket, deps.clock.nowMs());
  if (!consent) return { problem: 'SIGN_IN_MISMATCH' };
  const decided = await decideDeviceSignIn(consent, decision, deps);
  if (!decided) return { problem: 'USER_CODE_UNKNOWN' };
  const [title, words] =
    decided.status === 'allowed'
      ? ['Signed in', 'The program signs in now.']
      : ['Denied', 'The program does not get your account.'];
  return { answer: 'decided', body: htmlPage(title, `<p>${words} You can close this window.</p>`) };
}

export default { start, page: showPage, decide } satisfies HandlersOf<typeof contract>;
