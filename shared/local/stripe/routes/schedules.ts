import * as z from 'zod/mini';
import { cancelSchedule, releaseSchedule, updateSchedule } from '../schedules.ts';
import { found } from '../state.ts';
import { flag, none } from './kinds.ts';
import { type Route, route } from './route.ts';

const Update = z.strictObject({ end_behavior: z.enum(['release', 'cancel']) });
const Release = z.strictObject({ preserve_cancel_date: z.prefault(flag, 'false') });
/** Unlike those of a subscription, both are true by default. */
const Cancel = z.strictObject({ invoice_now: z.prefault(flag, 'true'), prorate: z.prefault(flag, 'true') });

export const SCHEDULES: readonly Route[] = [
  route('GET', /^\/v1\/subscription_schedules\/(\w+)$/, none, ({ state }, _, id) =>
    found(state.schedules, id, 'subscription_schedule'),
  ),
  route('POST', /^\/v1\/subscription_schedules\/(\w+)$/, Update, (account, { end_behavior }, id) =>
    updateSchedule(account, id, end_behavior),
  ),
  route('POST', /^\/v1\/subscription_schedules\/(\w+)\/release$/, Release, (account, how, id) =>
    releaseSchedule(account, id, how.preserve_cancel_date),
  ),
  route('POST', /^\/v1\/subscription_schedules\/(\w+)\/cancel$/, Cancel, (account, how, id) =>
    cancelSchedule(account, id, how),
  ),
];
