import * as z from 'zod/mini';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 3600 * 1000;

/**
 * What an event is about: an object of Stripe, or for `meter_errors` the thin event itself. Its current state is fetched;
 * the state in the event is ignored.
 */
export const AboutSchema = z.object({
  kind: z.enum(['subscription', 'charge', 'dispute', 'customer', 'meter_errors']),
  id: z.string(),
  /** The invoice, if the event is about one: what is fetched is its subscription. */
  invoiceId: z.optional(z.string()),
});
export type About = z.infer<typeof AboutSchema>;

/** A Stripe event whose signature was verified. Only its object's id is kept, as the event holds personal data. */
export interface BillingEvent {
  readonly eventId: string;
  /** Stripe's name, such as `customer.subscription.updated`. */
  readonly type: string;
  readonly createdAtMs: number;
  /** `null` if the event has nothing to do with seats, or belongs to another account or mode. */
  readonly about: About | null;
}

/** A body that Stripe signed and that this release cannot read. */
export interface UnreadableEvent {
  /** Derived from the body if that names none. */
  readonly eventId: string;
  readonly type: string | null;
  /** Why, without any content of the body. */
  readonly because: string;
}

/** What became of a delivery that Stripe signed. */
export const STRIPE_OUTCOMES = [
  'done',
  'already_done',
  'ignored',
  'ignored_thin',
  'unreadable',
  'set_aside',
] as const;
export type StripeOutcome = (typeof STRIPE_OUTCOMES)[number];

/**
 * `open`: not processed yet, or only in part. `done`: processed completely. `set_aside`: failed so often that it is not
 * tried again until an operator says so. `unreadable`: nothing is known of it that could be processed.
 */
export const STORED_EVENT_STATES = ['open', 'done', 'set_aside', 'unreadable'] as const;
export type StoredEventState = (typeof STORED_EVENT_STATES)[number];

/** A stored event. It is stored by its id at Stripe, so that a redelivered event is recognised. */
export const StoredEventSchema = z.object({
  eventId: z.string(),
  /** `null`: unreadable. */
  type: z.nullable(z.string()),
  createdAtMs: z.nullable(z.int()),
  about: z.nullable(AboutSchema),
  receivedAtMs: z.int(),
  state: z.enum(STORED_EVENT_STATES),
  /** How often processing it failed. Times when a dependency was unavailable do not count: the event is not the cause. */
  tries: z.int(),
  /** When the sweep tries it next; `null` unless it is open. */
  nextTryAtMs: z.nullable(z.int()),
  /** Why it failed last, or cannot be read. Without personal data. */
  lastError: z.nullable(z.string()),
  /** When it is deleted; `null` while it is open. */
  keptUntilMs: z.nullable(z.int()),
});
export type StoredEvent = z.infer<typeof StoredEventSchema>;

/** A stored event that names what it is about, so that it can be processed. */
export type ProcessableEvent = StoredEvent & {
  readonly type: string;
  readonly createdAtMs: number;
  readonly about: About;
};

/**
 * With the pauses below, an event is set aside about two hours after its first failure: enough for a rollback. Stripe's own
 * retries count as well, so it may be sooner.
 */
export const MOST_TRIES = 8;

/** After this time, the request that received an event has processed it or was interrupted. */
const INTERRUPTED_AFTER_MS = MINUTE_MS;
const LONGEST_PAUSE_MS = 60 * MINUTE_MS;
/** How long the sweep leaves an event alone at which Stripe was unavailable, so that the others have their turn. */
const OUTAGE_PAUSE_MS = 5 * MINUTE_MS;

/** As long as Stripe shows an event (docs.stripe.com/api/events/list); it resends for three days at most. */
const KEPT_MS = 30 * DAY_MS;

export function receivedEvent(
  event: BillingEvent & { readonly about: About },
  nowMs: number,
): ProcessableEvent {
  return {
    ...event,
    receivedAtMs: nowMs,
    state: 'open',
    tries: 0,
    nextTryAtMs: nowMs + INTERRUPTED_AFTER_MS,
    lastError: null,
    keptUntilMs: null,
  };
}

export function unreadableEvent({ because, ...event }: UnreadableEvent, nowMs: number): StoredEvent {
  return {
    ...event,
    createdAtMs: null,
    about: null,
    receivedAtMs: nowMs,
    state: 'unreadable',
    tries: 0,
    nextTryAtMs: null,
    lastError: because,
    keptUntilMs: nowMs + KEPT_MS,
  };
}

export function isProcessable(event: StoredEvent): event is ProcessableEvent {
  return event.about !== null && event.type !== null && event.createdAtMs !== null;
}

export function doneEvent<E extends StoredEvent>(event: E, nowMs: number): E {
  return { ...event, state: 'done', nextTryAtMs: null, keptUntilMs: nowMs + KEPT_MS };
}

/** The event after another failure: with a pause that doubles, or set aside. */
export function failedEvent(event: StoredEvent, because: string, nowMs: number): StoredEvent {
  const tries = event.tries + 1;
  const failed = { ...event, tries, lastError: because };
  if (tries >= MOST_TRIES)
    return { ...failed, state: 'set_aside', nextTryAtMs: null, keptUntilMs: nowMs + KEPT_MS };
  const pauseMs = Math.min(MINUTE_MS * 2 ** (tries - 1), LONGEST_PAUSE_MS);
  return { ...failed, nextTryAtMs: nowMs + pauseMs };
}

/** The event after Stripe did not answer about it: that is no try. */
export function postponedEvent(event: StoredEvent, nowMs: number): StoredEvent {
  return { ...event, nextTryAtMs: nowMs + OUTAGE_PAUSE_MS };
}

/** The event as the next sweep tries it, with all its tries. */
export function reopenedEvent(event: StoredEvent, nowMs: number): StoredEvent {
  return { ...event, state: 'open', tries: 0, nextTryAtMs: nowMs, keptUntilMs: null };
}

/** A tenant's customer at Stripe, by tenant id. */
export const BillingAccountSchema = z.object({
  tenantId: z.string(),
  /** `null` once the customer was deleted at Stripe: the next purchase creates a new one. */
  customerId: z.nullable(z.string()),
  formerCustomerIds: z.array(z.string()),
  createdAtMs: z.int(),
});
export type BillingAccount = z.infer<typeof BillingAccountSchema>;
