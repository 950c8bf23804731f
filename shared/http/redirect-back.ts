import { withParameters } from '../domain/sign-in.ts';

/**
 * The answer that returns a browser to the client with a code or an error (RFC 6749 section 4.1.2). `iss` identifies this
 * server to clients that use several sign-in servers (RFC 9207).
 */
export function redirectBack(
  { redirectUri, state }: { readonly redirectUri: string; readonly state?: string | undefined },
  outcome: Readonly<Record<string, string>>,
  publicUrl: string,
  headers: Readonly<Record<string, string>> = {},
) {
  const parameters = { ...outcome, ...(state !== undefined && { state }), iss: publicUrl };
  const location = withParameters(redirectUri, parameters);
  return { answer: 'back' as const, body: undefined, headers: { ...headers, location } };
}
