import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import type { BilledInvoice } from '../../domain/subscription-change.ts';
import { callStripe } from './stripe-failures.ts';
import { allLines } from './stripe-lines.ts';
import { ItemLine } from './stripe-objects.ts';

/** The largest page. Older invoices do not bill a running period. */
const PAGE = 100;

const LineAnswer = z.extend(ItemLine, { period: z.object({ end: z.int() }) });
const InvoicesAnswer = z.array(
  z.object({
    id: z.string(),
    status: z.nullable(z.string()),
    billing_reason: z.nullable(z.string()),
    lines: z.object({ data: z.array(LineAnswer), has_more: z.boolean() }),
  }),
);

export async function readInvoices(stripe: Stripe, subscription: string): Promise<BilledInvoice[]> {
  const { data } = await callStripe('invoices.list', () =>
    stripe.invoices.list({ subscription, limit: PAGE }),
  );
  const invoices: BilledInvoice[] = [];
  for (const { id, status, billing_reason, lines } of z.parse(InvoicesAnswer, data)) {
    const all = await allLines(stripe, id, lines, LineAnswer);
    invoices.push({
      isPaid: status === 'paid',
      isDue: status === 'open' || status === 'draft',
      reason: billing_reason,
      periods: all.flatMap(({ period, parent }) => {
        const details = parent?.subscription_item_details;
        if (!details) return [];
        const { subscription_item: itemId, proration: isProration = false } = details;
        return [{ itemId, endMs: period.end * 1000, isProration }];
      }),
    });
  }
  return invoices;
}
