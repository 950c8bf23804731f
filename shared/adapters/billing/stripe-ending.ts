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
 * Key of a subscription's metadata: the end that was set without prorations, and the start of the period in which it was
 * set. If both are still true, undoing it costs nothing either: the whole period is paid.
 */
const UNPRORATED_END = 'seatlease_unprorated_end';

/** Changes that take effect one after the other: a schedule, then a flag, then a date, and once more after a race. */
const MAX_STEPS = 5;

export async function endSubscription(stripe: Stripe, ask: EndAsk): Promise<EndVerdict> {
  const { subscriptionId: id, end } = ask;
  const before = await standingOf(stripe, id);
  if (!before || before.ended_at != null) return { verdict: 'OVER' };
  try {
    if (end === 'now') await endNow(stripe, id, before);
    else {
      // Stripe refuses any other end (dust-tt/dust#32051). It releases the schedule itself where it cancels after a
      // dispute (docs.stripe.com/billing/subscriptions/cancel).
      const scheduleId = idOf(before.schedule);
      if (scheduleId !== null) await stripe.subscriptionSchedules.release(scheduleId);
      await stripe.subscriptions.update(id, endOf(before, end));
    }
    return { verdict: 'ENDING' };
  } catch (error) {
    refusalOf(error, 'subscriptions');
    const after = await standingOf(stripe, id);
    if (after && after.ended_at == null)
      return { verdict: 'REJECTED', because: faultOf(error, 'subscriptions').message };
    // It ended since: by this call whose answer was lost, or by another.
    return { verdict: end === 'now' ? 'ENDING' : 'OVER' };
  }
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
 * customer had canceled in the portal (docs.stripe.com/billing/subscriptions/billing-mode/compare). A date within the
 * period shortens what is paid, and credits the rest unless prorations are disabled
 * (docs.stripe.com/billing/subscriptions/cancel, "Set a custom cancel date"). A date in a later period always shortens
 * the invoice of that period: if it is moved or undone then, the rest of the period is invoiced at once. Otherwise it would
 * be charged with the next period, and a tenant could use a year for the price of its first hour.
 */
function endOf(before: Standing, end: Exclude<EndAsk['end'], 'now'>): Stripe.SubscriptionUpdateParams {
  if (end !== 'period_end') {
    const cancelAt = Math.floor(end.atMs / 1000);
    return {
      cancel_at: cancelAt,
      proration_behavior: isUnprorated(before) ? 'none' : 'always_invoice',
      metadata: { [UNPRORATED_END]: unproratedEnd(cancelAt, before) },
    };
  }
  const ends = new Set(before.items.data.map((item) => item.current_period_end));
  const isMixed = ends.size > 1 || before.items.has_more;
  return isMixed ? { cancel_at: 'max_period_end' } : { cancel_at_period_end: true };
}

/**
 * Undoes a scheduled end, whoever set it: a schedule that ends the subscription (its planned changes stay), the end of the
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
  if (now.cancel_at_period_end) {
    // The end of a period that a date of ours had shortened.
    const isShortened = now.metadata[UNPRORATED_END] !== undefined && !isUnprorated(now);
    await stripe.subscriptions.update(id, {
      cancel_at_period_end: false,
      ...(isShortened && { proration_behavior: 'always_invoice', metadata: { [UNPRORATED_END]: '' } }),
    });
  } else if (isEnding)
    await stripe.subscriptions.update(id, {
      cancel_at: '',
      proration_behavior: isUnprorated(now) ? 'none' : 'always_invoice',
      metadata: { [UNPRORATED_END]: '' },
    });
  return isEnding;
}

/** Whether moving or removing the end changes nothing that was charged or credited for it. */
function isUnprorated(now: Standing): boolean {
  const { cancel_at, metadata } = now;
  return cancel_at == null || metadata[UNPRORATED_END] === unproratedEnd(cancel_at, now);
}

function unproratedEnd(cancelAt: number, { items }: Standing): string {
  return `${cancelAt} ${Math.min(...items.data.map((item) => item.current_period_start))}`;
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
