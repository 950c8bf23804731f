import { Stripe } from 'stripe';
import { HANDLED_EVENTS, HANDLED_THIN_EVENTS } from '../../../../shared/adapters/billing/stripe-events.ts';
import type { Case, Recorded } from '../case.ts';

/** Stripe's answers, checked against the types of its library, which are made from its OpenAPI document. */

const API = 'GET https://api.stripe.com/v1/';
const URL_OF_EVENTS = 'https://licenses.example.com/api/v1/webhooks/stripe';

/** The body of a list, as JSON has it: without the methods of the library. */
interface Page<T> {
  readonly object: 'list';
  readonly url: string;
  readonly has_more: boolean;
  readonly data: readonly T[];
}

function page<T>(path: string, ...data: T[]): Page<T> {
  return { object: 'list', url: `/v1/${path}`, has_more: false, data };
}

function recorded(source: string, path: string, body: unknown, status = 200): Recorded {
  return { source: `https://docs.stripe.com/api/${source}`, request: `${API}${path}`, status, body };
}

const endpoint = {
  id: 'we_1Sample',
  object: 'webhook_endpoint',
  api_version: Stripe.API_VERSION,
  application: null,
  created: 1_793_000_000,
  description: null,
  enabled_events: [...HANDLED_EVENTS],
  livemode: true,
  metadata: {},
  status: 'enabled',
  url: URL_OF_EVENTS,
} as const satisfies Stripe.WebhookEndpoint;

function priceOf(
  lookupKey: string,
  change: Partial<Stripe.Price> = {},
): Omit<Stripe.Price, 'unit_amount_decimal'> {
  return {
    id: `price_${lookupKey}`,
    object: 'price',
    active: true,
    billing_scheme: 'per_unit',
    created: 1_793_000_000,
    currency: 'eur',
    custom_unit_amount: null,
    livemode: true,
    lookup_key: lookupKey,
    metadata: {},
    nickname: null,
    product: 'prod_sample',
    recurring: recurring(lookupKey.endsWith('year') ? 'year' : 'month'),
    tax_behavior: 'exclusive',
    tiers_mode: null,
    transform_quantity: null,
    type: 'recurring',
    unit_amount: 900,
    ...change,
  };
}

function recurring(
  interval: 'month' | 'year',
  usage_type: Stripe.Price.Recurring.UsageType = 'licensed',
): Stripe.Price.Recurring {
  return { interval, interval_count: 1, meter: null, trial_period_days: null, usage_type };
}

const LOOKUP_KEYS = [
  'seatlease_pro_month',
  'seatlease_pro_year',
  'seatlease_team_month',
  'seatlease_team_year',
  'seatlease_enterprise_year',
];

function prices(changed?: { readonly lookupKey: string; readonly price?: Partial<Stripe.Price> }): Recorded {
  const all = LOOKUP_KEYS.flatMap((lookupKey) => {
    if (lookupKey !== changed?.lookupKey) return [priceOf(lookupKey)];
    return changed.price ? [priceOf(lookupKey, changed.price)] : [];
  });
  const query = LOOKUP_KEYS.map((lookupKey) => `lookup_keys[]=${lookupKey}`).join('&');
  return recorded('prices/list', `prices?limit=100&${query}`, page('prices', ...all));
}

const meter = {
  id: 'mtr_sample',
  object: 'billing.meter',
  created: 1_793_000_000,
  customer_mapping: { event_payload_key: 'stripe_customer_id', type: 'by_id' },
  default_aggregation: { formula: 'sum' },
  display_name: 'Exports',
  event_name: 'exports',
  event_time_window: null,
  livemode: true,
  status: 'active',
  status_transitions: { deactivated_at: null },
  updated: 1_793_000_000,
  value_settings: { event_payload_key: 'value' },
} satisfies Stripe.Billing.Meter;

function meteredPrices(...data: ReturnType<typeof priceOf>[]): Recorded {
  const query = 'active=true&recurring[usage_type]=metered&limit=100';
  return recorded('prices/list', `prices?${query}`, page('prices', ...data));
}

const meteredPrice = priceOf('exports_month', {
  lookup_key: null,
  recurring: { ...recurring('month', 'metered'), meter: meter.id },
});

type Configuration = Omit<Stripe.BillingPortal.Configuration, 'business_profile' | 'login_page'>;
type Features = Stripe.BillingPortal.Configuration.Features;
type Updates = Features['subscription_update'];

const product = {
  product: 'prod_enterprise',
  prices: ['price_seatlease_enterprise_year'],
  adjustable_quantity: { enabled: true, minimum: 25, maximum: 100_000 },
} as const;

const updates = {
  enabled: true,
  billing_cycle_anchor: null,
  default_allowed_updates: ['price', 'quantity'],
  products: [{ ...product, prices: [...product.prices] }],
  proration_behavior: 'always_invoice',
  schedule_at_period_end: { conditions: [] },
  trial_update_behavior: 'continue_trial',
} satisfies Updates;

const features = {
  customer_update: { enabled: true, allowed_updates: ['email', 'tax_id'] },
  invoice_history: { enabled: true },
  payment_method_update: { enabled: true, payment_method_configuration: null },
  subscription_cancel: {
    enabled: true,
    mode: 'at_period_end',
    proration_behavior: 'none',
    cancellation_reason: { enabled: false, feedback_options: null, options: [] },
  },
  subscription_pause: { enabled: false, duration: { type: 'indefinite', interval_options: [] } },
  subscription_update: updates,
} satisfies Features;

const configuration = {
  id: 'bpc_sample',
  object: 'billing_portal.configuration',
  active: true,
  application: null,
  created: 1_793_000_000,
  default_return_url: null,
  features,
  is_default: true,
  livemode: true,
  metadata: {},
  name: null,
  updated: 1_793_000_000,
} satisfies Configuration;

function endpoints(...data: Stripe.WebhookEndpoint[]): Recorded {
  return recorded(
    'webhook_endpoints/list',
    'webhook_endpoints?limit=100',
    page('webhook_endpoints', ...data),
  );
}

/** Other fields that are absent have no value: Stripe leaves them out, or sends null. */
const destination = {
  id: 'ed_61Sample',
  object: 'v2.core.event_destination',
  created: '2026-10-22T16:20:09.931Z',
  description: '',
  enabled_events: [...HANDLED_THIN_EVENTS],
  event_payload: 'thin',
  events_from: ['@self'],
  livemode: true,
  metadata: {},
  name: 'Meter errors',
  status: 'enabled',
  type: 'webhook_endpoint',
  updated: '2026-10-22T16:22:02.524Z',
  webhook_endpoint: { url: URL_OF_EVENTS },
} as const satisfies Stripe.V2.Core.EventDestination;

function destinations(...data: Stripe.V2.Core.EventDestination[]): Recorded {
  return {
    source: 'https://docs.stripe.com/api/v2/core/event-destinations/list',
    request:
      'GET https://api.stripe.com/v2/core/event_destinations?include[0]=webhook_endpoint.url&limit=100',
    status: 200,
    body: { data, next_page_url: null, previous_page_url: null },
  };
}

function meters(...data: Stripe.Billing.Meter[]): Recorded {
  return recorded('billing/meter/list', 'billing/meters?limit=100', page('billing/meters', ...data));
}

function configurations(...data: Configuration[]): Recorded {
  return recorded(
    'customer_portal/configurations/list',
    'billing_portal/configurations?is_default=true&limit=1&expand[]=data.features.subscription_update.products',
    page('billing_portal/configurations', ...data),
  );
}

function taxSettings(status: 'active' | 'pending', missing: string[] = []): Recorded {
  const settings = {
    object: 'tax.settings',
    defaults: { provider: 'stripe', tax_behavior: null, tax_code: null },
    head_office: null,
    livemode: true,
    status,
    status_details: status === 'active' ? { active: {} } : { pending: { missing_fields: missing } },
  } satisfies Stripe.Tax.Settings;
  return recorded('tax/settings/object', 'tax/settings', settings);
}

function withFeatures(change: Partial<Features>): Recorded {
  return configurations({ ...configuration, features: { ...features, ...change } });
}

function withUpdates(change: Partial<Updates>): Recorded {
  return withFeatures({ subscription_update: { ...updates, ...change } });
}

function withProduct(change: Partial<NonNullable<Updates['products']>[number]>): Recorded {
  return withUpdates({ products: [{ ...product, prices: [...product.prices], ...change }] });
}

/** https://docs.stripe.com/api/errors; for a restricted key, https://docs.stripe.com/keys/restricted-api-keys. */
function refused(path: string, status: 401 | 403 | 500): Recorded {
  const error = {
    type: status === 500 ? 'api_error' : 'invalid_request_error',
    message: `The provided key 'rk_live_sample' does not have the required permissions for this endpoint.`,
  };
  return recorded('errors', path, { error }, status);
}

export const STRIPE_ANSWERS: readonly Recorded[] = [
  ...[
    'customers',
    'checkout/sessions',
    'subscriptions',
    'subscription_schedules',
    'prices',
    'invoices',
    'charges',
    'refunds',
    'payment_intents',
    'disputes',
    'billing/meters',
    'events',
  ].map((path) => recorded('pagination', `${path}?limit=1`, page(path))),
  endpoints(
    { ...endpoint, id: 'we_other', url: 'https://example.com/stripe' },
    // While a version is replaced.
    { ...endpoint, id: 'we_old', api_version: '2024-06-20' },
    endpoint,
  ),
  // Webhook endpoints are destinations, too.
  destinations(
    { ...destination, id: 'we_1Sample', event_payload: 'snapshot', enabled_events: ['*'] },
    destination,
  ),
  prices(),
  meters({ ...meter, id: 'mtr_old', status: 'inactive' }, meter),
  meteredPrices(meteredPrice),
  configurations(configuration),
  taxSettings('active'),
];

const IN_ENDPOINT = 'webhook endpoint';
const IN_DESTINATION = 'meter errors';

const { status: forbiddenStatus, body: forbiddenBody } = refused('', 403);
const forbidden = { status: forbiddenStatus, body: forbiddenBody };

export const STRIPE_CASES: readonly Case[] = [
  {
    name: 'the key may not read disputes',
    answers: [refused('disputes?limit=1', 403)],
    finding: { check: 'key', level: 'error', found: 'The key may not read disputes.', cure: 'Set up Stripe' },
  },
  {
    name: 'the key may not read the meters of subscriptions and the events about refused usage',
    answers: [refused('billing/meters?limit=1', 403), refused('events?limit=1', 403)],
    finding: {
      check: 'key',
      level: 'error',
      found: 'The key may not read billing/meters, events.',
      cure: 'Set up Stripe',
    },
  },
  {
    name: 'the key is revoked',
    answers: [refused('customers?limit=1', 401)],
    finding: {
      check: 'key',
      level: 'error',
      found: 'Stripe does not know the key.',
      cure: 'version of its secret',
    },
  },
  {
    name: 'the key is of test mode',
    stack: { given: { STRIPE_SECRET_KEY: 'rk_test_sample' } },
    answers: [],
    finding: {
      check: 'key',
      level: 'warning',
      found: 'The key is of test mode',
      cure: 'use a key of live mode',
    },
  },
  {
    name: 'Stripe is down',
    answers: [refused('billing/meters?limit=100', 500)],
    finding: { check: 'meters', level: 'unknown', found: 'Stripe answers 500.', cure: 'Run this again' },
  },
  {
    name: 'the key may not read meters',
    answers: [refused('billing/meters?limit=100', 403)],
    finding: { check: 'meters', level: 'unknown', found: 'may not read Meters', cure: 'STRIPE_SECRET_KEY' },
  },
  {
    name: 'the key may not read webhook endpoints',
    answers: [refused('webhook_endpoints?limit=100', 403)],
    finding: {
      check: IN_ENDPOINT,
      level: 'unknown',
      found: 'may not read webhook endpoints',
      cure: `Check that ${URL_OF_EVENTS} has API version ${Stripe.API_VERSION} and the events ${HANDLED_EVENTS.join(', ')}`,
    },
  },
  {
    name: 'no endpoint has the address',
    answers: [endpoints({ ...endpoint, url: `${URL_OF_EVENTS}/` })],
    finding: {
      check: IN_ENDPOINT,
      level: 'error',
      found: `No webhook endpoint has the URL ${URL_OF_EVENTS}.`,
      cure: `Create it with API version ${Stripe.API_VERSION}`,
    },
  },
  {
    name: 'the endpoint is disabled',
    answers: [endpoints({ ...endpoint, status: 'disabled' })],
    finding: {
      check: IN_ENDPOINT,
      level: 'error',
      found: 'The endpoint is disabled',
      cure: 'Enable we_1Sample',
    },
  },
  {
    name: 'the endpoint has an older API version',
    answers: [endpoints({ ...endpoint, api_version: '2024-06-20' })],
    finding: {
      check: IN_ENDPOINT,
      level: 'error',
      found: `has API version 2024-06-20, and the code reads ${Stripe.API_VERSION}`,
      cure: 'a version cannot be changed',
    },
  },
  {
    name: 'the endpoint has the version of the account',
    answers: [endpoints({ ...endpoint, api_version: null })],
    finding: { check: IN_ENDPOINT, level: 'error', found: 'has API version of the account' },
  },
  {
    name: 'the endpoint lacks an event',
    answers: [
      endpoints({
        ...endpoint,
        enabled_events: HANDLED_EVENTS.filter((type) => type !== 'charge.dispute.closed'),
      }),
    ],
    finding: {
      check: IN_ENDPOINT,
      level: 'error',
      found: 'The endpoint does not send charge.dispute.closed.',
      cure: 'Add these events to we_1Sample',
    },
  },
  {
    name: 'an endpoint of another version has the same address, with a query',
    answers: [
      endpoints({
        ...endpoint,
        id: 'we_old',
        url: `${URL_OF_EVENTS}?version=2024-06-20`,
        api_version: '2024-06-20',
      }),
    ],
    finding: {
      check: IN_ENDPOINT,
      level: 'error',
      found: 'has API version 2024-06-20',
      cure: 'delete we_old',
    },
  },
  {
    name: 'no event destination sends thin events',
    answers: [destinations({ ...destination, event_payload: 'snapshot' })],
    finding: {
      check: IN_DESTINATION,
      level: 'error',
      found: `No event destination sends thin events to ${URL_OF_EVENTS}`,
      cure: 'v1.billing.meter.error_report_triggered and v1.billing.meter.no_meter_found',
    },
  },
  {
    name: 'the event destination has another address',
    answers: [destinations({ ...destination, webhook_endpoint: { url: 'https://example.com/thin' } })],
    finding: { check: IN_DESTINATION, level: 'error', found: 'No event destination sends thin events' },
  },
  {
    name: 'the event destination is disabled',
    answers: [destinations({ ...destination, status: 'disabled' })],
    finding: { check: IN_DESTINATION, level: 'error', found: 'is disabled', cure: 'Enable ed_61Sample' },
  },
  {
    name: 'the event destination lacks an event',
    answers: [destinations({ ...destination, enabled_events: ['v1.billing.meter.no_meter_found'] })],
    finding: {
      check: IN_DESTINATION,
      level: 'error',
      found: 'does not send v1.billing.meter.error_report_triggered.',
      cure: 'ed_61Sample',
    },
  },
  {
    name: 'the key may not read event destinations',
    answers: [{ ...destinations(), ...forbidden }],
    finding: {
      check: IN_DESTINATION,
      level: 'unknown',
      found: 'may not read event destinations',
      cure: `to ${URL_OF_EVENTS}; or set STRIPE_SECRET_KEY`,
    },
  },
  {
    name: 'customers return from paying to a page that the site does not have',
    stack: { returnUrl: 'https://licenses.example.com/billing' },
    answers: [],
    finding: {
      check: 'return page',
      level: 'error',
      found: 'https://licenses.example.com/billing, which the site does not have',
      cure: 'https://licenses.example.com/console/',
    },
  },
  {
    name: 'Stripe cannot compute taxes',
    answers: [taxSettings('pending', ['head_office', 'defaults.tax_code'])],
    finding: {
      check: 'taxes',
      level: 'error',
      found: 'Stripe Tax lacks head_office, defaults.tax_code',
      cure: 'https://dashboard.stripe.com/settings/tax',
    },
  },
  {
    name: 'the key may not read the settings of taxes',
    answers: [refused('tax/settings', 403)],
    finding: {
      check: 'taxes',
      level: 'unknown',
      found: 'may not read tax settings',
      cure: 'https://dashboard.stripe.com/settings/tax',
    },
  },
  {
    name: 'a plan has no price',
    answers: [prices({ lookupKey: 'seatlease_team_year' })],
    finding: {
      check: 'prices',
      level: 'warning',
      found: 'No active price has the lookup key seatlease_team_year',
      cure: 'per unit, each year',
    },
  },
  {
    name: 'a price is archived',
    answers: [prices({ lookupKey: 'seatlease_pro_month', price: { active: false } })],
    finding: {
      check: 'prices',
      level: 'warning',
      found: 'No active price has the lookup key seatlease_pro_month',
      cure: 'per unit, each month',
    },
  },
  {
    name: 'a price is paid every three months',
    answers: [
      prices({
        lookupKey: 'seatlease_pro_month',
        price: { recurring: { ...recurring('month'), interval_count: 3 } },
      }),
    ],
    finding: { check: 'prices', level: 'error', found: 'seatlease_pro_month is for 3 periods at once.' },
  },
  {
    name: 'a price is not recurring',
    answers: [prices({ lookupKey: 'seatlease_pro_month', price: { recurring: null } })],
    finding: { check: 'prices', level: 'error', found: 'is for each payment, not recurring.' },
  },
  {
    name: 'a price has another interval',
    answers: [prices({ lookupKey: 'seatlease_pro_month', price: { recurring: recurring('year') } })],
    finding: { check: 'prices', level: 'error', found: 'is for each year.', cure: 'for each month' },
  },
  {
    name: 'a meter has no price',
    answers: [
      meteredPrices({ ...meteredPrice, recurring: { ...recurring('month', 'metered'), meter: 'mtr_old' } }),
    ],
    finding: {
      check: 'meters',
      level: 'warning',
      found: 'No active price bills the meter exports: its usage is on no invoice.',
      cure: 'one subscription of each tenant',
    },
  },
  {
    name: 'a price is metered',
    answers: [
      prices({ lookupKey: 'seatlease_pro_month', price: { recurring: recurring('month', 'metered') } }),
    ],
    finding: { check: 'prices', level: 'error', found: 'is for metered usage.' },
  },
  {
    name: 'a meter does not exist',
    answers: [meters({ ...meter, event_name: 'imports' })],
    finding: {
      check: 'meters',
      level: 'error',
      found: 'No active meter has the event name exports',
      cure: 'customer mapping stripe_customer_id',
    },
  },
  {
    name: 'a meter is inactive',
    answers: [meters({ ...meter, status: 'inactive' })],
    finding: { check: 'meters', level: 'error', found: 'No active meter has the event name exports' },
  },
  {
    name: 'a meter maps customers by another field',
    answers: [meters({ ...meter, customer_mapping: { event_payload_key: 'customer', type: 'by_id' } })],
    finding: { check: 'meters', level: 'error', found: 'reads other fields', cure: 'stripe_customer_id' },
  },
  {
    name: 'a meter counts events instead of adding their values',
    answers: [meters({ ...meter, default_aggregation: { formula: 'count' } })],
    finding: { check: 'meters', level: 'error', found: 'reads other fields', cure: 'aggregation sum' },
  },
  {
    name: 'the customer portal was never saved',
    answers: [configurations()],
    finding: {
      check: 'customer portal',
      level: 'error',
      found: 'has no default configuration',
      cure: 'https://dashboard.stripe.com/settings/billing/portal',
    },
  },
  {
    name: 'the configuration of the customer portal is inactive',
    answers: [configurations({ ...configuration, active: false })],
    finding: { check: 'customer portal', level: 'error', found: 'has no default configuration' },
  },
  {
    name: 'the portal sells fewer seats of a plan than it begins with',
    answers: [withProduct({ adjustable_quantity: { enabled: true, minimum: 1, maximum: 100_000 } })],
    finding: {
      check: 'customer portal',
      level: 'error',
      found: 'sells 1 to 100000 seats of the enterprise plan (prod_enterprise), which has 25 to 100000',
      cure: 'Set the quantity of prod_enterprise to 25 to 100000',
    },
  },
  {
    name: 'the portal sells more seats of a plan than it has',
    answers: [withProduct({ adjustable_quantity: { enabled: true, minimum: 25, maximum: 100_001 } })],
    finding: { check: 'customer portal', level: 'error', found: 'sells 25 to 100001 seats' },
  },
  {
    name: 'the portal sells any number of seats',
    answers: [withProduct({ adjustable_quantity: { enabled: true, minimum: 25, maximum: null } })],
    finding: { check: 'customer portal', level: 'error', found: 'sells 25 or more seats' },
  },
  {
    name: 'the portal offers a price of no plan',
    answers: [withProduct({ prices: [...product.prices, 'price_of_before'] })],
    finding: {
      check: 'customer portal',
      level: 'error',
      found: 'offers price_of_before of prod_enterprise, which no plan sells',
      cure: 'Remove these prices from the portal',
    },
  },
  {
    name: 'seats added in the portal are free',
    answers: [withUpdates({ proration_behavior: 'none' })],
    finding: {
      check: 'customer portal',
      level: 'error',
      found: 'are free until the next period',
      cure: 'always_invoice',
    },
  },
  {
    name: 'seats added in the portal are paid later',
    answers: [withUpdates({ proration_behavior: 'create_prorations' })],
    finding: { check: 'customer portal', level: 'warning', found: 'not paid before the next period' },
  },
  {
    name: 'the portal schedules downgrades',
    answers: [withUpdates({ schedule_at_period_end: { conditions: [{ type: 'decreasing_item_amount' }] } })],
    finding: {
      check: 'customer portal',
      level: 'warning',
      found: 'schedules downgrades',
      cure: 'Let downgrades happen at once',
    },
  },
  {
    name: 'the portal cancels at once',
    answers: [
      withFeatures({ subscription_cancel: { ...features.subscription_cancel, mode: 'immediately' } }),
    ],
    finding: {
      check: 'customer portal',
      level: 'warning',
      found: 'cancels at once',
      cure: 'at the end of the billing period',
    },
  },
  {
    name: 'the portal shows no invoices',
    answers: [withFeatures({ invoice_history: { enabled: false } })],
    finding: {
      check: 'customer portal',
      level: 'warning',
      found: 'does not show invoices',
      cure: 'Turn them on',
    },
  },
];
