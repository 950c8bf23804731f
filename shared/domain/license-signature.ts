import { createHash, createPublicKey } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as z from 'zod/mini';
import { type LicenseAsk, type LicenseData, LicenseDataSchema } from './signed-license.ts';

/** As Cloud KMS names it. */
export const SIGNATURE_ALGORITHM = 'RSA_SIGN_PKCS1_4096_SHA256';

/** Distinguishes a license from other tokens that the same key may sign (RFC 8725 section 3.11). */
const TOKEN_TYPE = 'license+jwt';

/** A license with its two signatures, by one key: over `json`, and over the token's header and payload. */
const LicenseSignatureSchema = z.object({
  keyId: z.string(),
  /** `license_data` in its one canonical form (RFC 8785). */
  json: z.string(),
  /** Over `json`; base64. */
  signature: z.string(),
  /** Over the token's first two parts; base64url. */
  tokenSignature: z.string(),
});
export type LicenseSignature = z.infer<typeof LicenseSignatureSchema>;

/** The inputs of the two signatures. */
export function signingInputs(data: LicenseData, keyId: string): { json: string; token: string } {
  const json = canonicalJson(data);
  return { json, token: tokenInput(json, keyId) };
}

/** The license as a JWS in compact form (RFC 7515 section 7.1). */
export function licenseToken({ json, keyId, tokenSignature }: LicenseSignature): string {
  return `${tokenInput(json, keyId)}.${tokenSignature}`;
}

/** The claims of RFC 7519, in whole seconds. The end is rounded down, so the token never outlives the license. */
function tokenInput(json: string, keyId: string): string {
  const license = dataOf({ json });
  const header = { alg: 'RS256', kid: keyId, typ: TOKEN_TYPE };
  const payload = {
    jti: license.jti,
    sub: license.license_id,
    iat: seconds(license.issued_at),
    exp: seconds(license.expires_at),
    license,
  };
  return tokenInputOf(header, payload);
}

/** What a JWS in compact form signs (RFC 7515 section 5.1). */
export function tokenInputOf(header: object, payload: object): string {
  return [header, payload].map((part) => Buffer.from(canonicalJson(part)).toString('base64url')).join('.');
}

function seconds(at: string): number {
  return Math.floor(Date.parse(at) / 1000);
}

function canonicalJson(value: object): string {
  const json = canonicalize(value);
  if (json === undefined) throw new TypeError('the object has no JSON form');
  return json;
}

/** A public key as a JSON Web Key (RFC 7517 section 4, RFC 7518 section 6.3.1). */
export const LicenseJwkSchema = z.strictObject({
  kty: z.literal('RSA'),
  n: z.string(),
  e: z.string(),
  alg: z.literal('RS256'),
  use: z.literal('sig'),
  kid: z.string(),
});
type LicenseJwk = z.infer<typeof LicenseJwkSchema>;

export function jwkOf({ keyId, pem }: { readonly keyId: string; readonly pem: string }): LicenseJwk {
  const { n, e } = createPublicKey(pem).export({ format: 'jwk' });
  if (n === undefined || e === undefined) throw new TypeError(`${keyId} is not an RSA key`);
  return { kty: 'RSA', n, e, alg: 'RS256', use: 'sig', kid: keyId };
}

/** A signed license as it is stored for its holder and machine, so that the same request need not be signed again. */
const KeptSchema = z.extend(LicenseSignatureSchema, {
  /** Version of this format; another one is signed anew. */
  v: z.literal(1),
  /** Version of the license that was signed. */
  version: z.int(),
  /** Hash of what the client requested. */
  asked: z.string(),
  endsAtMs: z.int(),
});

/** What a stored license must match, so that it can be returned instead of a new one. */
interface Wanted {
  readonly keyId: string;
  readonly version: number;
  readonly ask: LicenseAsk;
  readonly nowMs: number;
  /** When a license signed now would end, if no earlier end is requested. */
  readonly endsAtMs: number;
  /** For a borrowed seat: it must end exactly at `endsAtMs`. */
  readonly isExact: boolean;
}

export function keep(signature: LicenseSignature, { version, ask, endsAtMs }: Wanted): string {
  return JSON.stringify({ ...signature, v: 1, version, asked: hashOf(ask), endsAtMs } satisfies z.infer<
    typeof KeptSchema
  >);
}

/** A stored license may end earlier than a new one by this share of the new one's time: of seven days, 17 hours. */
const MAX_LOSS = 0.1;

/** The stored license if it still matches, else `undefined`. */
export function reusableLicense(kept: string | undefined, wanted: Wanted): LicenseSignature | undefined {
  const read = kept === undefined ? undefined : z.safeParse(KeptSchema, JSON.parse(kept)).data;
  if (!read || read.keyId !== wanted.keyId || read.version !== wanted.version) return undefined;
  if (read.asked !== hashOf(wanted.ask)) return undefined;
  const { nowMs, endsAtMs, isExact } = wanted;
  const leastMs = isExact ? endsAtMs : endsAtMs - (endsAtMs - nowMs) * MAX_LOSS;
  const isLongEnough = read.endsAtMs >= leastMs && read.endsAtMs <= endsAtMs;
  // A newer release may have signed fields that this one cannot return.
  const data = z.safeParse(LicenseDataSchema, JSON.parse(read.json)).data;
  return data && isLongEnough && Date.parse(data.expires_at) > nowMs ? read : undefined;
}

export function dataOf({ json }: Pick<LicenseSignature, 'json'>): LicenseData {
  return z.parse(LicenseDataSchema, JSON.parse(json));
}

function hashOf(ask: LicenseAsk): string {
  return createHash('sha256').update(canonicalJson(ask)).digest('base64url');
}
