import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { KEYS_CACHED_FOR_SECONDS } from '../../shared/domain/key-rotation.ts';
import { LicenseJwkSchema, SIGNATURE_ALGORITHM } from '../../shared/domain/license-signature.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';

const PublicKey = {
  /** SubjectPublicKeyInfo, PEM. */
  public_key: z.string(),
  key_id: z.string(),
  algorithm: z.literal(SIGNATURE_ALGORITHM),
};

const PublicKeys = z.strictObject({ ...PublicKey, keys: z.array(z.strictObject(PublicKey)) });

const JsonWebKeySet = z.strictObject({ keys: z.array(LicenseJwkSchema) });

export default defineFunction({
  name: 'public-key',
  summary: 'Publishes the keys that licenses are verified with.',
  memoryMiB: 512,
  concurrency: 80,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: ['roles/cloudkms.publicKeyViewer', 'roles/cloudkms.viewer'],
  secrets: COMMON_SECRETS,
  endpoints: {
    publicKey: {
      method: 'GET',
      path: '/api/v1/public-key',
      summary: 'The keys that signed licenses verify with, the one that signs now first.',
      auth: accessOf('public-key.publicKey'),
      answers: {
        keys: {
          status: 200,
          description: 'The key that signs now, and every key whose signatures hold.',
          cacheSeconds: KEYS_CACHED_FOR_SECONDS,
          body: PublicKeys,
        },
      },
      problems: [],
    },
    jwks: {
      method: 'GET',
      path: '/.well-known/jwks.json',
      summary: 'The same keys as a JSON Web Key Set, for JWT libraries.',
      auth: accessOf('public-key.jwks'),
      answers: {
        keys: {
          status: 200,
          description: 'Every key whose signatures hold; none where all were taken out of use.',
          cacheSeconds: KEYS_CACHED_FOR_SECONDS,
          body: JsonWebKeySet,
        },
      },
      problems: [],
    },
  },
});
