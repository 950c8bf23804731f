import * as z from 'zod/mini';
import { adjustUse, recordUse } from '../meters.ts';
import { found } from '../state.ts';
import { id, none, seconds, text, wholeNumber } from './kinds.ts';
import { type Route, route } from './route.ts';

const Create = z.strictObject({
  event_name: text(100),
  identifier: text(100),
  timestamp: seconds,
  payload: z.strictObject({ stripe_customer_id: id('cus'), value: wholeNumber }),
});

const Adjust = z.strictObject({
  type: z.literal('cancel'),
  event_name: text(100),
  cancel: z.strictObject({ identifier: text(100) }),
});

export const METERS: readonly Route[] = [
  route('POST', /^\/v1\/billing\/meter_events$/, Create, recordUse),
  route('POST', /^\/v1\/billing\/meter_event_adjustments$/, Adjust, adjustUse),
  route('GET', /^\/v1\/billing\/meters\/(\w+)$/, none, ({ state }, _, meterId) =>
    found(state.meters, meterId, 'billing.meter'),
  ),
  route('GET', /^\/v2\/core\/events\/(\w+)$/, none, ({ state }, _, eventId) =>
    found(state.thinEvents, eventId, 'event'),
  ),
];
