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

/**
 * What a session belongs to. `instance`: one start of a program, which named itself. `machine`: a program that did not
 * name itself, so that all programs of its machine share the session. `loan`: a borrowed seat, which needs no heartbeat.
 */
export const SESSION_KINDS = ['instance', 'machine', 'loan'] as const;
export type SessionKind = (typeof SESSION_KINDS)[number];

/**
 * One program's hold on a seat, in the seat store. A seat has one holder and one or more sessions; it ends with the last
 * of them. Times are milliseconds since the epoch, by Redis' clock.
 */
export const SessionSchema = z.object({
  sessionId: z.string(),
  kind: z.enum(SESSION_KINDS),
  /** Pseudonym of the machine, user or process that the seat is counted by. */
  holder: z.string(),
  /** Pseudonym of the machine that the program runs on. */
  machine: z.string(),
  acquiredAtMs: z.int(),
  /** For a loan, when the loan ends. */
  expiresAtMs: z.int(),
  facts: SessionFactsSchema,
});
export type Session = z.infer<typeof SessionSchema>;
