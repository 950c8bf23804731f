import * as kms from '@pulumi/gcp/kms/index.js';
import type { CustomResourceOptions } from '@pulumi/pulumi';
import { KEY_RING, SIGNING_KEY } from './names.ts';
import type { StackSettings } from './settings.ts';

/** The key that signs licenses. It is protected in every stack: without it, no signed license can be verified. */
export function makeSigningKey(
  { region, signingKey }: StackSettings,
  options: CustomResourceOptions,
): kms.CryptoKey {
  const guarded = { ...options, protect: true };
  const ring = new kms.KeyRing(KEY_RING, { name: KEY_RING, location: region }, guarded);
  return new kms.CryptoKey(
    SIGNING_KEY,
    {
      name: SIGNING_KEY,
      keyRing: ring.id,
      purpose: 'ASYMMETRIC_SIGN',
      versionTemplate: {
        algorithm: 'RSA_SIGN_PKCS1_4096_SHA256',
        protectionLevel: signingKey.protectionLevel,
      },
    },
    guarded,
  );
}
