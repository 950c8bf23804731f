import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { type SeatEvent, SeatEventSchema, sortedEntries } from './event.ts';

/** The place of an event in its tenant's chain. */
const LinkSchema = z.object({
  /** 1 for the tenant's first event, then one more for each event. */
  seq: z.int(),
  previousHash: z.string(),
  /** Hashed in place of the holder's pseudonym, so that the chain still verifies after the pseudonym is erased. */
  holderHash: z.nullable(z.string()),
  /** SHA-256 (base64url) over the event, its `seq` and `previousHash`. */
  hash: z.string(),
});
type Link = z.infer<typeof LinkSchema>;

/** An event as it is stored. It gets its link when it is sealed, up to a minute after it was recorded. */
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

/** The event without the holder's pseudonym. The chain still verifies: it hashes `holderHash` instead. */
export function withoutHolder(event: AuditEvent): AuditEvent {
  const { holder: _, ...detail } = event.detail;
  return { ...event, detail };
}

/** The end of a tenant's chain. Without it, removing the last events would go unnoticed. */
export const ChainHeadSchema = z.object({ tenantId: z.string(), seq: z.int(), hash: z.string() });
export type ChainHead = z.infer<typeof ChainHeadSchema>;

/** The head of an empty chain. */
export function emptyChain(tenantId: string): ChainHead {
  return { tenantId, seq: 0, hash: hashOf(['seatlease audit chain', tenantId]) };
}

/** Links the events to the chain in the given order; returns them with the new head. */
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
  return { events: sealed, head: { ...head, seq, hash } };
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
  /** The last verified position: another verifier can start from it. */
  reached(): ChainHead;
}

/**
 * Verifies a tenant's chain while it is read: pass its sealed events to `check` in ascending `seq`, then the head to
 * `finish`. Each returns the problems found. One wrong event is one problem: the check continues from that event's own
 * `seq` and `hash`.
 */
export function chainVerifier(tenantId: string, from = emptyChain(tenantId)): ChainVerifier {
  let { seq, hash } = from;
  return {
    reached: () => ({ tenantId, seq, hash }),
    check(event) {
      const { eventId, link } = event;
      if (!link || link.seq <= seq || event.tenantId !== tenantId) {
        const detail = 'has no valid place in the chain';
        return [{ kind: 'INSERTED', seq: link?.seq ?? seq, eventId, detail }];
      }
      const problems: ChainProblem[] = [];
      if (link.seq > seq + 1) problems.push(missing(seq + 1, link.seq - 1));
      else if (link.previousHash !== hash) {
        const detail = 'does not follow the event before it: one of them was replaced';
        problems.push({ kind: 'CHANGED', seq: link.seq, eventId, detail });
      }
      if (!event.sealed || !isHolderIntact(event, link) || linkHash(event, link) !== link.hash) {
        problems.push({ kind: 'CHANGED', seq: link.seq, eventId, detail: 'does not match its hash' });
      }
      ({ seq, hash } = link);
      return problems;
    },
    finish(head = emptyChain(tenantId)) {
      if (head.seq > seq) return [missing(seq + 1, head.seq)];
      if (head.seq === seq && head.hash === hash) return [];
      const kind = head.seq < seq ? 'INSERTED' : 'CHANGED';
      return [{ kind, seq, eventId: null, detail: 'the end of the chain does not match its head' }];
    },
  };
}

function missing(first: number, last: number): ChainProblem {
  const detail = first === last ? 'the event is missing' : `the events ${first} to ${last} are missing`;
  return { kind: 'REMOVED', seq: first, eventId: null, detail };
}

/** Includes the event id, so that the hashes left after an erasure do not show which events had the same holder. */
function holderHashOf({ eventId, detail }: AuditEvent): string | null {
  return detail.holder === undefined ? null : hashOf([eventId, detail.holder]);
}

/** True if the holder is unchanged or erased; false if it was replaced or added. */
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

/** An array of plain values has exactly one JSON text, so no canonical form is needed. */
function hashOf(content: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url');
}
