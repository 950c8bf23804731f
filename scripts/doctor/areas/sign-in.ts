import callback from '../../../functions/callback/contract.ts';
import type { Answer } from '../answers.ts';
import type { Area, Stack } from '../check.ts';
import { failed, ok, unknown, type Verdict } from '../finding.ts';

const CLIENT_ID = /^\d+-\w+\.apps\.googleusercontent\.com$/;

/** The OAuth client of users who sign in. */
export const SIGN_IN: Area = {
  name: 'sign-in',
  checksOf(stack) {
    const { signIn, publicUrl } = stack.settings;
    if (!signIn) return [];
    const redirectUri = `${publicUrl}${callback.endpoints.callback.path}`;
    return [
      {
        name: 'OAuth client',
        async run({ other }) {
          if (!CLIENT_ID.test(signIn.clientId))
            return [
              failed(
                'signIn.clientId has not the form of a client id.',
                `Copy it from ${clientsPage(stack)}: it ends with .apps.googleusercontent.com.`,
              ),
            ];
          const query = new URLSearchParams({
            client_id: signIn.clientId,
            redirect_uri: redirectUri,
            response_type: 'code',
            scope: 'openid email',
          });
          const answer = await other({ url: `https://accounts.google.com/o/oauth2/v2/auth?${query}` });
          return [judgeAuthorization(answer, redirectUri, stack)];
        },
      },
    ];
  },
};

function clientsPage({ settings: { project } }: Stack): string {
  return `https://console.cloud.google.com/auth/clients?project=${project}`;
}

/**
 * Google redirects a request that it refuses to `/signin/oauth/error`, with the error in `authError`: a protocol buffer in
 * base64 whose first field is the code. Any other page of the sign-in means that it accepts client and address. This is
 * observed, not documented (for example https://github.com/thecoderok/MeasureThat.net/issues/68 for the page, and the
 * public tests of sites that read it), so anything else is for the operator to check.
 */
function judgeAuthorization({ location }: Answer, redirectUri: string, stack: Stack): Verdict {
  const page = clientsPage(stack);
  const byHand = `Check at ${page} that ${redirectUri} is an authorized redirect URI of the client.`;
  const target = location !== undefined && URL.canParse(location) ? new URL(location) : undefined;
  if (target?.hostname !== 'accounts.google.com')
    return unknown('Google gives no answer that says whether the address is registered.', byHand);
  if (target.pathname !== '/signin/oauth/error')
    return /signin|ServiceLogin/i.test(target.pathname)
      ? ok(`Google accepts the client with ${redirectUri}.`)
      : unknown('Google gives no answer that says whether the address is registered.', byHand);
  const error = Buffer.from(target.searchParams.get('authError') ?? '', 'base64').toString('latin1');
  if (error.includes('redirect_uri_mismatch'))
    return failed('The redirect address is not registered.', `Add ${redirectUri} to the client at ${page}.`);
  if (/(invalid|deleted|disabled)_client/.test(error))
    return failed(
      'Google does not know the client, or it is deleted or disabled.',
      `Set signIn.clientId to the id of a web client at ${page}.`,
    );
  return unknown('Google refuses the request for another reason.', byHand);
}
