import * as z from 'zod/mini';
import { ActorSchema } from './actor.ts';
import { EVENT_TYPES, EventDetailSchema, type SeatEvent, SeatEventSchema } from './event.ts';
import { placesOf } from './mismatch.ts';
import { keepUnknownFields } from './unknown-fields.ts';

/** A user, an operator, a license key or one of our own functions; `id` is null once it was erased. */
export const ActorJson = z.strictObject({
  type: ActorSchema.shape.kind,
  id: ActorSchema.shape.id,
});

/**
 * Events as subscribers get them: one JSON object per message, in snake_case, times in RFC 3339. Unknown values are
 * left out.
 */
export const EventJson = z.strictObject({
  event_id: SeatEventSchema.shape.eventId,
  type: z.enum(EVENT_TYPES),
  tenant_id: SeatEventSchema.shape.tenantId,
  license_id: SeatEventSchema.shape.licenseId,
  session_id: SeatEventSchema.shape.sessionId,
  at: z.iso.datetime(),
  position: SeatEventSchema.shape.position,
  /** Who caused it. */
  actor: ActorJson,
  /** `X-Request-Id` of the request that caused it. */
  request_id: SeatEventSchema.shape.requestId,
  holder: EventDetailSchema.shape.holder,
  acquired_at: z.optional(z.iso.datetime()),
  borrowed_until: z.optional(z.iso.datetime()),
  /**
   * When the program started without the server, by its own clock: at most 90 days before `at`, and never after it.
   * Present only if its client reported it.
   */
  offline_since: z.optional(z.iso.datetime()),
  seat: EventDetailSchema.shape.seat,
  active: EventDetailSchema.shape.active,
  max: EventDetailSchema.shape.max,
  reason: EventDetailSchema.shape.reason,
  count: EventDetailSchema.shape.count,
  /** The id of the signed license. A license whose id is in no event was not signed by this service. */
  jti: EventDetailSchema.shape.jti,
  version: EventDetailSchema.shape.version,
  /** The fields that an update changed. `plan`, `status` and `hold` have their new values if they are among them. */
  fields: EventDetailSchema.shape.fields,
  plan: EventDetailSchema.shape.plan,
  status: EventDetailSchema.shape.status,
  hold: EventDetailSchema.shape.hold,
  /** At Stripe: the invoice that was paid, not paid, refunded or disputed. */
  invoice_id: EventDetailSchema.shape.invoiceId,
  /** At Stripe: the dispute. */
  dispute_id: EventDetailSchema.shape.disputeId,
});
export type EventJson = z.infer<typeof EventJson>;

/** The version of the message format. A field that may be ignored needs no new version. */
const MESSAGE_VERSION = 1;

/** Fields that a newer release added are kept, as `unknown-fields.ts` says. */
const MessageJson = z.object(EventJson.shape);

/** What all events have: those of the audit log have more types, and some belong to no license. */
type AnyEvent = Omit<SeatEvent, 'type' | 'licenseId'> & {
  readonly type: string;
  readonly licenseId: string | null;
};

export function eventToJson<const E extends AnyEvent>({
  detail,
  ...event
}: E): Omit<EventJson, 'type' | 'license_id'> & { type: E['type']; license_id: E['licenseId'] } {
  const { acquiredAtMs, borrowedUntilMs, offlineSinceMs, invoiceId, disputeId, ...rest } = detail;
  return {
    event_id: event.eventId,
    type: event.type,
    tenant_id: event.tenantId,
    license_id: event.licenseId,
    session_id: event.sessionId,
    at: new Date(event.atMs).toISOString(),
    position: event.position,
    actor: { type: event.actor.kind, id: event.actor.id },
    ...(event.requestId !== undefined && { request_id: event.requestId }),
    ...(acquiredAtMs === undefined ? {} : { acquired_at: new Date(acquiredAtMs).toISOString() }),
    ...(borrowedUntilMs === undefined ? {} : { borrowed_until: new Date(borrowedUntilMs).toISOString() }),
    ...(offlineSinceMs === undefined ? {} : { offline_since: new Date(offlineSinceMs).toISOString() }),
    ...(invoiceId === undefined ? {} : { invoice_id: invoiceId }),
    ...(disputeId === undefined ? {} : { dispute_id: disputeId }),
    ...rest,
  };
}

/** A message to publish. */
export interface EventMessage {
  readonly data: Buffer;
  /** For subscription filters, which cannot read the data. */
  readonly attributes: Readonly<Record<string, string>>;
}

export function messageOf(event: SeatEvent): EventMessage {
  const { eventId, type, tenantId, licenseId } = event;
  return {
    data: Buffer.from(JSON.stringify({ v: MESSAGE_VERSION, ...eventToJson(event) })),
    attributes: {
      v: String(MESSAGE_VERSION),
      event_id: eventId,
      type,
      tenant_id: tenantId,
      license_id: licenseId,
    },
  };
}

/** The attribute in which Google's own clients store the publisher's `traceparent`. */
export const TRACEPARENT_ATTRIBUTE = 'googclient_traceparent';

/** The message with the trace context of its publisher. */
export function withTrace(traceparent: string | undefined, message: EventMessage): EventMessage {
  if (traceparent === undefined) return message;
  return { ...message, attributes: { ...message.attributes, [TRACEPARENT_ATTRIBUTE]: traceparent } };
}

/** The event in a message's data, or why it is invalid: for the log, so it names fields and quotes no values. */
export function readMessage(data: string): { event: SeatEvent } | { because: string } {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(data, 'base64').toString());
  } catch {
    return { because: 'the data of the message is not JSON' };
  }
  const { v, ...fields } = z.safeParse(z.looseObject({ v: z.unknown() }), json).data ?? { v: undefined };
  if (v !== MESSAGE_VERSION)
    return { because: `the message has another version than ${MESSAGE_VERSION}, which this release reads` };
  const parsed = z.safeParse(MessageJson, fields);
  if (!parsed.success) {
    return { because: `the data of the message is not an event: ${placesOf(parsed.error, 'the message')}` };
  }
  const { event_id, type, tenant_id, license_id, session_id, at, position, actor, request_id, ...rest } =
    keepUnknownFields(parsed.data, fields);
  const { acquired_at, borrowed_until, offline_since, invoice_id, dispute_id, ...detail } = rest;
  return {
    event: {
      eventId: event_id,
      type,
      tenantId: tenant_id,
      licenseId: license_id,
      sessionId: session_id,
      atMs: Date.parse(at),
      position,
      actor: { kind: actor.type, id: actor.id },
      ...(request_id !== undefined && { requestId: request_id }),
      detail: {
        ...detail,
        ...(acquired_at === undefined ? {} : { acquiredAtMs: Date.parse(acquired_at) }),
        ...(borrowed_until === undefined ? {} : { borrowedUntilMs: Date.parse(borrowed_until) }),
        ...(offline_since === undefined ? {} : { offlineSinceMs: Date.parse(offline_since) }),
        ...(invoice_id === undefined ? {} : { invoiceId: invoice_id }),
        ...(dispute_id === undefined ? {} : { disputeId: dispute_id }),
      },
    },
  };
}

/**
 * What Pub/Sub posts to a push subscription's endpoint
 * (https://cloud.google.com/pubsub/docs/push, "Receive messages"; the emulator leaves out what is optional here).
 */
export const PushEnvelope = z.object({
  message: z.object({
    data: z.string(),
    messageId: z.string(),
    attributes: z.optional(z.record(z.string(), z.string())),
    publishTime: z.optional(z.string()),
  }),
  subscription: z.string(),
  /** Only with a dead-letter topic; the first delivery is 1. */
  deliveryAttempt: z.optional(z.int()),
});
export type PushEnvelope = z.infer<typeof PushEnvelope>;
