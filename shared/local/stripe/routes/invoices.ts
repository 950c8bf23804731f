import * as z from 'zod/mini';
import { previewUpdate } from '../item-updates.ts';
import { list } from '../list.ts';
import { paymentsBy, subscriptionOf } from '../payments.ts';
import { found } from '../state.ts';
import { id, itemUpdates, page, seconds } from './kinds.ts';
import { type Route, route } from './route.ts';

const ListInvoices = z.strictObject({
  subscription: id('sub'),
  status: z.optional(z.enum(['draft', 'open', 'paid', 'uncollectible', 'void'])),
  ...page,
});

const ListPayments = z.strictObject({
  payment: z.strictObject({ type: z.literal('payment_intent'), payment_intent: id('pi') }),
  ...page,
});

const Preview = z.strictObject({
  subscription: id('sub'),
  subscription_details: z.strictObject({
    items: itemUpdates,
    proration_behavior: z.enum(['always_invoice', 'none']),
    proration_date: z.optional(seconds),
  }),
});

export const INVOICES: readonly Route[] = [
  route('POST', /^\/v1\/invoices\/create_preview$/, Preview, (account, preview) =>
    previewUpdate(account, preview.subscription, preview.subscription_details),
  ),
  route('GET', /^\/v1\/invoices$/, ListInvoices, ({ state }, { subscription, status, ...page }) => {
    found(state.subscriptions, subscription, 'subscription', 'subscription');
    const invoices = Object.values(state.invoices)
      .filter((invoice) => subscriptionOf(invoice) === subscription)
      .filter((invoice) => status === undefined || invoice.status === status);
    // Newest first.
    return list(invoices.toReversed(), '/v1/invoices', page);
  }),
  route('GET', /^\/v1\/invoices\/(\w+)\/lines$/, z.strictObject(page), ({ state }, page, id) =>
    list(found(state.invoices, id, 'invoice').lines, `/v1/invoices/${id}/lines`, page),
  ),
  route('GET', /^\/v1\/invoice_payments$/, ListPayments, ({ state }, { payment, ...page }) => {
    return list(paymentsBy(state, payment.payment_intent), '/v1/invoice_payments', page);
  }),
];
