import * as z from 'zod/mini';

/** The Stripe object that an event is about. Its current state is fetched; the state in the event is ignored. */
export const AboutSchema = z.object({
  kind: z.enum(['subscription', 'charge', 'dispute', 'customer']),
  id: z.string(),
});
export type About = z.infer<typeof AboutSchema>;

/** A Stripe event whose signature was verified. Only its object's id is kept, as the event holds personal data. */
export interface BillingEvent {
  readonly eventId: string;
  /** Stripe's name, such as `customer.subscription.updated`. */
  readonly type: string;
  readonly createdAtMs: number;
  /** `null` if the event has nothing to do with seats, or belongs to another account or mode. */
  readonly about: About | null;
}

/** A stored event. It is stored by its id at Stripe, so that a redelivered event is recognised. */
export const StoredEventSchema = z.object({
  eventId: z.string(),
  type: z.string(),
  createdAtMs: z.int(),
  about: AboutSchema,
  receivedAtMs: z.int(),
  /** Whether the event was processed completely. */
  isDone: z.boolean(),
});
export type StoredEvent = z.infer<typeof StoredEventSchema>;

/** A tenant's customer at Stripe, by tenant id. */
export const BillingAccountSchema = z.object({
  tenantId: z.string(),
  /** `null` once the customer was deleted at Stripe: the next purchase creates a new one. */
  customerId: z.nullable(z.string()),
  formerCustomerIds: z.array(z.string()),
  createdAtMs: z.int(),
});
export type BillingAccount = z.infer<typeof BillingAccountSchema>;
