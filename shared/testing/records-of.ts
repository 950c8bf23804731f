import type { AuditEvent } from '../domain/audit-chain.ts';
import { compareMoments } from '../domain/event.ts';
import type { SessionHistory } from '../domain/session-history.ts';
import { auditQuery, SESSIONS_OF_LICENSE } from '../ports/catalogue.ts';
import type { Equals, Query, Records } from '../ports/records.ts';

/** What the records came to hold of a license, for tests: all pages, in the order in which it happened. */

export async function auditOf(records: Records, licenseId: string): Promise<AuditEvent[]> {
  return (await all(records, auditQuery('licenseId', false), { licenseId })).sort(compareMoments);
}

/** `type session` of every event of the license's sessions. */
export async function storyOf(records: Records, licenseId: string): Promise<string[]> {
  const events = await auditOf(records, licenseId);
  return events.flatMap(({ type, sessionId }) => (sessionId === null ? [] : [`${type} ${sessionId}`]));
}

export async function historiesOf(records: Records, licenseId: string): Promise<SessionHistory[]> {
  return (await all(records, SESSIONS_OF_LICENSE, { licenseId })).reverse();
}

async function all<T>(records: Records, query: Query<T>, equals: Equals): Promise<T[]> {
  const documents: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await records.query(query, equals, { limit: 100, cursor });
    documents.push(...page.documents);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return documents;
}
