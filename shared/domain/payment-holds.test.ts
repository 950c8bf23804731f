import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../testing/runs.ts';
import {
  type Closing,
  DISPUTE_STATUSES,
  type Dispute,
  dependsOnInvoices,
  type PaidInvoice,
  type Payment,
  type PaymentRecord,
  paymentHolds,
  unknownDisputes,
  unsettled,
  withLift,
  withPayments,
} from './payment-holds.ts';

const START_MS = Date.UTC(2026, 10, 25);
const SEATS = 'si_seats';
const MORE_SEATS = 'si_more';
const ITEMS = [SEATS, MORE_SEATS];
const BY_OPERATOR = { kind: 'operator', id: 'opt_1' } as const;

/** What happened at Stripe, and what is asked of it. */
class World {
  nowMs = START_MS;
  items = { current: ITEMS, ever: ITEMS };
  readonly disputes = new Map<string, Dispute>();
  readonly payments = new Map<string, Payment>();
  readonly invoices: PaidInvoice[] = [];
  /** For each dispute, when its first decision for the customer was. */
  readonly lostAtMs = new Map<string, number>();

  pay(invoiceId: string, amountPaid: number, itemIds: readonly string[], startMs = this.nowMs): void {
    const periods = itemIds.map((itemId) => ({ itemId, startMs }));
    this.invoices.unshift({ invoiceId, paidAtMs: this.nowMs, amountPaid, periods });
    const chargeId = `ch_of_${invoiceId}`;
    this.payments.set(chargeId, { chargeId, subscriptionId: 'sub_1', invoiceId, refund: null });
  }

  move(disputeId: string, status: string, isMoneyWithdrawn = false): void {
    const before = this.disputes.get(disputeId);
    this.disputes.set(disputeId, {
      ...{ disputeId, chargeId: 'ch_1', createdAtMs: before?.createdAtMs ?? this.nowMs },
      ...{ status, isMoneyWithdrawn },
    });
    if (status === 'lost' && !this.lostAtMs.has(disputeId)) this.lostAtMs.set(disputeId, this.nowMs);
  }

  refund(chargeId: string, status: 'succeeded' | undefined): void {
    const payment = this.payments.get(chargeId);
    if (!payment) throw new Error(`no payment ${chargeId}`);
    const refund = status ? { refundId: `re_${this.nowMs}`, status, atMs: this.nowMs } : null;
    this.payments.set(chargeId, { ...payment, refund });
  }

  /** A look, as an event or the sweep causes it. */
  look(
    record: PaymentRecord | undefined,
    about: { disputeId?: string; chargeId?: string; closing?: Closing | undefined } = {},
  ): PaymentRecord {
    const { disputeIds, chargeIds } = unsettled(record);
    const ids = [...disputeIds, ...(about.disputeId ? [about.disputeId] : [])];
    const charges = [...chargeIds, ...(about.chargeId ? [about.chargeId] : [])];
    const read = {
      disputes: new Map(ids.map((id) => [id, this.disputes.get(id)])),
      payments: new Map(charges.map((id) => [id, this.payments.get(id)])),
    };
    const paidInvoices = dependsOnInvoices(read) ? this.invoices : [];
    return withPayments(record, { ...read, paidInvoices }, this.items, this.nowMs, about.closing);
  }
}

function heldBy(record: PaymentRecord): string[] {
  return paymentHolds(record).flatMap(({ id, lift }) => (lift ? [] : [id]));
}

/** A paid period, and a dispute about it in `status`. */
function disputed(status: string, isMoneyWithdrawn = false): { world: World; record: PaymentRecord } {
  const world = new World();
  world.pay('in_1', 900, [SEATS]);
  world.nowMs += 1000;
  world.move('dp_1', status, isMoneyWithdrawn);
  return { world, record: world.look(undefined, { disputeId: 'dp_1' }) };
}

describe('a dispute', () => {
  const HOLDS: Readonly<Record<string, boolean>> = {
    warning_needs_response: false,
    warning_under_review: false,
    warning_closed: false,
    needs_response: true,
    under_review: true,
    lost: true,
    appeal_needs_response: true,
    appeal_under_review: true,
    won: false,
    prevented: false,
  };

  test.each(Object.entries(HOLDS))('that is %s holds the seats: %s', (status, isHeld) => {
    expect(heldBy(disputed(status).record)).toEqual(isHeld ? ['dp_1'] : []);
  });

  test('has a listed meaning in every status', () => {
    expect(Object.keys(HOLDS).sort()).toEqual([...DISPUTE_STATUSES].sort());
  });

  test.each([true, false])(
    'in a status of a later version of Stripe holds if its money is gone (%s), and is reported',
    (isMoneyWithdrawn) => {
      for (const status of ['arbitration', 'constructor', '']) {
        const { record } = disputed(status, isMoneyWithdrawn);
        expect(heldBy(record)).toEqual(isMoneyWithdrawn ? ['dp_1'] : []);
        expect(unknownDisputes(record)).toEqual(['dp_1']);
      }
      expect(unknownDisputes(disputed('won').record)).toEqual([]);
    },
  );

  test('that was an inquiry holds from the next look on, without its event', () => {
    const { world, record } = disputed('warning_needs_response');
    world.move('dp_1', 'needs_response');
    expect(heldBy(world.look(record))).toEqual(['dp_1']);
  });

  test.each([
    ['a later period', 900, [SEATS], 1000, false],
    ['a later period with an amount of 0', 0, [SEATS], 1000, true],
    ['a proration or an add-on later', 900, [], 1000, true],
    ['a period at the moment when it closed', 900, [SEATS], 0, true],
  ])('that is lost holds after %s was paid: amount %d of %j, %d ms later: %s', (_, ...given) => {
    const [amount, items, laterMs, isHeld] = given;
    const { world, record } = disputed('lost');
    world.nowMs += laterMs;
    world.pay('in_2', amount, items);
    const after = world.look(record);
    expect(heldBy(after)).toEqual(isHeld ? ['dp_1'] : []);
    // An appeal is the vendor's: it keeps a hold, and begins none.
    world.move('dp_1', 'appeal_under_review');
    expect(heldBy(world.look(after, { disputeId: 'dp_1' }))).toEqual(isHeld ? ['dp_1'] : []);
    world.move('dp_1', 'won');
    expect(heldBy(world.look(after, { disputeId: 'dp_1' }))).toEqual([]);
  });

  test("closes at the time of Stripe's event, and else when it is first seen", () => {
    const { world, record: open } = disputed('under_review');
    world.move('dp_1', 'lost');
    const closedAtMs = world.nowMs;
    world.nowMs += 1000;
    world.pay('in_2', 900, [SEATS]);
    world.nowMs += 1000;
    const seenLate = world.look(open);
    expect(heldBy(seenLate)).toEqual(['dp_1']);
    const closing = { disputeId: 'dp_1', atMs: closedAtMs };
    expect(heldBy(world.look(seenLate, { disputeId: 'dp_1', closing }))).toEqual([]);
  });

  test('that Stripe does not have any more holds nothing', () => {
    const { world, record } = disputed('needs_response');
    world.disputes.clear();
    expect(heldBy(world.look(record))).toEqual([]);
  });
});

describe('a full refund', () => {
  test('holds only if the invoice paid for the running period of an item', () => {
    const world = new World();
    world.pay('in_year', 9000, [MORE_SEATS]);
    world.nowMs += 1000;
    world.pay('in_1', 900, [SEATS]);
    world.nowMs += 1000;
    world.pay('in_2', 900, [SEATS]);
    world.nowMs += 1000;
    world.pay('in_proration', 300, []);
    for (const [invoiceId, isHeld] of [
      ['in_year', true],
      ['in_1', false],
      ['in_2', true],
      ['in_proration', false],
    ] as const) {
      const chargeId = `ch_of_${invoiceId}`;
      world.refund(chargeId, 'succeeded');
      const record = world.look(undefined, { chargeId });
      expect(heldBy(record), invoiceId).toEqual(isHeld ? [invoiceId] : []);
      world.refund(chargeId, undefined);
      expect(heldBy(world.look(record)), `${invoiceId}, after the refund failed`).toEqual([]);
    }
  });

  test('of an item that was removed holds nothing, and its payment counts after a lost dispute', () => {
    const { world, record } = disputed('lost');
    world.nowMs += 1000;
    world.pay('in_2', 900, [MORE_SEATS]);
    world.items = { current: [SEATS], ever: ITEMS };
    expect(heldBy(world.look(record))).toEqual([]);
    world.refund('ch_of_in_2', 'succeeded');
    expect(heldBy(world.look(undefined, { chargeId: 'ch_of_in_2' }))).toEqual([]);
  });

  test('holds until the next period is paid, whatever its amount', () => {
    const world = new World();
    world.pay('in_1', 900, [SEATS]);
    world.refund('ch_of_in_1', 'succeeded');
    const held = world.look(undefined, { chargeId: 'ch_of_in_1' });
    expect(heldBy(world.look(held))).toEqual(['in_1']);
    world.nowMs += 1000;
    world.pay('in_2', 0, [SEATS]);
    expect(heldBy(world.look(held))).toEqual([]);
  });
});

test('a lift is for one dispute or invoice, and survives later looks', () => {
  const { world, record } = disputed('needs_response');
  const lifted = withLift(record, 'dp_1', { atMs: 1, actor: BY_OPERATOR, reason: 'Paid by wire' });
  expect(heldBy(world.look(lifted))).toEqual([]);
  expect(paymentHolds(world.look(lifted))).toMatchObject([{ id: 'dp_1', lift: { reason: 'Paid by wire' } }]);
  world.move('dp_2', 'needs_response');
  expect(heldBy(world.look(lifted, { disputeId: 'dp_2' }))).toEqual(['dp_2']);
});

/** Which statuses can follow (docs.stripe.com/disputes/how-disputes-work). */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  warning_needs_response: ['warning_under_review', 'needs_response', 'warning_closed'],
  warning_under_review: ['needs_response', 'warning_closed'],
  needs_response: ['under_review', 'lost', 'won', 'prevented'],
  under_review: ['won', 'lost'],
  lost: ['appeal_needs_response'],
  appeal_needs_response: ['appeal_under_review', 'lost'],
  appeal_under_review: ['won', 'lost'],
};
const CLOSED = ['lost', 'won', 'warning_closed', 'prevented'];

test('seats are held exactly as the model says, for all orders of payments, disputes, refunds, failures and lifts', () => {
  const seen = { held: 0, free: 0, paidAgain: 0, failed: 0, lifted: 0, late: 0 };
  const action = fc.constantFrom(
    ...['pay', 'pay', 'pay nothing', 'prorate', 'open', 'inquire', 'move', 'move', 'move', 'refund', 'fail'],
    ...['lift', 'look', 'deliver', 'deliver'],
  );
  fc.assert(
    fc.property(
      fc.array(action, { minLength: 4, maxLength: 40 }),
      fc.infiniteStream(fc.nat(999)),
      (actions, choices) => {
        const choose = <T>(from: readonly T[]): T | undefined =>
          from[Number(choices.next().value) % Math.max(1, from.length)];
        const world = new World();
        world.pay('in_0', 900, ITEMS);
        const waiting: Parameters<World['look']>[1][] = [];
        const lifted = new Set<string>();
        let record: PaymentRecord | undefined;
        const deliver = (): void => {
          const event = choose(waiting);
          if (!event) return;
          if (event !== waiting[0]) seen.late += 1;
          if (choose([0, 1, 2]) !== 0) waiting.splice(waiting.indexOf(event), 1);
          record = world.look(record, event);
        };
        for (const [n, what] of actions.entries()) {
          world.nowMs += 1000;
          switch (what) {
            case 'pay':
            case 'pay nothing':
              world.pay(
                `in_${n + 1}`,
                what === 'pay' ? 900 : 0,
                choose([[SEATS], [MORE_SEATS], ITEMS]) ?? [],
              );
              break;
            case 'prorate':
              world.pay(`in_${n + 1}`, 300, []);
              break;
            case 'open':
            case 'inquire':
              world.move(`dp_${n}`, what === 'open' ? 'needs_response' : 'warning_needs_response');
              waiting.push({ disputeId: `dp_${n}` });
              break;
            case 'move': {
              const moving = choose([...world.disputes.values()].filter(({ status }) => NEXT[status]));
              const status = moving && choose(NEXT[moving.status] ?? []);
              if (!moving || status === undefined) break;
              const { disputeId } = moving;
              world.move(disputeId, status);
              const closing = CLOSED.includes(status) ? { disputeId, atMs: world.nowMs } : undefined;
              waiting.push({ disputeId, closing });
              break;
            }
            case 'refund':
            case 'fail': {
              const isRefunded = (payment: Payment): boolean => payment.refund !== null;
              const payments = [...world.payments.values()];
              const chosen = choose(payments.filter((each) => isRefunded(each) === (what === 'fail')));
              if (!chosen) break;
              world.refund(chosen.chargeId, what === 'refund' ? 'succeeded' : undefined);
              if (what === 'fail') seen.failed += 1;
              waiting.push({ chargeId: chosen.chargeId });
              break;
            }
            case 'lift': {
              const id = record && choose(heldBy(record));
              if (!record || id === undefined) break;
              record = withLift(record, id, { atMs: world.nowMs, actor: BY_OPERATOR, reason: 'asked for' });
              lifted.add(id);
              seen.lifted += 1;
              break;
            }
            case 'look':
              record = world.look(record);
              break;
            case 'deliver':
              deliver();
          }
        }
        while (waiting.length > 0) deliver();
        const actual = heldBy(world.look(record)).sort();
        const expected = model(world, lifted);
        expect(actual).toEqual(expected);
        seen[expected.length > 0 ? 'held' : 'free'] += 1;
      },
    ),
    { numRuns: runs(1_000, 20_000), seed: 20261130 },
  );
  for (const [what, n] of Object.entries(seen)) expect(n, what).toBeGreaterThan(20);

  /** The rule in other words: what holds the seats, by what happened at Stripe alone. */
  function model(world: World, lifted: ReadonlySet<string>): string[] {
    const holding: string[] = [];
    for (const { disputeId, status } of world.disputes.values()) {
      if (['needs_response', 'under_review'].includes(status)) holding.push(disputeId);
      if (!['lost', 'appeal_needs_response', 'appeal_under_review'].includes(status)) continue;
      const closedAtMs = world.lostAtMs.get(disputeId) ?? Number.NaN;
      const laterMoney = world.invoices.filter(
        (invoice) => invoice.paidAtMs > closedAtMs && invoice.amountPaid > 0 && invoice.periods.length > 0,
      );
      if (laterMoney.length === 0) holding.push(disputeId);
      else seen.paidAgain += 1;
    }
    // Newest first: the first invoice that bills an item paid for its latest period.
    const payers = ITEMS.map((item) =>
      world.invoices.find(({ periods }) => periods.some(({ itemId }) => itemId === item)),
    );
    for (const { invoiceId, refund } of world.payments.values())
      if (refund && invoiceId !== null && payers.some((payer) => payer?.invoiceId === invoiceId))
        holding.push(invoiceId);
    return holding.filter((id) => !lifted.has(id)).sort();
  }
});
