import * as z from 'zod/mini';
import { ActorJson } from '../domain/event-message.ts';
import { HOLDS } from '../domain/license.ts';
import { type PaymentHold, paymentHolds } from '../domain/payment-holds.ts';
import type { HoldFact, Subscription } from '../domain/subscription.ts';
import { Timestamp, timestamp, timestampOrNull } from './fields.ts';

/** Why a license is held back, for its tenant. */
export const TenantHold = z.strictObject({
  code: z.enum(HOLDS),
  /** What ends it, and what the tenant can do. */
  what_to_do: z.string(),
});

/** A hold, for operators. */
export const HoldView = z.strictObject({
  /** To lift it: the id of the dispute or of the refunded invoice. */
  hold_id: z.string(),
  kind: z.enum(HOLDS),
  /** null if Stripe does not report it. */
  since: z.nullable(Timestamp),
  dispute_id: z.nullable(z.string()),
  /** The invoice that was refunded, or is unpaid. */
  invoice_id: z.nullable(z.string()),
  refund_id: z.nullable(z.string()),
  /** At Stripe, when it was last read: the status of the dispute, the refund or the subscription. */
  status: z.string(),
  /** What ends it, if it is not lifted. */
  ends_when: z.string(),
  /** null if it was not lifted. */
  lifted: z.nullable(z.strictObject({ at: Timestamp, by: ActorJson, reason: z.string() })),
});

type Texts = { readonly endsWhen: string; readonly whatToDo: string };

const LOST: Texts = {
  endsWhen: 'An invoice for a later period of the seats is paid, with an amount above 0.',
  whatToDo:
    'Your bank returned a payment to you. Seats can be acquired again when the next invoice is paid. To pay earlier, contact the vendor.',
};
const TEXTS: Readonly<Record<HoldFact['kind'], Texts>> = {
  dispute: {
    endsWhen: 'The dispute is won. If it is lost, an invoice for a later period of the seats is paid.',
    whatToDo:
      'A payment is disputed at your bank. If this is a mistake, ask your bank to withdraw the dispute, and send its confirmation to the vendor.',
  },
  refund: {
    endsWhen: 'The next period of the seats is paid, or the refund fails.',
    whatToDo:
      'The payment for the current period was refunded. Seats can be acquired again when the next period is paid. To continue earlier, contact the vendor.',
  },
  payment: {
    endsWhen: 'The invoice is paid, or voided or marked uncollectible by a person at Stripe.',
    whatToDo: 'An invoice is overdue. Pay it in the billing portal.',
  },
  paused: {
    endsWhen: 'The subscription, or the collection of its payments, is resumed at Stripe.',
    whatToDo: 'The subscription is paused. To resume it, contact the vendor.',
  },
};

function textsOf({ kind, isLost }: Pick<HoldFact | PaymentHold, 'kind' | 'isLost'>): Texts {
  return isLost ? LOST : TEXTS[kind];
}

export function tenantHoldOf({ hold, payments }: Subscription): z.infer<typeof TenantHold> | null {
  if (hold === null) return null;
  const payment = paymentHolds(payments).find(({ kind, lift }) => kind === hold && lift === null);
  return { code: hold, what_to_do: textsOf(payment ?? { kind: hold, isLost: false }).whatToDo };
}

export function viewOfHold(hold: HoldFact): z.infer<typeof HoldView> {
  const { id, kind, lift } = hold;
  const isOfInvoice = kind === 'refund' || (kind === 'payment' && id !== kind);
  return {
    hold_id: id,
    kind,
    since: timestampOrNull(hold.sinceMs),
    dispute_id: kind === 'dispute' ? id : null,
    invoice_id: isOfInvoice ? id : null,
    refund_id: hold.refundId,
    status: hold.status,
    ends_when: textsOf(hold).endsWhen,
    lifted: lift && {
      at: timestamp(lift.atMs),
      by: { type: lift.actor.kind, id: lift.actor.id },
      reason: lift.reason,
    },
  };
}
