import * as z from 'zod/mini';
import { list } from '../list.ts';
import { refundsOf } from '../refunds.ts';
import { found } from '../state.ts';
import { id, page } from './kinds.ts';
import { type Route, route } from './route.ts';

const ListRefunds = z.strictObject({ charge: id('ch'), ...page });

export const REFUNDS: readonly Route[] = [
  route('GET', /^\/v1\/refunds$/, ListRefunds, ({ state }, { charge, ...page }) => {
    found(state.charges, charge, 'charge', 'charge');
    return list(refundsOf(state, charge), '/v1/refunds', page);
  }),
];
