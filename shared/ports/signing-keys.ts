/** The versions of the key that licenses are signed with, for operators: functions only sign (`Signer`). */
export interface SigningKeys {
  /** Every version, the oldest first, those of no more use too. */
  versions(): Promise<readonly KeyVersion[]>;

  /**
   * Makes a version, which is published once it is `enabled` and signs nothing until the configuration names it. Asks
   * once: where that failed, `versions` tells whether there is one after all.
   */
  create(): Promise<KeyVersion>;

  /** Takes a version out of use: signatures of it are not to be trusted any more. Twice is no matter. */
  disable(name: string): Promise<void>;

  close(): Promise<void>;
}

export interface KeyVersion {
  /** What the setting `SIGNING_KEY_VERSION` names it by. */
  readonly name: string;
  /** Counted from 1. */
  readonly number: number;
  /** As in `PublicKey`. */
  readonly keyId: string;
  /** `pending` while it is being made; `gone` once it is, or is about to be, destroyed. */
  readonly state: 'pending' | 'enabled' | 'disabled' | 'gone';
  readonly createdAtMs: number;
  /** Whether the configuration names it. */
  readonly isCurrent: boolean;
}
