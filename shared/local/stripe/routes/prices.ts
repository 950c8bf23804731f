import * as z from 'zod/mini';
import { list } from '../list.ts';
import { flag, page } from './kinds.ts';
import { type Route, route } from './route.ts';

const List = z.strictObject({
  lookup_keys: z.optional(z.array(z.string()).check(z.minLength(1), z.maxLength(10))),
  active: z.optional(flag),
  ...page,
});

export const PRICES: readonly Route[] = [
  route('GET', /^\/v1\/prices$/, List, ({ state }, { lookup_keys, active, ...page }) => {
    const prices = Object.values(state.prices)
      .filter(({ lookup_key }) => !lookup_keys || (lookup_key !== null && lookup_keys.includes(lookup_key)))
      .filter((price) => active === undefined || price.active === active);
    return list(prices, '/v1/prices', page);
  }),
];
