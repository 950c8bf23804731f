import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { KEYS_CACHED_FOR_SECONDS } from '../../shared/domain/key-rotation.ts';
import { LicenseJwkSchema, SIGNATURE_ALGORITHM } from '../../shared/domain/license-signature.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { Timestamp } from '../../shared/http/fields.ts';

const PublicKey = {
  /** The public key: SubjectPublicKeyInfo in PEM. */
  public_key: z.string(),
  key_id: z.string(),
  algorithm: z.literal(SIGNATURE_ALGORITHM),
};

const ListedKey = z.strictObject({
  ...PublicKey,
  /** Licenses of this key that were issued at this time or later are revoked. Absent: none is. */
  revoked_since: z.optional(Timestamp),
});

const PublicKeys = z.strictObject({ ...PublicKey, keys: z.array(ListedKey) });

const SignedRevocations = z.strictObject({
  /** JWTs (RS256, `typ` `license-revocations+jwt`), each signed by another key. Empty if nothing was ever revoked. */
  tokens: z.array(z.string()),
});

const JsonWebKeySet = z.strictObject({ keys: z.array(LicenseJwkSchema) });

export default defineFunction({
  name: 'public-key',
  summary: 'Publishes the keys that verify signed licenses.',
  memoryMiB: 512,
  concurrency: 80,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: ['roles/datastore.viewer', 'roles/cloudkms.publicKeyViewer', 'roles/cloudkms.viewer'],
  uses: ['signer', 'records'],
  endpoints: {
    publicKey: {
      method: 'GET',
      path: '/api/v1/public-key',
      summary: 'Get the keys that verify signed licenses.',
      description: 'The top-level fields are the current signing key; `keys` lists all keys.',
      auth: accessOf('public-key.publicKey'),
      answers: {
        keys: {
          status: 200,
          description: 'The current signing key, and every key whose signatures are valid.',
          cacheSeconds: KEYS_CACHED_FOR_SECONDS,
          body: PublicKeys,
        },
      },
      problems: [],
    },
    jwks: {
      method: 'GET',
      path: '/.well-known/jwks.json',
      summary: 'Get the keys as a JSON Web Key Set.',
      description: 'Returns the same keys in the format of JWT libraries.',
      auth: accessOf('public-key.jwks'),
      answers: {
        keys: {
          status: 200,
          description: 'Every key whose signatures are valid. Empty if all keys were disabled.',
          cacheSeconds: KEYS_CACHED_FOR_SECONDS,
          body: JsonWebKeySet,
        },
      },
      problems: [],
    },
    revocations: {
      method: 'GET',
      path: '/.well-known/license-revocations.json',
      summary: 'Get the signed list of revoked keys and licenses.',
      description:
        'A client that is online fetches it, and refuses what it revokes. The list is signed, so it cannot be changed on the way.',
      auth: accessOf('public-key.revocations'),
      answers: {
        revocations: {
          status: 200,
          description:
            'The list, signed by the key that signs now, and the entry of each revoked key, signed by itself.',
          cacheSeconds: KEYS_CACHED_FOR_SECONDS,
          body: SignedRevocations,
        },
      },
      problems: [],
    },
  },
});
