import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import type { About, BillingEvent } from '../../domain/billing-event.ts';
import type { EventVerdict } from '../../ports/billing.ts';
import { Invoice, idOf, Ref, subscriptionOf } from './stripe-objects.ts';

/**
 * A signature older than this, or as far in the future, proves nothing: it may be replayed (docs.stripe.com/webhooks).
 */
const TOLERANCE_SECONDS = 300;

const Event = z.object({
  id: z.string().check(z.regex(/^evt_\w+$/)),
  object: z.literal('event'),
  type: z.string(),
  created: z.int(),
  livemode: z.boolean(),
  account: z.nullish(z.string()),
  data: z.object({ object: z.unknown() }),
});

const Itself = z.object({ id: z.string() });
const Refund = z.object({ charge: Ref });
const Session = z.object({ subscription: Ref });

const SUBSCRIPTION_EVENTS = ['created', 'updated', 'deleted', 'paused', 'resumed', 'trial_will_end'];
const DISPUTE_EVENTS = ['created', 'updated', 'closed', 'funds_withdrawn', 'funds_reinstated'];
/** A refund can fail after days. Stripe sends the second for some payment methods only. */
const REFUND_EVENTS = ['refund.updated', 'charge.refund.updated', 'refund.failed'];
const INVOICE_EVENTS = ['paid', 'payment_failed', 'finalized', 'voided', 'marked_uncollectible'];

/** How to find the object of an event, by event type. All other types have nothing to do with seats. */
const ABOUT: ReadonlyMap<string, (object: unknown) => About | null> = new Map([
  ...SUBSCRIPTION_EVENTS.map((name) => [`customer.subscription.${name}`, itself('subscription')] as const),
  ...INVOICE_EVENTS.map((name) => [`invoice.${name}`, subscriptionOfInvoice] as const),
  ['checkout.session.completed', (object) => subscription(idOf(z.parse(Session, object).subscription))],
  ['charge.refunded', itself('charge')],
  ...REFUND_EVENTS.map((type) => [type, chargeOfRefund] as const),
  ...DISPUTE_EVENTS.map((name) => [`charge.dispute.${name}`, itself('dispute')] as const),
  ['customer.deleted', itself('customer')],
]);

/** The event types that the webhook endpoint must send. */
export const HANDLED_EVENTS: readonly string[] = [...ABOUT.keys()];

/**
 * The event in `body` if one of `secrets` signed it recently. An event of the other mode (test or live) has no object.
 */
export async function openStripeEvent(
  { webhooks }: Pick<typeof Stripe, 'webhooks'>,
  secrets: readonly string[],
  isLive: boolean,
  body: Uint8Array,
  signature: string,
  nowMs: number,
): Promise<EventVerdict> {
  let because = 'no webhook secret is configured';
  for (const secret of secrets) {
    try {
      await webhooks.constructEventAsync(body, signature, secret, TOLERANCE_SECONDS, undefined, nowMs);
      return readEvent(body, signature, isLive, nowMs);
    } catch (error) {
      because = reasonOf(error);
    }
  }
  return { verdict: 'REFUSED', because };
}

/** A parser's message quotes its input, which holds customers' data. */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'signed, but not JSON';
  return error instanceof Error ? `${error.name}: ${error.message.split('\n', 1)[0]}` : 'not an error';
}

function readEvent(body: Uint8Array, signature: string, isLive: boolean, nowMs: number): EventVerdict {
  const signedAtSeconds = Number(/(?:^|,)\s*t=(\d+)/.exec(signature)?.[1]);
  if (signedAtSeconds > nowMs / 1000 + TOLERANCE_SECONDS)
    return { verdict: 'REFUSED', because: 'signed in the future' };
  const { data: event } = z.safeParse(Event, JSON.parse(new TextDecoder().decode(body)));
  if (!event) return { verdict: 'REFUSED', because: 'signed, but not an event' };
  return { verdict: 'EVENT', event: eventOf(event, isLive) };
}

function eventOf(event: z.infer<typeof Event>, isLive: boolean): BillingEvent {
  const { id, type, created, livemode, account, data } = event;
  // Events of a connected account or of the other mode are not ours.
  const isOurs = account == null && livemode === isLive;
  const about = isOurs ? (ABOUT.get(type)?.(data.object) ?? null) : null;
  return { eventId: id, type, createdAtMs: created * 1000, about };
}

function itself(kind: About['kind']): (object: unknown) => About {
  return (object) => ({ kind, id: z.parse(Itself, object).id });
}

function chargeOfRefund(object: unknown): About | null {
  const id = idOf(z.parse(Refund, object).charge);
  return id === null ? null : { kind: 'charge', id };
}

function subscriptionOfInvoice(object: unknown): About | null {
  return subscription(subscriptionOf(z.parse(Invoice, object)));
}

function subscription(id: string | null): About | null {
  return id === null ? null : { kind: 'subscription', id };
}
