import { createHash } from 'node:crypto';
import { type Life, subscriptionOf } from './lifecycle.ts';
import { type Form, missing, PARAMETERS, Refused, readForm } from './parameters.ts';
import { API_VERSION, at, found, newId, PRICES, type State } from './state.ts';

const DAY_SECONDS = 24 * 3600;
/** How long Stripe is sure to know a request, or a meter event, again; the stand-in knows it no longer than that. */
const KNOWN_SECONDS = DAY_SECONDS;
const LONGEST_KEY = 255;
/** How far back, and ahead, a meter event may lie (docs.stripe.com/api/billing/meter-event/create). */
const METER_SECONDS = { back: 35 * DAY_SECONDS, ahead: 300 } as const;

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly form: Form;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Route = readonly [method: string, path: RegExp, answer: (form: Form, id: string) => object];

/** The calls that are made of Stripe here, and no others, each as strict about its parameters as Stripe is. */
export function apiOf(state: State, life: Life, baseUrl: () => string, now: () => number) {
  function customerAt(id: string, param?: string) {
    const customer = found(state.customers, id, 'customer', param);
    if (customer.deleted) throw missing('customer', id, param);
    return customer;
  }

  function sessionAt(id: string) {
    const session = found(state.sessions, id, 'checkout.session');
    life.expireIfDue(session);
    return session;
  }

  const routes: readonly Route[] = [
    [
      'POST',
      /^\/v1\/customers$/,
      (form) => {
        const { name = '', metadata = {} } = readForm(PARAMETERS.createCustomer, form);
        const customer = { id: newId('cus'), object: 'customer' as const, name, metadata };
        state.customers[customer.id] = customer;
        return customer;
      },
    ],
    [
      'DELETE',
      /^\/v1\/customers\/(\w+)$/,
      (form, id) => {
        readForm(PARAMETERS.none, form);
        customerAt(id);
        life.deleteCustomer(id);
        return { id, object: 'customer', deleted: true };
      },
    ],
    [
      'GET',
      /^\/v1\/prices$/,
      (form) => {
        const { lookup_keys, active, ...page } = readForm(PARAMETERS.listPrices, form);
        const theirs = PRICES.filter((price) => lookup_keys.includes(price.lookup_key));
        return list(active === undefined ? theirs : theirs.filter((price) => price.active === active), page);
      },
    ],
    [
      'POST',
      /^\/v1\/checkout\/sessions$/,
      (form) => {
        const asked = readForm(PARAMETERS.createSession, form);
        customerAt(asked.customer, 'customer');
        const [line] = asked.line_items;
        if (!line || !PRICES.some(({ id }) => id === line.price))
          throw missing('price', line?.price ?? '', 'line_items[0][price]');
        const id = newId('cs_test');
        const session = {
          id,
          object: 'checkout.session' as const,
          mode: asked.mode,
          customer: asked.customer,
          url: `${baseUrl()}/pay/${id}`,
          expires_at: now() + DAY_SECONDS,
          success_url: asked.success_url,
          cancel_url: asked.cancel_url ?? asked.success_url,
          metadata: asked.metadata ?? {},
          status: 'open' as const,
          subscription: null,
        };
        state.sessions[id] = session;
        state.wishes[id] = {
          ...line,
          trialDays: asked.subscription_data?.trial_period_days ?? 0,
          metadata: asked.subscription_data?.metadata ?? {},
        };
        return session;
      },
    ],
    [
      'POST',
      /^\/v1\/checkout\/sessions\/(\w+)\/expire$/,
      (form, id) => {
        readForm(PARAMETERS.none, form);
        const session = sessionAt(id);
        if (session.status !== 'open') {
          const message = `Only Checkout Sessions with a status in ["open"] can be expired. This one is ${session.status}.`;
          throw new Refused(400, { message });
        }
        return life.expire(session);
      },
    ],
    [
      'GET',
      /^\/v1\/checkout\/sessions\/(\w+)$/,
      (form, id) => {
        readForm(PARAMETERS.none, form);
        return sessionAt(id);
      },
    ],
    [
      'POST',
      /^\/v1\/billing_portal\/sessions$/,
      (form) => {
        const { customer, return_url } = readForm(PARAMETERS.createPortal, form);
        customerAt(customer, 'customer');
        const id = newId('bps');
        state.portals[id] = { customer, returnUrl: return_url };
        return {
          id,
          object: 'billing_portal.session',
          customer,
          return_url,
          url: `${baseUrl()}/portal/${id}`,
        };
      },
    ],
    [
      'GET',
      /^\/v1\/subscriptions\/(\w+)$/,
      (form, id) => {
        readForm(PARAMETERS.none, form);
        return found(state.subscriptions, id, 'subscription');
      },
    ],
    [
      'POST',
      /^\/v1\/subscriptions\/(\w+)$/,
      (form, id) => {
        const { cancel_at_period_end } = readForm(PARAMETERS.updateSubscription, form);
        return life.cancelAtPeriodEnd(id, cancel_at_period_end);
      },
    ],
    [
      'DELETE',
      /^\/v1\/subscriptions\/(\w+)$/,
      (form, id) => {
        readForm(PARAMETERS.none, form);
        return life.end(id);
      },
    ],
    [
      'GET',
      /^\/v1\/invoices$/,
      (form) => {
        const { subscription, status, ...page } = readForm(PARAMETERS.listInvoices, form);
        found(state.subscriptions, subscription, 'subscription', 'subscription');
        const theirs = Object.values(state.invoices)
          .filter((invoice) => subscriptionOf(invoice) === subscription)
          .filter((invoice) => status === undefined || invoice.status === status);
        // The newest comes first.
        return list(theirs.toReversed(), page);
      },
    ],
    [
      'GET',
      /^\/v1\/charges\/(\w+)$/,
      (form, id) => {
        readForm(PARAMETERS.none, form);
        return found(state.charges, id, 'charge');
      },
    ],
    [
      'GET',
      /^\/v1\/invoice_payments$/,
      (form) => {
        const { payment, expand, ...page } = readForm(PARAMETERS.listInvoicePayments, form);
        const invoiceId = at(state.paidInvoices, payment.payment_intent);
        if (invoiceId === undefined) return list([], page);
        const invoice = expand?.includes('data.invoice') ? at(state.invoices, invoiceId) : invoiceId;
        return list([{ id: newId('inpay'), object: 'invoice_payment', invoice, payment }], page);
      },
    ],
    [
      'GET',
      /^\/v1\/disputes\/(\w+)$/,
      (form, id) => {
        readForm(PARAMETERS.none, form);
        return found(state.disputes, id, 'dispute');
      },
    ],
    [
      'POST',
      /^\/v1\/billing\/meter_events$/,
      (form) => {
        const { event_name, identifier, timestamp, payload } = readForm(PARAMETERS.createMeterEvent, form);
        const { stripe_customer_id: customerId, value } = payload;
        customerAt(customerId, 'payload[stripe_customer_id]');
        if (timestamp < now() - METER_SECONDS.back || timestamp > now() + METER_SECONDS.ahead)
          throw new Refused(400, { code: 'timestamp_invalid', message: 'The timestamp is out of range.' });
        if (isKnown(at(state.metered, identifier)))
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
      },
    ],
  ];

  function carryOut({ method, path, form }: Call): Answer {
    for (const [routeMethod, pattern, answer] of routes) {
      const match = routeMethod === method ? pattern.exec(path) : null;
      if (match) return json(200, answer(form, match[1] ?? ''));
    }
    throw new Refused(404, { message: `Unrecognized request URL (${method}: ${path}).` });
  }

  /** As Stripe does: the same key with the same request is the same answer, with another request a mistake. */
  function once(call: Call, key: string): Answer {
    const asked = createHash('sha256')
      .update(JSON.stringify([call.method, call.path, call.form]))
      .digest('hex');
    const before = at(state.answers, key);
    if (!before || !isKnown(before.at)) {
      const { status, body } = carryOut(call);
      state.answers[key] = { asked, status, body, at: now() };
      return { status, body };
    }
    if (before.asked !== asked) {
      const message = 'Keys for idempotent requests can only be used with the same parameters.';
      throw new Refused(400, { type: 'idempotency_error', message });
    }
    const { status, body } = before;
    return { status, body, headers: { 'idempotent-replayed': 'true' } };
  }

  function isKnown(since: number | undefined): boolean {
    return since !== undefined && now() - since < KNOWN_SECONDS;
  }

  return (call: Call): Answer => {
    try {
      if (call.headers.authorization !== `Bearer ${state.apiKey}`)
        throw new Refused(401, { message: 'Invalid API Key provided.' });
      if (call.headers['stripe-version'] !== API_VERSION)
        throw new Refused(400, { message: `This stands in for version ${API_VERSION}.` });
      const key = call.headers['idempotency-key'];
      if (key !== undefined && key.length > LONGEST_KEY)
        throw new Refused(400, { type: 'idempotency_error', message: 'Idempotency keys are too long.' });
      return call.method === 'POST' && typeof key === 'string' ? once(call, key) : carryOut(call);
    } catch (error) {
      if (error instanceof Refused) return json(error.status, { error: error.error });
      throw error;
    }
  };
}

interface Page {
  readonly limit: number;
  readonly starting_after?: string | undefined;
}

/** What comes after the object that the last page ended with (docs.stripe.com/api/pagination). */
function list<T extends { readonly id: string }>(data: readonly T[], { limit, starting_after }: Page) {
  const start = data.findIndex(({ id }) => id === starting_after) + 1;
  const page = data.slice(start, start + limit);
  return { object: 'list', data: page, has_more: start + limit < data.length, url: '/v1' };
}

function json(status: number, body: object): Answer {
  return { status, body: JSON.stringify(body) };
}
