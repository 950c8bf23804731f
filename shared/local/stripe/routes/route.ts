import type * as z from 'zod/mini';
import type { Account } from '../account.ts';
import { type Form, readForm } from '../form.ts';

export interface Route {
  readonly method: string;
  /** Its group captures the id in the path. */
  readonly path: RegExp;
  /** Returns the body of the answer. Throws Stripe's error as `Refused`. */
  answer(account: Account, form: Form, id: string): object;
}

/** A call with the parameters of `schema`. Like Stripe, the fake refuses all others. */
export function route<T>(
  method: string,
  path: RegExp,
  schema: z.ZodMiniType<T>,
  handle: (account: Account, parameters: T, id: string) => object,
): Route {
  return { method, path, answer: (account, form, id) => handle(account, readForm(schema, form), id) };
}
