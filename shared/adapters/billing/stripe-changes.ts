import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import type {
  ChangePreview,
  ChangeRejected,
  ChangeVerdict,
  ItemChange,
  PreviewVerdict,
} from '../../ports/billing.ts';
import { faultOf, refusalOf } from './stripe-failures.ts';

const seconds = z.int();

/** Stripe's clock may differ from ours by less. */
const CLOCK_SECONDS = 60;

const Line = z.object({
  amount: z.int(),
  description: z.nullable(z.string()),
  period: z.object({ start: seconds, end: seconds }),
  parent: z.nullable(
    z.object({
      invoice_item_details: z.nullish(z.object({ proration: z.boolean() })),
      subscription_item_details: z.nullish(
        z.object({ subscription_item: z.string(), proration: z.boolean() }),
      ),
    }),
  ),
});
type Line = z.infer<typeof Line>;

const PreviewAnswer = z.object({
  currency: z.string(),
  amount_due: z.int(),
  total: z.int(),
  lines: z.object({ data: z.array(Line) }),
});
type PreviewAnswer = z.infer<typeof PreviewAnswer>;

const UpdateAnswer = z.object({
  pending_update: z.nullable(z.object({ expires_at: seconds })),
  latest_invoice: z.nullable(z.object({ hosted_invoice_url: z.nullish(z.string()) })),
});

/**
 * Two previews: `always_invoice` is what is invoiced at once, and `none`, without what is prorated, is a whole period
 * (docs.stripe.com/api/invoices/create_preview). `proration_date` cannot be combined with `none`.
 */
export async function previewChange(
  stripe: Stripe,
  change: ItemChange & { readonly prorationDateMs: number },
): Promise<PreviewVerdict> {
  const { subscriptionId: subscription, itemId, prorationDateMs } = change;
  const items = [itemOf(change)];
  const proration_date = secondsOf(prorationDateMs);
  const preview = async (
    details: Stripe.InvoiceCreatePreviewParams.SubscriptionDetails,
  ): Promise<PreviewAnswer> =>
    z.parse(
      PreviewAnswer,
      await stripe.invoices.createPreview({ subscription, subscription_details: details }),
    );
  try {
    const [now, next] = await Promise.all([
      preview({ items, proration_behavior: 'always_invoice', proration_date }),
      preview({ items, proration_behavior: 'none' }),
    ]);
    return { verdict: 'PREVIEW', preview: previewOf(now, next, itemId, proration_date) };
  } catch (error) {
    return rejected(error, 'invoices.createPreview');
  }
}

function previewOf(now: PreviewAnswer, next: PreviewAnswer, itemId: string, date: number): ChangePreview {
  const soon = date + CLOCK_SECONDS;
  // In a trial, and if the amounts are equal, nothing is invoiced: the preview is then the next regular invoice.
  const isInvoiced = now.lines.data.some((line) =>
    isProration(line) ? line.period.start === date : isOf(line, itemId) && line.period.start <= soon,
  );
  const period = next.lines.data.find((line) => isOf(line, itemId))?.period ?? { start: date, end: date };
  const atSeconds = period.start > soon ? period.start : period.end;
  return {
    currency: now.currency,
    amountDue: isInvoiced ? now.amount_due : 0,
    credit: isInvoiced ? Math.max(0, -now.total) : 0,
    lines: isInvoiced ? now.lines.data.map(lineOf) : [],
    next: { amount: next.total, atMs: atSeconds * 1000 },
  };
}

function isOf({ parent }: Line, itemId: string): boolean {
  return parent?.subscription_item_details?.subscription_item === itemId;
}

function isProration({ parent }: Line): boolean {
  return (parent?.subscription_item_details ?? parent?.invoice_item_details)?.proration === true;
}

function lineOf({ description, amount, period: { start, end } }: Line): ChangePreview['lines'][number] {
  return { description, amount, fromMs: start * 1000, toMs: end * 1000 };
}

/**
 * With `pending_if_incomplete`, Stripe makes the change only once its invoice is paid, at once or by the customer on the
 * invoice's page within 23 hours (docs.stripe.com/billing/subscriptions/pending-updates). `error_if_incomplete` would
 * leave nothing to pay: customers whose bank wants to see them could never add seats. Sent invoices know no pending
 * updates: their seats are added at once and paid by the due date.
 */
export async function changeItem(
  stripe: Stripe,
  change: ItemChange & { readonly requestId: string },
): Promise<ChangeVerdict> {
  const { subscriptionId, prorationDateMs, collection, requestId: idempotencyKey } = change;
  try {
    const updated = await stripe.subscriptions.update(
      subscriptionId,
      {
        items: [itemOf(change)],
        proration_behavior: 'always_invoice',
        ...(prorationDateMs !== null && { proration_date: secondsOf(prorationDateMs) }),
        ...(collection === 'automatic' && { payment_behavior: 'pending_if_incomplete' }),
        expand: ['latest_invoice'],
      },
      { idempotencyKey },
    );
    const { pending_update, latest_invoice } = z.parse(UpdateAnswer, updated);
    if (!pending_update) return { verdict: 'CHANGED' };
    return {
      verdict: 'UNPAID',
      payUrl: latest_invoice?.hosted_invoice_url ?? null,
      payUntilMs: pending_update.expires_at * 1000,
    };
  } catch (error) {
    const { status } = refusalOf(error, 'subscriptions.update');
    // Payment methods without pending updates, such as bank debits, are charged or declined at once.
    if (status === 402) return { verdict: 'UNPAID', payUrl: null, payUntilMs: null };
    return rejected(error, 'subscriptions.update');
  }
}

function itemOf({ itemId, quantity, priceId }: ItemChange) {
  return { id: itemId, quantity, ...(priceId !== null && { price: priceId }) };
}

/** Such as another currency, or an interval that the other items do not have. */
function rejected(error: unknown, call: string): ChangeRejected {
  refusalOf(error, call);
  return { verdict: 'REJECTED', because: faultOf(error, call).message };
}

function secondsOf(ms: number): number {
  return Math.floor(ms / 1000);
}
