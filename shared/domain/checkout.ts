import * as z from 'zod/mini';

/** A purchase that was begun, by the license that it is for. There is one open session at Stripe for a license at most. */
export const CheckoutSchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  /** Stripe's session. */
  sessionId: z.string(),
  url: z.string(),
  /** When Stripe lets nobody pay any more. */
  expiresAtMs: z.int(),
});
export type Checkout = z.infer<typeof CheckoutSchema>;

/** An `Idempotency-Key` that was used. By a hash of the key and whose it is. */
export const CheckoutKeySchema = z.object({
  keyId: z.string(),
  /** A hash of what was asked for: the same key with another wish is a mistake. */
  asked: z.string(),
  licenseId: z.string(),
  /** Until then the key means the same purchase: as long as Stripe's own does, 24 h. */
  expiresAtMs: z.int(),
});
export type CheckoutKey = z.infer<typeof CheckoutKeySchema>;
