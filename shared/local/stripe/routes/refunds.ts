import * as z from 'zod/mini';
import { list } from '../list.ts';
import { refundsOf } from '../refunds.ts';
import { missing } from '../refused.ts';
import { id, page } from './kinds.ts';
import { type Route, route } from './route.ts';

const ListRefunds = z.strictObject({ payment_intent: id('pi'), ...page });

export const REFUNDS: readonly Route[] = [
  route('GET', /^\/v1\/refunds$/, ListRefunds, ({ state }, { payment_intent, ...page }) => {
    const charge = Object.values(state.charges).find((each) => each.payment_intent === payment_intent);
    if (!charge) throw missing('payment_intent', payment_intent);
    return list(refundsOf(state, charge.id), '/v1/refunds', page);
  }),
];
