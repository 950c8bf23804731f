import * as z from 'zod/mini';

/** A reference to another object: its id, or the object if it was expanded (docs.stripe.com/api/expanding_objects). */
export const Ref = z.nullish(z.union([z.string(), z.object({ id: z.string() })]));

export function idOf(ref: z.infer<typeof Ref>): string | null {
  return typeof ref === 'string' ? ref : (ref?.id ?? null);
}

/** What a price says about the cost of one unit. */
export const AmountFields = {
  currency: z.string(),
  billing_scheme: z.string(),
  transform_quantity: z.nullish(z.object({ divide_by: z.int() })),
  // A `Decimal` of the library, which has its digits as text.
  unit_amount_decimal: z.nullable(z.pipe(z.unknown(), z.transform(String))),
};
const Amount = z.object(AmountFields);

/** What one unit costs: `null` with tiers, and where quantities are divided before they are billed. */
export function amountOf({
  currency,
  billing_scheme,
  transform_quantity,
  unit_amount_decimal,
}: z.infer<typeof Amount>): { readonly currency: string; readonly unitAmount: string | null } {
  const isPerUnit = billing_scheme === 'per_unit' && !transform_quantity;
  return { currency, unitAmount: isPerUnit ? unit_amount_decimal : null };
}

/** The part of an invoice that names its subscription. */
export const Invoice = z.object({
  parent: z.nullish(z.object({ subscription_details: z.nullish(z.object({ subscription: Ref })) })),
});

/** The subscription that an invoice is for; `null` for another kind of invoice. */
export function subscriptionOf({ parent }: z.infer<typeof Invoice>): string | null {
  return idOf(parent?.subscription_details?.subscription);
}

/** The part of an invoice's line that names the item that it bills; absent for another kind of line. */
export const ItemLine = z.object({
  parent: z.nullish(
    z.object({
      subscription_item_details: z.nullish(
        z.object({ subscription_item: z.string(), proration: z.optional(z.boolean()) }),
      ),
    }),
  ),
});
