import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { AuditEventFields, type AuditType } from './audit-event.ts';
import { type SeatEvent, sortedEntries } from './event.ts';
import { isUserId } from './ids.ts';

/**
 * What an erasure removes from an event: a holder's pseudonym, and ids that can be a user's. The chain hashes a hash of
 * each instead, so that it still verifies.
 */
const ERASABLE = {
  holder: ({ detail }: AuditEventFields) => detail.holder ?? null,
  actor: ({ actor }: AuditEventFields) => actor.id,
  subject: ({ subject }: AuditEventFields) => subject,
} as const;

/** The place of an event in its tenant's chain. */
const LinkSchema = z.object({
  /** 1 for the tenant's first event, then one more for each event. */
  seq: z.int(),
  previousHash: z.string(),
  /** Of each erasable value: its hash, or `null` if the event had none. */
  erasable: z.object({
    holder: z.nullable(z.string()),
    actor: z.nullable(z.string()),
    subject: z.nullable(z.string()),
  }),
  /** SHA-256 (base64url) over the event, its `seq` and `previousHash`. */
  hash: z.string(),
});
type Link = z.infer<typeof LinkSchema>;

/** An event as it is stored. It gets its link when it is sealed, up to a minute after it was recorded. */
export const AuditEventSchema = z.extend(AuditEventFields, {
  recordedAtMs: z.int(),
  sealed: z.boolean(),
  link: z.optional(LinkSchema),
});
export type AuditEvent = z.infer<typeof AuditEventSchema>;

/** An event as it is first recorded. */
export function unsealed(event: SeatEvent | AuditEventFields, nowMs: number): AuditEvent {
  return { subject: null, ...event, recordedAtMs: nowMs, sealed: false };
}

/** The event without the holder's pseudonym. */
export function withoutHolder(event: AuditEvent): AuditEvent {
  const { holder: _, ...detail } = event.detail;
  return { ...event, detail };
}

/** Types of events that show when a person used the software, and not what they changed. */
const USES: ReadonlySet<AuditType> = new Set([
  'session.acquired',
  'session.borrowed',
  'session.revived',
  'session.expired',
  'session.released',
  'license.signed',
  'user.signed_in',
  'user.signed_out',
]);

/** Whether the event shows that its actor used the software: its session and its holder are then theirs. */
export function isOwnUse({ type, actor }: Pick<AuditEvent, 'type' | 'actor'>, userId: string): boolean {
  return USES.has(type) && actor.id === userId;
}

/** Whether the event shows who used the software: a holder or, if it is about use, a user. */
export function showsUse(event: AuditEvent): boolean {
  return event.detail.holder !== undefined || (USES.has(event.type) && showsPeople(event));
}

/**
 * The event without who used the software. Who changed something stays, so that it can be accounted for; an erasure
 * removes that too.
 */
export function withoutUse(event: AuditEvent): AuditEvent {
  return USES.has(event.type) ? withoutPeople(event) : withoutHolder(event);
}

/** Whether the event shows a holder, a user who caused it, or a user whom it is about. */
export function showsPeople({ detail, actor, subject }: AuditEvent): boolean {
  return detail.holder !== undefined || (actor.kind === 'user' && actor.id !== null) || isUserId(subject);
}

/** The event without these. What operators did stays theirs. */
export function withoutPeople(event: AuditEvent): AuditEvent {
  const { actor, subject } = event;
  return {
    ...withoutHolder(event),
    actor: actor.kind === 'user' ? { ...actor, id: null } : actor,
    subject: isUserId(subject) ? null : subject,
  };
}

/** Whether the user caused the event, or it is about the user. */
export function showsUser({ actor, subject }: AuditEvent, userId: string): boolean {
  return actor.id === userId || subject === userId;
}

/** The event without the id of this user, as who caused it and as whom it is about. */
export function withoutUser(event: AuditEvent, userId: string): AuditEvent {
  const { actor, subject } = event;
  return {
    ...event,
    actor: actor.id === userId ? { ...actor, id: null } : actor,
    subject: subject === userId ? null : subject,
  };
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
    const place = { seq, previousHash: hash, erasable: erasableOf(event) };
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
      if (!event.sealed || !isIntact(event, link) || linkHash(event, link) !== link.hash) {
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

/** Each hash includes the event id, so that those left after an erasure do not show which events had the same value. */
function erasableOf(event: AuditEvent): Link['erasable'] {
  const hashed = (name: keyof typeof ERASABLE) => {
    const value = ERASABLE[name](event);
    return value === null ? null : hashOf([event.eventId, name, value]);
  };
  return { holder: hashed('holder'), actor: hashed('actor'), subject: hashed('subject') };
}

/** True if each erasable value is unchanged or erased; false if one was replaced or added. */
function isIntact(event: AuditEvent, { erasable }: Link): boolean {
  const now = erasableOf(event);
  return (['holder', 'actor', 'subject'] as const).every(
    (name) => now[name] === null || now[name] === erasable[name],
  );
}

function linkHash(event: AuditEvent, { seq, previousHash, erasable }: Omit<Link, 'hash'>): string {
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
    event.actor.kind,
    event.requestId ?? null,
    [erasable.holder, erasable.actor, erasable.subject],
    sortedEntries({ ...detail, holder: undefined }),
    recordedAtMs,
  ]);
}

/** An array of plain values has exactly one JSON text, so no canonical form is needed. */
function hashOf(content: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url');
}
