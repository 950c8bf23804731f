import * as z from 'zod/mini';
import { missingParameter, Refused, unknownParameter } from './refused.ts';

/** Parameters in the format of Stripe's client: `a[b][0]=c`; all values are text. */
export type Form = string | readonly Form[] | { readonly [name: string]: Form };

interface Open extends Map<string, Open | string> {}

/** Decodes an encoded form into nested values. */
export function decodeForm(encoded: string): Form {
  const root: Open = new Map();
  for (const [key, value] of new URLSearchParams(encoded)) {
    const path = key.replaceAll(']', '').split('[');
    const last = path.pop() ?? '';
    let open = root;
    for (const name of path) {
      const inner = open.get(name);
      const next: Open = inner instanceof Map ? inner : new Map();
      open.set(name, next);
      open = next;
    }
    open.set(last, value);
  }
  return close(root);
}

function close(open: Open | string): Form {
  if (typeof open === 'string') return open;
  const names = [...open.keys()];
  if (names.length > 0 && names.every((name) => /^\d+$/.test(name))) return [...open.values()].map(close);
  return Object.fromEntries([...open].map(([name, value]) => [name, close(value)]));
}

/** Stripe's codes for invalid values (docs.stripe.com/error-codes), used as messages of the schema checks. */
export const NO_INTEGER = 'parameter_invalid_integer';
export const EMPTY = 'parameter_invalid_empty';
export const NO_URL = 'url_invalid';

/** Parses the parameters. Throws Stripe's error for unknown, missing and invalid ones. */
export function readForm<T>(schema: z.ZodMiniType<T>, form: Form): T {
  const result = z.safeParse(schema, form);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = (names: readonly PropertyKey[]): string =>
    names.map((name, i) => (i === 0 ? String(name) : `[${String(name)}]`)).join('');
  if (issue?.code === 'unrecognized_keys')
    throw unknownParameter(at([...issue.path, ...issue.keys.slice(0, 1)]));
  const path = issue?.path ?? [];
  const param = at(path);
  if (valueAt(form, path) === undefined) throw missingParameter(param);
  // Stripe has error codes only for some invalid values.
  const code = [NO_INTEGER, EMPTY, NO_URL].find((known) => known === issue?.message);
  throw new Refused(400, { ...(code !== undefined && { code }), param, message: `Invalid ${param}.` });
}

function valueAt(form: Form, path: readonly PropertyKey[]): Form | undefined {
  let value: Form | undefined = form;
  for (const name of path) {
    if (typeof value !== 'object') return undefined;
    value = Object.entries(value).find(([key]) => key === String(name))?.[1];
  }
  return value;
}
