import type * as z from 'zod/mini';
import type { Account } from './account.ts';
import { expireSession, sessionAt } from './checkout.ts';
import { customerAt, deleteCustomer } from './customers.ts';
import { type Form, missing, PARAMETERS, Refused, readForm } from './parameters.ts';
import { subscriptionOf } from './payments.ts';
import { at, found, newId, PRICES } from './state.ts';
import { cancelAtPeriodEnd, endSubscription } from './subscriptions.ts';

const DAY_SECONDS = 24 * 3600;
/** Stripe detects a duplicate request or meter event for at least this long, the fake for exactly this long. */
const DEDUPLICATED_SECONDS = DAY_SECONDS;
/** How old, and how far in the future, a meter event can be (docs.stripe.com/api/billing/meter-event/create). */
const METER_SECONDS = { back: 35 * DAY_SECONDS, ahead: 300 } as const;

export interface Route {
  readonly method: string;
  /** Its group captures the id in the path. */
  readonly path: RegExp;
  /** Returns the body of the answer. Throws Stripe's error as `Refused`. */
  answer(account: Account, form: Form, id: string): object;
}

type Parameters<Name extends keyof typeof PARAMETERS> = z.output<(typeof PARAMETERS)[Name]>;

/** Only the Stripe calls that we use. Each is as strict about its parameters as Stripe is. */
export const ROUTES: readonly Route[] = [
  route('POST', /^\/v1\/customers$/, PARAMETERS.createCustomer, createCustomer),
  route('DELETE', /^\/v1\/customers\/(\w+)$/, PARAMETERS.none, (account, _, id) => {
    deleteCustomer(account, id);
    return { id, object: 'customer', deleted: true };
  }),
  route('GET', /^\/v1\/prices$/, PARAMETERS.listPrices, listPrices),
  route('POST', /^\/v1\/checkout\/sessions$/, PARAMETERS.createSession, createSession),
  route('POST', /^\/v1\/checkout\/sessions\/(\w+)\/expire$/, PARAMETERS.none, (account, _, id) =>
    expireSession(account, id),
  ),
  route('GET', /^\/v1\/checkout\/sessions\/(\w+)$/, PARAMETERS.none, (account, _, id) =>
    sessionAt(account, id),
  ),
  route('POST', /^\/v1\/billing_portal\/sessions$/, PARAMETERS.createPortal, createPortal),
  route('GET', /^\/v1\/subscriptions\/(\w+)$/, PARAMETERS.none, ({ state }, _, id) =>
    found(state.subscriptions, id, 'subscription'),
  ),
  route('POST', /^\/v1\/subscriptions\/(\w+)$/, PARAMETERS.updateSubscription, (account, change, id) =>
    cancelAtPeriodEnd(account, id, change.cancel_at_period_end),
  ),
  route('DELETE', /^\/v1\/subscriptions\/(\w+)$/, PARAMETERS.none, (account, _, id) =>
    endSubscription(account, id),
  ),
  route('GET', /^\/v1\/invoices$/, PARAMETERS.listInvoices, listInvoices),
  route('GET', /^\/v1\/charges\/(\w+)$/, PARAMETERS.none, ({ state }, _, id) =>
    found(state.charges, id, 'charge'),
  ),
  route('GET', /^\/v1\/invoice_payments$/, PARAMETERS.listInvoicePayments, listInvoicePayments),
  route('GET', /^\/v1\/disputes\/(\w+)$/, PARAMETERS.none, ({ state }, _, id) =>
    found(state.disputes, id, 'dispute'),
  ),
  route('POST', /^\/v1\/billing\/meter_events$/, PARAMETERS.createMeterEvent, createMeterEvent),
];

function route<T>(
  method: string,
  path: RegExp,
  schema: z.ZodMiniType<T>,
  handle: (account: Account, parameters: T, id: string) => object,
): Route {
  return { method, path, answer: (account, form, id) => handle(account, readForm(schema, form), id) };
}

function createCustomer({ state }: Account, { name = '', metadata = {} }: Parameters<'createCustomer'>) {
  const customer = { id: newId('cus'), object: 'customer' as const, name, metadata };
  state.customers[customer.id] = customer;
  return customer;
}

function listPrices(_: Account, { lookup_keys, active, ...page }: Parameters<'listPrices'>) {
  const named = PRICES.filter((price) => lookup_keys.includes(price.lookup_key));
  return list(active === undefined ? named : named.filter((price) => price.active === active), page);
}

function createSession(account: Account, parameters: Parameters<'createSession'>) {
  const { state, now, pagesUrl } = account;
  customerAt(account, parameters.customer, 'customer');
  const [line] = parameters.line_items;
  if (!line || !PRICES.some(({ id }) => id === line.price))
    throw missing('price', line?.price ?? '', 'line_items[0][price]');
  const id = newId('cs_test');
  const session = {
    id,
    object: 'checkout.session' as const,
    mode: parameters.mode,
    customer: parameters.customer,
    url: `${pagesUrl()}/pay/${id}`,
    expires_at: now() + DAY_SECONDS,
    success_url: parameters.success_url,
    cancel_url: parameters.cancel_url ?? parameters.success_url,
    metadata: parameters.metadata ?? {},
    status: 'open' as const,
    subscription: null,
  };
  state.sessions[id] = session;
  state.orders[id] = {
    ...line,
    trialDays: parameters.subscription_data?.trial_period_days ?? 0,
    metadata: parameters.subscription_data?.metadata ?? {},
  };
  return session;
}

function createPortal(account: Account, { customer, return_url }: Parameters<'createPortal'>) {
  customerAt(account, customer, 'customer');
  const id = newId('bps');
  account.state.portals[id] = { customer, returnUrl: return_url };
  const url = `${account.pagesUrl()}/portal/${id}`;
  return { id, object: 'billing_portal.session', customer, return_url, url };
}

function listInvoices({ state }: Account, { subscription, status, ...page }: Parameters<'listInvoices'>) {
  found(state.subscriptions, subscription, 'subscription', 'subscription');
  const invoices = Object.values(state.invoices)
    .filter((invoice) => subscriptionOf(invoice) === subscription)
    .filter((invoice) => status === undefined || invoice.status === status);
  // Newest first.
  return list(invoices.toReversed(), page);
}

function listInvoicePayments(
  { state }: Account,
  { payment, expand, ...page }: Parameters<'listInvoicePayments'>,
) {
  const invoiceId = at(state.paidInvoices, payment.payment_intent);
  if (invoiceId === undefined) return list([], page);
  const invoice = expand?.includes('data.invoice') ? at(state.invoices, invoiceId) : invoiceId;
  return list([{ id: newId('inpay'), object: 'invoice_payment', invoice, payment }], page);
}

function createMeterEvent(account: Account, event: Parameters<'createMeterEvent'>) {
  const { state, now } = account;
  const { event_name, identifier, timestamp, payload } = event;
  const { stripe_customer_id: customerId, value } = payload;
  customerAt(account, customerId, 'payload[stripe_customer_id]');
  if (timestamp < now() - METER_SECONDS.back || timestamp > now() + METER_SECONDS.ahead)
    throw new Refused(400, { code: 'timestamp_invalid', message: 'The timestamp is out of range.' });
  if (isKnown(account, at(state.metered, identifier)))
    throw new Refused(400, { message: `An event already exists with identifier ${identifier}.` });
  state.metered[identifier] = now();
  state.usage.push({ identifier, eventName: event_name, customerId, value, timestamp });
  return {
    object: 'billing.meter_event',
    created: now(),
    livemode: false,
    event_name,
    identifier,
    timestamp,
    payload,
  };
}

/** Whether Stripe still detects a duplicate of what it first received at `since` (seconds). */
export function isKnown({ now }: Account, since: number | undefined): boolean {
  return since !== undefined && now() - since < DEDUPLICATED_SECONDS;
}

interface Page {
  readonly limit: number;
  readonly starting_after?: string | undefined;
}

/** The page after the object `starting_after` (docs.stripe.com/api/pagination). */
function list<T extends { readonly id: string }>(data: readonly T[], { limit, starting_after }: Page) {
  const start = data.findIndex(({ id }) => id === starting_after) + 1;
  const page = data.slice(start, start + limit);
  return { object: 'list', data: page, has_more: start + limit < data.length, url: '/v1' };
}
