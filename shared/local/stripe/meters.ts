import { type Account, newThinEvent } from './account.ts';
import { customerAt } from './customers.ts';
import { isKnown } from './deduplication.ts';
import { type Meter, meterOf } from './meter.ts';
import { checkThinEvent } from './official/events.ts';
import { Refused } from './refused.ts';
import { at, found, type MeterEvent, type State } from './state.ts';
import type { SentEvent } from './types.ts';

const DAY_SECONDS = 24 * 3600;
/** How old, and how far in the future, a meter event can be (docs.stripe.com/api/billing/meter-event/create). */
const METER_SECONDS = { back: 35 * DAY_SECONDS, ahead: 300 } as const;
/** A meter event is canceled within 24 hours (docs.stripe.com/api/billing/meter-event-adjustment/create). */
const CANCELABLE_SECONDS = DAY_SECONDS;
/** Stripe names some of the records that it rejected. How many is not documented. */
const MOST_SAMPLES = 5;

export interface NewUse {
  readonly event_name: string;
  readonly identifier: string;
  readonly timestamp: number;
  readonly payload: { readonly stripe_customer_id: string; readonly value: string };
}

export function addMeter({ state, now }: Account, name: string): void {
  state.meters[`mtr_${name}`] = meterOf(name, now());
}

export function archiveMeter({ state, now }: Account, name: string): void {
  const meter = at(state.meters, `mtr_${name}`);
  if (!meter) throw new Error(`no meter ${name}`);
  meter.status = 'inactive';
  meter.status_transitions = { deactivated_at: now() };
}

/**
 * Accepts usage like Stripe, which checks a part of it only afterwards: a meter that does not exist or is archived is
 * reported later (docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api, "Handle meter event errors").
 */
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
  const use = { identifier, eventName: event_name, customerId, value, timestamp, invoices: {} };
  const meter = meterBy(state, event_name);
  if (meter?.status === 'active') state.usage.push(use);
  else state.rejectedUsage.push({ ...use, code: meter ? 'archived_meter' : 'no_meter' });
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

function meterBy({ meters }: State, name: string): Meter | undefined {
  return Object.values(meters).find(({ event_name }) => event_name === name);
}

export interface NewAdjustment {
  readonly type: 'cancel';
  readonly event_name: string;
  readonly cancel: { readonly identifier: string };
}

/** Cancels a meter event. Stripe answers `pending` and cancels later; the fake cancels at once, unless it is invoiced. */
export function adjustUse({ state, now }: Account, adjustment: NewAdjustment): object {
  const { type, event_name, cancel } = adjustment;
  const { identifier } = cancel;
  const receivedAt = found(state.metered, identifier, 'meter event', 'cancel[identifier]');
  if (now() - receivedAt >= CANCELABLE_SECONDS)
    throw new Refused(400, { message: 'Meter events can be canceled within 24 hours.' });
  const matches = (use: MeterEvent) => use.identifier === identifier && use.eventName === event_name;
  const index = state.usage.findIndex((use) => matches(use) && Object.keys(use.invoices).length === 0);
  if (index !== -1) state.usage.splice(index, 1);
  return {
    object: 'billing.meter_event_adjustment',
    cancel: { identifier },
    event_name,
    livemode: false,
    status: 'pending',
    type,
  };
}

/** Rejects usage that was accepted, as Stripe does when it processes it. The next report names it. */
export function rejectUse({ state }: Account, identifier: string, code: string): void {
  const index = state.usage.findIndex((use) => use.identifier === identifier);
  const [use] = index === -1 ? [] : state.usage.splice(index, 1);
  if (use) state.rejectedUsage.push({ ...use, code });
}

/** Sends an event for each meter whose usage was rejected since the last report. Returns the events. */
export function reportMeterErrors(account: Account): SentEvent[] {
  const { state } = account;
  const byMeter = Map.groupBy(
    state.rejectedUsage.splice(0),
    ({ eventName }) => meterBy(state, eventName)?.id,
  );
  return [...byMeter].map(([id, rejected]) => {
    const related =
      id === undefined ? undefined : { id, type: 'billing.meter', url: `/v1/billing/meters/${id}` };
    const event = newThinEvent(related ? REJECTED : NO_METER, related, account.now());
    // The notification has no data.
    const notification = JSON.parse(event.body);
    const stored = { ...notification, data: errorsIn(rejected, account.now()) };
    checkThinEvent(notification, 'notification');
    checkThinEvent(stored, 'event');
    state.thinEvents[event.id] = stored;
    return account.queue(event);
  });
}

const REJECTED = 'v1.billing.meter.error_report_triggered';
const NO_METER = 'v1.billing.meter.no_meter_found';

function errorsIn(rejected: State['rejectedUsage'], now: number): object {
  const byCode = Map.groupBy(rejected, ({ code }) => code);
  return {
    developer_message_summary: `There are ${rejected.length} invalid events`,
    reason: {
      error_count: rejected.length,
      error_types: [...byCode].map(([code, uses]) => ({
        code,
        error_count: uses.length,
        sample_errors: uses.slice(0, MOST_SAMPLES).map(({ identifier }) => ({
          error_message: `The meter event was rejected: ${code}.`,
          request: { identifier },
        })),
      })),
    },
    validation_end: timeOf(now),
    validation_start: timeOf(now - 10),
  };
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
