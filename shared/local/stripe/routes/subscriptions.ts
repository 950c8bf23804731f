import * as z from 'zod/mini';
import { cancelSubscription, updateSubscription } from '../endings.ts';
import { updateItems } from '../item-updates.ts';
import { list } from '../list.ts';
import { pauseSubscription, resumeSubscription } from '../pauses.ts';
import { found } from '../state.ts';
import { flag, id, itemUpdates, metadata, none, page, seconds } from './kinds.ts';
import { type Route, route } from './route.ts';

const ItemsUpdate = z.strictObject({
  items: itemUpdates,
  proration_behavior: z.literal('always_invoice'),
  proration_date: z.optional(seconds),
  payment_behavior: z.optional(z.literal('pending_if_incomplete')),
});
const OtherUpdate = z.strictObject({
  cancel_at: z.optional(z.union([seconds, z.literal(''), z.enum(['min_period_end', 'max_period_end'])])),
  cancel_at_period_end: z.optional(flag),
  proration_behavior: z.optional(z.enum(['always_invoice', 'create_prorations', 'none'])),
  metadata: z.optional(metadata),
  pause_collection: z.optional(
    z.union([
      z.literal(''),
      z.strictObject({
        behavior: z.enum(['keep_as_draft', 'mark_uncollectible', 'void']),
        resumes_at: z.optional(seconds),
      }),
    ]),
  ),
});
const Cancel = z.strictObject({ invoice_now: z.prefault(flag, 'false'), prorate: z.prefault(flag, 'false') });
const now = z.prefault(z.strictObject({ type: z.enum(['now', 'none']) }), { type: 'now' });
const Pause = z.strictObject({
  type: z.optional(z.literal('subscription')),
  invoicing_behavior: z.prefault(z.enum(['invoice', 'pending_invoice_item']), 'pending_invoice_item'),
  bill_for: z.prefault(z.strictObject({ outstanding_usage_through: now, unused_time_from: now }), {}),
});
const Resume = z.strictObject({
  billing_cycle_anchor: z.prefault(z.strictObject({ type: z.enum(['now', 'unchanged']) }), { type: 'now' }),
  payment_behavior: z.prefault(
    z.enum(['resume_on_payment_attempt', 'resume_on_payment_success']),
    'resume_on_payment_attempt',
  ),
});
const Update = z.union([ItemsUpdate, OtherUpdate]);
const ListItems = z.strictObject({ subscription: id('sub'), ...page });

export const SUBSCRIPTIONS: readonly Route[] = [
  route('GET', /^\/v1\/subscriptions\/(\w+)$/, none, ({ state }, _, id) =>
    found(state.subscriptions, id, 'subscription'),
  ),
  route('POST', /^\/v1\/subscriptions\/(\w+)$/, Update, (account, change, id) =>
    'items' in change ? updateItems(account, id, change) : updateSubscription(account, id, change),
  ),
  route('DELETE', /^\/v1\/subscriptions\/(\w+)$/, Cancel, (account, how, id) =>
    cancelSubscription(account, id, how),
  ),
  route('POST', /^\/v1\/subscriptions\/(\w+)\/pause$/, Pause, (account, how, id) =>
    pauseSubscription(account, id, how),
  ),
  route('POST', /^\/v1\/subscriptions\/(\w+)\/resume$/, Resume, (account, how, id) =>
    resumeSubscription(account, id, how),
  ),
  route('GET', /^\/v1\/subscription_items$/, ListItems, ({ state }, { subscription, ...page }) =>
    list(
      found(state.subscriptions, subscription, 'subscription', 'subscription').items,
      '/v1/subscription_items',
      page,
    ),
  ),
];
