import * as z from 'zod/mini';
import { licenseOfSession } from './ids.ts';
import type { Session } from './session.ts';

/**
 * A borrowed seat as the records know it, so that it survives a loss of the seat store: its client may be offline until
 * the loan ends, and cannot restore it. It has nothing that the client reported about itself.
 */
export const LoanSchema = z.object({
  sessionId: z.string(),
  licenseId: z.string(),
  tenantId: z.string(),
  holder: z.string(),
  machine: z.string(),
  acquiredAtMs: z.int(),
  untilMs: z.int(),
});
export type Loan = z.infer<typeof LoanSchema>;

/** The record of a session of kind `loan`. */
export function loanOf(session: Session, tenantId: string): Loan {
  const { sessionId, holder, machine, acquiredAtMs, expiresAtMs } = session;
  const licenseId = licenseOfSession(sessionId);
  return { sessionId, licenseId, tenantId, holder, machine, acquiredAtMs, untilMs: expiresAtMs };
}

/** The session to restore. Its empty fingerprint says that the facts are missing: the session token completes them. */
export function sessionOfLoan({ sessionId, holder, machine, acquiredAtMs, untilMs }: Loan): Session {
  const facts = { fingerprint: '' };
  return { sessionId, kind: 'loan', holder, machine, acquiredAtMs, expiresAtMs: untilMs, facts };
}
