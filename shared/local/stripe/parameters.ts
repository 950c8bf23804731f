import * as z from 'zod/mini';

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
const NO_INTEGER = 'parameter_invalid_integer';
const EMPTY = 'parameter_invalid_empty';
const NO_URL = 'url_invalid';

const text = (longest: number) => z.string().check(z.minLength(1, EMPTY), z.maxLength(longest));
const id = (prefix: string) => z.string().check(z.regex(new RegExp(`^${prefix}_\\w+$`)));
const integer = (form: RegExp) => z.pipe(z.string().check(z.regex(form, NO_INTEGER)), z.transform(Number));
const seconds = integer(/^\d{1,10}$/);
const positive = integer(/^[1-9]\d{0,8}$/);
const flag = z.pipe(
  z.enum(['true', 'false']),
  z.transform((word) => word === 'true'),
);
/** docs.stripe.com/api/metadata */
const metadata = z.record(z.string().check(z.maxLength(40)), z.string().check(z.maxLength(500)));
const url = z.url({ protocol: /^https?$/, error: NO_URL });
const page = {
  limit: z.prefault(integer(/^([1-9]\d?|100)$/), '10'),
  starting_after: z.optional(z.string()),
};

/** The parameters of each call. Like Stripe, the fake refuses all others. */
export const PARAMETERS = {
  createCustomer: z.strictObject({ name: z.optional(text(256)), metadata: z.optional(metadata) }),
  none: z.strictObject({}),
  listPrices: z.strictObject({
    lookup_keys: z.array(z.string()).check(z.minLength(1), z.maxLength(10)),
    active: z.optional(flag),
    ...page,
  }),
  createSession: z.strictObject({
    mode: z.literal('subscription'),
    customer: id('cus'),
    client_reference_id: z.optional(text(200)),
    line_items: z
      .array(z.strictObject({ price: id('price'), quantity: positive }))
      .check(z.minLength(1), z.maxLength(1)),
    success_url: url,
    cancel_url: z.optional(url),
    metadata: z.optional(metadata),
    subscription_data: z.optional(
      z.strictObject({ metadata: z.optional(metadata), trial_period_days: z.optional(positive) }),
    ),
    automatic_tax: z.optional(z.strictObject({ enabled: flag })),
    customer_update: z.optional(
      z.strictObject({ address: z.optional(z.literal('auto')), name: z.optional(z.literal('auto')) }),
    ),
    allow_promotion_codes: z.optional(flag),
  }),
  createPortal: z.strictObject({ customer: id('cus'), return_url: url }),
  updateSubscription: z.strictObject({ cancel_at_period_end: flag }),
  listInvoices: z.strictObject({
    subscription: id('sub'),
    status: z.optional(z.enum(['open', 'paid', 'void'])),
    ...page,
  }),
  listInvoicePayments: z.strictObject({
    payment: z.strictObject({ type: z.literal('payment_intent'), payment_intent: id('pi') }),
    expand: z.optional(z.array(z.literal('data.invoice'))),
    ...page,
  }),
  createMeterEvent: z.strictObject({
    event_name: text(100),
    identifier: text(100),
    timestamp: seconds,
    payload: z.strictObject({
      stripe_customer_id: id('cus'),
      value: z.string().check(z.regex(/^\d+$/, NO_INTEGER)),
    }),
  }),
} as const;

/** An error answer in Stripe's format (docs.stripe.com/api/errors). */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly error: Readonly<Record<string, string>>;

  constructor(status: number, error: Readonly<Record<string, string>>) {
    super(error.message);
    this.status = status;
    this.error = { type: 'invalid_request_error', ...error };
  }
}

/** Parses the parameters. Throws Stripe's error for unknown, missing and invalid ones. */
export function readForm<T>(schema: z.ZodMiniType<T>, form: Form): T {
  const result = z.safeParse(schema, form);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = (names: readonly PropertyKey[]): string =>
    names.map((name, i) => (i === 0 ? String(name) : `[${String(name)}]`)).join('');
  if (issue?.code === 'unrecognized_keys') {
    const param = at([...issue.path, ...issue.keys.slice(0, 1)]);
    throw new Refused(400, {
      code: 'parameter_unknown',
      param,
      message: `Received unknown parameter: ${param}`,
    });
  }
  const path = issue?.path ?? [];
  const param = at(path);
  if (valueAt(form, path) === undefined)
    throw new Refused(400, {
      code: 'parameter_missing',
      param,
      message: `Missing required param: ${param}.`,
    });
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

/** Stripe's error for an unknown id: a 404 if the id is in the path, a 400 if it is in a parameter. */
export function missing(what: string, given: string, param?: string): Refused {
  return new Refused(param === undefined ? 404 : 400, {
    code: 'resource_missing',
    param: param ?? 'id',
    message: `No such ${what}: '${given}'`,
  });
}
