import * as z from 'zod/mini';
import type { AuditEvent } from '../../shared/domain/audit-chain.ts';
import { auditEventToJson } from '../../shared/domain/audit-event.ts';
import { sealCursor } from '../../shared/domain/cursor.ts';
import { licenseOfSession, shardOf } from '../../shared/domain/ids.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import { requestedTenant, requiredTenant } from '../../shared/http/own.ts';
import { boundsOf, readPage, refuseInvalidCursor, requestedPosition } from '../../shared/http/page.ts';
import { TENANTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { AUDIT_SCOPES, auditQuery } from '../../shared/ports/queries.ts';
import { type ChainPart, ChainPositionSchema, verifyChainPart } from '../../shared/use-cases/verify-chain.ts';
import type contract from './contract.ts';
import { EVENTS_A_PART } from './contract.ts';

async function listEvents(
  { query, caller, standing, note }: RequestOf<typeof contract, 'list'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  const requested = requestedTenant(query.tenant_id, caller, standing);
  if ('problem' in requested) return requested;
  const { tenantId } = requested;
  const ids = { sessionId: query.session_id, licenseId: query.license_id, tenantId };
  if (contradict(ids)) return noEvents();
  const scope = AUDIT_SCOPES.find((name) => ids[name] !== undefined);
  const { type } = query;
  const equals = {
    ...(scope && { [scope]: ids[scope] }),
    ...(type === undefined ? {} : { type }),
  };
  const page = await readPage(
    deps.records,
    auditQuery(scope, type !== undefined),
    equals,
    { query, note },
    boundsOf(query),
  );
  if ('problem' in page) return page;
  // A license never changes its tenant: all of its events belong to the tenant, or none.
  const isOtherTenants =
    tenantId !== undefined && page.documents.some((event) => event.tenantId !== tenantId);
  if (isOtherTenants) return noEvents();
  return {
    answer: 'events',
    body: { events: page.documents.map(describe), next_cursor: page.next_cursor },
  };
}

async function verifyChain(
  { query, caller, standing }: RequestOf<typeof contract, 'verify'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'verify'>> {
  const requested = requiredTenant(query.tenant_id, caller, standing);
  if ('problem' in requested) return requested;
  const { tenantId } = requested;
  const from = requestedPosition(PartPosition, query);
  if ('problem' in from) return from;
  if (from.position && from.position.tenantId !== tenantId) return { problem: 'INVALID_CURSOR' };
  // A user's own tenant exists. An operator can pass the id of a tenant that does not exist.
  const isKnown = caller.kind === 'person' || (await records.get(TENANTS, tenantId)) !== undefined;
  if (!isKnown) return { problem: 'TENANT_NOT_FOUND' };
  const part = await refuseInvalidCursor(() =>
    verifyChainPart(records, tenantId, from.position?.position, EVENTS_A_PART),
  );
  return 'problem' in part ? part : { answer: 'part', body: describePart(tenantId, part) };
}

const PartPosition = z.strictObject({ tenantId: z.string(), position: ChainPositionSchema });

function describePart(tenantId: string, { sealed, unsealed, head, problems, next }: ChainPart) {
  return {
    tenant_id: tenantId,
    sealed,
    unsealed,
    head: head && { seq: head.seq, hash: head.hash },
    problems: problems.map(({ eventId, ...problem }) => ({ ...problem, event_id: eventId })),
    next_cursor: next ? sealCursor({ tenantId, position: next }) : null,
  };
}

function noEvents() {
  return { answer: 'events' as const, body: { events: [], next_cursor: null } };
}

interface FilterIds {
  readonly sessionId: string | undefined;
  readonly licenseId: string | undefined;
  readonly tenantId: string | undefined;
}

/** Whether the ids alone show that no event can match all of them. */
function contradict({ sessionId, licenseId, tenantId }: FilterIds): boolean {
  const license = sessionId === undefined ? licenseId : licenseOfSession(sessionId);
  if (license === undefined) return false;
  const isOther = licenseId !== undefined && licenseId !== license;
  return isOther || (tenantId !== undefined && shardOf(tenantId) !== shardOf(license));
}

function describe(event: AuditEvent) {
  return {
    ...auditEventToJson(event),
    recorded_at: timestamp(event.recordedAtMs),
    seq: event.link?.seq ?? null,
  };
}

export default { list: listEvents, verify: verifyChain } satisfies HandlersOf<typeof contract>;
