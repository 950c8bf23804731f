import * as z from 'zod/mini';

/** One record of use, as a client tells it. By license and the id that the client gave it. */
export const UsageRecordSchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  /** The client's. */
  recordId: z.string(),
  meter: z.string(),
  quantity: z.int(),
  /** When it was used, as the client says. */
  atMs: z.int(),
  receivedAtMs: z.int(),
  /**
   * `new` until it is in the totals; `sending` from before it is first told to Stripe until Stripe has it; `unbilled` where
   * nobody pays by it; `refused` where Stripe did not want it; `uncertain` where nobody knows any more whether Stripe has it.
   */
  state: z.enum(['new', 'sending', 'sent', 'unbilled', 'refused', 'uncertain']),
  /** When it was first told to Stripe; `null` before that. */
  sendingSinceMs: z.nullable(z.int()),
  /** Whether there is something left to do with it: `new` or `sending`. */
  isOpen: z.boolean(),
});
export type UsageRecord = z.infer<typeof UsageRecordSchema>;

/** What a license used of a meter within a day (UTC). By license, meter and day. */
export const MeteredDaySchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  meter: z.string(),
  dayMs: z.int(),
  quantity: z.int(),
  records: z.int(),
});
export type MeteredDay = z.infer<typeof MeteredDaySchema>;
