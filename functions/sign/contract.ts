import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { MAX_SEATS } from '../../shared/domain/license.ts';
import { SIGNATURE_ALGORITHM } from '../../shared/domain/license-signature.ts';
import { PLAN_NAMES } from '../../shared/domain/plans.ts';
import { LicenseDataSchema } from '../../shared/domain/signed-license.ts';
import { clientBody, clientLimits } from '../../shared/http/client-body.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import {
  Features,
  LicenseId,
  Limits,
  SessionId,
  SettableTimestamp,
  TenantId,
  text,
  wholeNumber,
} from '../../shared/http/fields.ts';

const SignedLicense = z.strictObject({
  /** RSASSA-PKCS1-v1_5 signature with SHA-256 over the bytes of `license_json`, in base64. */
  signed_license: z.string(),
  license_data: LicenseDataSchema,
  /** `license_data` exactly as it was signed: canonical JSON (RFC 8785), byte for byte. */
  license_json: z.string(),
  /** The same license as a JWT (RS256), in the claim `license`. */
  license_token: z.string(),
  key_id: z.string(),
  algorithm: z.literal(SIGNATURE_ALGORITHM),
});

export default defineFunction({
  name: 'sign',
  summary: 'Signs licenses for use offline.',
  memoryMiB: 512,
  concurrency: 40,
  maxInstances: 20,
  timeoutSeconds: 30,
  roles: ['roles/datastore.viewer', 'roles/cloudkms.signerVerifier'],
  uses: ['records', 'seats', 'signer'],
  endpoints: {
    sign: {
      method: 'POST',
      path: '/api/v1/licenses/sign',
      summary: 'Sign a license for use offline.',
      description:
        'Signs the license for the machine of a session that holds a seat. Clients verify it without a network. Later sessions of the same holder on that machine get the same signed license, while it is valid for long enough and the license is unchanged.',
      auth: accessOf('sign.sign'),
      limit: { by: 'caller', requests: 1_200, windowSeconds: 60, uncounted: 'refuse' },
      body: clientBody({
        /** Required, here or in `license_data`. */
        session_id: z.optional(SessionId),
        /**
         * Limits what is signed. No field can exceed the license. Omitted fields are filled in from the license. Unknown
         * fields are refused.
         */
        license_data: z.optional(
          clientLimits({
            license_id: z.optional(LicenseId),
            tenant_id: z.optional(TenantId),
            plan: z.optional(z.enum(PLAN_NAMES)),
            features: z.optional(Features),
            limits: z.optional(Limits),
            seats: z.optional(wholeNumber(0, MAX_SEATS)),
            fingerprint: z.optional(text(256)),
            /** Names the session in place of the `session_id` beside `license_data`. It is not signed. */
            session_id: z.optional(SessionId),
            expires_at: z.optional(SettableTimestamp),
            offline_until: z.optional(SettableTimestamp),
          }),
        ),
      }),
      answers: {
        signed: {
          status: 200,
          description: 'The signed license, in two forms.',
          body: SignedLicense,
        },
      },
      problems: [
        'VALIDATION_FAILED',
        'NOT_ENTITLED',
        'SESSION_NOT_FOUND',
        'SIGNED_LIMIT',
        'CREDENTIALS_INVALID',
        'LICENSE_NOT_FOUND',
        'LICENSE_SUSPENDED',
        'LICENSE_EXPIRED',
        'SIGNING_BUSY',
        'RATE_LIMITED',
      ],
    },
  },
});
