import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { type SeatEvent, SeatEventSchema, sortedEntries } from './event.ts';

/** The place of an event in its tenant's chain. */
const LinkSchema = z.object({
  /** 1 for the tenant's first event, then one more each. */
  seq: z.int(),
  previousHash: z.string(),
  /** Stands in `hash` for the holder's pseudonym, so that a pseudonym can be erased and the chain still holds. */
  holderHash: z.nullable(z.string()),
  /** SHA-256 (base64url) over the event, its `seq` and `previousHash`. */
  hash: z.string(),
});
type Link = z.infer<typeof LinkSchema>;

/** An event as it is kept. It gets its link when it is sealed, up to a minute after it was recorded. */
export const AuditEventSchema = z.extend(SeatEventSchema, {
  recordedAtMs: z.int(),
  sealed: z.boolean(),
  link: z.optional(LinkSchema),
});
export type AuditEvent = z.infer<typeof AuditEventSchema>;

/** An event as it is first recorded. */
export function unsealed(event: SeatEvent, nowMs: number): AuditEvent {
  return { ...event, recordedAtMs: nowMs, sealed: false };
}

/** The event without the holder's pseudonym, for which the chain has a stand-in. */
export function withoutHolder(event: AuditEvent): AuditEvent {
  const { holder: _, ...detail } = event.detail;
  return { ...event, detail };
}

/** The end of a tenant's chain. Without it, an event removed from the end would not be missed. */
export const ChainHeadSchema = z.object({ tenantId: z.string(), seq: z.int(), hash: z.string() });
export type ChainHead = z.infer<typeof ChainHeadSchema>;

/** The head of a chain that has no event yet. */
export function emptyChain(tenantId: string): ChainHead {
  return { tenantId, seq: 0, hash: hashOf(['seatlease audit chain', tenantId]) };
}

/** The events linked to the chain in the order given, and its new head. */
export function sealEvents(
  head: ChainHead,
  events: readonly AuditEvent[],
): { events: AuditEvent[]; head: ChainHead } {
  let { seq, hash } = head;
  const sealed = events.map((event): AuditEvent => {
    seq += 1;
    const place = { seq, previousHash: hash, holderHash: holderHashOf(event) };
    hash = linkHash(event, place);
    return { ...event, sealed: true, link: { ...place, hash } };
  });
  return { events: sealed, head: { tenantId: head.tenantId, seq, hash } };
}

export interface ChainProblem {
  readonly kind: 'CHANGED' | 'REMOVED' | 'INSERTED';
  readonly seq: number;
  readonly eventId: string | null;
  readonly detail: string;
}

export interface ChainVerifier {
  check(event: AuditEvent): ChainProblem[];
  finish(head: ChainHead | undefined): ChainProblem[];
  /** How far it has come: what another one may go on from. */
  reached(): ChainHead;
}

/**
 * Checks a tenant's chain while it is read: give `check` its sealed events by rising `seq`, then `finish` the head.
 * Each returns what it found wrong. One wrong event is one problem: checking goes on with what that event says of itself.
 */
export function chainVerifier(tenantId: string, from = emptyChain(tenantId)): ChainVerifier {
  let { seq, hash } = from;
  return {
    reached: () => ({ tenantId, seq, hash }),
    check(event) {
      const { eventId, link } = event;
      if (!link || link.seq <= seq || event.tenantId !== tenantId) {
        const detail = 'has no place of its own in the chain';
        return [{ kind: 'INSERTED', seq: link?.seq ?? seq, eventId, detail }];
      }
      const problems: ChainProblem[] = [];
      if (link.seq > seq + 1) problems.push(missing(seq + 1, link.seq - 1));
      else if (link.previousHash !== hash) {
        const detail = 'does not follow the event before it: one of the two was replaced';
        problems.push({ kind: 'CHANGED', seq: link.seq, eventId, detail });
      }
      if (!event.sealed || !isHolderIntact(event, link) || linkHash(event, link) !== link.hash) {
        problems.push({ kind: 'CHANGED', seq: link.seq, eventId, detail: 'does not fit its hash' });
      }
      ({ seq, hash } = link);
      return problems;
    },
    finish(head = emptyChain(tenantId)) {
      if (head.seq > seq) return [missing(seq + 1, head.seq)];
      if (head.seq === seq && head.hash === hash) return [];
      const kind = head.seq < seq ? 'INSERTED' : 'CHANGED';
      return [{ kind, seq, eventId: null, detail: 'the chain does not end as its head says' }];
    },
  };
}

function missing(first: number, last: number): ChainProblem {
  const detail = first === last ? 'the event is missing' : `the events ${first} to ${last} are missing`;
  return { kind: 'REMOVED', seq: first, eventId: null, detail };
}

/** Of one event only: what is left of two erased pseudonyms does not tell that they were the same. */
function holderHashOf({ eventId, detail }: AuditEvent): string | null {
  return detail.holder === undefined ? null : hashOf([eventId, detail.holder]);
}

/** An erased holder is no change; another one is, and so is one where there was none. */
function isHolderIntact(event: AuditEvent, { holderHash }: Link): boolean {
  return event.detail.holder === undefined || holderHashOf(event) === holderHash;
}

function linkHash(event: AuditEvent, { seq, previousHash, holderHash }: Omit<Link, 'hash'>): string {
  const { eventId, type, tenantId, licenseId, sessionId, atMs, position, detail, recordedAtMs } = event;
  return hashOf([
    previousHash,
    seq,
    eventId,
    type,
    tenantId,
    licenseId,
    sessionId,
    atMs,
    position,
    holderHash,
    sortedEntries({ ...detail, holder: undefined }),
    recordedAtMs,
  ]);
}

/** An array of plain values has one JSON text, so no canonical form is needed. */
function hashOf(content: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url');
}
