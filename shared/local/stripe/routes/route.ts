import type * as z from 'zod/mini';
import type { Account } from '../account.ts';
import { type Form, readForm } from '../form.ts';

export interface Route {
  readonly method: string;
  /** Its group captures the id in the path. */
  readonly path: RegExp;
  /** Reads the parameters, and returns what the call does. Both throw Stripe's errors as `Refused`. */
  prepare(form: Form): (account: Account, id: string) => object;
}

/** A call with the parameters of `schema`. Like Stripe, the fake refuses all others. */
export function route<T>(
  method: string,
  path: RegExp,
  schema: z.ZodMiniType<T>,
  handle: (account: Account, parameters: T, id: string) => object,
): Route {
  return {
    method,
    path,
    prepare(form) {
      const parameters = readForm(schema, form);
      return (account, id) => handle(account, parameters, id);
    },
  };
}
