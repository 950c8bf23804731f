/**
 * Signs licenses with RSASSA-PKCS1-v1_5, SHA-256 and a 4096-bit key (`RSA_SIGN_PKCS1_4096_SHA256`; in a JWS, RS256).
 * The private key never leaves the signing service. If the service does not answer, denies access or returns something
 * invalid, `Unavailable('signing', …)` is thrown: every returned signature verifies with its public key.
 */
export interface Signer {
  /** The key that signs now: the one that the configuration names. Sends no request, so it costs nothing. */
  current(): Promise<SigningKey>;

  /**
   * An enabled version of the same key, by its id, for what only that version can sign: that it is revoked. Not from a
   * cached list. `undefined` if there is none.
   */
  enabled(keyId: string): Promise<(SigningKey & PublicKey) | undefined>;

  /**
   * All keys whose signatures are valid, the current one first unless it is out of use. The list is at most a minute
   * old; if no such list can be fetched, it throws `Unavailable`.
   */
  publicKeys(): Promise<readonly PublicKey[]>;

  /** Resolves if the key can be reached; throws `Unavailable` if not. Signs nothing. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

export interface SigningKey {
  /** Identifies the key of a signature: the `kid` of a JWS. Unique for ever. */
  readonly keyId: string;
  /** Signs the SHA-256 digest of `message`: one billable operation. */
  sign(message: Uint8Array): Promise<SignVerdict>;
}

export type SignVerdict =
  | { readonly verdict: 'SIGNED'; readonly signature: Uint8Array }
  /** Too many requests: a later retry works. */
  | { readonly verdict: 'BUSY' };

export interface PublicKey {
  readonly keyId: string;
  /** SubjectPublicKeyInfo as PEM (RFC 7468 section 13). */
  readonly pem: string;
}
