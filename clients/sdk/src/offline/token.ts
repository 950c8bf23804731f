import { SeatleaseError } from '../errors.ts';
import { fieldsOf, readMs } from '../parse-answers.ts';
import { fromBase64, utf8 } from './bytes.ts';
import { RS256, type VerifyingKey } from './keys.ts';

/** A license signed by the vendor: the fields that the SDK uses. */
export interface SignedLicense {
  readonly licenseId: string;
  readonly fingerprint: string;
  readonly plan: string | undefined;
  readonly features: readonly string[];
  /** Empty if a server has signed it that does not sign limits. */
  readonly limits: Readonly<Record<string, number>>;
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
  /** Throws if the license in `payload`, which `key` has signed, is revoked. Missing in browsers. */
  readonly check?: ((key: VerifyingKey, payload: string) => Promise<void>) | undefined;
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
  const [head = '', payload = '', signature = '', ...more] = token.split('.');
  const { alg, typ, kid } = fieldsIn(head);
  if (alg !== 'RS256' || typ !== 'license+jwt' || typeof kid !== 'string')
    throw invalid('It is not a signed license.');
  if (kid.startsWith(NOT_FOR_PRODUCTION) && !expected.isLocal)
    throw invalid('It is signed by a local test server.');
  const key = more.length === 0 && (await signerOf(keys, `${head}.${payload}`, signature));
  if (!key) throw invalid(`No key of publicKeys has signed it: key id ${kid}.`);
  const { license: claim, exp } = fieldsIn(payload);
  const license = readLicense(claim as never);
  if (!license || typeof exp !== 'number') throw invalid('It is not a signed license.');
  if (license.fingerprint !== expected.fingerprint) throw invalid('It is for another machine.');
  if ((expected.licenseId ?? license.licenseId) !== license.licenseId)
    throw invalid('It is for another license.');
  await expected.check?.(key, payload);
  return { ...license, offlineUntilMs: Math.min(license.offlineUntilMs, (exp + 1) * 1000) };
}

export function invalid(detail: string): SeatleaseError {
  return new SeatleaseError('OFFLINE_LICENSE_INVALID', `The stored license cannot be used. ${detail}`);
}

/** The key that has signed it, whatever key the token names; `undefined` if none has. */
export async function signerOf(
  keys: readonly VerifyingKey[],
  signed: string,
  signature: string,
): Promise<VerifyingKey | undefined> {
  try {
    for (const key of keys)
      if (await crypto.subtle.verify(RS256.name, key, fromBase64(signature), utf8(signed))) return key;
  } catch {
    // Not base64.
  }
  return undefined;
}

/** The fields of a part of a token; none if it cannot be read. */
export function fieldsIn(part: string): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(new TextDecoder().decode(fromBase64(part)));
  } catch {
    return {};
  }
}

/** The fields are the vendor's: the signature was verified. */
function readLicense(claim: Partial<Record<string, never>> | undefined): SignedLicense | undefined {
  const { license_id, fingerprint, plan, features = [], limits = {}, issued_at, offline_until } = claim ?? {};
  const issuedAtMs = readMs(issued_at);
  const offlineUntilMs = readMs(offline_until);
  if (!license_id || !fingerprint || Number.isNaN(issuedAtMs) || Number.isNaN(offlineUntilMs))
    return undefined;
  return { licenseId: license_id, fingerprint, plan, features, limits, issuedAtMs, offlineUntilMs };
}
