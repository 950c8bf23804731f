import { unsealed } from '../domain/audit-chain.ts';
import { type AuditNote, auditEventOf } from '../domain/audit-event.ts';
import { AUDIT } from '../ports/collections.ts';
import type { Transaction } from '../ports/records.ts';

/** Records what happened, and who caused it, in the transaction that makes the change: there is no change without it. */
export function recordEvent(transaction: Pick<Transaction, 'set'>, note: AuditNote, nowMs: number): void {
  const event = auditEventOf(note, nowMs);
  transaction.set(AUDIT, event.eventId, unsealed(event, nowMs));
}

/** Like `recordEvent`, for a change that can be repeated: an event that is recorded already stays as it is. */
export async function recordEventOnce(
  transaction: Pick<Transaction, 'get' | 'set'>,
  note: AuditNote,
  nowMs: number,
): Promise<void> {
  const { eventId } = auditEventOf(note, nowMs);
  if (!(await transaction.get(AUDIT, eventId))) recordEvent(transaction, note, nowMs);
}
