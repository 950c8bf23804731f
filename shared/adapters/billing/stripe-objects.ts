import * as z from 'zod/mini';

/** Another object: by its id, or whole where that was asked for (docs.stripe.com/api/expanding_objects). */
export const Ref = z.nullish(z.union([z.string(), z.object({ id: z.string() })]));

export function idOf(ref: z.infer<typeof Ref>): string | null {
  return typeof ref === 'string' ? ref : (ref?.id ?? null);
}

/** An invoice as far as it says what it is for. */
export const Invoice = z.object({
  parent: z.nullish(z.object({ subscription_details: z.nullish(z.object({ subscription: Ref })) })),
});

/** The subscription that an invoice is for; `null` for another kind of invoice. */
export function subscriptionOf({ parent }: z.infer<typeof Invoice>): string | null {
  return idOf(parent?.subscription_details?.subscription);
}
