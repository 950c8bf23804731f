import { Stripe } from 'stripe';
import * as z from 'zod/mini';
import stripeWebhook from '../../../functions/stripe-webhook/contract.ts';
import { type Plan, planOfPrice } from '../../../shared/domain/plans.ts';
import { OFFERS } from '../../../shared/domain/prices.ts';
import { SETTINGS } from '../../../shared/settings.ts';
import { type Answer, NoAnswer } from '../answers.ts';
import { type Area, type Asking, type Check, type Stack, settled } from '../check.ts';
import { failed, ok, unknown, type Verdict, warning } from '../finding.ts';
import {
  EventDestination,
  judgeDestination,
  judgeEndpoint,
  NEEDED_OF_DESTINATION,
  NEEDED_OF_ENDPOINT,
  WebhookEndpoint,
} from './stripe-endpoints.ts';
import { judgePortal, PortalConfiguration } from './stripe-portal.ts';

const listOf = <S extends z.ZodMiniType>(item: S) =>
  z.object({ data: z.array(item), has_more: z._default(z.boolean(), false) });

const Endpoints = listOf(WebhookEndpoint);
const Destinations = z.object({ data: z.array(EventDestination) });
const Prices = listOf(
  z.object({
    id: z.string(),
    active: z.boolean(),
    lookup_key: z.nullable(z.string()),
    recurring: z.nullable(
      z.object({ interval: z.string(), interval_count: z.int(), usage_type: z.string() }),
    ),
  }),
);
const MeteredPrices = listOf(z.object({ recurring: z.object({ meter: z.nullish(z.string()) }) }));
const Meters = listOf(
  z.object({
    id: z.string(),
    event_name: z.string(),
    status: z.string(),
    customer_mapping: z.object({ event_payload_key: z.string() }),
    value_settings: z.object({ event_payload_key: z.string() }),
    default_aggregation: z.object({ formula: z.string() }),
  }),
);
const Configurations = listOf(PortalConfiguration);
/** https://docs.stripe.com/api/tax/settings/object */
const TaxSettings = z.object({
  status: z.string(),
  status_details: z.object({
    pending: z.nullish(z.object({ missing_fields: z.nullish(z.array(z.string())) })),
  }),
});
const TAX_PAGE = 'https://dashboard.stripe.com/settings/tax';

const API = 'https://api.stripe.com';
/** What the functions read. A list of one shows whether the key may. Write access cannot be seen without writing. */
const READ_BY_FUNCTIONS = [
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
];
/** Of subscriptions with metered prices, and of what Stripe refused of their usage. */
const READ_FOR_METERS = ['billing/meters', 'events'];

/** Payments: the account at Stripe must have what the code expects. */
export const STRIPE: Area = {
  name: 'Stripe',
  checksOf(stack) {
    const { settings, given } = stack;
    if (!settings.billing) return [];
    const key = given('STRIPE_SECRET_KEY');
    if (key === undefined)
      return [
        settled(
          'account',
          unknown(
            'The account was not checked: its key is not known to this program.',
            'Add --read-secrets, or set STRIPE_SECRET_KEY.',
          ),
        ),
      ];
    const check = (name: string, run: (ask: AskStripe) => Promise<Verdict[]>): Check => ({
      name,
      run: (ask) => run(stripeAsker(ask, key)),
    });
    return [
      settled('return page', judgeReturn(settings.billing.returnUrl, settings.publicUrl)),
      check('key', async (ask) => [await checkKey(ask, key, stack)]),
      check('webhook endpoint', async (ask) => checkEndpoint(ask, stack)),
      check('prices', async (ask) => judgePrices(await readPrices(ask))),
      ...(metersIn(stack).length === 0
        ? []
        : [
            check('meter errors', async (ask) => checkDestination(ask, stack)),
            check('meters', async (ask) => {
              const meters = read(Meters, await ask('billing/meters?limit=100', 'Meters'));
              const prices = 'prices?active=true&recurring[usage_type]=metered&limit=100';
              return judgeMeters(meters, read(MeteredPrices, await ask(prices, 'Prices')), stack);
            }),
          ]),
      ...(settings.environment.CHECKOUT_TAX === 'automatic' ? [check('taxes', checkTaxes)] : []),
      check('customer portal', async (ask) => {
        const path = 'billing_portal/configurations?is_default=true&limit=1';
        const products = 'expand[]=data.features.subscription_update.products';
        const { data } = read(Configurations, await ask(`${path}&${products}`, 'Customer portal'));
        return judgePortal(data, plansByPrice(await readPrices(ask)));
      }),
    ];
  },
};

/** The pages that Hosting serves (`firebase.json`). Only the console shows what was bought. */
const SITE_PAGE = /^\/(console(\/.*)?|docs)?$/;

function judgeReturn(returnUrl: string, publicUrl: string): Verdict {
  const page = URL.parse(returnUrl);
  const isOnSite = page?.origin === URL.parse(publicUrl)?.origin;
  return !isOnSite || SITE_PAGE.test(page?.pathname ?? '')
    ? ok(`Customers return to ${returnUrl}.`)
    : failed(
        `After paying, customers return to ${returnUrl}, which the site does not have.`,
        `Set billing.returnUrl to ${publicUrl}/console/, or to a page of your own.`,
      );
}

/** `resource` is what a restricted key must be allowed to read. A path that begins with a slash is not of version 1. */
type AskStripe = (path: string, resource: string) => Promise<Answer>;

function stripeAsker({ other }: Asking, key: string): AskStripe {
  return async (path, resource) => {
    const headers = { authorization: `Bearer ${key}`, 'stripe-version': Stripe.API_VERSION };
    const answer = await other({
      url: path.startsWith('/') ? `${API}${path}` : `${API}/v1/${path}`,
      headers,
    });
    if (answer.status === 403)
      throw new NoAnswer(
        unknown(
          `The key may not read ${resource}.`,
          `Set STRIPE_SECRET_KEY to a restricted key with read access to ${resource}, and run this again.`,
        ),
        'FORBIDDEN',
      );
    if (answer.status === 401)
      throw new NoAnswer(
        failed('Stripe does not know the key.', 'Add the current key as a version of its secret.'),
      );
    if (answer.status !== 200)
      throw new NoAnswer(unknown(`Stripe answers ${answer.status}.`, 'Run this again in a minute.'));
    return answer;
  };
}

function read<S extends z.ZodMiniType>(shape: S, { body }: Answer): z.output<S> {
  const { data } = z.safeParse(shape, body);
  if (data !== undefined) return data;
  throw new NoAnswer(
    unknown('The answer of Stripe has an unknown form.', 'Check it by hand: this program is too old.'),
  );
}

async function checkKey(ask: AskStripe, key: string, stack: Stack): Promise<Verdict> {
  const forbidden: string[] = [];
  const needed = [...READ_BY_FUNCTIONS, ...(metersIn(stack).length === 0 ? [] : READ_FOR_METERS)];
  for (const resource of needed) {
    try {
      await ask(`${resource}?limit=1`, resource);
    } catch (error) {
      if (!(error instanceof NoAnswer) || error.reason !== 'FORBIDDEN') throw error;
      forbidden.push(resource);
    }
  }
  if (forbidden.length > 0)
    return failed(
      `The key may not read ${forbidden.join(', ')}.`,
      'Give the restricted key the permissions that the runbook lists ("Set up Stripe").',
    );
  const mode = /^\w+_live_/.test(key) ? 'live' : 'test';
  return mode === 'live'
    ? ok('The key is of live mode and may read what the functions read.')
    : warning(
        'The key is of test mode: no customer can pay with it.',
        'When you sell, use a key of live mode, with its own prices, meters and endpoint.',
      );
}

async function checkEndpoint(ask: AskStripe, stack: Stack): Promise<Verdict[]> {
  const url = urlOfEvents(stack);
  return unlessForbidden('webhook endpoints', `Check that ${url} has ${NEEDED_OF_ENDPOINT}`, async () =>
    judgeEndpoint(read(Endpoints, await ask('webhook_endpoints?limit=100', 'Webhook Endpoints')).data, url),
  );
}

async function checkDestination(ask: AskStripe, stack: Stack): Promise<Verdict[]> {
  const url = urlOfEvents(stack);
  const path = '/v2/core/event_destinations?include[0]=webhook_endpoint.url&limit=100';
  const cure = `Check that an event destination sends ${NEEDED_OF_DESTINATION} to ${url}`;
  return unlessForbidden('event destinations', cure, async () =>
    judgeDestination(read(Destinations, await ask(path, 'Event Destinations')).data, url),
  );
}

function urlOfEvents({ settings }: Stack): string {
  return `${settings.publicUrl}${stripeWebhook.endpoints.receive.path}`;
}

/** The functions do not need the permission that this check needs. */
async function unlessForbidden(
  resource: string,
  cure: string,
  check: () => Promise<Verdict[]>,
): Promise<Verdict[]> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof NoAnswer) || error.reason !== 'FORBIDDEN') throw error;
    const other = `set STRIPE_SECRET_KEY to a key that may read ${resource}`;
    return [unknown(`The key may not read ${resource}.`, `${cure}; or ${other}.`)];
  }
}

/** Until Stripe can compute taxes, it refuses every checkout with them (docs.stripe.com/tax/settings-api). */
async function checkTaxes(ask: AskStripe): Promise<Verdict[]> {
  return unlessForbidden('tax settings', `Check that Stripe Tax is active at ${TAX_PAGE}`, async () => {
    const { status, status_details } = read(TaxSettings, await ask('tax/settings', 'Tax Settings'));
    if (status === 'active') return [ok('Stripe can compute taxes.')];
    const missing = status_details.pending?.missing_fields ?? [];
    return [
      failed(
        `Stripe Tax lacks ${missing.join(', ') || 'settings'}: no customer can buy.`,
        `Complete its settings at ${TAX_PAGE}, or set CHECKOUT_TAX to off.`,
      ),
    ];
  });
}

async function readPrices(ask: AskStripe): Promise<z.output<typeof Prices>> {
  const query = OFFERS.map(({ lookupKey }) => `lookup_keys[]=${lookupKey}`).join('&');
  return read(Prices, await ask(`prices?limit=100&${query}`, 'Prices'));
}

function plansByPrice({ data }: z.output<typeof Prices>): ReadonlyMap<string, Plan> {
  return new Map(
    data.flatMap(({ id, lookup_key }) => {
      const plan = planOfPrice({ lookupKey: lookup_key, planName: null });
      return plan ? [[id, plan] as const] : [];
    }),
  );
}

function judgePrices({ data }: z.output<typeof Prices>): Verdict[] {
  const problems = OFFERS.flatMap(({ interval, lookupKey }) => {
    // Without `active=false`, Stripe lists active prices (docs.stripe.com/api/prices/list).
    const price = data.find((each) => each.lookup_key === lookupKey && each.active);
    if (!price)
      return [
        warning(
          `No active price has the lookup key ${lookupKey}: it cannot be bought.`,
          `Create it at Stripe, per unit, each ${interval}; or remove it from shared/domain/plans.ts.`,
        ),
      ];
    const { recurring } = price;
    const wrong = [
      ...(recurring?.interval === interval
        ? []
        : [`for each ${recurring?.interval ?? 'payment, not recurring'}`]),
      ...(recurring && recurring.interval_count !== 1
        ? [`for ${recurring.interval_count} periods at once`]
        : []),
      ...(recurring && recurring.usage_type !== 'licensed' ? [`for ${recurring.usage_type} usage`] : []),
    ];
    return wrong.length === 0
      ? []
      : [
          failed(
            `The price ${lookupKey} is ${wrong.join(' and ')}.`,
            `Create an active price per unit for each ${interval} and move the lookup key to it.`,
          ),
        ];
  });
  return problems.length > 0 ? problems : [ok(`All ${OFFERS.length} prices exist.`)];
}

function metersIn({ settings: { environment } }: Stack): string[] {
  const { data } = z.safeParse(SETTINGS.USAGE_METERS.schema, environment.USAGE_METERS ?? '');
  return Array.isArray(data) ? data : [];
}

function judgeMeters(
  { data }: z.output<typeof Meters>,
  prices: z.output<typeof MeteredPrices>,
  stack: Stack,
): Verdict[] {
  const names = metersIn(stack);
  const problems = names.flatMap((name) => {
    const meter = data.find(({ event_name, status }) => event_name === name && status === 'active');
    const form = 'customer mapping stripe_customer_id, value key value, aggregation sum';
    if (!meter)
      return [
        failed(
          `No active meter has the event name ${name}: its usage is refused.`,
          `Create it at Stripe: ${form}.`,
        ),
      ];
    const { customer_mapping, value_settings, default_aggregation } = meter;
    const isRight =
      customer_mapping.event_payload_key === 'stripe_customer_id' &&
      value_settings.event_payload_key === 'value' &&
      default_aggregation.formula === 'sum';
    if (!isRight)
      return [failed(`The meter ${name} reads other fields than the code sends.`, `It needs ${form}.`)];
    const isPriced = prices.has_more || prices.data.some(({ recurring }) => recurring.meter === meter.id);
    return isPriced
      ? []
      : [
          warning(
            `No active price bills the meter ${name}: its usage is on no invoice.`,
            'Create a metered price, and add it to one subscription of each tenant.',
          ),
        ];
  });
  return problems.length > 0 ? problems : [ok(`All ${names.length} meters exist.`)];
}
