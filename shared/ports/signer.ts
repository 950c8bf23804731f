/**
 * Signs licenses, by RSASSA-PKCS1-v1_5 with SHA-256 and a 4096-bit key (`RSA_SIGN_PKCS1_4096_SHA256`; in a JWS, RS256).
 * The private key never leaves what stands behind this port. Where that does not answer, refuses us, or answers what
 * does not hold, `Unavailable('signing', …)` is thrown: no signature leaves here that its public key does not verify.
 */
export interface Signer {
  /** The key that signs now, the one that the configuration names. Asks nobody, so it costs nothing. */
  current(): Promise<SigningKey>;

  /**
   * Every key whose signatures hold, the one that signs now first, or missing where it is out of use. At most a minute
   * old: where nothing so new is to be had, `Unavailable`.
   */
  publicKeys(): Promise<readonly PublicKey[]>;

  /** Resolves when the key can be reached; throws `Unavailable` when it cannot. Signs nothing. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

export interface SigningKey {
  /** What signatures of this key are known by: the `kid` of a JWS. No two keys ever have the same. */
  readonly keyId: string;
  /** Signs the SHA-256 digest of `message`: one billable operation. */
  sign(message: Uint8Array): Promise<SignVerdict>;
}

export type SignVerdict =
  | { readonly verdict: 'SIGNED'; readonly signature: Uint8Array }
  /** Asked too often: another try later will do. */
  | { readonly verdict: 'BUSY' };

export interface PublicKey {
  readonly keyId: string;
  /** SubjectPublicKeyInfo as PEM (RFC 7468 section 13). */
  readonly pem: string;
}
