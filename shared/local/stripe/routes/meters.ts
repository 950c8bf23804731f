import * as z from 'zod/mini';
import { recordUse } from '../meters.ts';
import { id, seconds, text, wholeNumber } from './kinds.ts';
import { type Route, route } from './route.ts';

const Create = z.strictObject({
  event_name: text(100),
  identifier: text(100),
  timestamp: seconds,
  payload: z.strictObject({ stripe_customer_id: id('cus'), value: wholeNumber }),
});

export const METERS: readonly Route[] = [route('POST', /^\/v1\/billing\/meter_events$/, Create, recordUse)];
