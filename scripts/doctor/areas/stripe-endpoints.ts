import { Stripe } from 'stripe';
import * as z from 'zod/mini';
import { HANDLED_EVENTS, HANDLED_THIN_EVENTS } from '../../../shared/adapters/billing/stripe-events.ts';
import { failed, ok, type Verdict } from '../finding.ts';

/** https://docs.stripe.com/api/webhook_endpoints/object */
export const WebhookEndpoint = z.object({
  id: z.string(),
  url: z.string(),
  status: z.string(),
  api_version: z.nullable(z.string()),
  enabled_events: z.array(z.string()),
});

/** https://docs.stripe.com/api/v2/core/event-destinations/object, with `webhook_endpoint.url` included. */
export const EventDestination = z.object({
  id: z.string(),
  status: z.string(),
  event_payload: z.string(),
  enabled_events: z.array(z.string()),
  webhook_endpoint: z.nullish(z.object({ url: z.nullish(z.string()) })),
});

export const NEEDED_OF_ENDPOINT = `API version ${Stripe.API_VERSION} and the events ${HANDLED_EVENTS.join(', ')}`;
export const NEEDED_OF_DESTINATION = `the thin events ${HANDLED_THIN_EVENTS.join(' and ')}`;

/** While a version is replaced, there are two endpoints: the better one counts. */
export function judgeEndpoint(all: readonly z.output<typeof WebhookEndpoint>[], url: string): Verdict[] {
  const ours = all.filter((each) => isAt(each.url, url));
  const endpoint =
    ours.find(({ status, api_version }) => status === 'enabled' && isOurs(api_version)) ?? ours[0];
  if (!endpoint)
    return [failed(`No webhook endpoint has the URL ${url}.`, `Create it with ${NEEDED_OF_ENDPOINT}.`)];
  const { id, api_version } = endpoint;
  const problems = [
    ...judgeDelivery('endpoint', endpoint, HANDLED_EVENTS),
    ...(isOurs(api_version)
      ? []
      : [
          failed(
            `The endpoint has API version ${api_version ?? 'of the account'}, and the code reads ${Stripe.API_VERSION}.`,
            `Create another endpoint with API version ${Stripe.API_VERSION}, add its secret, deploy, and delete ${id}: a version cannot be changed.`,
          ),
        ]),
  ];
  return problems.length > 0 ? problems : [ok(`${url} gets all events, in the API version of the code.`)];
}

/** Stripe reports refused usage in thin events only, which a webhook endpoint cannot send. */
export function judgeDestination(all: readonly z.output<typeof EventDestination>[], url: string): Verdict[] {
  const destination = all.find(
    ({ event_payload, webhook_endpoint }) =>
      event_payload === 'thin' && isAt(webhook_endpoint?.url ?? '', url),
  );
  if (!destination)
    return [
      failed(
        `No event destination sends thin events to ${url}: usage that Stripe rejects is not reported.`,
        `Create an event destination with ${NEEDED_OF_DESTINATION} to ${url}, and add its secret to STRIPE_WEBHOOK_SECRETS.`,
      ),
    ];
  const problems = judgeDelivery('event destination', destination, HANDLED_THIN_EVENTS);
  return problems.length > 0 ? problems : [ok(`${url} gets the events about refused usage.`)];
}

/** Whether `what` sends all `needed` events. */
function judgeDelivery(
  what: string,
  { id, status, enabled_events }: Pick<z.output<typeof WebhookEndpoint>, 'id' | 'status' | 'enabled_events'>,
  needed: readonly string[],
): Verdict[] {
  const missing = enabled_events.includes('*') ? [] : needed.filter((type) => !enabled_events.includes(type));
  return [
    ...(status === 'enabled'
      ? []
      : [failed(`The ${what} is ${status}: Stripe sends it nothing.`, `Enable ${id} at Stripe.`)]),
    ...(missing.length === 0
      ? []
      : [failed(`The ${what} does not send ${missing.join(', ')}.`, `Add these events to ${id} at Stripe.`)]),
  ];
}

function isOurs(version: string | null): boolean {
  return version === Stripe.API_VERSION;
}

/** Two endpoints with one address have different queries, as Stripe advises (https://docs.stripe.com/webhooks/versioning). */
function isAt(address: string, url: string): boolean {
  return address.split('?')[0] === url;
}
