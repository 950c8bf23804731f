import { CODE_CHALLENGE } from '../../shared/domain/sign-in.ts';
import { mayRedirectTo } from '../../shared/domain/sign-in-clients.ts';
import { Unavailable } from '../../shared/errors.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { redirectBack } from '../../shared/http/redirect-back.ts';
import { signInCookie } from '../../shared/http/sign-in-cookie.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { beginAtProvider } from '../../shared/use-cases/sign-in-page.ts';
import type contract from './contract.ts';

type Request = RequestOf<typeof contract, 'authorize'>;

async function authorize(
  { query, cookie, note }: Request,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'authorize'>> {
  const { signInClients, publicUrl } = deps;
  const { client_id: clientId, redirect_uri: redirectUri } = query;
  const addresses = signInClients.get(clientId);
  if (!addresses) return { problem: 'CLIENT_UNKNOWN' };
  if (!mayRedirectTo(redirectUri, addresses)) return { problem: 'REDIRECT_NOT_ALLOWED' };
  const { state: given } = query;
  const state = typeof given === 'string' && STATE.test(given) ? given : undefined;
  const back = (error: string, description: string) =>
    redirectBack({ redirectUri, state }, { error, error_description: description }, publicUrl);

  const wrong = wrongIn(query, state);
  if (wrong) return back(...wrong);
  const challenge = String(query.code_challenge);
  try {
    const begun = await beginAtProvider(
      { for: 'client', clientId, redirectUri, state, challenge },
      cookie,
      deps,
    );
    if (begun) {
      const headers = { location: begun.location, ...signInCookie(begun.cookie, publicUrl) };
      return { answer: 'provider', body: undefined, headers };
    }
    return back('temporarily_unavailable', 'Sign-in is not configured on this server.');
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    note({ severity: 'ERROR', because: error.message });
    return back('temporarily_unavailable', 'The sign-in provider cannot be reached right now.');
  }
}

/** RFC 6749 appendix A.5, without the space. */
const STATE = /^[\x21-\x7e]{1,512}$/;

/** The first thing that is wrong with a request whose redirect address is valid. */
function wrongIn(
  { response_type: type, state, code_challenge: challenge, code_challenge_method: method }: Request['query'],
  validState: string | undefined,
): readonly [error: string, description: string] | undefined {
  const invalid = (description: string) => ['invalid_request', description] as const;
  if ([type, state, challenge, method].some(Array.isArray)) return invalid('A parameter is repeated.');
  if (type === undefined || type === '') return invalid('response_type is missing.');
  if (type !== 'code') return ['unsupported_response_type', 'response_type must be code.'];
  if (state !== undefined && state !== '' && validState === undefined)
    return invalid('state must be 1 to 512 visible ASCII characters.');
  if (method !== 'S256') return invalid('code_challenge_method must be S256.');
  return typeof challenge === 'string' && CODE_CHALLENGE.test(challenge)
    ? undefined
    : invalid('code_challenge must be 43 characters of base64url.');
}

export default { authorize } satisfies HandlersOf<typeof contract>;
