import * as z from 'zod/mini';
import { hashSecret } from './ids.ts';
import { DAY_MS, dayOf, HOUR_MS } from './usage.ts';

const MINUTE_MS = 60_000;

/**
 * How far the time of a usage record can be in the past or future. Stripe accepts 35 days in the past and 5 minutes in
 * the future (docs.stripe.com/api/billing/meter-event/create); 30 days leave time to send the record.
 */
const ACCEPTED_WITHIN_MS = { back: 30 * DAY_MS, ahead: 5 * MINUTE_MS } as const;

/** Stripe recognises a repeated identifier for at least 24 hours (the same page); one hour less is a safe margin. */
const DEDUPLICATED_FOR_MS = 23 * HOUR_MS;

/** One usage record, as the client sent it. Stored by `usageRecordId`. */
export const UsageRecordSchema = z.object({
  licenseId: z.string(),
  /** Chosen by the client. */
  recordId: z.string(),
  meter: z.string(),
  quantity: z.int(),
  /** When the usage happened, as the client reports it. */
  atMs: z.int(),
  receivedAtMs: z.int(),
  /**
   * `new`: not in the totals yet. `sending`: from before the first attempt to send it to Stripe until Stripe has it.
   * `sent`: Stripe has it. `unbilled`: no subscription bills it. `refused`: Stripe rejected it. `uncertain`: whether
   * Stripe has it cannot be determined any more. `over_cap`: beyond the cap of its day, and neither counted nor billed.
   */
  state: z.enum(['new', 'sending', 'sent', 'unbilled', 'refused', 'uncertain', 'over_cap']),
  /** When the record was first sent to Stripe; `null` before that. */
  sendingSinceMs: z.nullable(z.int()),
  /** Whether it still has to be processed: `new` or `sending`. */
  isOpen: z.boolean(),
});
export type UsageRecord = z.infer<typeof UsageRecordSchema>;

/** Usage of a license by one meter on one day (UTC). Stored by `meteredDayId`. */
export const MeteredDaySchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  meter: z.string(),
  dayMs: z.int(),
  quantity: z.int(),
  records: z.int(),
});
export type MeteredDay = z.infer<typeof MeteredDaySchema>;

/**
 * Id of the record's document and its identifier at Stripe: unique per license and record id, at most 100 characters.
 */
export function usageRecordId({ licenseId, recordId }: Pick<UsageRecord, 'licenseId' | 'recordId'>): string {
  return `${licenseId}:${hashSecret(recordId)}`;
}

export function meteredDayId({ licenseId, meter, dayMs }: Pick<MeteredDay, 'licenseId' | 'meter' | 'dayMs'>) {
  return `${licenseId}:${meter}:${new Date(dayMs).toISOString().slice(0, 10)}`;
}

/** Whether usage at `atMs` is neither too old nor too far in the future. */
export function isAcceptedTime(atMs: number, nowMs: number): boolean {
  return atMs >= nowMs - ACCEPTED_WITHIN_MS.back && atMs <= nowMs + ACCEPTED_WITHIN_MS.ahead;
}

/** When a session held its seat, by a token of ours or by the seat store. */
export interface SeatedTime {
  readonly acquiredAtMs: number;
  readonly expiresAtMs: number;
}

/** Tolerance for clocks, and for the last record of a program that ends. */
const SESSION_MARGIN_MS = HOUR_MS;

/**
 * Whether usage at `atMs` belongs to a session that held its seat from `acquiredAtMs` to `expiresAtMs`. A program may run
 * offline before its first contact and after its last one, and sends the usage of that time later, with the token of
 * this or of its next session.
 */
export function isWithinSession(
  atMs: number,
  { acquiredAtMs, expiresAtMs }: SeatedTime,
  {
    offlineGraceDays,
    offlineStartDays,
  }: { readonly offlineGraceDays: number; readonly offlineStartDays: number },
): boolean {
  const marginMs = SESSION_MARGIN_MS + Math.max(offlineGraceDays, offlineStartDays) * DAY_MS;
  return atMs >= acquiredAtMs - marginMs && atMs <= expiresAtMs + marginMs;
}

/** The most that one license can use of a meter on one day (UTC), so that a stolen key cannot cause any bill it likes. */
export interface UsageCaps {
  readonly each: number;
  /** Other caps, by meter. */
  readonly byMeter: Readonly<Record<string, number>>;
}

/** What can still be used of the meter on this day. */
export function remainingOf(
  day: MeteredDay | undefined,
  meter: string,
  { each, byMeter }: UsageCaps,
): number {
  const cap = Object.hasOwn(byMeter, meter) ? (byMeter[meter] ?? each) : each;
  return Math.max(0, cap - (day?.quantity ?? 0));
}

/** Whether Stripe is certain to recognise the record if it is sent again. */
export function isDeduplicated({ sendingSinceMs }: UsageRecord, nowMs: number): boolean {
  return sendingSinceMs !== null && nowMs - sendingSinceMs < DEDUPLICATED_FOR_MS;
}

/** The day's totals with the record added. */
export function addToDay(day: MeteredDay | undefined, record: UsageRecord, tenantId: string): MeteredDay {
  const { licenseId, meter, atMs, quantity } = record;
  const before = day ?? { licenseId, tenantId, meter, dayMs: dayOf(atMs), quantity: 0, records: 0 };
  return { ...before, quantity: before.quantity + quantity, records: before.records + 1 };
}

/** The record in another state. */
export function inState(record: UsageRecord, state: UsageRecord['state'], nowMs: number): UsageRecord {
  const isOpen = state === 'new' || state === 'sending';
  const sendingSinceMs = state === 'sending' ? (record.sendingSinceMs ?? nowMs) : record.sendingSinceMs;
  return { ...record, state, isOpen, sendingSinceMs };
}
