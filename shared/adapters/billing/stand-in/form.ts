import * as z from 'zod/mini';

/** Parameters as Stripe's client sends them: `a[b][0]=c`, everything text. */
export type Form = string | readonly Form[] | { readonly [name: string]: Form };

interface Open {
  [name: string]: Open | string;
}

/** The nested values that an encoded form stands for. */
export function decodeForm(encoded: string): Form {
  const root: Open = {};
  for (const [key, value] of new URLSearchParams(encoded)) {
    const path = key.replaceAll(']', '').split('[');
    const last = path.pop() ?? '';
    let open = root;
    for (const name of path) {
      const inner = open[name];
      const next: Open = typeof inner === 'object' ? inner : {};
      open[name] = next;
      open = next;
    }
    open[last] = value;
  }
  return close(root);
}

function close(open: Open | string): Form {
  if (typeof open === 'string') return open;
  const names = Object.keys(open);
  if (names.length > 0 && names.every((name) => /^\d+$/.test(name))) return Object.values(open).map(close);
  return Object.fromEntries(Object.entries(open).map(([name, value]) => [name, close(value)]));
}

const id = (prefix: string) => z.string().check(z.regex(new RegExp(`^${prefix}_\\w+$`)));
const whole = z.pipe(z.string().check(z.regex(/^\d+$/)), z.transform(Number));
const flag = z.pipe(
  z.enum(['true', 'false']),
  z.transform((text) => text === 'true'),
);
const metadata = z.record(z.string(), z.string());
const url = z.url({ protocol: /^https?$/ });
const page = { limit: z.optional(whole), starting_after: z.optional(z.string()) };

/** What each call takes; whatever else is refused, as Stripe does. */
export const PARAMETERS = {
  createCustomer: z.strictObject({ name: z.optional(z.string()), metadata: z.optional(metadata) }),
  none: z.strictObject({}),
  listPrices: z.strictObject({
    lookup_keys: z.array(z.string()).check(z.minLength(1), z.maxLength(10)),
    active: z.optional(flag),
    ...page,
  }),
  createSession: z.strictObject({
    mode: z.literal('subscription'),
    customer: id('cus'),
    client_reference_id: z.optional(z.string()),
    line_items: z
      .array(z.strictObject({ price: id('price'), quantity: whole }))
      .check(z.minLength(1), z.maxLength(1)),
    success_url: url,
    cancel_url: z.optional(url),
    metadata: z.optional(metadata),
    subscription_data: z.optional(
      z.strictObject({ metadata: z.optional(metadata), trial_period_days: z.optional(whole) }),
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
    event_name: z.string().check(z.minLength(1), z.maxLength(100)),
    identifier: z.string().check(z.minLength(1), z.maxLength(100)),
    timestamp: whole,
    payload: z.strictObject({
      stripe_customer_id: id('cus'),
      value: z.string().check(z.regex(/^\d+$/)),
    }),
  }),
} as const;

/** An answer other than 200, in Stripe's words (docs.stripe.com/api/errors). */
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

/** The parameters, or the refusal that Stripe has for ones that it does not know, misses or cannot read. */
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
  const param = at(issue?.path ?? []);
  const isMissing = valueAt(form, issue?.path ?? []) === undefined;
  throw new Refused(400, {
    code: isMissing ? 'parameter_missing' : 'parameter_invalid',
    param,
    message: isMissing ? `Missing required param: ${param}.` : `Invalid ${param}.`,
  });
}

function valueAt(form: Form, path: readonly PropertyKey[]): Form | undefined {
  let value: Form | undefined = form;
  for (const name of path) {
    if (typeof value !== 'object') return undefined;
    value = Object.entries(value).find(([key]) => key === String(name))?.[1];
  }
  return value;
}

export function missing(what: string, given: string): Refused {
  return new Refused(404, { code: 'resource_missing', param: 'id', message: `No such ${what}: '${given}'` });
}
