import * as z from 'zod/mini';
import type { Account } from '../account.ts';
import { updateItems } from '../item-updates.ts';
import { list } from '../list.ts';
import { found } from '../state.ts';
import { cancelAtPeriodEnd, endSubscription } from '../subscriptions.ts';
import { flag, id, itemUpdates, none, page, seconds } from './kinds.ts';
import { type Route, route } from './route.ts';

const Update = z.strictObject({
  cancel_at_period_end: z.optional(flag),
  items: z.optional(itemUpdates),
  proration_behavior: z.optional(z.literal('always_invoice')),
  proration_date: z.optional(seconds),
  payment_behavior: z.optional(z.literal('pending_if_incomplete')),
});
const ListItems = z.strictObject({ subscription: id('sub'), ...page });

export const SUBSCRIPTIONS: readonly Route[] = [
  route('GET', /^\/v1\/subscriptions\/(\w+)$/, none, ({ state }, _, id) =>
    found(state.subscriptions, id, 'subscription'),
  ),
  route('POST', /^\/v1\/subscriptions\/(\w+)$/, Update, (account, change, id) => update(account, id, change)),
  route('DELETE', /^\/v1\/subscriptions\/(\w+)$/, none, (account, _, id) => endSubscription(account, id)),
  route('GET', /^\/v1\/subscription_items$/, ListItems, ({ state }, { subscription, ...page }) =>
    list(
      found(state.subscriptions, subscription, 'subscription', 'subscription').items,
      '/v1/subscription_items',
      page,
    ),
  ),
];

function update(
  account: Account,
  id: string,
  { cancel_at_period_end, items, proration_behavior, ...prorated }: z.output<typeof Update>,
): object {
  if (cancel_at_period_end !== undefined) cancelAtPeriodEnd(account, id, cancel_at_period_end);
  if (items && proration_behavior) updateItems(account, id, { items, proration_behavior, ...prorated });
  return found(account.state.subscriptions, id, 'subscription');
}
