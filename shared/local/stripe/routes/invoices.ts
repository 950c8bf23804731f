import * as z from 'zod/mini';
import { list } from '../list.ts';
import { subscriptionOf } from '../payments.ts';
import { at, found, newId } from '../state.ts';
import { id, page } from './kinds.ts';
import { type Route, route } from './route.ts';

const ListInvoices = z.strictObject({
  subscription: id('sub'),
  status: z.optional(z.enum(['draft', 'open', 'paid', 'uncollectible', 'void'])),
  ...page,
});

const ListPayments = z.strictObject({
  payment: z.strictObject({ type: z.literal('payment_intent'), payment_intent: id('pi') }),
  expand: z.optional(z.array(z.literal('data.invoice'))),
  ...page,
});

export const INVOICES: readonly Route[] = [
  route('GET', /^\/v1\/invoices$/, ListInvoices, ({ state }, { subscription, status, ...page }) => {
    found(state.subscriptions, subscription, 'subscription', 'subscription');
    const invoices = Object.values(state.invoices)
      .filter((invoice) => subscriptionOf(invoice) === subscription)
      .filter((invoice) => status === undefined || invoice.status === status);
    // Newest first.
    return list(invoices.toReversed(), '/v1/invoices', page);
  }),
  route('GET', /^\/v1\/invoice_payments$/, ListPayments, ({ state }, { payment, expand, ...page }) => {
    const url = '/v1/invoice_payments';
    const invoiceId = at(state.paidInvoices, payment.payment_intent);
    if (invoiceId === undefined) return list([], url, page);
    const invoice = expand?.includes('data.invoice') ? at(state.invoices, invoiceId) : invoiceId;
    return list([{ id: newId('inpay'), object: 'invoice_payment', invoice, payment }], url, page);
  }),
];
