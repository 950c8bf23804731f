import * as z from 'zod/mini';
import { ActorSchema, type By } from './actor.ts';
import { HolderWithinSchema } from './person.ts';

/** How long a request for erasure can be confirmed. */
export const CONFIRMATION_SECONDS = 600;

/** An erasure without progress for this long has stopped half-way. */
const STOPPED_AFTER_MS = 60_000;

/**
 * How long after the first round the second one runs. During the first round, events of what was erased may still have
 * been in delivery; an event takes longer than this only if something is broken.
 */
const SECOND_ROUND_AFTER_MS = 3_600_000;

/** What the user was shown before they confirm. Sealed; names users and tenants by id only. */
export const ConfirmationSchema = z.object({
  erasureId: z.string(),
  /** Who requested it; only they can confirm. The id of a user or of an operator token, or `bootstrap` for the operator key. */
  askedBy: z.string(),
  userId: z.nullable(z.string()),
  goingIds: z.array(z.string()),
  expiresAtMs: z.int(),
});
export type Confirmation = z.infer<typeof ConfirmationSchema>;

/** What an erasure covers. */
export interface ErasurePlan {
  /** The user to erase; `null` to erase only a tenant. */
  readonly userId: string | null;
  /** Tenants that the user leaves or has left; their data is searched for the user. */
  readonly searchedIds: readonly string[];
  /** Tenants that are erased completely. */
  readonly goingIds: readonly string[];
}

const FIRST_ROUND = [
  'decide',
  'sign_out',
  'sessions',
  'addresses',
  'acts',
  'pseudonyms',
  'close',
  'billing',
  'licenses',
  'histories',
  'events',
  'members',
  'person',
] as const;
/** Handles what may have arrived since: events in delivery, a sign-in or a purchase in progress. */
const SECOND_ROUND = [
  'addresses',
  'erased_ids',
  'acts',
  'pseudonyms',
  'billing',
  'licenses',
  'histories',
  'events',
  'person',
  'traces',
] as const;

export type ErasureStep = (typeof FIRST_ROUND)[number] | (typeof SECOND_ROUND)[number];

/** Where a step continues. */
const PlaceSchema = z.object({
  /** Index of the tenant. */
  tenant: z.int(),
  /** Cursor in the list that the step walks. */
  list: z.nullable(z.string()),
  /** Cursor in the sessions of one license. */
  facts: z.nullable(z.string()),
  /** Whether sessions were ended since the first page, so that others may have been skipped. */
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
/** How many of each kind were erased; of session histories and audit events, how many were pseudonymised. */
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

/** The progress of an erasure, so that any instance can resume it. It identifies the user by id, for a limited time. */
export const ErasureSchema = z.object({
  erasureId: z.string(),
  userId: z.nullable(z.string()),
  searchedIds: z.array(z.string()),
  goingIds: z.array(z.string()),
  /** The remaining steps, beginning with the current one: of the first round, then of the second. Empty when done. */
  todo: z.array(z.enum([...FIRST_ROUND, ...SECOND_ROUND])),
  place: PlaceSchema,
  erased: ErasedSchema,
  /** Who confirmed it, and by which request; `null` once that is recorded as an event. */
  confirmedBy: z.nullable(z.object({ actor: ActorSchema, requestId: z.optional(z.string()) })),
  /** Documents that this release cannot read, as errors name them: it is unknown whether they concern what is erased. */
  unreadable: z._default(z.array(z.string()), []),
  requestedAtMs: z.int(),
  /** `null` until the first round is complete. */
  completedAtMs: z.nullable(z.int()),
  /** When the sweep handles it: because it stopped, to start the second round, or to delete this record. */
  dueAtMs: z.int(),
  /** Increases with every write: of two concurrent runs, only one does (and counts) a batch. */
  revision: z.int(),
});
export type Erasure = z.infer<typeof ErasureSchema>;

/** What both rounds of an erasure remove the holder from: a session, and whatever has one of these holders. */
export const ErasureTraceSchema = z.object({
  erasureId: z.string(),
  /** Id of a session or a license. */
  at: z.string(),
  /** Pseudonyms of the erased user alone; none for a session on a seat that others may share. */
  holders: z.array(z.string()),
  /** Pseudonyms of the user's addresses, which others may have had before or since. */
  holdersWithin: z._default(z.array(HolderWithinSchema), []),
});
export type ErasureTrace = z.infer<typeof ErasureTraceSchema>;

export function traceId({ erasureId, at }: Pick<ErasureTrace, 'erasureId' | 'at'>): string {
  return `${erasureId}:${at}`;
}

export function beginErasure(
  erasureId: string,
  plan: ErasurePlan,
  nowMs: number,
  confirmedBy: By | null = null,
): Erasure {
  return {
    erasureId,
    userId: plan.userId,
    searchedIds: [...plan.searchedIds],
    goingIds: [...plan.goingIds],
    todo: [...FIRST_ROUND],
    place: START,
    erased: NOTHING_ERASED,
    confirmedBy,
    unreadable: [],
    requestedAtMs: nowMs,
    completedAtMs: null,
    dueAtMs: nowMs + STOPPED_AFTER_MS,
    revision: 0,
  };
}

/** The erasure at another place of its current step. */
export function continueAt(erasure: Erasure, place: Partial<ErasurePlace>, nowMs: number): Erasure {
  return { ...erasure, place: { ...erasure.place, ...place }, dueAtMs: nowMs + STOPPED_AFTER_MS };
}

/** The erasure after its current step. */
export function endStep(erasure: Erasure, nowMs: number, retentionDays: number): Erasure {
  const todo = erasure.todo.slice(1);
  const next = { ...erasure, todo, place: START };
  if (todo.length > 0) return { ...next, dueAtMs: nowMs + STOPPED_AFTER_MS };
  if (erasure.completedAtMs === null) {
    const dueAtMs = nowMs + SECOND_ROUND_AFTER_MS;
    return { ...next, todo: [...SECOND_ROUND], completedAtMs: nowMs, dueAtMs };
  }
  const deleteAtMs = nowMs + retentionDays * 24 * 3600 * 1000;
  return { ...next, userId: null, searchedIds: [], goingIds: [], dueAtMs: deleteAtMs };
}

/**
 * The erasure as it was decided: with the tenants that the user is or was a member of once nothing could be added any
 * more.
 */
export function decideErasure(erasure: Erasure, searchedIds: readonly string[], nowMs: number): Erasure {
  const [, ...todo] = erasure.todo;
  return { ...continueAt(erasure, START, nowMs), searchedIds: [...searchedIds], confirmedBy: null, todo };
}

/** The erasure if it must not run: it has erased nothing, and is not stored any more. */
export function withdrawErasure(erasure: Erasure): Erasure {
  return { ...erasure, todo: [] };
}

export function isWithdrawn({ completedAtMs, todo }: Erasure): boolean {
  return completedAtMs === null && todo.length === 0;
}

/** Whether both have the same ids, in any order. */
export function isSameTenants(ids: readonly string[], others: readonly string[]): boolean {
  return ids.toSorted().join() === others.toSorted().join();
}

/** The erasure with its second round postponed by as long as it first waited. */
export function putOff(erasure: Erasure, nowMs: number): Erasure {
  return { ...erasure, dueAtMs: nowMs + SECOND_ROUND_AFTER_MS, revision: erasure.revision + 1 };
}

/** The round that is in progress, or starts next. */
export function roundOf({ completedAtMs, todo }: Erasure): 'first' | 'second' | 'over' {
  if (completedAtMs === null) return 'first';
  return todo.length > 0 ? 'second' : 'over';
}

/** More are not named: a release that cannot read so many was not meant to run. */
const MOST_UNREADABLE = 100;

/** The erasure with these documents set aside. */
export function setAside(erasure: Erasure, documents: readonly string[]): Erasure {
  const unreadable = [...new Set([...erasure.unreadable, ...documents])].slice(0, MOST_UNREADABLE);
  return { ...erasure, unreadable };
}

/** The erasure with `more` added to its counts. */
export function addErased(erasure: Erasure, more: Partial<Erased>): Erasure {
  const erased = { ...erasure.erased };
  for (const [kind, n] of Object.entries(more)) erased[kind as keyof Erased] += n;
  return { ...erasure, erased };
}
