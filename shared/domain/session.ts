import * as z from 'zod/mini';

/**
 * What a client reports about itself. Kept only while its session lives; visible only to those who can list sessions.
 */
export const SessionFactsSchema = z.object({
  fingerprint: z.string(),
  hostname: z.optional(z.string()),
  appVersion: z.optional(z.string()),
  userId: z.optional(z.string()),
  processId: z.optional(z.string()),
});
export type SessionFacts = z.infer<typeof SessionFactsSchema>;

/** A session in the seat store. Times are milliseconds since the epoch, by Redis' clock. */
export const SessionSchema = z.object({
  sessionId: z.string(),
  /** Pseudonym of the machine, user or process that the seat is counted by. */
  holder: z.string(),
  acquiredAtMs: z.int(),
  expiresAtMs: z.int(),
  /** Until when the seat is borrowed; absent for a session that is kept alive by heartbeats. */
  borrowedUntilMs: z.optional(z.int()),
  facts: SessionFactsSchema,
});
export type Session = z.infer<typeof SessionSchema>;
