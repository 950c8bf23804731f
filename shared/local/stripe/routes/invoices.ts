import * as z from 'zod/mini';
import { previewUpdate } from '../item-updates.ts';
import { list } from '../list.ts';
import { collect, invoiceAt, resumeIfPaid } from '../pauses.ts';
import { finalize, subscriptionOf } from '../payments.ts';
import { Refused } from '../refused.ts';
import { found } from '../state.ts';
import { flag, id, itemUpdates, none, page, seconds } from './kinds.ts';
import { type Route, route } from './route.ts';

const ListInvoices = z.strictObject({
  subscription: id('sub'),
  status: z.optional(z.enum(['draft', 'open', 'paid', 'uncollectible', 'void'])),
  ...page,
});

const ListPayments = z.strictObject({
  invoice: z.optional(id('in')),
  payment: z.optional(z.strictObject({ type: z.literal('payment_intent'), payment_intent: id('pi') })),
  status: z.optional(z.enum(['open', 'paid', 'canceled'])),
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

const Update = z.strictObject({ auto_advance: flag });
const Finalize = z.strictObject({ auto_advance: z.optional(flag) });

export const INVOICES: readonly Route[] = [
  route('POST', /^\/v1\/invoices\/create_preview$/, Preview, (account, preview) =>
    previewUpdate(account, preview.subscription, preview.subscription_details),
  ),
  route('GET', /^\/v1\/invoices\/(\w+)$/, none, (account, _, id) => invoiceAt(account, id)),
  route('POST', /^\/v1\/invoices\/(\w+)$/, Update, (account, { auto_advance }, id) => {
    const invoice = invoiceAt(account, id);
    invoice.auto_advance = auto_advance;
    account.publish('invoice.updated', invoice);
    return invoice;
  }),
  route('POST', /^\/v1\/invoices\/(\w+)\/finalize$/, Finalize, (account, _, id) => {
    const invoice = invoiceAt(account, id);
    if (invoice.status !== 'draft')
      throw new Refused(400, {
        message: 'This invoice is already finalized, you can’t re-finalize a non-draft invoice.',
      });
    finalize(account, invoice);
    return invoice;
  }),
  route('POST', /^\/v1\/invoices\/(\w+)\/pay$/, none, (account, _, id) => {
    const invoice = invoiceAt(account, id);
    if (invoice.status !== 'open') throw new Refused(400, { message: `Invoice is ${invoice.status}.` });
    if (!collect(account, invoice))
      throw new Refused(402, {
        type: 'card_error',
        code: 'card_declined',
        message: 'Your card was declined.',
      });
    resumeIfPaid(account, invoice);
    return invoice;
  }),
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
  route(
    'GET',
    /^\/v1\/invoice_payments$/,
    ListPayments,
    ({ state }, { invoice, payment, status, ...page }) => {
      const payments = Object.values(state.invoicePayments).filter(
        (each) =>
          (invoice === undefined || each.invoice === invoice) &&
          (payment === undefined || each.payment.payment_intent === payment.payment_intent) &&
          (status === undefined || each.status === status),
      );
      return list(payments, '/v1/invoice_payments', page);
    },
  ),
];
