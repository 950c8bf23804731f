import * as z from 'zod/mini';

/** A checkout in progress, by the license that it pays for: at most one open Stripe session per license. */
export const CheckoutSchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  /** Id of the Stripe Checkout session. */
  sessionId: z.string(),
  url: z.string(),
  /** When the session expires at Stripe. */
  expiresAtMs: z.int(),
});
export type Checkout = z.infer<typeof CheckoutSchema>;

/** A used `Idempotency-Key`, stored by a hash of the key and its owner. */
export const CheckoutKeySchema = z.object({
  keyId: z.string(),
  /** A hash of the request: the same key with another request is an error. */
  asked: z.string(),
  licenseId: z.string(),
  /** Until then the key means the same purchase: 24 h, as long as Stripe keeps its own keys. */
  expiresAtMs: z.int(),
});
export type CheckoutKey = z.infer<typeof CheckoutKeySchema>;
