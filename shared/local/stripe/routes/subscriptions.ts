import * as z from 'zod/mini';
import { list } from '../list.ts';
import { found } from '../state.ts';
import { cancelAtPeriodEnd, endSubscription } from '../subscriptions.ts';
import { flag, id, none, page } from './kinds.ts';
import { type Route, route } from './route.ts';

const Update = z.strictObject({ cancel_at_period_end: flag });
const ListItems = z.strictObject({ subscription: id('sub'), ...page });

export const SUBSCRIPTIONS: readonly Route[] = [
  route('GET', /^\/v1\/subscriptions\/(\w+)$/, none, ({ state }, _, id) =>
    found(state.subscriptions, id, 'subscription'),
  ),
  route('POST', /^\/v1\/subscriptions\/(\w+)$/, Update, (account, change, id) =>
    cancelAtPeriodEnd(account, id, change.cancel_at_period_end),
  ),
  route('DELETE', /^\/v1\/subscriptions\/(\w+)$/, none, (account, _, id) => endSubscription(account, id)),
  route('GET', /^\/v1\/subscription_items$/, ListItems, ({ state }, { subscription, ...page }) =>
    list(
      found(state.subscriptions, subscription, 'subscription', 'subscription').items,
      '/v1/subscription_items',
      page,
    ),
  ),
];
