import type { Account } from './account.ts';
import { customerAt } from './customers.ts';
import { isKnown } from './deduplication.ts';
import { Refused } from './refused.ts';
import { at } from './state.ts';

const DAY_SECONDS = 24 * 3600;
/** How old, and how far in the future, a meter event can be (docs.stripe.com/api/billing/meter-event/create). */
const METER_SECONDS = { back: 35 * DAY_SECONDS, ahead: 300 } as const;

export interface NewUse {
  readonly event_name: string;
  readonly identifier: string;
  readonly timestamp: number;
  readonly payload: { readonly stripe_customer_id: string; readonly value: string };
}

export function recordUse(account: Account, event: NewUse): object {
  const { state, now } = account;
  const { event_name, identifier, timestamp, payload } = event;
  const { stripe_customer_id: customerId, value } = payload;
  customerAt(account, customerId, 'payload[stripe_customer_id]');
  if (timestamp < now() - METER_SECONDS.back || timestamp > now() + METER_SECONDS.ahead)
    throw new Refused(400, { code: 'timestamp_invalid', message: 'The timestamp is out of range.' });
  if (isKnown(account, at(state.metered, identifier)))
    throw new Refused(400, { message: `An event already exists with identifier ${identifier}.` });
  state.metered[identifier] = now();
  state.usage.push({ identifier, eventName: event_name, customerId, value, timestamp, invoice: null });
  return {
    object: 'billing.meter_event',
    created: now(),
    livemode: false,
    event_name,
    identifier,
    timestamp,
    payload,
  };
}
