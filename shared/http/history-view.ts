import * as z from 'zod/mini';
import { END_REASONS, type SessionHistory } from '../domain/session-history.ts';
import { LicenseId, SessionId, Timestamp, timestamp, timestampOrNull } from './fields.ts';

/** The life of a session as callers see it. */
export const SessionHistoryView = z.strictObject({
  session_id: SessionId,
  license_id: LicenseId,
  /** Pseudonym of whoever held the seat; null once it was erased. */
  holder: z.nullable(z.string()),
  /** When the seat was taken first. */
  acquired_at: Timestamp,
  /** null while a seat is held. */
  ended_at: z.nullable(Timestamp),
  end_reason: z.nullable(z.enum(END_REASONS)),
  /** Time with a seat, up to the last end. */
  seated_seconds: z.int(),
  /** How often its lease had run out and a seat was taken again. */
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
