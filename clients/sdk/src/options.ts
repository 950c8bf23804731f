import { SeatleaseError } from './errors.ts';

/** Who asks for seats, and for which machine and user. */
export interface SeatleaseOptions {
  /** Address of the license server, such as `https://licenses.example.com`. Required; http only for this machine. */
  readonly url?: string | URL | undefined;
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
  /** The vendor's keys for offline licenses: PEMs, or a JSON Web Key Set. Without them there is no offline use. */
  readonly publicKeys?: PublicKeys | undefined;
}

export type PublicKeys = string | readonly string[] | { readonly keys: readonly object[] };

/** Source of access tokens of a signed-in user. */
export interface AccessTokens {
  /** Returns a valid token. `refused`: a token that the server rejected; the result must be another one. */
  accessToken(refused?: string): Promise<string>;
}

export interface AcquireOptions {
  /**
   * Waits while every seat is taken or the server does not answer: without limit, or for some seconds. Default: does not
   * wait.
   */
  readonly wait?: boolean | { readonly atMostSeconds: number } | undefined;
  /** Ends the wait for this caller. A seat that is still granted is released, unless another caller waits for it. */
  readonly signal?: AbortSignal | undefined;
}

export type Credentials = { readonly licenseKey: string } | { readonly signIn: AccessTokens };

export interface CheckedOptions {
  /** Address without a trailing slash. */
  readonly base: string;
  /** Whether the server runs on this machine. */
  readonly isLocal: boolean;
  readonly credentials: Credentials;
}

export interface CheckedAcquireOptions {
  /** How long to wait; `undefined` if the caller does not wait. */
  readonly waitMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What is wrong with a value; `false` if it is right. Faults begin with a verb, and contain no credential. */
export type Rule = (value: unknown) => string | false;

/** The server allows at most 256 characters, and fewer for some options. */
const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && value.length <= 256;
/** Whether it can be sent in a header. */
export const isHeaderText = (value: unknown): boolean => /^[!-~]+$/.test(String(value ?? ''));
const text: Rule = (value) => !isText(value) && 'must be a text of 1 to 256 characters.';
/** For `checkUrl` and `importKeys`. */
const checkedElsewhere: Rule = () => false;

const OPTIONS: Readonly<Record<keyof SeatleaseOptions, Rule>> = {
  url: checkedElsewhere,
  licenseKey: (value) => !isHeaderText(value) && 'must be a text without spaces.',
  signIn: (value) => typeof Object(value).accessToken !== 'function' && 'must have accessToken().',
  licenseId: text,
  userId: text,
  processId: text,
  fingerprint: text,
  hostname: (value) => value !== '' && text(value),
  appVersion: text,
  publicKeys: checkedElsewhere,
};

const ACQUIRE_OPTIONS: Readonly<Record<keyof AcquireOptions, Rule>> = {
  wait: (value) =>
    !(typeof value === 'boolean' || Object(value).atMostSeconds >= 0) &&
    'must be true, false or { atMostSeconds: number }.',
  signal: (value) => typeof Object(value).addEventListener !== 'function' && 'must be an AbortSignal.',
};

/** An option that cannot be used. `fault` begins with a verb, and contains no credential. */
export function optionInvalid(option: string, fault: string): SeatleaseError {
  return new SeatleaseError('OPTION_INVALID', `${option} ${fault}`, { members: { option } });
}

function check(options: unknown, rules: Readonly<Record<string, Rule>>): asserts options is object {
  if (typeof options !== 'object' || options === null) throw optionInvalid('options', 'must be an object.');
  for (const [option, value] of Object.entries(options)) {
    const rule = rules[option] ?? (() => `is not an option. Options are ${Object.keys(rules).join(', ')}.`);
    const fault = value !== undefined && rule(value);
    if (fault) throw optionInvalid(option, fault);
  }
}

/** Throws OPTION_INVALID for the first option that is wrong. */
export function checkOptions(options: SeatleaseOptions): CheckedOptions {
  check(options, OPTIONS);
  const { url, licenseKey, signIn, licenseId } = options;
  const address = checkUrl(url);
  if (!licenseKey === !signIn) throw optionInvalid('licenseKey', 'or signIn is required, and not both.');
  if (signIn && !licenseId) throw optionInvalid('licenseId', 'is required with signIn.');
  return { ...address, credentials: signIn ? { signIn } : { licenseKey: String(licenseKey) } };
}

/** Throws OPTION_INVALID for the first option that is wrong. */
export function checkAcquireOptions(
  options: AcquireOptions,
  more: Readonly<Record<string, Rule>> = {},
): CheckedAcquireOptions {
  check(options, { ...ACQUIRE_OPTIONS, ...more });
  const { wait = false, signal } = options;
  const seconds = typeof wait === 'object' ? wait.atMostSeconds : Number.POSITIVE_INFINITY;
  return { waitMs: wait && seconds > 0 ? seconds * 1000 : undefined, signal };
}

/** Addresses of this machine: only to them, credentials are sent without TLS. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** Throws OPTION_INVALID if the address cannot be used. */
export function checkUrl(url: unknown): Omit<CheckedOptions, 'credentials'> {
  if (url === undefined) throw optionInvalid('url', 'is required.');
  const given = String(url);
  if (given.includes('@')) throw optionInvalid('url', 'must not contain a password.');
  const address = URL.canParse(given) ? new URL(given) : undefined;
  const isLocal = isLoopback(String(address?.hostname));
  // Credentials are sent to it.
  if (!address || (address.protocol !== 'https:' && !(address.protocol === 'http:' && isLocal)))
    throw optionInvalid(
      'url',
      `must be an https:// address (http:// only for this machine), not "${given}".`,
    );
  return { base: `${address.origin}${address.pathname.replace(/\/+$/, '')}`, isLocal };
}
