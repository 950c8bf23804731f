import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { LicenseId, Timestamp } from '../../shared/http/fields.ts';

const KeyId = z.string().check(z.regex(/^[\w-]{8,64}$/, 'is not the id of a key'));
const Jti = z.string().check(z.regex(/^[\w-]{8,64}$/, 'is not the id of a signed license'));

const Revocations = z.strictObject({
  /** Increases with each change; 0 if nothing was ever revoked. */
  sequence: z.int(),
  keys: z.array(
    z.strictObject({
      key_id: KeyId,
      /** Licenses that were issued earlier stay valid; null: none does. */
      since: z.nullable(Timestamp),
      revoked_at: Timestamp,
      /** Whether the key has signed its own revocation: apps that have only this key in their build learn it only from that. */
      is_self_signed: z.boolean(),
    }),
  ),
  licenses: z.array(
    z.strictObject({
      jti: Jti,
      license_id: LicenseId,
      /** When the entry ends, because the license has ended by then. */
      until: Timestamp,
      revoked_at: Timestamp,
    }),
  ),
});

const answers = {
  revocations: { status: 200, description: 'Everything that is revoked.', body: Revocations },
} as const;

const CHANGING = { by: 'caller', requests: 20, windowSeconds: 60, uncounted: 'serve' } as const;

export default defineFunction({
  name: 'revocations',
  summary: 'Revokes signatures of licenses.',
  memoryMiB: 512,
  concurrency: 20,
  maxInstances: 2,
  timeoutSeconds: 60,
  roles: ['roles/datastore.user', 'roles/cloudkms.signerVerifier', 'roles/cloudkms.viewer'],
  uses: ['records', 'seats', 'signer'],
  endpoints: {
    list: {
      method: 'GET',
      path: '/api/v1/revocations',
      summary: 'List what is revoked.',
      description: 'The signed list for clients is at `/.well-known/license-revocations.json`.',
      auth: accessOf('revocations.list'),
      answers,
      problems: [],
    },
    revoke: {
      method: 'POST',
      path: '/api/v1/revocations',
      summary: 'Revoke a signing key, or one signed license.',
      description:
        'Pass `key_id` to revoke what an old version of the signing key has signed, or `jti` and `license_id` to revoke one signed license. Seats, heartbeats and loans continue: clients have their license signed again.',
      auth: accessOf('revocations.revoke'),
      limit: CHANGING,
      body: z
        .strictObject({
          /** Not the key that signs now: rotate first. It must be enabled, because it signs its own revocation. */
          key_id: z.optional(KeyId),
          /**
           * Revokes only licenses that were issued at this time or later. Not for a compromised key: an attacker can sign
           * licenses with an earlier time.
           */
          since: z.optional(Timestamp),
          jti: z.optional(Jti),
          license_id: z.optional(LicenseId),
        })
        .check(
          z.refine(
            ({ key_id, since, jti, license_id }) =>
              key_id === undefined
                ? jti !== undefined && license_id !== undefined && since === undefined
                : jti === undefined && license_id === undefined,
            'needs either key_id, or jti and license_id',
          ),
        ),
      answers,
      problems: [
        'LICENSE_NOT_FOUND',
        'SIGNING_KEY_NOT_FOUND',
        'SIGNING_KEY_IN_USE',
        'REVOCATIONS_FULL',
        'SIGNING_BUSY',
        'RATE_LIMITED',
        'VALIDATION_FAILED',
      ],
    },
    undo: {
      method: 'DELETE',
      path: '/api/v1/revocations/{id}',
      summary: 'Undo a revocation.',
      description:
        'Removes the entry of a key or license, by its `key_id` or `jti`, from the list. Clients that have only the revoked key in their build keep to its revocation.',
      auth: accessOf('revocations.undo'),
      limit: CHANGING,
      params: z.strictObject({ id: KeyId }),
      answers,
      problems: ['REVOCATION_NOT_FOUND', 'SIGNING_BUSY', 'RATE_LIMITED'],
    },
  },
});
