import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import type { Collected, EndAsk, EndVerdict, KeepVerdict } from '../../ports/billing.ts';
import { faultOf, refusalOf, unlessMissing } from './stripe-failures.ts';
import { idOf, Ref } from './stripe-objects.ts';

const seconds = z.int();

const Standing = z.object({
  schedule: Ref,
  cancel_at: z.nullish(seconds),
  cancel_at_period_end: z.boolean(),
  ended_at: z.nullish(seconds),
  metadata: z.record(z.string(), z.string()),
  items: z.object({
    data: z.array(z.object({ current_period_start: seconds, current_period_end: seconds })),
    has_more: z.boolean(),
  }),
});
type Standing = z.infer<typeof Standing>;

const Period = z.object({ start_date: seconds, end_date: seconds });
const Schedule = z.object({
  status: z.string(),
  end_behavior: z.string(),
  current_phase: z.nullable(Period),
  phases: z.array(Period),
});

const FinalInvoice = z.object({ status: z.nullable(z.string()), auto_advance: z.optional(z.boolean()) });

/**
 * Key of a subscription's metadata: the end that was set here without prorations, and what is paid beyond it. Valid while
 * the subscription has that end and period.
 */
const UNPRORATED_END = 'seatlease_unprorated_end';

/** Instead of that: what is not charged beyond the end has to be paid when the end is moved or undone. */
const SHORTENED = 'shortened';

/** The time of the current period that is paid, in seconds. */
interface PaidTime {
  readonly until: number;
  /** Whether that is the whole period. If not, or if it cannot be seen, what follows `until` was not charged, or credited. */
  readonly isWhole: boolean;
}

/** Changes that take effect one after the other: a schedule, then a flag, then a date, and once more after a race. */
const MAX_STEPS = 5;

/** A call that Stripe refuses is repeated if the schedule was released or set meanwhile. */
export async function endSubscription(stripe: Stripe, ask: EndAsk): Promise<EndVerdict> {
  const { subscriptionId: id, end } = ask;
  let refused: { readonly scheduleId: string | null; readonly because: string } | undefined;
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const now = await standingOf(stripe, id);
    // It may have ended by this call whose answer was lost.
    if (!now || now.ended_at != null) return { verdict: refused && end === 'now' ? 'ENDING' : 'OVER' };
    const scheduleId = idOf(now.schedule);
    if (refused?.scheduleId === scheduleId) break;
    try {
      if (await endOnce(stripe, id, now, end)) return { verdict: 'ENDING' };
    } catch (error) {
      refusalOf(error, 'subscriptions');
      refused = { scheduleId, because: faultOf(error, 'subscriptions').message };
    }
  }
  return { verdict: 'REJECTED', because: refused?.because ?? 'its schedule was set again' };
}

/** Returns whether it is set to end, or has ended. */
async function endOnce(stripe: Stripe, id: string, now: Standing, end: EndAsk['end']): Promise<boolean> {
  const scheduleId = idOf(now.schedule);
  if (end === 'now') await endNow(stripe, id, now);
  else if (scheduleId === null)
    for (const change of changesTo(now, end)) await stripe.subscriptions.update(id, change);
  else {
    // Stripe refuses any other end (dust-tt/dust#32051). It releases the schedule itself where it cancels after a
    // dispute (docs.stripe.com/billing/subscriptions/cancel). The end that the schedule has set goes with it.
    await stripe.subscriptionSchedules.release(scheduleId);
    return false;
  }
  return true;
}

/**
 * With `invoice_now`: by default, metered usage that is not invoiced yet is lost (bencherdev/bencher#951). Without
 * `prorate`: nothing is refunded. A scheduled subscription ends with its schedule, whose defaults are the opposite
 * (docs.stripe.com/api/subscription_schedules/cancel).
 */
async function endNow(stripe: Stripe, id: string, { schedule }: Standing): Promise<void> {
  const scheduleId = idOf(schedule);
  const how = { invoice_now: true, prorate: false };
  if (scheduleId === null) await stripe.subscriptions.cancel(id, how);
  else await stripe.subscriptionSchedules.cancel(scheduleId, how);
}

/**
 * If the items' periods have different ends, `cancel_at_period_end` ends them all with the first
 * (docs.stripe.com/changelog/basil/2025-07-30/cancel-at-enums): the subscription goes on until the last one, as if the
 * customer had canceled in the portal (docs.stripe.com/billing/subscriptions/billing-mode/compare).
 *
 * A date within the period shortens it, and Stripe credits the rest unless prorations are disabled
 * (docs.stripe.com/billing/subscriptions/cancel, "Set a custom cancel date"): an earlier end is set without them, also
 * where it replaces an end of the portal or the dashboard. Otherwise a tenant could cancel a year, move the end to
 * tomorrow, and pay for other licenses with the credit. A date in a later period always shortens the invoice of that
 * period: if it is moved or undone then, the rest of the period is invoiced at once. Otherwise it would be charged with
 * the next period, and a tenant could use a year for the price of its first hour.
 */
function changesTo(before: Standing, end: Exclude<EndAsk['end'], 'now'>): Stripe.SubscriptionUpdateParams[] {
  const paid = paidTime(before);
  const { until, isWhole } = paid;
  const isCutShort = before.cancel_at != null && before.cancel_at < until;
  if (end === 'period_end') {
    if (isCutShort) return [unprorated(before, until, paid)];
    const ends = new Set(before.items.data.map((item) => item.current_period_end));
    const isMixed = ends.size > 1 || before.items.has_more;
    const metadata = { [UNPRORATED_END]: isWhole ? '' : SHORTENED };
    return [{ ...(isMixed ? { cancel_at: 'max_period_end' } : { cancel_at_period_end: true }), metadata }];
  }
  const cancelAt = Math.floor(end.atMs / 1000);
  if (isWhole || cancelAt <= until) return [unprorated(before, cancelAt, paid)];
  const charged = prorated(cancelAt);
  return isCutShort ? [unprorated(before, until, paid), charged] : [charged];
}

function unprorated(
  before: Standing,
  cancelAt: number,
  { until, isWhole }: PaidTime,
): Stripe.SubscriptionUpdateParams {
  const note =
    isWhole || cancelAt < until ? [cancelAt, startOf(before), until, isWhole].join(' ') : SHORTENED;
  return { cancel_at: cancelAt, proration_behavior: 'none', metadata: { [UNPRORATED_END]: note } };
}

function prorated(cancelAt: number | ''): Stripe.SubscriptionUpdateParams {
  const metadata = { [UNPRORATED_END]: cancelAt === '' ? '' : SHORTENED };
  return { cancel_at: cancelAt, proration_behavior: 'always_invoice', metadata };
}

/**
 * Undoes a scheduled end, wherever it was set: a schedule that ends the subscription (its planned changes stay), the end of the
 * period, and a date. Stripe refuses the last two in one call ("Received both cancel_at_period_end and cancel_at
 * parameters"), and `cancel_at_period_end: false` leaves a date as it is, which the portal sets
 * (better-auth/better-auth#5535). Reads after each step, because each can show the next.
 */
export async function keepSubscription(stripe: Stripe, id: string): Promise<KeepVerdict> {
  let because = 'it was set to end again meanwhile';
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const now = await standingOf(stripe, id);
    if (!now || now.ended_at != null) return { verdict: 'OVER' };
    try {
      if (!(await undoOne(stripe, id, now))) return { verdict: 'KEPT' };
    } catch (error) {
      // It may have ended, or lost its schedule, since it was read.
      refusalOf(error, 'subscriptions');
      because = faultOf(error, 'subscriptions').message;
    }
  }
  return { verdict: 'STILL_ENDING', because };
}

/** Returns whether there was something to undo. */
async function undoOne(stripe: Stripe, id: string, now: Standing): Promise<boolean> {
  const isEnding = now.cancel_at != null || now.cancel_at_period_end;
  const scheduleId = idOf(now.schedule);
  if (scheduleId !== null) {
    const schedule = z.parse(Schedule, await stripe.subscriptionSchedules.retrieve(scheduleId));
    if (schedule.status === 'active' && schedule.end_behavior === 'cancel') {
      await stripe.subscriptionSchedules.update(scheduleId, { end_behavior: 'release' });
      return true;
    }
    // Releasing it removes the end that it set (docs.stripe.com/api/subscription_schedules/release).
    if (isEnding) await stripe.subscriptionSchedules.release(scheduleId);
    return isEnding;
  }
  if (!isEnding) return false;
  const paid = paidTime(now);
  if (now.cancel_at_period_end) {
    const isNoted = now.metadata[UNPRORATED_END] !== undefined;
    await stripe.subscriptions.update(id, {
      cancel_at_period_end: false,
      ...(isNoted && { proration_behavior: paid.isWhole ? 'none' : 'always_invoice' }),
      metadata: { [UNPRORATED_END]: '' },
    });
  } else if (paid.isWhole)
    await stripe.subscriptions.update(id, { ...prorated(''), proration_behavior: 'none' });
  else if (now.cancel_at != null && now.cancel_at < paid.until)
    await stripe.subscriptions.update(id, unprorated(now, paid.until, paid));
  else await stripe.subscriptions.update(id, prorated(''));
  return true;
}

function paidTime(now: Standing): PaidTime {
  const { cancel_at, metadata } = now;
  const [end, start, until, isWhole] = metadata[UNPRORATED_END]?.split(' ') ?? [];
  if (cancel_at != null && end === String(cancel_at) && start === String(startOf(now)))
    return { until: Number(until), isWhole: isWhole === 'true' };
  const periodEnd = Math.max(...now.items.data.map((item) => item.current_period_end));
  // An end of the period may be a date that has shortened it.
  return { until: periodEnd, isWhole: cancel_at == null || cancel_at > periodEnd };
}

function startOf({ items }: Standing): number {
  return Math.min(...items.data.map((item) => item.current_period_start));
}

/**
 * Where Stripe leaves the final invoice as a draft: lets it be collected in about an hour, with the usage that Stripe
 * processes until then (docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period); or at once, because its
 * customer is about to be deleted.
 */
export async function collectFinalInvoice(
  stripe: Stripe,
  invoiceId: string,
  when: 'soon' | 'at_once',
): Promise<Collected> {
  const call = 'invoices';
  const found = await unlessMissing(call, undefined, () => stripe.invoices.retrieve(invoiceId));
  const invoice = found && z.parse(FinalInvoice, found);
  const isDraft = invoice?.status === 'draft';
  if (!isDraft && !(invoice?.status === 'open' && when === 'at_once')) return 'DONE';
  try {
    if (when === 'soon') {
      if (!invoice.auto_advance) await stripe.invoices.update(invoiceId, { auto_advance: true });
      return 'DONE';
    }
    const { status } = isDraft ? await stripe.invoices.finalizeInvoice(invoiceId) : invoice;
    if (status === 'open') await stripe.invoices.pay(invoiceId);
    return 'DONE';
  } catch (error) {
    refusalOf(error, call);
    return 'UNPAID';
  }
}

async function standingOf(stripe: Stripe, id: string): Promise<Standing | undefined> {
  const found = await unlessMissing('subscriptions.retrieve', undefined, () =>
    stripe.subscriptions.retrieve(id),
  );
  return found && z.parse(Standing, found);
}
