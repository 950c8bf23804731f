import { optionInvalid, type PublicKeys } from '../options.ts';
import { fromBase64 } from './bytes.ts';

/** Derived, because the types of Node and of browsers have no common name for it. */
export type VerifyingKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** Fixed, never read from a token or a key set: a token could name a weak algorithm (RFC 8725 section 3.1). */
export const RS256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;

/** The base64 of each public key is its first group. */
export const PUBLIC_KEY_PEMS = /-----BEGIN PUBLIC KEY-----([^-]+)-----END PUBLIC KEY-----/g;

/** Throws OPTION_INVALID if there is no key, or one that cannot be read. */
export async function importKeys(given: PublicKeys): Promise<readonly VerifyingKey[]> {
  const { keys } = Object(given);
  const pems = String(given).matchAll(PUBLIC_KEY_PEMS);
  try {
    const imported = await Promise.all([
      ...[...pems].map(([, base64 = '']) => importKey('spki', fromBase64(base64.replace(/\s/g, '')))),
      ...(Array.isArray(keys) ? keys : []).map(({ kty, n, e }) => importKey('jwk', { kty, n, e })),
    ]);
    if (imported.length > 0) return imported;
  } catch {
    // Explained below.
  }
  throw optionInvalid('publicKeys', 'must be PEMs of RSA public keys, or a JSON Web Key Set.');
}

function importKey(format: 'spki' | 'jwk', key: object): Promise<VerifyingKey> {
  // Its overloads have one format each.
  return crypto.subtle.importKey(format as 'jwk', key, RS256, true, ['verify']);
}
