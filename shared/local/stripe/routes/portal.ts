import * as z from 'zod/mini';
import { customerAt } from '../customers.ts';
import { newId } from '../state.ts';
import { id, url } from './kinds.ts';
import { type Route, route } from './route.ts';

const Create = z.strictObject({ customer: id('cus'), return_url: url });

export const PORTAL: readonly Route[] = [
  route('POST', /^\/v1\/billing_portal\/sessions$/, Create, (account, { customer, return_url }) => {
    customerAt(account, customer, 'customer');
    const id = newId('bps');
    account.state.portals[id] = { customer, returnUrl: return_url };
    return {
      id,
      object: 'billing_portal.session',
      configuration: 'bpc_default',
      created: account.now(),
      customer,
      livemode: false,
      return_url,
      url: `${account.pagesUrl()}/portal/${id}`,
    };
  }),
];
