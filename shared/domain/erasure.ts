import * as z from 'zod/mini';
import type { Pseudonyms } from './holder.ts';
import type { SessionFacts } from './session.ts';

/** Seconds in which what was asked for must be confirmed. */
export const CONFIRMATION_SECONDS = 600;

/** An erasure that nobody has touched for so long has stopped half-way. */
const STOPPED_AFTER_MS = 60_000;

/**
 * When an erasure is gone over once more: events of what was erased may have been on their way then, and nothing that is
 * not broken keeps one for so long.
 */
const SECOND_ROUND_AFTER_MS = 3_600_000;

/** What somebody was told would go. Sealed, and it names nobody but by id. */
export const ConfirmationSchema = z.object({
  erasureId: z.string(),
  /** Who asked, as nobody else may confirm: a user's id, or `operator` for whoever holds the operator key. */
  askedBy: z.string(),
  userId: z.nullable(z.string()),
  goingIds: z.array(z.string()),
  expiresAtMs: z.int(),
});
export type Confirmation = z.infer<typeof ConfirmationSchema>;

/** What goes with an erasure. */
export interface ErasurePlan {
  /** The person; `null` for a tenant alone. */
  readonly userId: string | null;
  /** Tenants that the person leaves, where what is theirs is looked for. */
  readonly searchedIds: readonly string[];
  /** Tenants that go with all that is in them. */
  readonly goingIds: readonly string[];
}

const FIRST_ROUND = [
  'sign_out',
  'sessions',
  'pseudonyms',
  'close',
  'billing',
  'licenses',
  'histories',
  'events',
  'members',
  'person',
] as const;
/** What may have come since: events that were on their way, a sign-in or a purchase that was under way. */
const SECOND_ROUND = [
  'pseudonyms',
  'billing',
  'licenses',
  'histories',
  'events',
  'person',
  'traces',
] as const;

export type ErasureStep = (typeof FIRST_ROUND)[number] | (typeof SECOND_ROUND)[number];

/** Where a step goes on. */
const PlaceSchema = z.object({
  /** Index of the tenant. */
  tenant: z.int(),
  /** Cursor in the list that the step walks. */
  list: z.nullable(z.string()),
  /** Cursor in the sessions of one license. */
  facts: z.nullable(z.string()),
  /** Whether some of those were ended since their first page, so that others may have been passed over. */
  again: z.boolean(),
});
export type ErasurePlace = z.infer<typeof PlaceSchema>;

const START: ErasurePlace = { tenant: 0, list: null, facts: null, again: false };

const count = z.int();
const ErasedSchema = z.object({
  sessions: count,
  sessionHistories: count,
  auditEvents: count,
  memberships: count,
  invitations: count,
  signIns: count,
  tenants: count,
  users: count,
});
/** How many there were of what is gone; of histories and events, how many tell no more who it was. */
export type Erased = z.infer<typeof ErasedSchema>;

const NOTHING_ERASED: Erased = {
  sessions: 0,
  sessionHistories: 0,
  auditEvents: 0,
  memberships: 0,
  invitations: 0,
  signIns: 0,
  tenants: 0,
  users: 0,
};

/** An erasure as far as it has come, so that anybody can go on with it. Of whom it was it tells an id, for a while. */
export const ErasureSchema = z.object({
  erasureId: z.string(),
  userId: z.nullable(z.string()),
  searchedIds: z.array(z.string()),
  goingIds: z.array(z.string()),
  /** Steps that are left, beginning with the one under way: of the first round, then of the second; none after that. */
  todo: z.array(z.enum([...FIRST_ROUND, ...SECOND_ROUND])),
  place: PlaceSchema,
  erased: ErasedSchema,
  requestedAtMs: z.int(),
  /** `null` until the first round is through. */
  completedAtMs: z.nullable(z.int()),
  /** When the sweep looks after it: as it stopped, for the second round, or to forget it. */
  dueAtMs: z.int(),
  /** Goes up with every write: of two runs at once only one gets to do, and to count, a piece. */
  revision: z.int(),
});
export type Erasure = z.infer<typeof ErasureSchema>;

/** Pseudonyms that an erasure looks for in both of its rounds, by what they were found at. */
export const ErasureTraceSchema = z.object({
  erasureId: z.string(),
  /** Id of a session or a license. */
  at: z.string(),
  holders: z.array(z.string()),
});
export type ErasureTrace = z.infer<typeof ErasureTraceSchema>;

export function traceId({ erasureId, at }: Pick<ErasureTrace, 'erasureId' | 'at'>): string {
  return `${erasureId}:${at}`;
}

export function beginErasure(erasureId: string, plan: ErasurePlan, nowMs: number): Erasure {
  return {
    erasureId,
    userId: plan.userId,
    searchedIds: [...plan.searchedIds],
    goingIds: [...plan.goingIds],
    todo: [...FIRST_ROUND],
    place: START,
    erased: NOTHING_ERASED,
    requestedAtMs: nowMs,
    completedAtMs: null,
    dueAtMs: nowMs + STOPPED_AFTER_MS,
    revision: 0,
  };
}

/** The erasure at another place of the step under way. */
export function moveOn(erasure: Erasure, place: Partial<ErasurePlace>, nowMs: number): Erasure {
  return { ...erasure, place: { ...erasure.place, ...place }, dueAtMs: nowMs + STOPPED_AFTER_MS };
}

/** The erasure with the step under way behind it. */
export function endStep(erasure: Erasure, nowMs: number, retentionDays: number): Erasure {
  const todo = erasure.todo.slice(1);
  const next = { ...erasure, todo, place: START };
  if (todo.length > 0) return { ...next, dueAtMs: nowMs + STOPPED_AFTER_MS };
  if (erasure.completedAtMs === null) {
    const dueAtMs = nowMs + SECOND_ROUND_AFTER_MS;
    return { ...next, todo: [...SECOND_ROUND], completedAtMs: nowMs, dueAtMs };
  }
  const forgottenAtMs = nowMs + retentionDays * 24 * 3600 * 1000;
  return { ...next, userId: null, searchedIds: [], goingIds: [], dueAtMs: forgottenAtMs };
}

/** The erasure, to be gone over once more as much later as it was to be. */
export function putOff(erasure: Erasure, nowMs: number): Erasure {
  return { ...erasure, dueAtMs: nowMs + SECOND_ROUND_AFTER_MS, revision: erasure.revision + 1 };
}

/** Which round of the erasure is under way, or is the next to come. */
export function roundOf({ completedAtMs, todo }: Erasure): 'first' | 'second' | 'over' {
  if (completedAtMs === null) return 'first';
  return todo.length > 0 ? 'second' : 'over';
}

/** `erased` with more of some kinds. */
export function addErased(erasure: Erasure, more: Partial<Erased>): Erasure {
  const erased = { ...erasure.erased };
  for (const [kind, n] of Object.entries(more)) erased[kind as keyof Erased] += n;
  return { ...erasure, erased };
}

/** A person as sessions may name them; without an address where that is gone already. */
export interface Named {
  readonly userId: string;
  readonly email: string | undefined;
}

/** Whether a session is the person's: by their id, or, where the vendor's app goes by addresses, by theirs. */
export function isHeldBy({ userId, email }: Named, facts: SessionFacts): boolean {
  if (facts.userId === undefined) return false;
  return (
    facts.userId === userId || (email !== undefined && facts.userId.toLowerCase() === email.toLowerCase())
  );
}

/** The pseudonyms that the person has in a license that counts seats by user, whether or not they hold one now. */
export function holdersOf({ userId, email }: Named, licenseId: string, pseudonyms: Pseudonyms): string[] {
  const names = new Set([userId, ...(email === undefined ? [] : [email, email.toLowerCase()])]);
  return [...names].map((name) => pseudonyms(licenseId, 'user', name));
}
