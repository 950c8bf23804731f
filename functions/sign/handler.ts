import { newSignatureId } from '../../shared/domain/ids.ts';
import { entitlementOf, type License } from '../../shared/domain/license.ts';
import {
  dataOf,
  keep,
  type LicenseSignature,
  licenseToken,
  reusableLicense,
  SIGNATURE_ALGORITHM,
  signingInputs,
} from '../../shared/domain/license-signature.ts';
import type { Revocations } from '../../shared/domain/revocations.ts';
import {
  draftLicenseData,
  type Excess,
  type LicenseData,
  offlineUntilMs,
} from '../../shared/domain/signed-license.ts';
import { Unavailable } from '../../shared/errors.ts';
import type { HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { refuseLicense } from '../../shared/http/license-refusal.ts';
import { requestedLicense } from '../../shared/http/own.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { LICENSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Proof, ReserveVerdict, SessionRequest, SessionVerdict } from '../../shared/ports/seats.ts';
import type { SigningKey } from '../../shared/ports/signer.ts';
import { recentRevocations } from '../../shared/use-cases/revocations.ts';
import type contract from './contract.ts';

/** Quotas of Cloud KMS are per minute (https://cloud.google.com/kms/quotas). */
const BUSY_RETRY_SECONDS = 60;

async function sign(
  { body, caller, by }: RequestOf<typeof contract, 'sign'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'sign'>> {
  const { session_id: named, ...ask } = body.license_data ?? {};
  const sessionId = body.session_id ?? named;
  if (sessionId === undefined) return NO_SESSION;
  const { proof } = caller;
  const licenseId = requestedLicense(caller, sessionId);
  const request = { licenseId, proof, sessionId };
  const key = await deps.signer.current();

  const found = await deps.seats.readSession(request);
  if (found.verdict !== 'OK') return refuseSession(found, proof);
  if (named !== undefined && named !== sessionId) return OTHER_SESSION;
  const kept = reusableLicense(found.signed, {
    ...matchOf(found, key),
    ask,
    version: found.version,
    endsAtMs: offlineUntilMs(
      found.session,
      { ...found.rhythm, validUntilMs: found.validUntilMs },
      found.atMs,
    ),
  });
  if (kept) return { answer: 'signed', body: describe(kept) };

  const [license, revoked] = await Promise.all([
    deps.records.get(LICENSES, licenseId),
    recentRevocations(deps),
  ]);
  if (!license) throw new Error('the license has an entitlement copy but no record');
  // A deploy has gone back to a revoked key: every client refuses what it signs.
  if (isRevoked(revoked, key)) throw new Unavailable('signing', `the signing key ${key.keyId} is revoked`);
  const held = await underCurrentTerms(license, found, request, deps);
  if (held.verdict !== 'OK') return refuseSession(held, proof);
  // The seat was restored from the records, which do not contain the machine. Its holder must acquire the seat again.
  if (held.session.facts.fingerprint === '') return SESSION_NOT_FOUND;

  const jti = newSignatureId();
  const draft = draftLicenseData(license, held.session, ask, { nowMs: held.atMs, jti });
  if ('excess' in draft) return refuseFields('NOT_ENTITLED', draft.excess.map(fieldErrorOf));
  const signature = { licenseId, sessionId, untilMs: Date.parse(draft.data.expires_at) };
  const refused = refuseSignature(await deps.seats.reserveSignature(signature));
  if (refused) return refused;
  const signed = await signData(draft.data, key);
  if ('problem' in signed) return signed;
  const { endsAtMs } = draft;
  const text = keep(signed, { ...matchOf(held, key), ask, version: license.version, endsAtMs });
  if ((await deps.seats.keepSigned({ ...signature, signed: text, jti, by })) === 'GONE')
    return SESSION_NOT_FOUND;
  return { answer: 'signed', body: describe(signed) };
}

const NO_SESSION = refuseFields('VALIDATION_FAILED', [
  { at: '/session_id', detail: 'Acquire a seat, and pass the id of its session.' },
]);

const OTHER_SESSION = refuseFields('NOT_ENTITLED', [
  { at: '/license_data/session_id', detail: 'does not match session_id' },
]);

const SESSION_NOT_FOUND = { problem: 'SESSION_NOT_FOUND' } as const;

type Held = Extract<SessionVerdict, { verdict: 'OK' }>;

function isRevoked({ keys }: Revocations, { keyId }: SigningKey): boolean {
  return keys.some((revoked) => revoked.keyId === keyId);
}

function matchOf({ session, atMs }: Held, { keyId }: SigningKey) {
  return { keyId, nowMs: atMs, isExact: session.kind === 'loan' };
}

/** Updates the seat store first if a change of the license has not reached it yet, then reads the session again. */
async function underCurrentTerms(
  license: License,
  found: Held,
  request: SessionRequest,
  { seats }: Deps,
): Promise<SessionVerdict> {
  if (license.version <= found.version) return found;
  await seats.putLicense(entitlementOf(license));
  return seats.readSession(request);
}

function refuseSession(refusal: Exclude<SessionVerdict, Held>, by: Proof) {
  return refusal.verdict === 'GONE' ? SESSION_NOT_FOUND : refuseLicense(refusal, by);
}

/** Signing costs the vendor's KMS quota, and a signed license is valid without the server: both are limited. */
function refuseSignature(
  reserved: ReserveVerdict,
): Refusal<'SIGNED_LIMIT' | 'RATE_LIMITED' | 'SESSION_NOT_FOUND'> | undefined {
  switch (reserved.verdict) {
    case 'RESERVED':
      return undefined;
    case 'SIGNED_LIMIT': {
      const { limit } = reserved;
      return {
        problem: 'SIGNED_LIMIT',
        detail: `${limit} machines hold a signed license of this license. You can use your seat online.`,
        members: { limit },
      };
    }
    case 'TOO_OFTEN': {
      const { retryAfterSeconds } = reserved;
      const detail = 'Too many licenses were signed today for this seat or license.';
      return { problem: 'RATE_LIMITED', detail, retryAfterSeconds, because: 'signatures of the day' };
    }
    case 'GONE':
      return SESSION_NOT_FOUND;
  }
}

function fieldErrorOf({ field, detail }: Excess) {
  return { at: `/license_data/${field}`, detail };
}

async function signData(
  data: LicenseData,
  key: SigningKey,
): Promise<LicenseSignature | Refusal<'SIGNING_BUSY'>> {
  const { keyId } = key;
  const { json, token } = signingInputs(data, keyId);
  const [ofJson, ofToken] = await Promise.all([key.sign(Buffer.from(json)), key.sign(Buffer.from(token))]);
  if (ofJson.verdict === 'BUSY' || ofToken.verdict === 'BUSY') {
    return { problem: 'SIGNING_BUSY', retryAfterSeconds: BUSY_RETRY_SECONDS };
  }
  return {
    keyId,
    json,
    signature: Buffer.from(ofJson.signature).toString('base64'),
    tokenSignature: Buffer.from(ofToken.signature).toString('base64url'),
  };
}

function describe(signed: LicenseSignature) {
  return {
    signed_license: signed.signature,
    license_data: dataOf(signed),
    license_json: signed.json,
    license_token: licenseToken(signed),
    key_id: signed.keyId,
    algorithm: SIGNATURE_ALGORITHM,
  } as const;
}

export default { sign } satisfies HandlersOf<typeof contract>;
