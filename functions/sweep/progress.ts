import { emptyMeteringProgress, type MeteringProgress } from '../../shared/use-cases/metering/meter-usage.ts';

/** What a sweep has done so far. Steps update it as they run, so that an interrupted step is counted too. */
export interface SweepProgress {
  expired: number;
  published: number;
  pending: number;
  /** Age of the oldest event in the outbox, milliseconds; `null` for none. */
  oldestAgeMs: number | null;
  /** When the oldest event in the outbox at the start of the sweep was written, milliseconds; `null` for none. */
  waitingSinceMs: number | null;
  /** Outbox entries that this version cannot read. */
  unreadable: number;
  /** Why documents were left out: events to seal, and session histories to compare. */
  unreadableDocuments: string[];
  sealed: number;
  reconciled: Reconciled | null;
  /** Loans that the seat store has lost and has no free seat for, by license. */
  loansWithoutRoom: Map<string, number>;
  /** Stripe events that were completed, that failed and are tried again, and that failed too often. */
  billingEvents: number;
  billingEventsFailed: number;
  billingEventsSetAside: number;
  /** Subscriptions that were checked without an event. */
  subscriptions: number;
  usage: MeteringProgress;
  /** Operator tokens that expire soon. */
  tokensExpiring: string[];
  /** Erasures that completed a round. */
  erased: number;
  /** Records past their retention period that were deleted, or no longer show who held a seat. */
  deleted: number;
}

export interface Reconciled {
  copies: number;
  copiesRepaired: number;
  copiesRemoved: number;
  loans: number;
  loansRestored: number;
  sessions: number;
  sessionsMissing: number;
  sessionsClosed: number;
}

export function emptyProgress(): SweepProgress {
  return {
    expired: 0,
    published: 0,
    pending: 0,
    oldestAgeMs: null,
    waitingSinceMs: null,
    unreadable: 0,
    unreadableDocuments: [],
    sealed: 0,
    reconciled: null,
    loansWithoutRoom: new Map(),
    billingEvents: 0,
    billingEventsFailed: 0,
    billingEventsSetAside: 0,
    subscriptions: 0,
    usage: emptyMeteringProgress(),
    tokensExpiring: [],
    erased: 0,
    deleted: 0,
  };
}
