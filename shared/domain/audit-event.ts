import * as z from 'zod/mini';
import { ActorSchema, type By } from './actor.ts';
import { ROLES } from './authorization.ts';
import { EVENT_TYPES, EventDetailSchema, type SeatEvent, SeatEventSchema } from './event.ts';
import { ActorJson, EventJson, eventToJson } from './event-message.ts';
import { eventIdOf, LICENSE_ID, TENANT_ID } from './ids.ts';
import { UsageTallySchema } from './metering.ts';

/** Types of events that are only in the audit log: they are not published, and no session history depends on them. */
export const AUDIT_ONLY_TYPES = [
  'tenant.created',
  'tenant.updated',
  'tenant.closed',
  'member.joined',
  'member.role_changed',
  'member.removed',
  'invitation.created',
  'invitation.accepted',
  'invitation.declined',
  'invitation.withdrawn',
  'ownership.offered',
  'ownership.declined',
  'ownership.withdrawn',
  'ownership.transferred',
  'domain.claimed',
  'domain.released',
  'user.created',
  'user.signed_in',
  'user.signed_out',
  'checkout.created',
  'subscription.end_requested',
  'subscription.canceled',
  'subscription.kept',
  'subscription.paused',
  'subscription.resumed',
  'subscription.hold_lifted',
  'subscription.change_requested',
  'subscription.changed',
  'data.exported',
  'erasure.requested',
  'erasure.started',
  'erasure.completed',
  'operator_token.created',
  'operator_token.revoked',
  'signing_key.revoked',
  'signing_key.restored',
  'signature.revoked',
  'signature.restored',
  'usage.refused',
  'stripe_event.set_aside',
  'stripe_event.retried',
  'usage.rejected',
  'usage.voided',
] as const;
export type AuditOnlyType = (typeof AUDIT_ONLY_TYPES)[number];

/** All types of the audit log. */
export const AUDIT_TYPES = [...EVENT_TYPES, ...AUDIT_ONLY_TYPES] as const;
export type AuditType = (typeof AUDIT_TYPES)[number];

/** In place of a tenant: what concerns the vendor, or a user in all their tenants, has a chain of its own. */
export const VENDOR = 'vendor';

export const AuditDetailSchema = z.extend(EventDetailSchema, {
  /** The role that a member got, or that an invitation offers. */
  role: z.optional(z.enum(ROLES)),
  previousRole: z.optional(z.enum(ROLES)),
  /** Why an operator did it, in their words. Returned to operators only. */
  note: z.optional(z.string()),
  /** Units of a meter. */
  quantity: z.optional(z.int()),
  /** Error code of Stripe. */
  because: z.optional(z.string()),
  /** What a change of a subscription changes it to, and from; `plan` is the new plan. */
  previousPlan: z.optional(z.string()),
  seats: z.optional(z.int()),
  previousSeats: z.optional(z.int()),
  interval: z.optional(z.string()),
  previousInterval: z.optional(z.string()),
  /** What was paused of a subscription. */
  pause: z.optional(z.enum(['collection', 'subscription'])),
  /** The usage that was sent to Stripe right before a subscription ended. */
  usage: z.optional(z.array(UsageTallySchema)),
});
export type AuditDetail = z.infer<typeof AuditDetailSchema>;

/** An event as the audit log has it. */
export const AuditEventFields = z.extend(SeatEventSchema, {
  type: z.enum(AUDIT_TYPES),
  /** `VENDOR` for events of no tenant. */
  tenantId: z.union([z.string().check(z.regex(TENANT_ID)), z.literal(VENDOR)]),
  /** `null` for events of no license. */
  licenseId: z.nullable(z.string().check(z.regex(LICENSE_ID))),
  actor: ActorSchema,
  /**
   * Id of what the event is about, if it is neither the tenant, the license nor the session: a user, an invitation, an
   * erasure, an operator token, a signing key, a signature, a meter, an event of Stripe. `null` once it was erased.
   */
  subject: z.nullable(z.string()),
  detail: AuditDetailSchema,
});
export type AuditEventFields = z.infer<typeof AuditEventFields>;

/** What a use case reports about a change that it records. */
export interface AuditNote {
  readonly type: AuditOnlyType;
  readonly tenantId: string;
  readonly licenseId?: string | null;
  readonly sessionId?: string | null;
  readonly subject?: string | null;
  readonly by: By;
  readonly detail?: AuditDetail;
}

/**
 * The event of a change. Its id is derived from its content and its request, so a transaction that runs twice records one
 * event. Two events of one type, subject and millisecond in one request would be one.
 */
export function auditEventOf(
  { type, tenantId, licenseId = null, sessionId = null, subject = null, by, detail = {} }: AuditNote,
  nowMs: number,
): AuditEventFields {
  const content = [type, tenantId, licenseId, sessionId, subject, by.actor, by.requestId, nowMs];
  return {
    eventId: eventIdOf(tenantId === VENDOR ? NO_SHARD : tenantId, JSON.stringify(content)),
    type,
    tenantId,
    licenseId,
    sessionId,
    atMs: nowMs,
    position: `${nowMs}-0`,
    ...by,
    subject,
    detail,
  };
}

/** In the place of an id's shard. Ids of events have two digits there, also those that belong to no shard. */
const NO_SHARD = 'evt_00_';

/** Whether the event is also published, and not in the audit log only. */
export function isPublished<E extends AuditEventFields>(event: E): event is E & SeatEvent {
  return EVENT_TYPES.some((type) => type === event.type) && event.licenseId !== null;
}

/** Audit events as the API returns them, like `EventJson`. */
export const AuditEventJson = z.strictObject({
  ...EventJson.shape,
  type: z.enum(AUDIT_TYPES),
  /** `vendor` for events of no tenant. */
  tenant_id: AuditEventFields.shape.tenantId,
  license_id: AuditEventFields.shape.licenseId,
  actor: ActorJson,
  /**
   * Id of what the event is about, if it is neither the tenant, the license nor the session; null if there is nothing
   * else, or once it was erased.
   */
  subject: AuditEventFields.shape.subject,
  role: AuditDetailSchema.shape.role,
  previous_role: AuditDetailSchema.shape.previousRole,
  /** Why an operator did it. Only operators get it. */
  note: AuditDetailSchema.shape.note,
  quantity: AuditDetailSchema.shape.quantity,
  /** Error code of Stripe. */
  because: AuditDetailSchema.shape.because,
  /** Of a change of a subscription, with `plan` and the values before it. */
  seats: AuditDetailSchema.shape.seats,
  previous_seats: AuditDetailSchema.shape.previousSeats,
  previous_plan: AuditDetailSchema.shape.previousPlan,
  interval: AuditDetailSchema.shape.interval,
  previous_interval: AuditDetailSchema.shape.previousInterval,
  pause: AuditDetailSchema.shape.pause,
  /** Usage that was sent to Stripe right before the subscription ended, and what became of it. */
  usage: AuditDetailSchema.shape.usage,
});
export type AuditEventJson = z.infer<typeof AuditEventJson>;

/** `reader`: operators get more than the tenant that the event belongs to. */
export function auditEventToJson(
  { subject, detail, ...event }: AuditEventFields,
  reader: 'operator' | 'tenant',
): AuditEventJson {
  const { previousRole, previousPlan, previousSeats, previousInterval, note, ...rest } = detail;
  return {
    ...eventToJson({ ...event, detail: rest }),
    subject,
    ...(previousRole === undefined ? {} : { previous_role: previousRole }),
    ...(note === undefined || reader === 'tenant' ? {} : { note }),
    ...(previousPlan === undefined ? {} : { previous_plan: previousPlan }),
    ...(previousSeats === undefined ? {} : { previous_seats: previousSeats }),
    ...(previousInterval === undefined ? {} : { previous_interval: previousInterval }),
  };
}
