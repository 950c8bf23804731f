import { createHmac } from 'node:crypto';
import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import type { About } from '../../domain/billing-event.ts';
import { STRIPE_EVENT_ID } from '../../domain/ids.ts';
import { placesOf } from '../../domain/mismatch.ts';
import type { EventVerdict, SignedEvent } from '../../ports/billing.ts';
import { Invoice, idOf, Ref, subscriptionOf } from './stripe-objects.ts';

/**
 * A signature older than this, or as far in the future, proves nothing: it may be replayed (docs.stripe.com/webhooks).
 */
const TOLERANCE_SECONDS = 300;

/** Versions that an instance remembers to have warned of. Stripe has two or three at a time. */
const MOST_VERSIONS = 20;

const EventId = z.string().check(z.regex(STRIPE_EVENT_ID));
/** Some are like `v2.core.account[requirements].updated`. */
const EventType = z.string().check(z.regex(/^[\w.[\]]{1,150}$/));
/** Up to the year 9999. */
const seconds = z.int().check(z.gte(0), z.lt(253_402_300_800));

/** docs.stripe.com/api/events/object */
const SnapshotEvent = z.object({
  id: EventId,
  object: z.literal('event'),
  type: EventType,
  created: seconds,
  livemode: z.boolean(),
  account: z.nullish(z.string()),
  api_version: z.nullish(z.string().check(z.regex(/^[\w.-]{1,40}$/))),
  data: z.object({ object: z.unknown() }),
});

/** docs.stripe.com/api/v2/core/events/object, as far as it is sent. */
const ThinEvent = z.object({
  id: EventId,
  object: z.literal('v2.core.event'),
  type: EventType,
  created: z.iso.datetime({ offset: true }),
  livemode: z.boolean(),
  /** The account that it is about, if that is not the account of the endpoint. */
  context: z.nullish(z.string()),
});

/** What an unreadable body is found again by at Stripe. */
const Named = z.object({
  id: z.catch(z.optional(EventId), undefined),
  type: z.catch(z.optional(EventType), undefined),
});

/** Part of a path when the object is fetched, and the id of a document. */
const OBJECT_ID = /^[a-z]+_\w{1,200}$/;
const ObjectId = z.string().check(z.regex(OBJECT_ID));
const Itself = z.object({ id: ObjectId });
const Refund = z.object({ charge: Ref });
const Session = z.object({ subscription: Ref });
const InvoiceOfEvent = z.extend(Invoice, { id: z.catch(z.optional(ObjectId), undefined) });

const SUBSCRIPTION_EVENTS = [
  'created',
  'updated',
  'deleted',
  'paused',
  'resumed',
  'trial_will_end',
  'pending_update_applied',
  'pending_update_expired',
];
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
  ['customer.deleted', customer],
]);

/** The event types that the webhook endpoint must send. */
export const HANDLED_EVENTS: readonly string[] = [...ABOUT.keys()];

/** The event types that a destination for thin events must send: Stripe has no others for them. */
export const HANDLED_THIN_EVENTS: readonly string[] = [
  'v1.billing.meter.error_report_triggered',
  'v1.billing.meter.no_meter_found',
];

/** Stripe sends it as a test of a destination for thin events. */
const PING = 'v2.core.event_destination.ping';

/**
 * Opens deliveries that one of `secrets` signed. An event of the other mode (test or live) has no object.
 *
 * What Stripe signed is accepted in any case: to Stripe, each 4xx is a failed delivery, which it sends again for three days
 * (docs.stripe.com/webhooks); if all fail it disables the endpoint, as 21 events for which one handler answered 400
 * nearly did (https://dev.to/edhiblemeer, "the 4xx retry trap", 2026-05).
 */
export function stripeEventOpener(
  { webhooks, API_VERSION }: Pick<typeof Stripe, 'webhooks' | 'API_VERSION'>,
  secrets: readonly string[],
  isLive: boolean,
): (body: Uint8Array, signature: string, nowMs: number) => Promise<EventVerdict> {
  const warnOfVersion = versionWarner(API_VERSION);
  return async (body, signature, nowMs) => {
    let because = 'no webhook secret is configured';
    for (const secret of secrets) {
      try {
        if (!webhooks.signature) throw new Error('the library cannot verify signatures');
        await webhooks.signature.verifyHeaderAsync(
          body,
          signature,
          secret,
          TOLERANCE_SECONDS,
          undefined,
          nowMs,
        );
      } catch (error) {
        because = reasonOf(error);
        continue;
      }
      const signedAtSeconds = Number(/(?:^|,)\s*t=(\d+)/.exec(signature)?.[1]);
      if (signedAtSeconds > nowMs / 1000 + TOLERANCE_SECONDS)
        return { verdict: 'REFUSED', because: 'signed in the future' };
      return read(body, secret, isLive, warnOfVersion);
    }
    return { verdict: 'REFUSED', because };
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message.split('\n', 1)[0]}` : 'not an error';
}

type WarnOfVersion = (version: string | null | undefined) => string | undefined;

/** Warns of each version once: the endpoint sends all its events in one. */
function versionWarner(ours: string): WarnOfVersion {
  const known = new Set<string | null | undefined>([ours, null, undefined]);
  return (version) => {
    if (known.has(version) || known.size > MOST_VERSIONS) return undefined;
    known.add(version);
    return `the webhook endpoint sends events of API version ${version}, and this release reads ${ours}: create another endpoint with API version ${ours}, add its secret to STRIPE_WEBHOOK_SECRETS, and delete the old one`;
  };
}

function read(body: Uint8Array, secret: string, isLive: boolean, warnOfVersion: WarnOfVersion): SignedEvent {
  const json = jsonOf(body);
  const { id, type } = z.safeParse(Named, json).data ?? {};
  const unreadable = (because: string): SignedEvent => ({
    verdict: 'UNREADABLE',
    event: { eventId: id ?? idFor(body, secret), type: type ?? null, because },
  });
  if (json === undefined) return unreadable('it is not JSON');
  const thin = z.safeParse(ThinEvent, json);
  if (thin.data) return readThin(thin.data, isLive);
  const isThin = Object(json).object === 'v2.core.event';
  const snapshot = z.safeParse(SnapshotEvent, json);
  if (!snapshot.data) {
    const error = isThin ? thin.error : snapshot.error;
    return unreadable(`it is not an event: ${error && placesOf(error, 'the body')}`);
  }
  const { api_version, data } = snapshot.data;
  // Events of a connected account or of the other mode are not ours.
  const isOurs = snapshot.data.account == null && snapshot.data.livemode === isLive;
  const event = {
    eventId: snapshot.data.id,
    type: snapshot.data.type,
    createdAtMs: snapshot.data.created * 1000,
  };
  const aboutOf = isOurs ? ABOUT.get(event.type) : undefined;
  if (!aboutOf) return { verdict: 'EVENT', event: { ...event, about: null }, isThin: false };
  const warning = warnOfVersion(api_version);
  try {
    return { verdict: 'EVENT', event: { ...event, about: aboutOf(data.object) }, isThin: false, warning };
  } catch (error) {
    if (!(error instanceof z.core.$ZodError)) throw error;
    const version = api_version ? ` (API version ${api_version})` : '';
    return unreadable(`its object has an unknown form${version}: ${placesOf(error, 'the object')}`);
  }
}

/**
 * Of thin events, only those are used that do not exist otherwise. The rest is the work of the webhook endpoint.
 */
function readThin(thin: z.infer<typeof ThinEvent>, isLive: boolean): SignedEvent {
  const { id, type, created, livemode, context } = thin;
  const isOurs = context == null && livemode === isLive;
  const isUsed = HANDLED_THIN_EVENTS.includes(type);
  const about: About | null = isOurs && isUsed ? { kind: 'meter_errors', id } : null;
  const isUnexpected = isOurs && !isUsed && type !== PING;
  return {
    verdict: 'EVENT',
    event: { eventId: id, type, createdAtMs: Date.parse(created), about },
    isThin: true,
    warning: isUnexpected
      ? `thin events ${type} are not used: remove the type from the event destination for thin events at Stripe, which needs ${HANDLED_THIN_EVENTS.join(' and ')} only`
      : undefined,
  };
}

/** The value, or `undefined` if it is not JSON. A parser's message quotes its input, which holds customers' data. */
function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** The id of a body that has none: the same for the same body, and no use to anyone who guesses its content. */
function idFor(body: Uint8Array, secret: string): string {
  return `evt_unreadable_${createHmac('sha256', secret).update(body).digest('hex').slice(0, 32)}`;
}

function itself(kind: About['kind']): (object: unknown) => About {
  return (object) => ({ kind, id: z.parse(Itself, object).id });
}

function chargeOfRefund(object: unknown): About | null {
  const id = idOf(z.parse(Refund, object).charge);
  return id === null ? null : { kind: 'charge', id: z.parse(ObjectId, id) };
}

/** An account may give customers ids of its own, which can be addresses. Ours have ids of Stripe. */
function customer(object: unknown): About | null {
  const { id } = z.parse(z.object({ id: z.string() }), object);
  return OBJECT_ID.test(id) ? { kind: 'customer', id } : null;
}

function subscriptionOfInvoice(object: unknown): About | null {
  const { id: invoiceId, ...invoice } = z.parse(InvoiceOfEvent, object);
  const about = subscription(subscriptionOf(invoice));
  return about && invoiceId !== undefined ? { ...about, invoiceId } : about;
}

function subscription(id: string | null): About | null {
  return id === null ? null : { kind: 'subscription', id: z.parse(ObjectId, id) };
}
