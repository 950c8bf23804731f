import { SeatleaseError } from '../errors.ts';
import { fieldsOf } from '../parse-answers.ts';
import { fromBase64, utf8 } from './bytes.ts';
import { type VerifyingKey, verifySignature } from './keys.ts';

/** A license that our vendor has signed, as far as it is looked at here. */
export interface SignedLicense {
  readonly licenseId: string;
  readonly sessionId: string;
  readonly fingerprint: string;
  /** Milliseconds since the epoch, by the server's clock, like the next. */
  readonly issuedAtMs: number;
  readonly offlineUntilMs: number;
}

/** Keys with names like this belong to somebody's own machine, and anybody can sign with theirs. */
const NOT_FOR_PRODUCTION = 'not-for-production';

export interface Expected {
  readonly fingerprint: string;
  /** `undefined` where the caller does not know it, and says so by the seal that the token lay under. */
  readonly licenseId: string | undefined;
  /** Whether keys of somebody's own machine count: only where the server is on this very machine. */
  readonly isLocal: boolean;
}

/** Which key a token names; `undefined` for what is no token of a license. */
function keyIdOf(token: string): string | undefined {
  const { alg, typ, kid } = partOf(token, 0) ?? {};
  return alg === 'RS256' && typ === 'license+jwt' && typeof kid === 'string' ? kid : undefined;
}

/**
 * The license that a token proves, for this machine; when it ends is for the caller to compare. Throws
 * OFFLINE_LICENSE_INVALID for anything else.
 */
export async function verifyToken(
  token: string,
  keys: readonly VerifyingKey[],
  expected: Expected,
): Promise<SignedLicense> {
  const kid = keyIdOf(token);
  if (kid === undefined) throw invalid('It is no signed license.');
  if (kid.startsWith(NOT_FOR_PRODUCTION) && !expected.isLocal) throw invalid('Its key is for tests only.');
  const [head = '', payload = '', signature = '', ...more] = token.split('.');
  const candidates = keys.filter((key) => key.kid === undefined || key.kid === kid);
  const isSigned =
    more.length === 0 &&
    (await isSignedByOne(candidates, `${head}.${payload}`, signature).catch(() => false));
  if (!isSigned) throw invalid('No key of the vendor has signed it.');
  const { license: claim, exp } = partOf(token, 1) ?? {};
  const license = readLicense(claim);
  if (!license || typeof exp !== 'number') throw invalid('It does not say what a license says.');
  if (license.fingerprint !== expected.fingerprint) throw invalid('It is for another machine.');
  if ((expected.licenseId ?? license.licenseId) !== license.licenseId)
    throw invalid('It is for another license.');
  return { ...license, offlineUntilMs: Math.min(license.offlineUntilMs, (exp + 1) * 1000) };
}

export function invalid(detail: string): SeatleaseError {
  return new SeatleaseError(
    'OFFLINE_LICENSE_INVALID',
    `The stored license cannot be used offline. ${detail}`,
  );
}

async function isSignedByOne(
  keys: readonly VerifyingKey[],
  signed: string,
  signature: string,
): Promise<boolean> {
  for (const key of keys) if (await verifySignature(key, fromBase64(signature), utf8(signed))) return true;
  return false;
}

function partOf(token: string, n: number): Readonly<Record<string, unknown>> | undefined {
  try {
    return fieldsOf(new TextDecoder('utf-8', { fatal: true }).decode(fromBase64(token.split('.')[n] ?? '')));
  } catch {
    return undefined;
  }
}

function readLicense(claim: unknown): SignedLicense | undefined {
  if (typeof claim !== 'object' || claim === null) return undefined;
  const { license_id, session_id, fingerprint, issued_at, offline_until } = claim as Readonly<
    Record<string, unknown>
  >;
  const issuedAtMs = Date.parse(String(issued_at));
  const offlineUntilMs = Date.parse(String(offline_until));
  if (typeof license_id !== 'string' || typeof session_id !== 'string' || typeof fingerprint !== 'string')
    return undefined;
  if (Number.isNaN(issuedAtMs) || Number.isNaN(offlineUntilMs)) return undefined;
  return { licenseId: license_id, sessionId: session_id, fingerprint, issuedAtMs, offlineUntilMs };
}
