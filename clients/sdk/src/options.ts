/** Who asks for seats, and for which machine and user. */
export interface SeatleaseOptions {
  /** Of the suite, such as `https://licenses.example.com`. */
  readonly url: string | URL;
  /** This or `signIn`. */
  readonly licenseKey?: string | undefined;
  readonly signIn?: AccessTokens | undefined;
  /** Needed with `signIn`; a license key says it by itself. */
  readonly licenseId?: string | undefined;
  /** Needed with a license key where the license counts seats by user. */
  readonly userId?: string | undefined;
  /** Told only where the license counts seats by process; made up unless given. */
  readonly processId?: string | undefined;
  /** What tells this machine from others, the same on every start; found out unless given. */
  readonly fingerprint?: string | undefined;
  /** For the license's admins to see; found out unless given, and `''` tells none. */
  readonly hostname?: string | undefined;
  readonly appVersion?: string | undefined;
  /**
   * The vendor's keys for offline licenses: PEMs, or a JSON Web Key Set. Put them into your app: without them, those that the
   * server showed last are believed, which whoever can write the store can replace.
   */
  readonly publicKeys?: PublicKeys | undefined;
}

export type PublicKeys = string | readonly string[] | { readonly keys: readonly object[] };

/** What gives access tokens of somebody who signed in. */
export interface AccessTokens {
  /** A good one; `refused` is one that the server did not take, so that another is needed. */
  accessToken(refused?: string): Promise<string>;
}

export interface AcquireOptions {
  /** Waits while every seat is taken: for ever, or so long. The default is not to. */
  readonly wait?: boolean | { readonly atMostSeconds: number } | undefined;
  /** Ends the wait for this caller; a seat that comes all the same is given back unless somebody else waits for it. */
  readonly signal?: AbortSignal | undefined;
  /** Borrows the seat: held for so long without a heartbeat, the program's end included. */
  readonly borrowDays?: number | undefined;
}
