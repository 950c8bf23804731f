import * as z from 'zod/mini';
import { ActorSchema } from './actor.ts';

/**
 * What a dispute means for seats. An `inquiry` has moved no money, and can become a dispute. `open`: the bank has taken
 * the money back for now. `lost`: the bank has decided for the customer; an appeal is the vendor's, after that.
 * `settled`: the vendor has the money.
 */
type Phase = 'inquiry' | 'open' | 'lost' | 'settled';

/** https://docs.stripe.com/api/disputes/object (`status`), https://docs.stripe.com/disputes/how-disputes-work */
const PHASES: ReadonlyMap<string, Phase> = new Map([
  ['warning_needs_response', 'inquiry'],
  ['warning_under_review', 'inquiry'],
  ['warning_closed', 'settled'],
  ['needs_response', 'open'],
  ['under_review', 'open'],
  ['lost', 'lost'],
  ['appeal_needs_response', 'lost'],
  ['appeal_under_review', 'lost'],
  ['won', 'settled'],
  ['prevented', 'settled'],
]);

/** The statuses of disputes that this release knows. */
export const DISPUTE_STATUSES: readonly string[] = [...PHASES.keys()];

/** The current state of a dispute at Stripe. */
export interface Dispute {
  readonly disputeId: string;
  readonly chargeId: string;
  /** In Stripe's words; one of `DISPUTE_STATUSES`, or of a later version of Stripe. */
  readonly status: string;
  /** Whether the money has left the vendor's account and has not come back. */
  readonly isMoneyWithdrawn: boolean;
  readonly createdAtMs: number;
}

/** The current state of a payment at Stripe. */
export interface Payment {
  readonly chargeId: string;
  readonly subscriptionId: string | null;
  readonly invoiceId: string | null;
  /** The last refund, if refunds that did not fail return all that was paid for the invoice. */
  readonly refund: { readonly refundId: string; readonly status: string; readonly atMs: number } | null;
}

/** A paid invoice of a subscription. */
export interface PaidInvoice {
  readonly invoiceId: string;
  readonly paidAtMs: number;
  /** In the smallest unit of its currency. 0 if a trial, a coupon or the customer's credit covered it. */
  readonly amountPaid: number;
  /** The periods that it bills for items of the subscription, without prorations. */
  readonly periods: readonly { readonly itemId: string; readonly startMs: number }[];
}

/** A lift by an operator, of one dispute or of the refund of one invoice. */
const LiftSchema = z.object({ atMs: z.int(), actor: ActorSchema, reason: z.string() });
export type Lift = z.infer<typeof LiftSchema>;

const DisputeRecord = z.object({
  chargeId: z.string(),
  status: z.string(),
  isMoneyWithdrawn: z.boolean(),
  createdAtMs: z.int(),
  /** While it is lost: when it was closed. If Stripe's event of that was lost, when it was first seen. */
  lostAtMs: z.nullable(z.int()),
  /** Whether a period of the seats was paid after that. */
  isPaidAgain: z.boolean(),
});

/** What is known of the payments of a subscription. */
export const PaymentRecordSchema = z.object({
  /** By the dispute's id; those that have ended among them. */
  disputes: z.record(z.string(), DisputeRecord),
  /** Invoices that were refunded in full and paid for the current period, or for the last one that was paid, by id. */
  refunds: z.record(
    z.string(),
    z.object({ chargeId: z.string(), refundId: z.string(), status: z.string(), atMs: z.int() }),
  ),
  /** By the id of the dispute, or of the invoice that was refunded. */
  lifts: z.record(z.string(), LiftSchema),
});
export type PaymentRecord = z.infer<typeof PaymentRecordSchema>;

const NOTHING: PaymentRecord = { disputes: {}, refunds: {}, lifts: {} };

/** What was read from Stripe for one update of the record. */
export interface PaymentsRead {
  /** By id; `undefined` for one that Stripe does not have. */
  readonly disputes: ReadonlyMap<string, Dispute | undefined>;
  /** By the charge's id. */
  readonly payments: ReadonlyMap<string, Payment | undefined>;
  /** The newest of them. Read if `dependsOnInvoices`. */
  readonly paidInvoices: readonly PaidInvoice[];
}

/** Items of a subscription that are sold as seats: those of now, and all that ever were. */
export interface SeatItemIds {
  readonly current: readonly string[];
  readonly ever: readonly string[];
}

/** What an event says about a dispute that Stripe does not keep in it. */
export interface Closing {
  readonly disputeId: string;
  readonly atMs: number;
}

function phaseOf({ status, isMoneyWithdrawn }: Pick<Dispute, 'status' | 'isMoneyWithdrawn'>): Phase {
  // A status of a later version of Stripe: whether it has the money decides.
  return PHASES.get(status) ?? (isMoneyWithdrawn ? 'open' : 'inquiry');
}

/** Disputes with a status that this release does not know. Their money decides, and the vendor must look at them. */
export function unknownDisputes({ disputes }: PaymentRecord): string[] {
  return Object.entries(disputes).flatMap(([id, { status }]) => (PHASES.has(status) ? [] : [id]));
}

/**
 * What has to be read again at each look, also without an event: what holds the seats now, and inquiries. A lost event
 * neither keeps a hold that has ended at Stripe nor hides that an inquiry became a dispute.
 */
export function unsettled(record: PaymentRecord = NOTHING): { disputeIds: string[]; chargeIds: string[] } {
  const disputeIds = Object.entries(record.disputes)
    .filter(([, dispute]) => phaseOf(dispute) !== 'settled' && !dispute.isPaidAgain)
    .map(([id]) => id);
  return { disputeIds, chargeIds: Object.values(record.refunds).map(({ chargeId }) => chargeId) };
}

/** Whether the effect depends on which invoices were paid. */
export function dependsOnInvoices({ disputes, payments }: Omit<PaymentsRead, 'paidInvoices'>): boolean {
  return (
    [...disputes.values()].some((dispute) => dispute && phaseOf(dispute) === 'lost') ||
    [...payments.values()].some((payment) => payment?.refund)
  );
}

/**
 * The record after a read. Nothing is carried over for what was read: the state at Stripe decides, and the order of reads
 * makes no difference.
 */
export function withPayments(
  before: PaymentRecord | undefined,
  read: PaymentsRead,
  items: SeatItemIds,
  nowMs: number,
  closing?: Closing,
): PaymentRecord {
  const known = before ?? NOTHING;
  const disputes = { ...known.disputes };
  for (const [id, dispute] of read.disputes) {
    if (!dispute) delete disputes[id];
    else
      disputes[id] = disputeAfter(known.disputes[id], dispute, read.paidInvoices, items.ever, nowMs, closing);
  }
  const refunds = { ...known.refunds };
  const payers = payersOf(read.paidInvoices, items.current);
  for (const [chargeId, payment] of read.payments) {
    for (const [invoiceId, refund] of Object.entries(refunds))
      if (refund.chargeId === chargeId) delete refunds[invoiceId];
    if (payment?.refund && payment.invoiceId !== null && payers.has(payment.invoiceId))
      refunds[payment.invoiceId] = { chargeId, ...payment.refund };
  }
  return { ...known, disputes, refunds };
}

function disputeAfter(
  before: PaymentRecord['disputes'][string] | undefined,
  { disputeId, ...dispute }: Dispute,
  invoices: readonly PaidInvoice[],
  itemIds: readonly string[],
  nowMs: number,
  closing: Closing | undefined,
): PaymentRecord['disputes'][string] {
  const seen = { ...before, ...dispute };
  if (phaseOf(dispute) !== 'lost') return { ...seen, lostAtMs: null, isPaidAgain: false };
  const closedAtMs = closing?.disputeId === disputeId ? closing.atMs : nowMs;
  const lostAtMs = Math.min(before?.lostAtMs ?? nowMs, closedAtMs);
  const isPaidAgain = invoices.some(
    ({ paidAtMs, amountPaid, periods }) =>
      paidAtMs > lostAtMs && amountPaid > 0 && periods.some(({ itemId }) => itemIds.includes(itemId)),
  );
  return { ...seen, lostAtMs, isPaidAgain };
}

/** For each item, the invoice that paid for its latest period: the running one, or the last before a missed payment. */
function payersOf(invoices: readonly PaidInvoice[], itemIds: readonly string[]): Set<string> {
  const payers = itemIds.map((item) => {
    const bills = invoices.flatMap(({ invoiceId, paidAtMs, periods }) =>
      periods.flatMap(({ itemId, startMs }) => (itemId === item ? [{ invoiceId, startMs, paidAtMs }] : [])),
    );
    return bills.sort((a, b) => b.startMs - a.startMs || b.paidAtMs - a.paidAtMs)[0]?.invoiceId;
  });
  return new Set(payers.filter((id) => id !== undefined));
}

/** Why a subscription holds its license back, by a payment that was taken back. */
export interface PaymentHold {
  readonly kind: 'dispute' | 'refund';
  /** The id of the dispute, or of the invoice that was refunded. */
  readonly id: string;
  readonly sinceMs: number;
  /** In Stripe's words, of the dispute or the refund. */
  readonly status: string;
  readonly isLost: boolean;
  readonly refundId: string | null;
  readonly lift: Lift | null;
}

/** Disputes, then refunds, each oldest first, lifted ones among them. */
export function paymentHolds({ disputes, refunds, lifts }: PaymentRecord): PaymentHold[] {
  const disputed = Object.entries(disputes).flatMap(([id, dispute]): PaymentHold[] => {
    const phase = phaseOf(dispute);
    const isHeld = phase === 'open' || (phase === 'lost' && !dispute.isPaidAgain);
    if (!isHeld) return [];
    const { createdAtMs: sinceMs, status } = dispute;
    const lift = lifts[id] ?? null;
    return [{ kind: 'dispute', id, sinceMs, status, isLost: phase === 'lost', refundId: null, lift }];
  });
  const refunded = Object.entries(refunds).map(([id, { atMs: sinceMs, status, refundId }]): PaymentHold => {
    const lift = lifts[id] ?? null;
    return { kind: 'refund', id, sinceMs, status, isLost: false, refundId, lift };
  });
  return [disputed, refunded].flatMap((holds) => holds.sort((a, b) => a.sinceMs - b.sinceMs));
}

/** The record after an operator lifted the hold `id`. A lift is for that dispute or invoice alone. */
export function withLift(record: PaymentRecord, id: string, lift: Lift): PaymentRecord {
  return { ...record, lifts: { ...record.lifts, [id]: lift } };
}
