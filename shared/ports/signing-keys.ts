/** The versions of the license signing key, for operators. Functions only sign (`Signer`). */
export interface SigningKeys {
  /** All versions, oldest first, including those out of use. */
  versions(): Promise<readonly KeyVersion[]>;

  /**
   * Creates a version, which is published once it is `enabled` and signs nothing until the configuration names it. Not
   * retried: if it fails, `versions` shows whether a version was created after all.
   */
  create(): Promise<KeyVersion>;

  /** Disables a version: its signatures are not valid any more. Safe to repeat. */
  disable(name: string): Promise<void>;

  close(): Promise<void>;
}

export interface KeyVersion {
  /** The value of the setting `SIGNING_KEY_VERSION` for this version. */
  readonly name: string;
  /** Counted from 1. */
  readonly number: number;
  /** As in `PublicKey`. */
  readonly keyId: string;
  /** `pending` while it is being created; `gone` once it is destroyed or scheduled to be. */
  readonly state: 'pending' | 'enabled' | 'disabled' | 'gone';
  readonly createdAtMs: number;
  /** Whether the configuration names it. */
  readonly isCurrent: boolean;
}
