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
};

export const EVENT_TYPES = Object.keys(EVENT_LABELS).filter(isEventType);

export function isEventType(text: string): text is EventType {
  return Object.hasOwn(EVENT_LABELS, text);
}

/** The details of an event in one line; empty if it has none. */
export function detailOf({
  count,
  active,
  max,
  reason,
  seat,
  version,
  type,
  offline_since,
}: AuditEvent): string {
  const parts: string[] = [];
  if (count !== undefined)
    parts.push(count === 1 ? '1 request within a minute' : `${count} requests within a minute`);
  if (reason === 'lost') parts.push('lost in a server failure');
  if (reason === 'lease_ran_out' && type !== 'session.expired') parts.push('its lease had expired');
  if (seat === 'kept' && type !== 'session.borrowed') parts.push('seat shared with another program');
  if (active !== undefined && max !== undefined) parts.push(`${active} of ${max} seats in use then`);
  if (offline_since !== undefined)
    parts.push(`program started offline on ${dateAndTime(new Date(offline_since))}`);
  if (version !== undefined) parts.push(`license version ${version}`);
  return parts.join(', ');
}
