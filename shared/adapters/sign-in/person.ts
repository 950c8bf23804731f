import * as z from 'zod/mini';
import type { SignedInUser, SignInVerdict } from '../../ports/sign-in.ts';
import { type Issuer, idTokenCheck, VerifiedEmailClaims } from '../identity/id-token.ts';

const PersonClaims = z.extend(VerifiedEmailClaims, {
  sub: z.string('the token has no subject').check(z.minLength(1, 'the token has no subject')),
  nonce: z.string('the token has no nonce').check(z.minLength(1, 'the token has no nonce')),
  name: z.optional(z.string('the name in the token is invalid')),
  hd: z.optional(z.string('the hosted domain in the token is invalid')),
});
type PersonClaims = z.infer<typeof PersonClaims>;

/** Reads the user from a provider's ID token for the sign-in of `nonce`. `ofProvider` adds what providers differ in. */
export function personReader(
  issuer: Issuer,
  clientId: string,
  ofProvider: (claims: PersonClaims) => Pick<SignedInUser, 'issuer' | 'hostedDomain'>,
): (idToken: string, nonce: string) => Promise<SignInVerdict> {
  const check = idTokenCheck(issuer, clientId, PersonClaims);
  return async (idToken, nonce) => {
    const checked = await check(idToken);
    if (checked.verdict === 'REFUSED') return checked;
    const { claims } = checked;
    if (claims.nonce !== nonce)
      return { verdict: 'REFUSED', because: 'the token was issued for another sign-in' };
    const email = claims.email.toLowerCase();
    const name = claims.name?.trim() || email.replace(/@.*/, '');
    return { verdict: 'SIGNED_IN', person: { ...ofProvider(claims), subject: claims.sub, email, name } };
  };
}
