import type { AuditCheck, AuditEvent } from '../../../sdk/src/api.ts';

type EventType = AuditEvent['type'];

/** What happened, as people say it. */
const TYPE_WORDS: Readonly<Record<EventType, string>> = {
  'session.acquired': 'Seat taken',
  'session.borrowed': 'Seat borrowed',
  'session.revived': 'Seat taken again after its time was up',
  'session.expired': 'Seat came back by itself',
  'session.released': 'Seat given back',
  'session.evicted': 'Seat taken away',
  'seat.denied': 'Seat refused',
  'license.created': 'License created',
  'license.updated': 'License changed',
  'license.key_rotated': 'New license key',
  'subscription.trial_ending': 'Trial about to end',
  'subscription.paid': 'Subscription paid',
  'subscription.payment_failed': 'Payment failed',
  'subscription.refunded': 'Payment given back',
  'subscription.disputed': 'Payment disputed',
  'subscription.ended': 'Subscription ended',
};

export const EVENT_TYPES = Object.keys(TYPE_WORDS) as readonly EventType[];

export function typeWords(type: EventType): string {
  return TYPE_WORDS[type];
}

/** What an event tells beside what happened; empty for one that tells no more. */
export function detailWords({ type, active, max, reason, count, version }: AuditEvent): string {
  const parts = [
    count !== undefined && `${count} ${count === 1 ? 'request' : 'requests'} within a minute`,
    active !== undefined && max !== undefined && `${active} of ${max} seats taken then`,
    active === undefined && max !== undefined && `${max} seats`,
    reason === 'lost' && 'the server had lost it',
    type === 'license.updated' && version !== undefined && `version ${version}`,
  ];
  return parts.filter((part) => typeof part === 'string').join(', ');
}

/** What a check of the whole log came to. */
export interface Checked {
  readonly sealed: number;
  readonly unsealed: number;
  readonly head: AuditCheck['head'];
  readonly problems: AuditCheck['problems'];
}

export const NOTHING_CHECKED: Checked = { sealed: 0, unsealed: 0, head: null, problems: [] };

/** What is known after a further part of the log was checked. */
export function withPart(so: Checked, part: AuditCheck): Checked {
  return {
    sealed: so.sealed + part.sealed,
    unsealed: so.unsealed + part.unsealed,
    head: part.head ?? so.head,
    problems: [...so.problems, ...part.problems],
  };
}
