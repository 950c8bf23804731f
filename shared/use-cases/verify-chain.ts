import * as z from 'zod/mini';
import {
  AuditEventSchema,
  type ChainHead,
  ChainHeadSchema,
  type ChainProblem,
  chainVerifier,
} from '../domain/audit-chain.ts';
import { keepUnknownFields } from '../domain/unknown-fields.ts';
import { AUDIT, CHAIN_HEADS, TENANTS } from '../ports/collections.ts';
import { eachDocument, eachPage, LARGEST_PAGE } from '../ports/each-document.ts';
import { auditQuery, CHAIN_OF_TENANT } from '../ports/queries.ts';
import type { Collection, Query, Records } from '../ports/records.ts';

export interface ChainReport {
  readonly tenantId: string;
  /** Events found in the chain. */
  readonly sealed: number;
  /** Events recorded but not sealed yet: they cannot be verified. */
  readonly unsealed: number;
  /**
   * Keep it elsewhere: someone with write access to the records could replace the chain and its head by a shorter one.
   */
  readonly head: ChainHead | null;
  /** Empty if the chain is intact. */
  readonly problems: readonly ChainProblem[];
}

/** The progress of a check: first through the chain, then through the events outside it. */
export const ChainPositionSchema = z.discriminatedUnion('in', [
  z.strictObject({
    in: z.literal('chain'),
    /** `seq` of the last event that was read, rounded down. */
    readSeq: z.int(),
    /** `seq` of the last event that could be verified; the next one must follow it. */
    seq: z.int(),
    hash: z.string(),
  }),
  z.strictObject({ in: z.literal('unlinked'), cursor: z.optional(z.string()) }),
]);
export type ChainPosition = z.infer<typeof ChainPositionSchema>;

/** The result of one part of the check; `next` is where to continue, absent after the last part. */
export interface ChainPart extends Omit<ChainReport, 'tenantId'> {
  readonly next: ChainPosition | undefined;
}

/** The range of valid `seq` values: within it, arithmetic is exact, and a part can end after any of them. */
const PLACES = { least: Number.MIN_SAFE_INTEGER, below: Number.MAX_SAFE_INTEGER } as const;

/**
 * Verifies a tenant's whole chain, even while events are being sealed. Returns `undefined` for a tenant that the
 * records do not know.
 */
export async function verifyChain(records: Records, tenantId: string): Promise<ChainReport | undefined> {
  let whole: Omit<ChainReport, 'tenantId'> = { sealed: 0, unsealed: 0, head: null, problems: [] };
  let position: ChainPosition | undefined;
  do {
    const { next, ...part } = await verifyChainPart(records, tenantId, position, Number.POSITIVE_INFINITY);
    whole = {
      sealed: whole.sealed + part.sealed,
      unsealed: whole.unsealed + part.unsealed,
      head: part.head ?? whole.head,
      problems: [...whole.problems, ...part.problems],
    };
    position = next;
  } while (position !== undefined);
  const isUnknown = whole.sealed === 0 && whole.unsealed === 0 && whole.head === null;
  if (isUnknown && whole.problems.length === 0 && !(await records.get(TENANTS, tenantId))) return undefined;
  return { tenantId, ...whole };
}

/**
 * Verifies about `most` events, beginning at `position`. Throws `InvalidCursor` if the position belongs to another
 * list.
 */
export async function verifyChainPart(
  records: Records,
  tenantId: string,
  position: ChainPosition | undefined,
  most: number,
): Promise<ChainPart> {
  if (position?.in === 'unlinked') {
    const { unsealed, strays, next } = await readUnlinked(records, tenantId, position.cursor, most);
    return { sealed: 0, unsealed, head: null, problems: strays, next };
  }
  return readChain(records, tenantId, position, most);
}

/** An event and a head as they are stored, with a version that this release reads. */
const StoredEvent = z.extend(AuditEventSchema, { v: z.literal([...(AUDIT.versions ?? [1])]) });
const StoredHead = z.extend(ChainHeadSchema, { v: z.literal([...(CHAIN_HEADS.versions ?? [1])]) });

const Placed = z.object({
  link: z.object({ seq: z.number().check(z.gte(PLACES.least), z.lt(PLACES.below)) }),
});

const Unlinked = z.object({
  sealed: z.catch(z.boolean(), true),
  link: z.optional(z.unknown()),
  eventId: z.catch(z.nullable(z.string()), null),
});

/** Events of the tenant that `readChain` does not reach: those not sealed yet, and those with an invalid link. */
async function readUnlinked(records: Records, tenantId: string, from: string | undefined, most: number) {
  const strays: ChainProblem[] = [];
  let unsealed = 0;
  let read = 0;
  const query = asStored(auditQuery('tenantId', false));
  const pages = eachPage((cursor = from) =>
    records.query(query, { tenantId }, { limit: LARGEST_PAGE, cursor }),
  );
  for await (const { documents, nextCursor: cursor } of pages) {
    for (const stored of documents) {
      if (z.safeParse(Placed, stored).success) continue;
      const { sealed, link, eventId } = z.parse(Unlinked, stored);
      if (sealed || link !== undefined)
        strays.push({
          kind: 'INSERTED',
          seq: 0,
          eventId,
          detail: 'is marked as sealed but is not in the chain',
        });
      else unsealed += 1;
    }
    read += documents.length;
    if (cursor !== undefined && read >= most)
      return { unsealed, strays, next: { in: 'unlinked', cursor } as const };
  }
  return { unsealed, strays, next: undefined };
}

/** Enough of a document to identify it, whatever state the rest is in. */
const Trace = z.object({
  eventId: z.catch(z.nullable(z.string()), null),
  link: z.catch(z.object({ seq: z.number() }), { seq: 0 }),
});

async function readChain(
  records: Records,
  tenantId: string,
  from: Extract<ChainPosition, { in: 'chain' }> | undefined,
  most: number,
): Promise<ChainPart> {
  const verifier = chainVerifier(tenantId, from && { tenantId, seq: from.seq, hash: from.hash });
  const problems: ChainProblem[] = [];
  let sealed = 0;
  let readSeq = from?.readSeq;
  for (;;) {
    const before = await readHead(records, tenantId);
    const places = readSeq === undefined ? PLACES : { ...PLACES, least: readSeq + 1 };
    for await (const stored of eachDocument(records, asStored(CHAIN_OF_TENANT), { tenantId }, places)) {
      const event = z.safeParse(StoredEvent, stored);
      const { eventId, link } = z.parse(Trace, stored);
      // Never stop between two events with the same `seq`: the second would be skipped.
      if (sealed >= most && readSeq !== undefined && link.seq >= readSeq + 1) {
        const { seq, hash } = verifier.reached();
        return { sealed, unsealed: 0, head: null, problems, next: { in: 'chain', readSeq, seq, hash } };
      }
      problems.push(
        ...(event.success
          ? verifier.check(keepUnknownFields(event.data, stored))
          : [unreadable(eventId, Math.floor(link.seq), event.error)]),
      );
      sealed += 1;
      // A fractional `seq` belongs to the part of the integer below it.
      readSeq = Math.max(readSeq ?? Number.MIN_SAFE_INTEGER, Math.floor(link.seq));
    }
    // Events and their head are sealed in one step: a head that did not change while they were read belongs to them.
    const after = await readHead(records, tenantId);
    if (JSON.stringify(before) !== JSON.stringify(after)) continue;
    const end =
      after === 'UNREADABLE'
        ? {
            head: null,
            headProblems: [changed(null, readSeq ?? 0, 'the head of the chain cannot be read')],
          }
        : { head: after ?? null, headProblems: verifier.finish(after) };
    return {
      sealed,
      unsealed: 0,
      head: end.head,
      problems: [...problems, ...end.headProblems],
      next: { in: 'unlinked' },
    };
  }
}

async function readHead(records: Records, tenantId: string): Promise<ChainHead | 'UNREADABLE' | undefined> {
  const stored = await records.get(unchecked(CHAIN_HEADS), tenantId);
  if (stored === undefined) return undefined;
  const { v: _, ...head } = z.safeParse(StoredHead, stored).data ?? { v: undefined };
  return 'seq' in head ? head : 'UNREADABLE';
}

/** Names fields and quotes no values, because it is logged. */
function unreadable(eventId: string | null, seq: number, error: z.core.$ZodError): ChainProblem {
  const fields = new Set(error.issues.map(({ path }) => path.join('.') || 'the document'));
  return changed(eventId, seq, `cannot be read as an event (${[...fields].join(', ')})`);
}

function changed(eventId: string | null, seq: number, detail: string): ChainProblem {
  return { kind: 'CHANGED', seq, eventId, detail };
}

/** The query without validation: this check looks for damaged documents. */
function asStored<T>(query: Query<T>): Query<unknown> {
  return { ...query, collection: unchecked(AUDIT) };
}

function unchecked<T>({ name }: Collection<T>): Collection<unknown> {
  return { name, schema: z.unknown(), isAsStored: true };
}
