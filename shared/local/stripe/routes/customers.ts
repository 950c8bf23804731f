import * as z from 'zod/mini';
import { customerAt, deleteCustomer } from '../customers.ts';
import { type Customer, newId } from '../state.ts';
import { metadata, none, text } from './kinds.ts';
import { type Route, route } from './route.ts';

const Update = z.strictObject({ name: z.optional(text(256)) });
const Create = z.strictObject({ name: z.optional(text(256)), metadata: z.optional(metadata) });

export const CUSTOMERS: readonly Route[] = [
  route('POST', /^\/v1\/customers$/, Create, ({ state, now }, { name = null, metadata = {} }) => {
    const customer: Customer = {
      id: newId('cus'),
      object: 'customer',
      created: now(),
      name,
      metadata,
      balance: 0,
    };
    state.customers[customer.id] = customer;
    return customer;
  }),
  route('POST', /^\/v1\/customers\/(\w+)$/, Update, (account, { name }, id) => {
    const customer = customerAt(account, id);
    if (name !== undefined) customer.name = name;
    return customer;
  }),
  route('DELETE', /^\/v1\/customers\/(\w+)$/, none, (account, _, id) => deleteCustomer(account, id)),
];
