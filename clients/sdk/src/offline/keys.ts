import type { PublicKeys } from '../options.ts';
import { fromBase64 } from './bytes.ts';

/** Derived, because the types of Node and of browsers have no common name for it. */
export type WebCryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** A key that may have signed a license; a PEM has no key id. */
export interface VerifyingKey {
  readonly kid: string | undefined;
  readonly key: WebCryptoKey;
}

const RS256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;

/** Throws if a key cannot be read. */
export async function importKeys(given: PublicKeys): Promise<VerifyingKey[]> {
  if (typeof given === 'string') return Promise.all(pemsIn(given).map(importPem));
  if (isSet(given)) return Promise.all(given.keys.map(importJwk));
  return Promise.all(given.flatMap(pemsIn).map(importPem));
}

function isSet(given: Exclude<PublicKeys, string>): given is { readonly keys: readonly object[] } {
  return !Array.isArray(given);
}

export function verifySignature(
  { key }: VerifyingKey,
  signature: Uint8Array<ArrayBuffer>,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  return crypto.subtle.verify(RS256.name, key, signature, signed);
}

async function importJwk(jwk: object): Promise<VerifyingKey> {
  const { kty, n, e, kid } = jwk as Readonly<Record<string, unknown>>;
  const key = { kty: String(kty), n: String(n), e: String(e) };
  // Other fields are ignored: the algorithm is fixed here, never read from the key set.
  return {
    kid: typeof kid === 'string' ? kid : undefined,
    key: await crypto.subtle.importKey('jwk', key, RS256, false, ['verify']),
  };
}

async function importPem(pem: string): Promise<VerifyingKey> {
  return {
    kid: undefined,
    key: await crypto.subtle.importKey('spki', fromBase64(pem), RS256, false, ['verify']),
  };
}

function pemsIn(text: string): string[] {
  const found = [...text.matchAll(/-----BEGIN PUBLIC KEY-----([\sA-Za-z0-9+/=]+)-----END PUBLIC KEY-----/g)];
  if (found.length === 0) throw new TypeError('publicKeys contains no PEM of a public key.');
  return found.map(([, base64 = '']) => base64.replace(/\s/g, ''));
}
