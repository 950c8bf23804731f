import * as z from 'zod/mini';
import { hashSecret } from './ids.ts';
import { DAY_MS, dayOf, HOUR_MS } from './usage.ts';

const MINUTE_MS = 60_000;

/**
 * How far from now use may lie that is told of. Stripe takes 35 days back and 5 minutes ahead
 * (docs.stripe.com/api/billing/meter-event/create); 30 days leave time to tell it.
 */
const TOLD_WITHIN_MS = { back: 30 * DAY_MS, ahead: 5 * MINUTE_MS } as const;

/** Stripe knows an identifier again for 24 hours at least (the same page): an hour less than that, and it is sure to. */
const KNOWN_AGAIN_MS = 23 * HOUR_MS;

/** One record of use, as a client tells it. By `usageRecordId`. */
export const UsageRecordSchema = z.object({
  licenseId: z.string(),
  /** The client's. */
  recordId: z.string(),
  meter: z.string(),
  quantity: z.int(),
  /** When it was used, as the client says. */
  atMs: z.int(),
  receivedAtMs: z.int(),
  /**
   * `new` until it is in the totals; `sending` from before it is first told to Stripe until Stripe has it; `unbilled` where
   * nobody pays by it; `refused` where Stripe did not want it; `uncertain` where nobody knows any more whether Stripe has it.
   */
  state: z.enum(['new', 'sending', 'sent', 'unbilled', 'refused', 'uncertain']),
  /** When it was first to be told to Stripe; `null` before that. */
  sendingSinceMs: z.nullable(z.int()),
  /** Whether there is something left to do with it: `new` or `sending`. */
  isOpen: z.boolean(),
});
export type UsageRecord = z.infer<typeof UsageRecordSchema>;

/** What a license used of a meter within a day (UTC). By `meteredDayId`. */
export const MeteredDaySchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  meter: z.string(),
  dayMs: z.int(),
  quantity: z.int(),
  records: z.int(),
});
export type MeteredDay = z.infer<typeof MeteredDaySchema>;

/** The record's document, and what Stripe knows it by: the same for the same id of a license's client, and at most 100 characters. */
export function usageRecordId({ licenseId, recordId }: Pick<UsageRecord, 'licenseId' | 'recordId'>): string {
  return `${licenseId}:${hashSecret(recordId)}`;
}

export function meteredDayId({ licenseId, meter, dayMs }: Pick<MeteredDay, 'licenseId' | 'meter' | 'dayMs'>) {
  return `${licenseId}:${meter}:${new Date(dayMs).toISOString().slice(0, 10)}`;
}

/** Whether use at `atMs` may still be told of, or may be already. */
export function mayBeTold(atMs: number, nowMs: number): boolean {
  return atMs >= nowMs - TOLD_WITHIN_MS.back && atMs <= nowMs + TOLD_WITHIN_MS.ahead;
}

/** Whether Stripe, told again, is sure to know the record again. */
export function isKnownAgain({ sendingSinceMs }: UsageRecord, nowMs: number): boolean {
  return sendingSinceMs !== null && nowMs - sendingSinceMs < KNOWN_AGAIN_MS;
}

/** The day with one more record of it. */
export function addToDay(day: MeteredDay | undefined, record: UsageRecord, tenantId: string): MeteredDay {
  const { licenseId, meter, atMs, quantity } = record;
  const before = day ?? { licenseId, tenantId, meter, dayMs: dayOf(atMs), quantity: 0, records: 0 };
  return { ...before, quantity: before.quantity + quantity, records: before.records + 1 };
}

/** The record at its end, or on its way to Stripe. */
export function inState(record: UsageRecord, state: UsageRecord['state'], nowMs: number): UsageRecord {
  const isOpen = state === 'new' || state === 'sending';
  const sendingSinceMs = state === 'sending' ? (record.sendingSinceMs ?? nowMs) : record.sendingSinceMs;
  return { ...record, state, isOpen, sendingSinceMs };
}
