import type { AuditEvent } from '../domain/audit-chain.ts';
import { compareMoments } from '../domain/event.ts';
import type { SessionHistory } from '../domain/session-history.ts';
import { eachDocument } from '../ports/each-document.ts';
import { auditQuery, SESSIONS_OF_LICENSE } from '../ports/queries.ts';
import type { Records } from '../ports/records.ts';

/** Read all records of a license, for tests: all pages, in the order of the events. */

export async function auditOf(records: Records, licenseId: string): Promise<AuditEvent[]> {
  return (await Array.fromAsync(eachDocument(records, auditQuery('licenseId', false), { licenseId }))).sort(
    compareMoments,
  );
}

/** `<type> <session id>` of every event of the license's sessions. */
export async function storyOf(records: Records, licenseId: string): Promise<string[]> {
  const events = await auditOf(records, licenseId);
  return events.flatMap(({ type, sessionId }) => (sessionId === null ? [] : [`${type} ${sessionId}`]));
}

export async function historiesOf(records: Records, licenseId: string): Promise<SessionHistory[]> {
  return (await Array.fromAsync(eachDocument(records, SESSIONS_OF_LICENSE, { licenseId }))).reverse();
}
