import * as z from 'zod/mini';

/** The page that was last given out for a license. It is the only one that can be open. */
export const CheckoutSchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  /** Id of the Stripe Checkout session. */
  sessionId: z.string(),
  url: z.string(),
  /** When the session expires at Stripe. */
  expiresAtMs: z.int(),
  /** A hash of all that the page was created with: the order, the customer, the price and our settings. */
  askHash: z.string(),
});
export type Checkout = z.infer<typeof CheckoutSchema>;

/** A used `Idempotency-Key`, stored by a hash of the key and its owner. */
export const CheckoutKeySchema = z.object({
  keyId: z.string(),
  /** A hash of the request: the same key with another request is an error. */
  asked: z.string(),
  licenseId: z.string(),
  /** Until then the key means the same purchase: 24 h. */
  expiresAtMs: z.int(),
});
export type CheckoutKey = z.infer<typeof CheckoutKeySchema>;
