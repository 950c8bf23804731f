import * as z from 'zod/mini';
import { expireSession, openSession, sessionAt, sessionsOf } from '../checkout.ts';
import { list } from '../list.ts';
import { flag, id, metadata, none, page, positive, text, url } from './kinds.ts';
import { type Route, route } from './route.ts';

const Create = z.strictObject({
  mode: z.literal('subscription'),
  customer: id('cus'),
  client_reference_id: z.optional(text(200)),
  line_items: z
    .array(z.strictObject({ price: id('price'), quantity: positive }))
    .check(z.minLength(1), z.maxLength(1)),
  success_url: url,
  cancel_url: z.optional(url),
  metadata: z.optional(metadata),
  subscription_data: z.optional(
    z.strictObject({ metadata: z.optional(metadata), trial_period_days: z.optional(positive) }),
  ),
  automatic_tax: z.optional(z.strictObject({ enabled: flag })),
  customer_update: z.optional(
    z.strictObject({ address: z.optional(z.literal('auto')), name: z.optional(z.literal('auto')) }),
  ),
  allow_promotion_codes: z.optional(flag),
});

const List = z.strictObject({
  customer: id('cus'),
  status: z.optional(z.enum(['open', 'complete', 'expired'])),
  ...page,
});

export const CHECKOUT: readonly Route[] = [
  route('POST', /^\/v1\/checkout\/sessions$/, Create, openSession),
  route('GET', /^\/v1\/checkout\/sessions$/, List, (account, { customer, status, ...page }) => {
    const sessions = sessionsOf(account, customer);
    const wanted = sessions.filter((session) => status === undefined || session.status === status);
    return list(wanted, '/v1/checkout/sessions', page);
  }),
  route('POST', /^\/v1\/checkout\/sessions\/(\w+)\/expire$/, none, (account, _, id) =>
    expireSession(account, id),
  ),
  route('GET', /^\/v1\/checkout\/sessions\/(\w+)$/, none, (account, _, id) => sessionAt(account, id)),
];
