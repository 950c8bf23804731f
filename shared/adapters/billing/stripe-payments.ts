import type { Stripe } from 'stripe';
import * as z from 'zod/mini';
import type { Dispute, PaidInvoice, Payment } from '../../domain/payment-holds.ts';
import { callStripe, readAll, unlessMissing } from './stripe-failures.ts';
import { allLines } from './stripe-lines.ts';
import { Invoice, ItemLine, idOf, Ref, subscriptionOf } from './stripe-objects.ts';

/** The largest page. Older invoices do not pay for a running period. */
const PAGE = 100;

const seconds = z.int();
const amount = z.int();

const ChargeAnswer = z.object({ amount_refunded: amount, payment_intent: Ref });
const InvoiceAnswer = z.extend(Invoice, { id: z.string(), amount_paid: amount });
const PaymentsAnswer = z.array(z.object({ invoice: InvoiceAnswer }));
/** One that was made outside of Stripe has no payment intent. */
const PartAnswer = z.object({ payment: z.object({ payment_intent: Ref }) });
const RefundAnswer = z.object({ id: z.string(), amount, status: z.nullable(z.string()), created: seconds });
const DisputeAnswer = z.object({
  charge: Ref,
  status: z.string(),
  created: seconds,
  balance_transactions: z.array(z.object({ amount })),
});
const LineAnswer = z.extend(ItemLine, { period: z.object({ start: seconds }) });
const PaidInvoicesAnswer = z.array(
  z.object({
    id: z.string(),
    created: seconds,
    amount_paid: amount,
    status_transitions: z.object({ paid_at: z.nullish(seconds) }),
    lines: z.object({ data: z.array(LineAnswer), has_more: z.boolean() }),
  }),
);

/** Refunds that give nothing back: the money is in the vendor's account again (docs.stripe.com/refunds#failed-refunds). */
const FAILED = new Set<string | null>(['failed', 'canceled']);

/** What the charge paid for, and whether all that was paid for it was refunded. */
export async function readPayment(stripe: Stripe, chargeId: string): Promise<Payment | undefined> {
  const found = await unlessMissing('charges.retrieve', undefined, () => stripe.charges.retrieve(chargeId));
  if (!found) return undefined;
  const { amount_refunded, payment_intent } = z.parse(ChargeAnswer, found);
  const paymentIntent = idOf(payment_intent);
  const nothing = { chargeId, subscriptionId: null, invoiceId: null, refund: null };
  if (paymentIntent === null) return nothing;
  const { data } = await callStripe('invoicePayments.list', () =>
    stripe.invoicePayments.list({
      payment: { type: 'payment_intent', payment_intent: paymentIntent },
      limit: 1,
      expand: ['data.invoice'],
    }),
  );
  const [payment] = z.parse(PaymentsAnswer, data);
  if (!payment) return nothing;
  const { invoice } = payment;
  return {
    chargeId,
    subscriptionId: subscriptionOf(invoice),
    invoiceId: invoice.id,
    refund: amount_refunded > 0 ? await fullRefund(stripe, invoice) : null,
  };
}

/**
 * The last refund, if all together return what was paid for the invoice. Several payments can have paid it
 * (docs.stripe.com/invoicing/partial-payments). A charge may stay `refunded` after a refund has failed: only the refunds
 * themselves say whether the customer has the money.
 */
async function fullRefund(
  stripe: Stripe,
  { id, amount_paid }: z.infer<typeof InvoiceAnswer>,
): Promise<Payment['refund']> {
  const payments = await readAll('invoicePayments.list', PartAnswer, () =>
    stripe.invoicePayments.list({ invoice: id, status: 'paid', limit: PAGE }),
  );
  const intents = new Set(payments.map(({ payment }) => idOf(payment.payment_intent)));
  const refunds: z.infer<typeof RefundAnswer>[] = [];
  for (const payment_intent of intents) {
    if (payment_intent === null) continue;
    const made = await readAll('refunds.list', RefundAnswer, () =>
      stripe.refunds.list({ payment_intent, limit: PAGE }),
    );
    // Newest first.
    refunds.push(...made.filter(({ status }) => !FAILED.has(status)));
  }
  const [last] = refunds.toSorted((a, b) => b.created - a.created);
  if (!last || refunds.reduce((sum, { amount }) => sum + amount, 0) < amount_paid) return null;
  return { refundId: last.id, status: last.status ?? 'pending', atMs: last.created * 1000 };
}

export async function readDispute(stripe: Stripe, disputeId: string): Promise<Dispute | undefined> {
  const found = await unlessMissing('disputes.retrieve', undefined, () =>
    stripe.disputes.retrieve(disputeId),
  );
  if (!found) return undefined;
  const { charge, status, created, balance_transactions } = z.parse(DisputeAnswer, found);
  return {
    disputeId,
    chargeId: idOf(charge) ?? '',
    status,
    // What was withdrawn is negative, what came back is positive.
    isMoneyWithdrawn: balance_transactions.reduce((sum, moved) => sum + moved.amount, 0) < 0,
    createdAtMs: created * 1000,
  };
}

/** Newest first. */
export async function readPaidInvoices(stripe: Stripe, subscription: string): Promise<PaidInvoice[]> {
  const { data } = await callStripe('invoices.list', () =>
    stripe.invoices.list({ subscription, status: 'paid', limit: PAGE }),
  );
  const invoices: PaidInvoice[] = [];
  for (const { id, created, amount_paid, status_transitions, lines } of z.parse(PaidInvoicesAnswer, data)) {
    // Prorations come first, so that the lines of the seats can be on a later page.
    const all = await allLines(stripe, id, lines, LineAnswer);
    invoices.push({
      invoiceId: id,
      paidAtMs: (status_transitions.paid_at ?? created) * 1000,
      amountPaid: amount_paid,
      periods: all.flatMap(({ period, parent }) => {
        const details = parent?.subscription_item_details;
        if (!details || details.proration) return [];
        return [{ itemId: details.subscription_item, startMs: period.start * 1000 }];
      }),
    });
  }
  return invoices;
}
