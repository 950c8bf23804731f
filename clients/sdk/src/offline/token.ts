import { SeatleaseError } from '../errors.ts';
import { fieldsOf } from '../parse-answers.ts';
import { fromBase64, utf8 } from './bytes.ts';
import { type VerifyingKey, verifySignature } from './keys.ts';

/** A license signed by the vendor: the fields that the SDK uses. */
export interface SignedLicense {
  readonly licenseId: string;
  readonly fingerprint: string;
  /** Milliseconds since the epoch, by the server's clock, like `offlineUntilMs`. */
  readonly issuedAtMs: number;
  readonly offlineUntilMs: number;
}

/** Prefix of keys that `npm start` generates on a developer's machine. Anyone can generate such a key. */
const NOT_FOR_PRODUCTION = 'not-for-production';

export interface Expected {
  readonly fingerprint: string;
  /** `undefined` if the caller does not know it. */
  readonly licenseId: string | undefined;
  /** Whether to accept keys of a local server: only if the server runs on this machine. */
  readonly isLocal: boolean;
}

/** The key id of a token; `undefined` if it is not a license token. */
function keyIdOf(token: string): string | undefined {
  const { alg, typ, kid } = partOf(token, 0) ?? {};
  return alg === 'RS256' && typ === 'license+jwt' && typeof kid === 'string' ? kid : undefined;
}

/**
 * Verifies a token and returns its license for this machine. The caller checks when it ends. Throws OFFLINE_LICENSE_INVALID
 * otherwise.
 */
export async function verifyToken(
  token: string,
  keys: readonly VerifyingKey[],
  expected: Expected,
): Promise<SignedLicense> {
  const kid = keyIdOf(token);
  if (kid === undefined) throw invalid('It is not a signed license.');
  if (kid.startsWith(NOT_FOR_PRODUCTION) && !expected.isLocal)
    throw invalid('It is signed by the key of a local test server.');
  const [head = '', payload = '', signature = '', ...more] = token.split('.');
  const candidates = keys.filter((key) => key.kid === undefined || key.kid === kid);
  const isSigned =
    more.length === 0 &&
    (await isSignedByOne(candidates, `${head}.${payload}`, signature).catch(() => false));
  if (!isSigned) throw invalid('It is not signed by a key of the vendor.');
  const { license: claim, exp } = partOf(token, 1) ?? {};
  const license = readLicense(claim);
  if (!license || typeof exp !== 'number') throw invalid('It lacks fields of a license.');
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
  const { license_id, fingerprint, issued_at, offline_until } = claim as Readonly<Record<string, unknown>>;
  const issuedAtMs = Date.parse(String(issued_at));
  const offlineUntilMs = Date.parse(String(offline_until));
  if (typeof license_id !== 'string' || typeof fingerprint !== 'string') return undefined;
  if (Number.isNaN(issuedAtMs) || Number.isNaN(offlineUntilMs)) return undefined;
  return { licenseId: license_id, fingerprint, issuedAtMs, offlineUntilMs };
}
