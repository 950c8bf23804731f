import * as z from 'zod/mini';
import { END_REASONS, type SessionHistory } from '../domain/session-history.ts';
import { LicenseId, SessionId, Timestamp, timestamp, timestampOrNull } from './fields.ts';

/** The history of one session, as the API returns it. */
export const SessionHistoryView = z.strictObject({
  session_id: SessionId,
  license_id: LicenseId,
  /** Pseudonym of the seat's holder; null after it was erased. */
  holder: z.nullable(z.string()),
  /** When the session first got a seat. */
  acquired_at: Timestamp,
  /** null while the session holds a seat. */
  ended_at: z.nullable(Timestamp),
  end_reason: z.nullable(z.enum(END_REASONS)),
  /** Total time with a seat, up to the last end, in seconds. */
  seated_seconds: z.int(),
  /** How often its lease expired and it then got a seat again. */
  revivals: z.int(),
});

export function viewOfHistory(history: SessionHistory): z.infer<typeof SessionHistoryView> {
  const { sessionId, licenseId, holder, acquiredAtMs, endedAtMs, endReason, seatedMs, revivals } = history;
  return {
    session_id: sessionId,
    license_id: licenseId,
    holder,
    acquired_at: timestamp(acquiredAtMs),
    ended_at: timestampOrNull(endedAtMs),
    end_reason: endReason,
    seated_seconds: Math.floor(seatedMs / 1000),
    revivals,
  };
}
