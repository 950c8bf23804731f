import * as z from 'zod/mini';
import { hashSecret, LICENSE_ID } from './ids.ts';
import { DAY_MS, dayOf, HOUR_MS } from './usage.ts';

const MINUTE_MS = 60_000;

/**
 * How far the time of a usage record can be in the past or future. Stripe accepts 35 days in the past and 5 minutes in
 * the future (docs.stripe.com/api/billing/meter-event/create); 30 days leave time to send the record.
 */
const ACCEPTED_WITHIN_MS = { back: 30 * DAY_MS, ahead: 5 * MINUTE_MS } as const;

/** Stripe recognises a repeated identifier for at least 24 hours (the same page); one hour less is a safe margin. */
const DEDUPLICATED_FOR_MS = 23 * HOUR_MS;

/** Stripe cancels a meter event within 24 hours of receiving it (docs.stripe.com/api/billing/meter-event-adjustment/create). */
const CANCELABLE_FOR_MS = DAY_MS;

/** Stripe refuses older usage; it counts calendar days, so the last one is left as a margin. */
const BILLABLE_FOR_MS = 34 * DAY_MS;

/** Stripe finalizes an invoice about an hour after its period (docs.stripe.com/billing/invoices/subscription). */
const INVOICE_OPEN_FOR_MS = HOUR_MS;

/** By then a request that was sending the record has ended: no function runs for longer. */
const SENDING_ENDS_AFTER_MS = 5 * MINUTE_MS;

/**
 * `new`: not in the totals yet. `sending`: from before the first attempt to send it to Stripe until Stripe has it.
 * `sent`: Stripe has it. `unbilled`: no known subscription bills it. `late`: it came after the invoice that it belongs
 * on. `refused`: Stripe rejected it. `uncertain`: whether Stripe has it cannot be determined any more. `over_cap`: beyond
 * the cap of its day, and neither counted nor billed. `voided`: an operator corrected it; not counted.
 */
export const USAGE_STATES = [
  'new',
  'sending',
  'sent',
  'unbilled',
  'late',
  'refused',
  'uncertain',
  'over_cap',
  'voided',
] as const;
export type UsageState = (typeof USAGE_STATES)[number];

/** States whose records are in no total of usage. */
const UNCOUNTED: ReadonlySet<string> = new Set<UsageState>(['new', 'over_cap', 'voided']);

/**
 * What became of a voided record at Stripe. `not_billed`: Stripe does not have it. `cancel_pending`: the sweep cancels it.
 * `canceled`: Stripe accepted the cancellation. `credit_note_needed`: it may be on an invoice, and Stripe can no longer
 * cancel it.
 */
export const VOID_OUTCOMES = ['not_billed', 'cancel_pending', 'canceled', 'credit_note_needed'] as const;
export type VoidOutcome = (typeof VOID_OUTCOMES)[number];

/** One usage record, as the client sent it. Stored by `usageRecordId`. */
export const UsageRecordSchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  /** Chosen by the client. */
  recordId: z.string(),
  meter: z.string(),
  quantity: z.int(),
  /** When the usage happened, as the client reports it. */
  atMs: z.int(),
  receivedAtMs: z.int(),
  state: z.enum(USAGE_STATES),
  /** Why it is not billed, or may not be: a word of ours (`UsageProblem`) or Stripe's error code; `null` if it is. */
  problem: z.nullable(z.string()),
  /** When the record was first sent to Stripe; `null` before that. */
  sendingSinceMs: z.nullable(z.int()),
  /** Since when Stripe has it, at the earliest; `null` if that is not known. */
  sentAtMs: z.nullable(z.int()),
  voided: z.nullable(z.object({ atMs: z.int(), reason: z.string(), atStripe: z.enum(VOID_OUTCOMES) })),
  /** Whether it still has to be processed: `new`, `sending`, or to be canceled at Stripe. */
  isOpen: z.boolean(),
});
export type UsageRecord = z.infer<typeof UsageRecordSchema>;

/** Our reasons why a record is not billed, or may not be. */
export type UsageProblem =
  | 'over_cap'
  | 'no_customer'
  | 'no_price'
  | 'subscription_ended'
  | 'invoice_closed'
  | 'too_old'
  | 'outage';

const SumSchema = z.object({ quantity: z.int(), records: z.int() });
type Sum = z.infer<typeof SumSchema>;

/** Usage of a license by one meter on one day (UTC). Stored by `meteredDayId`. */
export const MeteredDaySchema = z.object({
  licenseId: z.string(),
  tenantId: z.string(),
  meter: z.string(),
  dayMs: z.int(),
  /** The usage that counts: all but `over_cap` and `voided`. */
  ...SumSchema.shape,
  /** By state, without those that are `new`. */
  states: z.record(z.string(), SumSchema),
});
export type MeteredDay = z.infer<typeof MeteredDaySchema>;

/** What an event of Stripe reported about usage that it had accepted, by the event's id. */
export const MeterErrorReportSchema = z.object({
  eventId: z.string(),
  receivedAtMs: z.int(),
  errors: z.array(
    z.object({
      /** `null` if Stripe names none: usage of meters that do not exist there. */
      meter: z.nullable(z.string()),
      code: z.string(),
      count: z.int(),
      /** How many of them Stripe named. */
      named: z.int(),
    }),
  ),
});
export type MeterErrorReport = z.infer<typeof MeterErrorReportSchema>;

/**
 * Id of the record's document and its identifier at Stripe: unique per license and record id, at most 100 characters.
 */
export function usageRecordId({ licenseId, recordId }: Pick<UsageRecord, 'licenseId' | 'recordId'>): string {
  return `${licenseId}:${hashSecret(recordId)}`;
}

/** Whether a text has the form of such an id. */
export function isUsageRecordId(text: string): boolean {
  const [licenseId = '', hash = '', ...others] = text.split(':');
  return LICENSE_ID.test(licenseId) && /^[\w-]{43}$/.test(hash) && others.length === 0;
}

export function meteredDayId({ licenseId, meter, dayMs }: Pick<MeteredDay, 'licenseId' | 'meter' | 'dayMs'>) {
  return `${licenseId}:${meter}:${new Date(dayMs).toISOString().slice(0, 10)}`;
}

/** A record that was just received, of usage at this time unless `use` says otherwise. */
export function newUsageRecord(
  use: Pick<UsageRecord, 'licenseId' | 'tenantId' | 'recordId' | 'meter' | 'quantity'> & {
    readonly atMs?: number;
  },
  nowMs: number,
): UsageRecord {
  return {
    atMs: nowMs,
    ...use,
    receivedAtMs: nowMs,
    state: 'new',
    problem: null,
    sendingSinceMs: null,
    sentAtMs: null,
    voided: null,
    isOpen: true,
  };
}

/** An `over_cap` record whose client sends it again after the cap was raised, or other usage was voided. */
export function reopened(record: UsageRecord): UsageRecord {
  return { ...record, state: 'new', problem: null, isOpen: true };
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

/**
 * A limit for all meters, and others by meter: the cap, which is the most that one license can use of a meter on one day
 * (UTC), so that a stolen key cannot cause any bill it likes, or the floor, which is the least that one record can report.
 */
export interface MeterLimits {
  readonly each: number;
  readonly byMeter: Readonly<Record<string, number>>;
}

/** The limit for the meter: the license's own, else the setting's. A cap of 0: the license cannot use the meter. */
export function limitFor(
  meter: string,
  own: Readonly<Record<string, number>> | null | undefined,
  { each, byMeter }: MeterLimits,
): number {
  for (const limits of [own, byMeter]) {
    const limit = limits && Object.hasOwn(limits, meter) ? limits[meter] : undefined;
    if (limit !== undefined) return limit;
  }
  return each;
}

/** What can still be used of the meter on this day. */
export function remainingOf(day: MeteredDay | undefined, cap: number): number {
  return Math.max(0, cap - (day?.quantity ?? 0));
}

/** Whether Stripe is certain to recognise the record if it is sent again. */
export function isDeduplicated({ sendingSinceMs }: UsageRecord, nowMs: number): boolean {
  return sendingSinceMs !== null && nowMs - sendingSinceMs < DEDUPLICATED_FOR_MS;
}

/** The metered price of a subscription, as it was last seen. */
export const MeteredPriceSchema = z.object({
  meter: z.string(),
  /** Start of the billing period that is running. */
  periodStartMs: z.int(),
});
type MeteredPrice = z.infer<typeof MeteredPriceSchema>;

/** Who pays for the usage of a license. */
export interface UsagePayer {
  /** The tenant's customer at Stripe. Stripe bills a meter by customer, whichever license used it. */
  readonly customerId: string | undefined;
  /** All known subscriptions of that customer. */
  readonly subscriptions: readonly PayingSubscription[];
}

interface PayingSubscription {
  readonly endedAtMs: number | null;
  readonly cancelAtMs: number | null;
  /** When its end was asked for here. */
  readonly endRequestedAtMs?: number | undefined;
  readonly meteredPrices: readonly MeteredPrice[];
}

/** A new record as it is counted: within the cap or not, to be sent to Stripe or not. */
export function counted(
  record: UsageRecord,
  day: MeteredDay | undefined,
  cap: number,
  { customerId }: Pick<UsagePayer, 'customerId'>,
  nowMs: number,
): UsageRecord {
  if (record.quantity > remainingOf(day, cap)) return closedAs(record, 'over_cap', 'over_cap');
  if (customerId === undefined) return withoutCustomer(record);
  if (record.atMs < nowMs - BILLABLE_FOR_MS) return closedAs(record, 'late', 'too_old');
  return { ...record, state: 'sending', sendingSinceMs: nowMs };
}

/**
 * A record that Stripe has. Without a price for its meter, or after the invoice of its period, Stripe accepts usage and
 * bills it to no one.
 */
export function sentTo(
  record: UsageRecord,
  { subscriptions }: Pick<UsagePayer, 'subscriptions'>,
  sentAtMs: number,
  nowMs: number,
): UsageRecord {
  const sent = { ...record, sentAtMs };
  const billing = subscriptions.flatMap(({ meteredPrices, ...each }) =>
    meteredPrices.filter(({ meter }) => meter === record.meter).map((price) => ({ ...price, ...each })),
  );
  if (billing.length === 0) return closedAs(sent, 'unbilled', 'no_price');
  if (billing.some((each) => hasOpenFinalInvoice(each, record, nowMs))) return closedAs(sent, 'sent', null);
  const running = billing.filter(({ endedAtMs }) => endedAtMs === null);
  if (running.length === 0) return closedAs(sent, 'late', 'subscription_ended');
  const isOnInvoice = running.some(
    ({ periodStartMs }) => record.atMs >= periodStartMs || nowMs < periodStartMs + INVOICE_OPEN_FOR_MS,
  );
  return isOnInvoice ? closedAs(sent, 'sent', null) : closedAs(sent, 'late', 'invoice_closed');
}

/** An end that was planned, or asked for here, makes an invoice. One that the vendor made at Stripe may not. */
function hasOpenFinalInvoice(
  { endedAtMs, cancelAtMs, endRequestedAtMs }: Omit<PayingSubscription, 'meteredPrices'>,
  record: UsageRecord,
  nowMs: number,
): boolean {
  if (endedAtMs === null || (cancelAtMs === null && endRequestedAtMs === undefined)) return false;
  return record.atMs < endedAtMs && nowMs < endedAtMs + INVOICE_OPEN_FOR_MS;
}

/**
 * A record that Stripe rejected, when it was sent or later; `undefined` if that is known, or it was never sent. A voided one
 * stays voided, and needs no correction there.
 */
export function rejected(record: UsageRecord, problem: string): UsageRecord | undefined {
  if (record.sendingSinceMs === null || record.state === 'refused') return undefined;
  if (record.voided?.atStripe === 'not_billed') return undefined;
  if (record.voided) return withOutcome(record, 'not_billed');
  return closedAs(record, 'refused', problem);
}

/** A record that could not be sent for so long that Stripe may count it twice if it is sent again. */
export function uncertain(record: UsageRecord): UsageRecord {
  return closedAs(record, 'uncertain', 'outage');
}

/** A record whose tenant is not a customer at Stripe, or no longer. */
export function withoutCustomer(record: UsageRecord): UsageRecord {
  return closedAs(record, 'unbilled', 'no_customer');
}

function closedAs(
  record: UsageRecord,
  state: UsageState,
  problem: UsageProblem | string | null,
): UsageRecord {
  return { ...record, state, problem, isOpen: false };
}

/** A record that an operator corrects. What Stripe has, or may have, is canceled there while Stripe still does that. */
export function voidedFor(record: UsageRecord, reason: string, nowMs: number): UsageRecord {
  const mayBeBilled = record.sendingSinceMs !== null && record.state !== 'refused';
  const atStripe = !mayBeBilled
    ? 'not_billed'
    : isCancelable(record, nowMs)
      ? 'cancel_pending'
      : 'credit_note_needed';
  return {
    ...record,
    state: 'voided',
    voided: { atMs: nowMs, reason, atStripe },
    isOpen: atStripe === 'cancel_pending',
  };
}

function isCancelable({ sentAtMs, sendingSinceMs }: UsageRecord, nowMs: number): boolean {
  return nowMs < (sentAtMs ?? sendingSinceMs ?? 0) + CANCELABLE_FOR_MS;
}

/**
 * What to do now about a voided record that Stripe has or may have. One that was being sent when it was voided may still
 * be on its way, so its cancellation waits.
 */
export function nextForVoided(record: UsageRecord, nowMs: number): 'WAIT' | 'CANCEL' | 'TOO_LATE' {
  if (!isCancelable(record, nowMs)) return 'TOO_LATE';
  const isSettled = record.sentAtMs !== null || nowMs >= (record.voided?.atMs ?? 0) + SENDING_ENDS_AFTER_MS;
  return isSettled ? 'CANCEL' : 'WAIT';
}

/** The voided record with its final outcome at Stripe. */
export function withOutcome(record: UsageRecord, atStripe: VoidOutcome): UsageRecord {
  return record.voided ? { ...record, voided: { ...record.voided, atStripe }, isOpen: false } : record;
}

/** The day's totals after one of its records changed from `before` to `after`. Each change must be added exactly once. */
export function withChange(
  day: MeteredDay | undefined,
  before: UsageRecord,
  after: UsageRecord,
): MeteredDay | undefined {
  if (before.state === after.state) return day;
  const { licenseId, tenantId, meter, atMs, quantity } = after;
  const was = day ?? { licenseId, tenantId, meter, dayMs: dayOf(atMs), quantity: 0, records: 0, states: {} };
  const states = new Map(Object.entries(was.states));
  const add = (state: UsageState, sign: 1 | -1) => {
    if (state === 'new') return;
    const sum = states.get(state) ?? NOTHING;
    const next = { quantity: sum.quantity + sign * quantity, records: sum.records + sign };
    if (next.records === 0) states.delete(state);
    else states.set(state, next);
  };
  add(before.state, -1);
  add(after.state, 1);
  const sums = [...states].filter(([state]) => !UNCOUNTED.has(state)).map(([, sum]) => sum);
  return { ...was, ...totalOf(sums), states: Object.fromEntries(states) };
}

const NOTHING: Sum = { quantity: 0, records: 0 };

export function totalOf(sums: readonly Sum[]): Sum {
  return sums.reduce(
    (total, { quantity, records }) => ({
      quantity: total.quantity + quantity,
      records: total.records + records,
    }),
    NOTHING,
  );
}

/** Usage of one meter that was sent to Stripe right before a subscription ended, and what became of it. */
export const UsageTallySchema = z.object({
  meter: z.string(),
  /**
   * `sent`: Stripe has it, and adds it to the final invoice unless it processes it too late. `late`, `refused` and
   * `uncertain`: see `USAGE_STATES`; not billed, or perhaps not.
   */
  outcome: z.enum(['sent', 'late', 'refused', 'uncertain']),
  records: z.int(),
  quantity: z.int(),
});
export type UsageTally = z.infer<typeof UsageTallySchema>;

/** The sums of the records by meter and outcome. Records that no subscription bills are left out. */
export function tallyOf(records: readonly UsageRecord[]): UsageTally[] {
  return UsageTallySchema.shape.outcome.options.flatMap((outcome) => {
    const byMeter = Map.groupBy(
      records.filter(({ state }) => state === outcome),
      ({ meter }) => meter,
    );
    return [...byMeter].map(([meter, all]) => ({
      meter,
      outcome,
      records: all.length,
      quantity: all.reduce((sum, { quantity }) => sum + quantity, 0),
    }));
  });
}
