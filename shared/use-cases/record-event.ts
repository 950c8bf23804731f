import { unsealed } from '../domain/audit-chain.ts';
import { type AuditNote, auditEventOf } from '../domain/audit-event.ts';
import { AUDIT } from '../ports/collections.ts';
import type { Transaction } from '../ports/records.ts';

/** Records what happened, and who caused it, in the transaction that makes the change: there is no change without it. */
export function recordEvent(transaction: Pick<Transaction, 'set'>, note: AuditNote, nowMs: number): void {
  const event = auditEventOf(note, nowMs);
  transaction.set(AUDIT, event.eventId, unsealed(event, nowMs));
}

/** Whether the event of a change that can be repeated was recorded. */
export async function isRecorded(
  transaction: Pick<Transaction, 'get'>,
  note: AuditNote,
  nowMs: number,
): Promise<boolean> {
  return (await transaction.get(AUDIT, auditEventOf(note, nowMs).eventId)) !== undefined;
}
