import * as z from 'zod/mini';

/** A reference to another object: its id, or the object if it was expanded (docs.stripe.com/api/expanding_objects). */
export const Ref = z.nullish(z.union([z.string(), z.object({ id: z.string() })]));

export function idOf(ref: z.infer<typeof Ref>): string | null {
  return typeof ref === 'string' ? ref : (ref?.id ?? null);
}

/** The part of an invoice that names its subscription. */
export const Invoice = z.object({
  parent: z.nullish(z.object({ subscription_details: z.nullish(z.object({ subscription: Ref })) })),
});

/** The subscription that an invoice is for; `null` for another kind of invoice. */
export function subscriptionOf({ parent }: z.infer<typeof Invoice>): string | null {
  return idOf(parent?.subscription_details?.subscription);
}
