import type { Member } from '../../../sdk/src/api.ts';
import type { Call } from '../api-call.ts';
import type { MemberNames } from './labels.ts';

/** Pages of members to read: each member costs two document reads, and those who are not found are shown by id. */
const MOST_PAGES = 3;

/** The names of a tenant's members: the audit log has only their ids, so that it can outlive an erasure. */
export async function readNames(call: Call, tenantId: string, signal: AbortSignal): Promise<MemberNames> {
  const found: Member[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const query = { limit: 100, ...(cursor !== undefined && { cursor }) };
    const { members, next_cursor }: { members: Member[]; next_cursor: string | null } = await call(
      'tenantsMembers',
      { params: { tenant_id: tenantId }, query, signal },
    );
    found.push(...members);
    if (next_cursor === null) break;
    cursor = next_cursor;
  }
  return new Map(found.map(({ user_id, name }) => [user_id, name]));
}
