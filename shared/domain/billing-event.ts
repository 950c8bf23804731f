import * as z from 'zod/mini';

/** What an event of Stripe's is about: the object to look at now, whatever the event says of it. */
export const AboutSchema = z.object({
  kind: z.enum(['subscription', 'charge', 'dispute', 'customer']),
  id: z.string(),
});
export type About = z.infer<typeof AboutSchema>;

/** An event of Stripe's, proven to be one. Of what it tells, only what it is about is kept: it holds personal data. */
export interface BillingEvent {
  readonly eventId: string;
  /** Stripe's name, `customer.subscription.updated`. */
  readonly type: string;
  readonly createdAtMs: number;
  /** `null` for one that has nothing to do with seats, or belongs to another account. */
  readonly about: About | null;
}

/** An event that is on record. By its id at Stripe: one that is sent again is known. */
export const StoredEventSchema = z.object({
  eventId: z.string(),
  type: z.string(),
  createdAtMs: z.int(),
  about: AboutSchema,
  receivedAtMs: z.int(),
  /** Whether everything that it leads to has been done. */
  isDone: z.boolean(),
});
export type StoredEvent = z.infer<typeof StoredEventSchema>;

/** A tenant as a customer at Stripe. By tenant id. */
export const BillingAccountSchema = z.object({
  tenantId: z.string(),
  /** `null` once the customer was deleted at Stripe: the next purchase makes a new one. */
  customerId: z.nullable(z.string()),
  formerCustomerIds: z.array(z.string()),
  createdAtMs: z.int(),
});
export type BillingAccount = z.infer<typeof BillingAccountSchema>;
