import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import type { PseudonymOf } from './holder.ts';

/** As long as Stripe keeps its idempotency keys (docs.stripe.com/api/idempotent_requests). */
export const IDEMPOTENCY_MS = 24 * 3600 * 1000;

/** What a request with an `Idempotency-Key` did: the outcome of its transaction, written in the same transaction. */
export const IdempotencyKeySchema = z.object({
  keyId: z.string(),
  /** A keyed hash of the request: the same key with another request is an error. */
  asked: z.string(),
  /** The outcome. It can hold a new secret, so that only a request with the same key can open it. */
  sealed: z.string(),
  expiresAtMs: z.int(),
});
export type StoredIdempotencyKey = z.infer<typeof IdempotencyKeySchema>;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The `Idempotency-Key` of one caller at one endpoint. */
export interface IdempotencyKey {
  /** The id of its document. */
  readonly keyId: string;
  /** A hash of the request. */
  hash(request: unknown): string;
  seal(outcome: unknown): string;
  /** Throws if another key sealed it. */
  open(sealed: string): unknown;
}

/**
 * Everything is derived from the client's key and from a secret of the server. The records hold neither, so that anyone
 * who reads them can neither open an outcome nor guess a short key or the content of a request (RFC 5869, NIST SP 800-38D).
 */
export function idempotencyKey(
  key: string,
  scope: { readonly endpoint: string; readonly owner: string },
  pseudonymOf: PseudonymOf,
): IdempotencyKey {
  const { endpoint, owner } = scope;
  const secret = pseudonymOf('idempotency', JSON.stringify([endpoint, owner, key]));
  const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', secret, key, purpose, 32));
  const keyId = createHash('sha256').update(derive('id')).digest('base64url');
  return {
    keyId,

    hash: (request) =>
      createHmac('sha256', derive('request')).update(JSON.stringify(request)).digest('base64url'),

    seal(outcome) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', derive('outcome'), nonce).setAAD(Buffer.from(keyId));
      // In a list, because JSON has no `undefined`.
      const text = Buffer.concat([cipher.update(JSON.stringify([outcome])), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    },

    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64url');
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', derive('outcome'), nonce, { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(keyId))
        .setAuthTag(tag);
      const text = Buffer.concat([
        decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)),
        decipher.final(),
      ]);
      const [outcome]: unknown[] = z.parse(z.array(z.unknown()), JSON.parse(text.toString()));
      return outcome ?? undefined;
    },
  };
}
