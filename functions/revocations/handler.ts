import type { By } from '../../shared/domain/actor.ts';
import { VENDOR } from '../../shared/domain/audit-event.ts';
import { withLicenseChange } from '../../shared/domain/license.ts';
import {
  type Revocations,
  type RevokedLicense,
  revokedKey,
  revokedLicense,
  withKey,
  withLicense,
  withoutEntry,
} from '../../shared/domain/revocations.ts';
import type { HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import { LICENSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { type Change, changeRevocations, readRevocations } from '../../shared/use-cases/revocations.ts';
import type contract from './contract.ts';

/** Quotas of Cloud KMS are per minute (https://cloud.google.com/kms/quotas). */
const BUSY_RETRY_SECONDS = 60;

type Refused = Refusal<
  | 'LICENSE_NOT_FOUND'
  | 'SIGNING_KEY_NOT_FOUND'
  | 'SIGNING_KEY_IN_USE'
  | 'REVOCATIONS_FULL'
  | 'REVOCATION_NOT_FOUND'
>;

async function list(
  _: RequestOf<typeof contract, 'list'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  return { answer: 'revocations', body: describe(await readRevocations(records)) };
}

async function revoke({ body, by }: RequestOf<typeof contract, 'revoke'>, deps: Deps) {
  const { key_id, jti = '', license_id = '', since } = body;
  return key_id === undefined
    ? revokeLicense(jti, license_id, by, deps)
    : revokeKey(key_id, since === undefined ? null : Date.parse(since), by, deps);
}

/** Without the key that signs, licenses would be signed that every client refuses: rotation comes first. */
async function revokeKey(keyId: string, sinceMs: number | null, by: By, deps: Deps) {
  const { signer } = deps;
  if ((await signer.current()).keyId === keyId) return { problem: 'SIGNING_KEY_IN_USE' } as const;
  const key = await signer.enabled(keyId);
  if (!key) return { problem: 'SIGNING_KEY_NOT_FOUND' } as const;
  const note = { type: 'signing_key.revoked', tenantId: VENDOR, subject: keyId } as const;
  return change<Refusal<'REVOCATIONS_FULL'>>(by, deps, (before, nowMs) => {
    const entries = withKey(before, revokedKey(key, sinceMs, nowMs), nowMs);
    return entries === 'FULL' ? { refusal: { problem: 'REVOCATIONS_FULL' } } : { entries, note };
  });
}

/** Another version of the license: nothing that was signed for the one before is given out again. */
async function revokeLicense(jti: string, licenseId: string, by: By, deps: Deps) {
  const found = await deps.records.get(LICENSES, licenseId);
  if (!found) return { problem: 'LICENSE_NOT_FOUND' } as const;
  const { tenantId } = found;
  return change<Refusal<'REVOCATIONS_FULL' | 'LICENSE_NOT_FOUND'>>(by, deps, (before, nowMs) => {
    const entries = withLicense(before, revokedLicense(jti, found, nowMs), nowMs);
    if (entries === 'FULL') return { refusal: { problem: 'REVOCATIONS_FULL' } };
    return {
      entries,
      note: { type: 'signature.revoked', tenantId, licenseId, subject: jti },
      async write(transaction) {
        const license = await transaction.get(LICENSES, licenseId);
        if (!license) return { problem: 'LICENSE_NOT_FOUND' };
        transaction.writeLicense(withLicenseChange(license, {}, nowMs), nowMs);
        return undefined;
      },
    };
  });
}

async function undo({ params: { id }, by }: RequestOf<typeof contract, 'undo'>, deps: Deps) {
  return change<Refusal<'REVOCATION_NOT_FOUND'>>(by, deps, (before, nowMs) => {
    const entries = withoutEntry(before, id, nowMs);
    const license = before.licenses.find(({ jti }) => jti === id);
    return entries
      ? { entries, note: noteOfUndo(id, license) }
      : { refusal: { problem: 'REVOCATION_NOT_FOUND' } };
  });
}

function noteOfUndo(id: string, license: RevokedLicense | undefined): Change<never>['note'] {
  if (!license) return { type: 'signing_key.restored', tenantId: VENDOR, subject: id };
  const { tenantId, licenseId } = license;
  return { type: 'signature.restored', tenantId, licenseId, subject: id };
}

async function change<R extends Refused>(
  by: By,
  deps: Deps,
  decide: (before: Revocations, nowMs: number) => Change<R> | { readonly refusal: R },
) {
  const changed = await changeRevocations<R>(deps, by, decide);
  if (changed === 'BUSY') return { problem: 'SIGNING_BUSY', retryAfterSeconds: BUSY_RETRY_SECONDS } as const;
  return 'refusal' in changed
    ? changed.refusal
    : ({ answer: 'revocations', body: describe(changed.list) } as const);
}

function describe({ sequence, keys, licenses, tokens }: Revocations) {
  return {
    sequence,
    keys: keys.map(({ keyId, sinceMs, revokedAtMs }) => ({
      key_id: keyId,
      since: sinceMs === null ? null : timestamp(sinceMs),
      revoked_at: timestamp(revokedAtMs),
      is_self_signed: tokens.some((token) => token.keyId === keyId),
    })),
    licenses: licenses.map(({ jti, licenseId, untilMs, revokedAtMs }) => ({
      jti,
      license_id: licenseId,
      until: timestamp(untilMs),
      revoked_at: timestamp(revokedAtMs),
    })),
  };
}

export default { list, revoke, undo } satisfies HandlersOf<typeof contract>;
