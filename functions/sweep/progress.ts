/** What a sweep has done so far. Every step adds to it as it goes, so that a step cut short is counted too. */
export interface SweepProgress {
  expired: number;
  published: number;
  pending: number;
  /** Milliseconds; `null` while nothing is known to wait. */
  oldestAgeMs: number | null;
  /** When the oldest event was written that waited as the sweep began, milliseconds; `null` for none. */
  waitingSinceMs: number | null;
  /** Outbox entries that this version cannot read. */
  unreadable: number;
  sealed: number;
  reconciled: Reconciled | null;
  /** Events of Stripe's that had stopped half-way. */
  billingEvents: number;
  /** Subscriptions that were looked at without an event. */
  subscriptions: number;
  /** Records of use that went into the totals. */
  usageCounted: number;
  /** Records of use that Stripe has, that it did not want, and of which nobody knows whether it has them. */
  usageSent: number;
  usageRefused: number;
  usageUncertain: number;
  /** Why Stripe did not want one. */
  usageTrouble: string | undefined;
  /** Erasures of which a round came to its end. */
  erased: number;
  /** Records that were removed, or tell no more who held a seat, for their age. */
  forgotten: number;
}

export interface Reconciled {
  copies: number;
  copiesRepaired: number;
  copiesRemoved: number;
  sessions: number;
  sessionsMissing: number;
  sessionsReseated: number;
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
    sealed: 0,
    reconciled: null,
    billingEvents: 0,
    subscriptions: 0,
    usageCounted: 0,
    usageSent: 0,
    usageRefused: 0,
    usageUncertain: 0,
    usageTrouble: undefined,
    erased: 0,
    forgotten: 0,
  };
}
