import * as z from 'zod/mini';
import type { AuditEvent } from '../../shared/domain/audit-chain.ts';
import { auditEventToJson, VENDOR } from '../../shared/domain/audit-event.ts';
import { sealCursor } from '../../shared/domain/cursor.ts';
import { licenseOfSession, shardOf } from '../../shared/domain/ids.ts';
import type { Caller, HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { DEFAULT_PAGE_LIMIT, timestamp } from '../../shared/http/fields.ts';
import { requestedTenant, requiredTenant } from '../../shared/http/own.ts';
import { boundsOf, readPage, refuseInvalidCursor, requestedPosition } from '../../shared/http/page.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { noteUnreadable } from '../../shared/http/unreadable.ts';
import { CHAIN_HEADS, TENANTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { keepReasons } from '../../shared/ports/each-document.ts';
import {
  AUDIT_SCOPES,
  auditQuery,
  CHAIN_OF_TENANT,
  EVENTS_OF_ACTOR,
  TENANT_EVENTS_OF_ACTOR,
} from '../../shared/ports/queries.ts';
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
  if (query.order === 'recorded') return followChain(tenantId, query, caller, note, deps);
  const ids = { sessionId: query.session_id, licenseId: query.license_id, tenantId };
  if (contradict(ids)) return noEvents();
  const scope = AUDIT_SCOPES.find((name) => ids[name] !== undefined);
  const { type, actor_id: actorId } = query;
  const ofScope = scope && { [scope]: ids[scope] };
  if (actorId !== undefined) {
    const filter = FILTERS.slice(0, 3).find((name) => query[name] !== undefined);
    if (filter !== undefined)
      return refuseFields('VALIDATION_FAILED', [{ at: filter, detail: NO_ACTOR_FILTER }]);
  }
  const equals = {
    ...ofScope,
    ...(type === undefined ? {} : { type }),
    ...(actorId === undefined ? {} : { 'actor.id': actorId }),
  };
  const page = await readPage(
    deps.records,
    actorId === undefined
      ? auditQuery(scope, type !== undefined)
      : scope
        ? TENANT_EVENTS_OF_ACTOR
        : EVENTS_OF_ACTOR,
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
    body: { events: page.documents.map(describeTo(caller)), next_cursor: page.next_cursor },
  };
}

/**
 * The tenant's chain from a place on. An event gets its place when it is sealed, after all that have one, in the
 * transaction that moves the head: whatever clocks and commits did before, nothing appears before a place that was read.
 * The head never moves back, unless the records were restored from an older copy: other events then get the places that
 * the follower has read, so a place after the head is refused.
 */
async function followChain(
  tenantId: string | undefined,
  { limit = DEFAULT_PAGE_LIMIT, cursor, ...query }: RequestOf<typeof contract, 'list'>['query'],
  caller: Caller,
  note: RequestOf<typeof contract, 'list'>['note'],
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  if (tenantId === undefined) return refuseFields('VALIDATION_FAILED', [NEEDS_TENANT]);
  const filter = FILTERS.find((name) => query[name] !== undefined);
  if (filter !== undefined) return refuseFields('VALIDATION_FAILED', [{ at: filter, detail: NO_FILTER }]);
  const from = requestedPosition(FollowPosition, { cursor });
  if ('problem' in from) return from;
  if (from.position && from.position.chain !== tenantId) return { problem: 'INVALID_CURSOR' };
  const after = from.position?.seq ?? 0;
  const head = await records.get(CHAIN_HEADS, tenantId);
  const end = head?.seq ?? 0;
  if (after > end) return { problem: 'INVALID_CURSOR' };
  const last = Math.min(after + limit, end);
  const unreadable: string[] = [];
  const page = { limit, least: after + 1, below: last + 1, onUnreadable: keepReasons(unreadable) };
  const { documents } =
    last > after ? await records.query(CHAIN_OF_TENANT, { tenantId }, page) : { documents: [] };
  noteUnreadable(note, unreadable);
  const next_cursor = sealCursor({ chain: tenantId, seq: last });
  return { answer: 'events', body: { events: documents.map(describeTo(caller)), next_cursor } };
}

const FollowPosition = z.strictObject({ chain: z.string(), seq: z.int().check(z.gte(0)) });

const FILTERS = ['license_id', 'session_id', 'type', 'actor_id', 'from', 'to'] as const;
const NO_ACTOR_FILTER = 'cannot be combined with actor_id';
const NO_FILTER = 'cannot be combined with order=recorded';
const NEEDS_TENANT = { at: 'tenant_id', detail: 'is required with order=recorded' };

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
  const isKnown =
    caller.kind === 'person' || tenantId === VENDOR || (await records.get(TENANTS, tenantId)) !== undefined;
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

function describeTo({ kind }: Pick<Caller, 'kind'>) {
  const reader = kind === 'operator' ? 'operator' : 'tenant';
  return (event: AuditEvent) => ({
    ...auditEventToJson(event, reader),
    recorded_at: timestamp(event.recordedAtMs),
    seq: event.link?.seq ?? null,
  });
}

export default { list: listEvents, verify: verifyChain } satisfies HandlersOf<typeof contract>;
