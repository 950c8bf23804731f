import * as z from 'zod/mini';
import { EMPTY, NO_INTEGER, NO_URL } from '../form.ts';
import { PAGE_LENGTH } from '../list.ts';

/** Kinds of parameters that several calls have. */

export const text = (longest: number) => z.string().check(z.minLength(1, EMPTY), z.maxLength(longest));
export const id = (prefix: string) => z.string().check(z.regex(new RegExp(`^${prefix}_\\w+$`)));
const integer = (form: RegExp) => z.pipe(z.string().check(z.regex(form, NO_INTEGER)), z.transform(Number));
export const seconds = integer(/^\d{1,10}$/);
export const positive = integer(/^[1-9]\d{0,8}$/);
export const wholeNumber = z.string().check(z.regex(/^\d+$/, NO_INTEGER));
export const flag = z.pipe(
  z.enum(['true', 'false']),
  z.transform((word) => word === 'true'),
);
/** docs.stripe.com/api/metadata: an empty value removes its key. */
export const metadata = z.pipe(
  z.record(z.string(), z.string()),
  z.transform((given) => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))),
);
export const url = z.url({ protocol: /^https?$/, error: NO_URL });
/** docs.stripe.com/api/pagination */
export const page = {
  limit: z.prefault(integer(/^([1-9]\d?|100)$/), String(PAGE_LENGTH)),
  starting_after: z.optional(z.string()),
};
/** Stripe allows up to 20 items. */
export const itemUpdates = z
  .array(z.strictObject({ id: id('si'), price: z.optional(id('price')), quantity: z.optional(positive) }))
  .check(z.minLength(1), z.maxLength(20));
export const none = z.strictObject({});
