import type { AuditEvent } from '../../../sdk/src/api.ts';

export type EventType = AuditEvent['type'];

/** What happened, as people say it. In the order in which they are offered. */
export const EVENT_LABELS: Readonly<Record<EventType, string>> = {
  'session.acquired': 'Seat taken',
  'session.borrowed': 'Seat borrowed',
  'session.revived': 'Seat taken again',
  'session.released': 'Seat given back',
  'session.expired': 'Seat ran out',
  'session.evicted': 'Seat taken away',
  'seat.denied': 'Seat refused',
  'license.created': 'License made',
  'license.updated': 'License changed',
  'license.key_rotated': 'New license key',
  'subscription.trial_ending': 'Trial about to end',
  'subscription.paid': 'Payment received',
  'subscription.payment_failed': 'Payment failed',
  'subscription.refunded': 'Payment given back',
  'subscription.disputed': 'Payment disputed',
  'subscription.ended': 'Subscription ended',
};

export const EVENT_TYPES = Object.keys(EVENT_LABELS).filter(isEventType);

export function isEventType(text: string): text is EventType {
  return Object.hasOwn(EVENT_LABELS, text);
}

/** What else an event tells, in a line; empty where its type says it all. */
export function detailOf({ count, active, max, reason, version, type }: AuditEvent): string {
  const parts: string[] = [];
  if (count !== undefined)
    parts.push(count === 1 ? '1 request within a minute' : `${count} requests within a minute`);
  if (reason === 'lost') parts.push('lost by the server');
  if (reason === 'lease_ran_out' && type !== 'session.expired') parts.push('its time had run out');
  if (active !== undefined && max !== undefined) parts.push(`${active} of ${max} taken then`);
  if (version !== undefined) parts.push(`version ${version} of the license`);
  return parts.join(', ');
}
