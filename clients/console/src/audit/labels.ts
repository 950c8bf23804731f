import type { AuditEvent } from '../../../sdk/src/api.ts';
import { dateAndTime } from '../time.ts';

export type EventType = AuditEvent['type'];

/** Names of event types, in the order in which the filter lists them. */
export const EVENT_LABELS: Readonly<Record<EventType, string>> = {
  'session.acquired': 'Seat acquired',
  'session.borrowed': 'Seat borrowed',
  'session.revived': 'Session resumed',
  'session.released': 'Seat released',
  'session.expired': 'Session expired',
  'session.evicted': 'Session evicted',
  'seat.denied': 'Seat denied',
  'license.created': 'License created',
  'license.updated': 'License updated',
  'license.key_rotated': 'License key rotated',
  'license.signed': 'License signed',
  'subscription.trial_ending': 'Trial ending soon',
  'subscription.paid': 'Payment received',
  'subscription.payment_failed': 'Payment failed',
  'subscription.refunded': 'Payment refunded',
  'subscription.disputed': 'Payment disputed',
  'subscription.ended': 'Subscription ended',
  'subscription.needs_review': 'Subscription needs a review',
  'subscription.canceled': 'Subscription canceled',
  'subscription.end_requested': 'Subscription end requested',
  'subscription.kept': 'Cancellation undone',
  'subscription.paused': 'Subscription paused',
  'subscription.resumed': 'Subscription resumed',
  'subscription.hold_lifted': 'Hold lifted',
  'subscription.change_requested': 'Subscription change requested',
  'subscription.changed': 'Subscription changed',
  'checkout.created': 'Checkout opened',
  'tenant.created': 'Tenant created',
  'tenant.updated': 'Tenant updated',
  'tenant.closed': 'Tenant closed',
  'member.joined': 'Member joined',
  'member.role_changed': 'Role changed',
  'member.removed': 'Member removed',
  'invitation.created': 'Invitation sent',
  'invitation.accepted': 'Invitation accepted',
  'invitation.declined': 'Invitation declined',
  'invitation.withdrawn': 'Invitation withdrawn',
  'ownership.offered': 'Ownership offered',
  'ownership.declined': 'Ownership declined',
  'ownership.withdrawn': 'Ownership offer withdrawn',
  'ownership.transferred': 'Ownership transferred',
  'domain.claimed': 'Domain claimed',
  'domain.released': 'Domain released',
  'user.created': 'User created',
  'user.signed_in': 'User signed in',
  'user.signed_out': 'User signed out',
  'data.exported': 'Data exported',
  'erasure.requested': 'Erasure requested',
  'erasure.started': 'Erasure started',
  'erasure.completed': 'Erasure completed',
  'operator_token.created': 'Operator token created',
  'operator_token.revoked': 'Operator token revoked',
  'signing_key.revoked': 'Signing key revoked',
  'signing_key.restored': 'Signing key restored',
  'signature.revoked': 'Signature revoked',
  'signature.restored': 'Signature restored',
  'usage.refused': 'Usage refused',
  'stripe_event.set_aside': 'Stripe event set aside',
  'stripe_event.retried': 'Stripe event tried again',
  'usage.rejected': 'Usage rejected by Stripe',
  'usage.voided': 'Usage voided',
};

export const EVENT_TYPES = Object.keys(EVENT_LABELS).filter(isEventType);

export function isEventType(text: string): text is EventType {
  return Object.hasOwn(EVENT_LABELS, text);
}

/** Names of members, by user id. */
export type MemberNames = ReadonlyMap<string, string>;

const ACTORS: Readonly<Record<AuditEvent['actor']['type'], string>> = {
  user: 'user',
  operator: 'operator',
  license: 'license key',
  system: 'Seatlease',
};

/** Who caused an event: the name of a member, else what kind of actor it was and, for all but license keys, its id. */
export function actorOf({ actor: { type, id } }: AuditEvent, names: MemberNames): string {
  if (id === null) return `${ACTORS[type]} (erased)`;
  const name = names.get(id);
  if (name !== undefined) return type === 'operator' ? `${name} (operator)` : name;
  return type === 'license' ? ACTORS[type] : `${ACTORS[type]} ${id}`;
}

/** What an event is about beside its license and session, with the name of a member; empty if there is nothing. */
export function subjectOf({ subject }: AuditEvent, names: MemberNames): string {
  return subject === null ? '' : (names.get(subject) ?? subject);
}

/** The details of an event in one line; empty if it has none. */
export function detailOf({
  count,
  active,
  max,
  quantity,
  reason,
  note,
  seat,
  version,
  type,
  offline_since,
  fields,
  plan,
  status,
  hold,
  role,
  previous_role,
  seats,
  previous_seats,
  previous_plan,
  interval,
  previous_interval,
  pause,
  invoice_id,
  dispute_id,
  usage = [],
}: AuditEvent): string {
  const parts: string[] = [];
  if (count !== undefined) {
    const isUsage = type.startsWith('usage.');
    const counted = `${count} ${isUsage ? 'usage record' : 'request'}${count === 1 ? '' : 's'}`;
    parts.push(isUsage ? counted : `${counted} within a minute`);
  }
  if (quantity !== undefined) parts.push(`${quantity} in total`);
  if (reason === 'lost') parts.push('lost in a server failure');
  if (reason === 'seats_reduced') parts.push('the license got fewer seats');
  if (reason === 'lease_ran_out' && type !== 'session.expired') parts.push('its lease had expired');
  if (type === 'subscription.needs_review' && reason !== undefined) parts.push(reason.replaceAll('_', ' '));
  if (seat === 'kept' && type !== 'session.borrowed') parts.push('seat shared with another program');
  if (active !== undefined && max !== undefined) parts.push(`${active} of ${max} seats in use then`);
  if (offline_since !== undefined)
    parts.push(`program started offline on ${dateAndTime(new Date(offline_since))}`);
  if (role !== undefined) parts.push(previous_role === undefined ? role : `${previous_role} to ${role}`);
  if (pause !== undefined)
    parts.push(pause === 'collection' ? 'collection of payments' : 'whole subscription');
  for (const { meter, quantity, outcome } of usage)
    parts.push(`last usage of ${meter}: ${quantity}, ${outcome}`);
  if (fields !== undefined) parts.push(`changed: ${fields.join(', ')}`);
  if (plan !== undefined) parts.push(`plan ${fromTo(previous_plan, plan)}`);
  if (seats !== undefined) parts.push(`${fromTo(previous_seats, seats)} seats`);
  if (interval !== undefined) parts.push(`billed by ${fromTo(previous_interval, interval)}`);
  if (status !== undefined) parts.push(status);
  if (hold !== undefined) parts.push(hold === null ? 'no longer held' : `held: ${hold}`);
  if (dispute_id !== undefined) parts.push(`dispute ${dispute_id}`);
  if (invoice_id !== undefined) parts.push(`invoice ${invoice_id}`);
  if (version !== undefined) parts.push(`license version ${version}`);
  if (note !== undefined) parts.push(note);
  return parts.join(', ');
}

function fromTo<T extends string | number>(before: T | undefined, after: T): string {
  return before === undefined || before === after ? String(after) : `${before} to ${after}`;
}
