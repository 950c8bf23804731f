import type { Stripe } from 'stripe';
import type * as z from 'zod/mini';
import { readAll } from './stripe-failures.ts';

/** The largest page. */
const PAGE = 100;

/** The lines of an invoice: Stripe returns the first with it, and all in pages. */
export async function allLines<S extends z.ZodMiniType>(
  stripe: Stripe,
  invoiceId: string,
  first: { readonly data: z.output<S>[]; readonly has_more: boolean },
  schema: S,
): Promise<z.output<S>[]> {
  if (!first.has_more) return first.data;
  return readAll('invoices.listLineItems', schema, () =>
    stripe.invoices.listLineItems(invoiceId, { limit: PAGE }),
  );
}
