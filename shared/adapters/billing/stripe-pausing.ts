import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import type { PauseAsk, PauseVerdict, ResumeVerdict } from '../../ports/billing.ts';
import { callStripe, faultOf, refusalOf, unlessMissing } from './stripe-failures.ts';
import { ItemLine, idOf, Ref } from './stripe-objects.ts';

const Standing = z.object({
  status: z.string(),
  ended_at: z.nullish(z.int()),
  billing_mode: z.object({ type: z.string() }),
  status_details: z.nullish(z.object({ paused: z.nullish(z.object({ transitioned_at: z.int() })) })),
  pause_collection: z.nullish(z.object({})),
  latest_invoice: Ref,
});
type Standing = z.infer<typeof Standing>;

const InvoiceAnswer = z.object({
  id: z.string(),
  status: z.nullable(z.string()),
  hosted_invoice_url: z.nullish(z.string()),
  lines: z.object({ data: z.array(z.extend(ItemLine, { period: z.object({ start: z.int() }) })) }),
});
type InvoiceAnswer = z.infer<typeof InvoiceAnswer>;

/**
 * Both kinds of Stripe. `collection` keeps the status and what it grants; invoices are handled as `behavior` says
 * (docs.stripe.com/billing/subscriptions/pause-payment). `subscription` stops periods and invoices: usage so far is
 * invoiced now, and the unused rest of the period is credited if it was paid
 * (docs.stripe.com/billing/subscriptions/pause, since 2026-09-30.endive).
 */
export async function pauseSubscription(stripe: Stripe, ask: PauseAsk): Promise<PauseVerdict> {
  const { subscriptionId: id } = ask;
  const call = `subscriptions, pause of ${ask.kind}`;
  try {
    if (ask.kind === 'collection') {
      const resumesAt = ask.resumesAtMs === null ? {} : { resumes_at: Math.floor(ask.resumesAtMs / 1000) };
      await stripe.subscriptions.update(id, {
        pause_collection: { behavior: ask.behavior, ...resumesAt },
      });
    } else
      await stripe.subscriptions.pause(id, {
        type: 'subscription',
        bill_for: {
          outstanding_usage_through: { type: 'now' },
          unused_time_from: { type: ask.creditsRest ? 'now' : 'none' },
        },
        invoicing_behavior: 'invoice',
      });
    return { verdict: 'PAUSED' };
  } catch (error) {
    refusalOf(error, call);
    const now = await standingOf(stripe, id);
    if (!now || now.ended_at != null) return { verdict: 'OVER' };
    if (ask.kind === 'subscription' && now.status === 'paused') return { verdict: 'PAUSED' };
    return { verdict: 'REJECTED', because: faultOf(error, call).message };
  }
}

/**
 * Undoes either pause. `pause_collection` is unset with an empty string; an absent value leaves it
 * (pay-rails/pay#991). A resumed subscription begins a new period, because the rest of the old one was credited, and is
 * active only once that is paid: with the default behavior Stripe would not try to collect it
 * (docs.stripe.com/billing/subscriptions/pause). In the billing mode `classic`, where Stripe pauses a subscription whose
 * trial ended without a payment method, only the default exists. If it was resumed before, and its invoice is open, that one
 * is collected: another one would be paid too.
 */
export async function resumeSubscription(stripe: Stripe, id: string): Promise<ResumeVerdict> {
  const before = await standingOf(stripe, id);
  if (!before || before.ended_at != null) return { verdict: 'OVER' };
  const call = 'subscriptions.resume';
  try {
    if (before.pause_collection) await stripe.subscriptions.update(id, { pause_collection: '' });
    if (before.status === 'paused') {
      const toPay = await resumption(stripe, before);
      if (toPay) await stripe.invoices.pay(toPay.id);
      else
        await stripe.subscriptions.resume(id, {
          billing_cycle_anchor: { type: 'now' },
          ...(before.billing_mode.type === 'flexible' && { payment_behavior: 'resume_on_payment_success' }),
        });
    }
  } catch (error) {
    refusalOf(error, call);
    const now = await standingOf(stripe, id);
    if (!now || now.ended_at != null) return { verdict: 'OVER' };
    if (now.status === 'paused' && !(await resumption(stripe, now)))
      return { verdict: 'REJECTED', because: faultOf(error, call).message };
  }
  const after = await standingOf(stripe, id);
  const toPay = after?.status === 'paused' ? await resumption(stripe, after) : undefined;
  return { verdict: 'RESUMED', payUrl: toPay?.hosted_invoice_url ?? null };
}

/** The open invoice of the period that begins when the subscription is resumed: it ends the pause when it is paid. */
async function resumption(
  stripe: Stripe,
  { latest_invoice, status_details }: Standing,
): Promise<InvoiceAnswer | undefined> {
  const invoiceId = idOf(latest_invoice);
  if (invoiceId === null) return undefined;
  const found = await callStripe('invoices.retrieve', () => stripe.invoices.retrieve(invoiceId));
  const invoice = z.parse(InvoiceAnswer, found);
  const pausedAt = status_details?.paused?.transitioned_at ?? Number.POSITIVE_INFINITY;
  const isOfNewPeriod = invoice.lines.data.some(
    ({ parent, period }) => !parent?.subscription_item_details?.proration && period.start >= pausedAt,
  );
  return invoice.status === 'open' && isOfNewPeriod ? invoice : undefined;
}

async function standingOf(stripe: Stripe, id: string): Promise<Standing | undefined> {
  const found = await unlessMissing('subscriptions.retrieve', undefined, () =>
    stripe.subscriptions.retrieve(id),
  );
  return found && z.parse(Standing, found);
}
