import * as z from 'zod/mini';
import {
  AuditEventSchema,
  type ChainHead,
  ChainHeadSchema,
  type ChainProblem,
  chainVerifier,
} from '../../shared/domain/audit-chain.ts';
import { AUDIT, auditQuery, CHAIN_HEADS, CHAIN_OF_TENANT, TENANTS } from '../../shared/ports/catalogue.ts';
import type { Collection, Query, Records } from '../../shared/ports/records.ts';
import { walk } from '../../shared/ports/walk.ts';

export interface ChainReport {
  readonly tenantId: string;
  /** Events found in the chain. */
  readonly sealed: number;
  /** Events recorded and not yet in the chain: nothing can be said of them. */
  readonly unsealed: number;
  /** Keep it elsewhere: whoever can write to the records could put a shorter chain and its head in their place. */
  readonly head: ChainHead | null;
  /** None for a chain that is whole. */
  readonly problems: readonly ChainProblem[];
}

/**
 * Reads a tenant's whole chain and says what is wrong with it, while events may be sealed. `undefined` for a tenant
 * that the records know nothing of.
 */
export async function verifyChain(records: Records, tenantId: string): Promise<ChainReport | undefined> {
  const { sealed, head, problems } = await walkChain(records, tenantId);
  const { unsealed, strays } = await walkUnlinked(records, tenantId);
  const isUnknown = sealed === 0 && unsealed === 0 && head === null && strays.length === 0;
  if (isUnknown && problems.length === 0 && !(await records.get(TENANTS, tenantId))) return undefined;
  return { tenantId, sealed, unsealed, head, problems: [...problems, ...strays] };
}

const Unlinked = z.object({
  sealed: z.catch(z.boolean(), true),
  link: z.optional(z.unknown()),
  eventId: z.catch(z.nullable(z.string()), null),
});

/** All events of the tenant that have no place in its chain: those that wait for one, and those that never will. */
async function walkUnlinked(
  records: Records,
  tenantId: string,
): Promise<{ unsealed: number; strays: ChainProblem[] }> {
  const strays: ChainProblem[] = [];
  let unsealed = 0;
  for await (const stored of walk(records, asStored(auditQuery('tenantId', false)), { tenantId })) {
    const { sealed, link, eventId } = z.parse(Unlinked, stored);
    if (link !== undefined) continue;
    if (sealed) strays.push({ kind: 'INSERTED', seq: 0, eventId, detail: 'counts as sealed, in no chain' });
    else unsealed += 1;
  }
  return { unsealed, strays };
}

/** Enough of a document to name it, whatever has become of the rest. */
const Trace = z.object({
  eventId: z.catch(z.nullable(z.string()), null),
  link: z.catch(z.object({ seq: z.number() }), { seq: 0 }),
});

async function walkChain(
  records: Records,
  tenantId: string,
): Promise<Pick<ChainReport, 'sealed' | 'head' | 'problems'>> {
  const verifier = chainVerifier(tenantId);
  const problems: ChainProblem[] = [];
  let sealed = 0;
  let lastSeq: number | undefined;
  for (;;) {
    const before = await readHead(records, tenantId);
    const least = lastSeq === undefined ? undefined : lastSeq + 1;
    for await (const stored of walk(records, asStored(CHAIN_OF_TENANT), { tenantId }, { least })) {
      const event = z.safeParse(AuditEventSchema, stored);
      const { eventId, link } = z.parse(Trace, stored);
      problems.push(
        ...(event.success ? verifier.check(event.data) : [unreadable(eventId, link.seq, event.error)]),
      );
      sealed += 1;
      lastSeq = Math.max(lastSeq ?? link.seq, link.seq);
    }
    // Events and their head are sealed in one step: a head that stood still while they were read is theirs.
    const after = await readHead(records, tenantId);
    if (JSON.stringify(before) !== JSON.stringify(after)) continue;
    if (after === 'UNREADABLE') {
      const detail = 'the head of the chain cannot be read any more';
      return { sealed, head: null, problems: [...problems, changed(null, lastSeq ?? 0, detail)] };
    }
    return { sealed, head: after ?? null, problems: [...problems, ...verifier.finish(after)] };
  }
}

async function readHead(records: Records, tenantId: string): Promise<ChainHead | 'UNREADABLE' | undefined> {
  const stored = await records.get(unchecked(CHAIN_HEADS), tenantId);
  return stored === undefined ? undefined : (z.safeParse(ChainHeadSchema, stored).data ?? 'UNREADABLE');
}

/** Names fields and no values, as it ends in logs. */
function unreadable(eventId: string | null, seq: number, error: z.core.$ZodError): ChainProblem {
  const fields = new Set(error.issues.map(({ path }) => path.join('.') || 'the whole'));
  return changed(eventId, seq, `cannot be read as an event any more (${[...fields].join(', ')})`);
}

function changed(eventId: string | null, seq: number, detail: string): ChainProblem {
  return { kind: 'CHANGED', seq, eventId, detail };
}

/** The query without a check of what it finds: a document that is spoilt is what is looked for here. */
function asStored<T>(query: Query<T>): Query<unknown> {
  return { ...query, collection: unchecked(AUDIT) };
}

function unchecked<T>({ name }: Collection<T>): Collection<unknown> {
  return { name, schema: z.unknown() };
}
