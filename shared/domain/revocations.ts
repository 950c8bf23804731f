import { createPublicKey } from 'node:crypto';
import * as z from 'zod/mini';
import { LONGEST_OFFLINE_DAYS } from './entitlement.ts';
import type { License } from './license.ts';
import { tokenInputOf } from './license-signature.ts';
import { thumbprintOf } from './rsa-key.ts';

const DAY_MS = 24 * 3600 * 1000;

/** Distinguishes the list from licenses, which the same keys sign (RFC 8725 section 3.11). */
export const REVOCATIONS_TYPE = 'license-revocations+jwt';

/** Bounds the list: what verifiers download, and one document. More versions of a key than this were never needed. */
export const MOST_REVOKED_KEYS = 32;
export const MOST_REVOKED_LICENSES = 1_000;

/**
 * A version of the signing key whose signatures are revoked. The entry never ends by itself: anyone who could sign could
 * write any time and any end into what they signed. For the same reason Microsoft advises never to remove revoked
 * code-signing certificates from a list (https://security.stackexchange.com/a/67676, "Code Signing Best Practices").
 */
const RevokedKeySchema = z.object({
  keyId: z.string(),
  /** RFC 7638. A key id is only a name in a token; verifiers that try several keys need to know which one it was. */
  thumbprint: z.string(),
  /**
   * Licenses whose `issued_at` is earlier stay valid; `null`: none does. Only for licenses that our own code signed by
   * mistake: `issued_at` is the signer's word, and an attacker backdates it. Code signing has an independent timestamp
   * for this (RFC 3161), and browsers one of a log (https://security.googleblog.com, "Sustaining Digital Certificate
   * Security", by the earliest SCT). A signed license has none.
   */
  sinceMs: z.nullable(z.int()),
  revokedAtMs: z.int(),
});
export type RevokedKey = z.infer<typeof RevokedKeySchema>;

/** A license that should not have been signed. The entry ends when the license has certainly ended. */
const RevokedLicenseSchema = z.object({
  jti: z.string(),
  tenantId: z.string(),
  licenseId: z.string(),
  untilMs: z.int(),
  revokedAtMs: z.int(),
});
export type RevokedLicense = z.infer<typeof RevokedLicenseSchema>;

/** What is revoked, and the list as it is published. */
export const RevocationsSchema = z.object({
  /** Increases with each change, so that verifiers recognise an older list (RFC 5280 section 5.2.3). 0: never changed. */
  sequence: z.int(),
  keys: z.array(RevokedKeySchema),
  licenses: z.array(RevokedLicenseSchema),
  /**
   * The signed lists: the whole list by the key that signs licenses, and for each revoked key its own entry, signed by
   * itself. An app that has only the revoked key in its build can verify only that one. DNSSEC revokes its trust anchors
   * in the same way (RFC 5011 section 2.1).
   */
  tokens: z.array(z.object({ keyId: z.string(), token: z.string() })),
});
export type Revocations = z.infer<typeof RevocationsSchema>;

export const NOTHING_REVOKED: Revocations = { sequence: 0, keys: [], licenses: [], tokens: [] };

export function revokedKey(
  { keyId, pem }: { readonly keyId: string; readonly pem: string },
  sinceMs: number | null,
  nowMs: number,
): RevokedKey {
  return { keyId, thumbprint: thumbprintOf(createPublicKey(pem)), sinceMs, revokedAtMs: nowMs };
}

export function revokedLicense(
  jti: string,
  { tenantId, licenseId }: Pick<License, 'tenantId' | 'licenseId'>,
  nowMs: number,
): RevokedLicense {
  return { jti, tenantId, licenseId, untilMs: nowMs + LONGEST_OFFLINE_DAYS * DAY_MS, revokedAtMs: nowMs };
}

/** The entries, without those that have ended. Their tokens are still those of the list before. */
export type Entries = Omit<Revocations, 'tokens'>;

function changed({ sequence, keys, licenses }: Entries, nowMs: number): Entries {
  return { sequence: sequence + 1, keys, licenses: licenses.filter(({ untilMs }) => untilMs > nowMs) };
}

/** `FULL`: rotate the key instead, and revoke the old one. */
export function withKey(list: Revocations, key: RevokedKey, nowMs: number): Entries | 'FULL' {
  const others = list.keys.filter(({ keyId }) => keyId !== key.keyId);
  if (others.length >= MOST_REVOKED_KEYS) return 'FULL';
  return changed({ ...list, keys: [...others, key] }, nowMs);
}

export function withLicense(list: Revocations, license: RevokedLicense, nowMs: number): Entries | 'FULL' {
  const others = list.licenses.filter(({ jti, untilMs }) => jti !== license.jti && untilMs > nowMs);
  if (others.length >= MOST_REVOKED_LICENSES) return 'FULL';
  return changed({ ...list, licenses: [...others, license] }, nowMs);
}

/** Without the entry of that key id or `jti`; `undefined` if there is none. */
export function withoutEntry(list: Revocations, id: string, nowMs: number): Entries | undefined {
  const keys = list.keys.filter(({ keyId }) => keyId !== id);
  const licenses = list.licenses.filter(({ jti }) => jti !== id);
  const isFound = keys.length < list.keys.length || licenses.length < list.licenses.length;
  return isFound ? changed({ ...list, keys, licenses }, nowMs) : undefined;
}

/** Whether no signature of the key is valid. */
export function isWhollyRevoked({ keys }: Pick<Revocations, 'keys'>, id: string): boolean {
  return keys.some(({ keyId, sinceMs }) => keyId === id && sinceMs === null);
}

/** The signing input of the list, for that key: the whole list, or only the key's own entry if it is revoked. */
export function listInput({ sequence, keys, licenses }: Entries, signer: string, nowMs: number): string {
  const own = keys.filter(({ keyId }) => keyId === signer);
  const isSelf = own.length > 0;
  return tokenInputOf(
    { alg: 'RS256', kid: signer, typ: REVOCATIONS_TYPE },
    {
      iat: Math.floor(nowMs / 1000),
      sequence,
      keys: (isSelf ? own : keys).map(({ keyId, thumbprint, sinceMs }) => ({
        key_id: keyId,
        thumbprint,
        since: sinceMs === null ? null : timestamp(sinceMs),
      })),
      licenses: isSelf ? [] : licenses.map(({ jti, untilMs }) => ({ jti, until: timestamp(untilMs) })),
    },
  );
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
