/** Who asks for seats, and for which machine and user. */
export interface SeatleaseOptions {
  /** Address of the license server, such as `https://licenses.example.com`. */
  readonly url: string | URL;
  /** Required, unless `signIn` is given. */
  readonly licenseKey?: string | undefined;
  readonly signIn?: AccessTokens | undefined;
  /** Required with `signIn`; a license key contains its license. */
  readonly licenseId?: string | undefined;
  /** Required with a license key if the license counts seats by user. */
  readonly userId?: string | undefined;
  /** Identifies this process: its seat, if the license counts seats by process. Default: generated. */
  readonly processId?: string | undefined;
  /** Identifies this machine, the same on every start. Default: a hash of the machine id. */
  readonly fingerprint?: string | undefined;
  /** Shown to the license's admins. Default: the machine's host name; `''` sends none. */
  readonly hostname?: string | undefined;
  readonly appVersion?: string | undefined;
  /**
   * The vendor's keys for offline licenses: PEMs, or a JSON Web Key Set. Put them into your app: without them, the SDK
   * trusts the keys that the server published last, and anyone who can write the stored file can replace those.
   */
  readonly publicKeys?: PublicKeys | undefined;
}

export type PublicKeys = string | readonly string[] | { readonly keys: readonly object[] };

/** Source of access tokens of a signed-in user. */
export interface AccessTokens {
  /** Returns a valid token. `refused`: a token that the server rejected; the result must be another one. */
  accessToken(refused?: string): Promise<string>;
}

export interface AcquireOptions {
  /** Waits while every seat is taken: without limit, or for some seconds. Default: does not wait. */
  readonly wait?: boolean | { readonly atMostSeconds: number } | undefined;
  /** Ends the wait for this caller. A seat that is still granted is released, unless another caller waits for it. */
  readonly signal?: AbortSignal | undefined;
  /** Borrows the seat for so many days: it needs no heartbeats and stays yours when the program ends. */
  readonly borrowDays?: number | undefined;
}
