import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PLANS } from '../../shared/domain/plans.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { EVENTS_BY_RECORDING } from '../../shared/ports/queries.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import {
  type BoughtLicense,
  buySeats,
  type PurchaseOptions,
  withoutStripeEvents,
} from '../testing/purchases.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import { signIn } from '../testing/users.ts';

const DAY_MS = 24 * 3600 * 1000;
const GRACE_DAYS = PLANS.pro.paymentGraceDays;

let clocked: ClockedSuite;
let suite: TestSuite;
beforeEach(async () => {
  clocked = await openClockedSuite();
  suite = clocked.suite;
});
afterEach(() => clocked.close());

const buy = (options?: PurchaseOptions): Promise<BoughtLicense> => buySeats(suite, options);
const chargeOf = ({ subscriptionId }: BoughtLicense): string => suite.stripe.chargeOf(subscriptionId) ?? '';

/** Runs `work` at Stripe, and waits until its events are processed. */
async function atStripe<R>(work: () => Promise<R>): Promise<R> {
  const result = await work();
  await suite.stripe.idle();
  return result;
}

async function passDays(days: number): Promise<void> {
  // A second more, because Stripe's times are whole seconds.
  clocked.moveClock(days * DAY_MS + 1000);
  await suite.sweep();
}

async function holdOf({ licenseId }: BoughtLicense): Promise<string | null> {
  return (await suite.operate('GET', `/api/v1/licenses/${licenseId}`)).body.hold;
}

function readHolds({ licenseId }: Pick<BoughtLicense, 'licenseId'>): Promise<Reply> {
  return suite.operate('GET', `/api/v1/subscriptions/${licenseId}/holds`);
}

function lift({ licenseId }: Pick<BoughtLicense, 'licenseId'>, hold: string, reason = 'paid by wire') {
  return suite.operate('POST', `/api/v1/subscriptions/${licenseId}/holds/lift`, { hold, reason });
}

describe('a lost dispute', () => {
  test('holds until a period is paid after it was closed, and not until later renewals only', async () => {
    const bought = await buy();
    const dispute = await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
    expect(await holdOf(bought)).toBe('dispute');
    clocked.moveClock(DAY_MS);
    await atStripe(() => suite.stripe.renew(bought.subscriptionId));
    expect(await holdOf(bought), 'paid while it is open').toBe('dispute');
    clocked.moveClock(DAY_MS);
    await atStripe(() => suite.stripe.moveDispute(dispute, 'lost'));
    expect(await holdOf(bought)).toBe('dispute');
    clocked.moveClock(DAY_MS);
    await atStripe(() => suite.stripe.renew(bought.subscriptionId));
    expect(await holdOf(bought)).toBeNull();
    expect((await bought.acquire('laptop')).status).toBe(201);
    await atStripe(() => suite.stripe.moveDispute(dispute, 'appeal_needs_response'));
    expect(await holdOf(bought), 'an appeal begins no hold').toBeNull();
  });

  test('holds during an appeal, and ends when the appeal is won', async () => {
    const bought = await buy();
    const dispute = await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
    for (const status of ['lost', 'appeal_needs_response', 'appeal_under_review'] as const) {
      await atStripe(() => suite.stripe.moveDispute(dispute, status));
      expect(await holdOf(bought), status).toBe('dispute');
    }
    await atStripe(() => suite.stripe.moveDispute(dispute, 'won'));
    expect(await holdOf(bought)).toBeNull();
  });
});

test('an inquiry keeps the seats, and holds them when it becomes a dispute, without an event of that', async () => {
  const bought = await buy();
  const inquiry = await atStripe(() => suite.stripe.dispute(chargeOf(bought), 'inquiry'));
  expect((await bought.acquire('laptop')).status).toBe(201);
  await withoutStripeEvents(suite, () => suite.stripe.moveDispute(inquiry, 'needs_response'));
  expect(await holdOf(bought)).toBeNull();
  await passDays(1);
  expect(await holdOf(bought)).toBe('dispute');
});

test('a dispute is published when it takes the money, and an inquiry when it becomes a dispute', async () => {
  const bought = await buy();
  const published = async () => {
    const query = `license_id=${bought.licenseId}&type=subscription.disputed`;
    return (await suite.operate('GET', `/api/v1/audit?${query}`)).body.events.length;
  };
  const inquiry = await atStripe(() => suite.stripe.dispute(chargeOf(bought), 'inquiry'));
  expect(await published()).toBe(0);
  clocked.moveClock(1000);
  await atStripe(() => suite.stripe.moveDispute(inquiry, 'needs_response'));
  expect(await published()).toBe(1);
  clocked.moveClock(1000);
  await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
  expect(await published()).toBe(2);
});

test('the events of a payment, its dispute and its refund name the invoice, and the dispute', async () => {
  const bought = await buy();
  const charge = chargeOf(bought);
  const { invoiceId: invoice_id } = (await suite.deps.billing?.readPayment(charge)) ?? {};
  const dispute_id = await atStripe(() => suite.stripe.dispute(charge));
  await atStripe(() => suite.stripe.moveDispute(dispute_id, 'won'));
  await atStripe(() => suite.stripe.refund(charge));
  await atStripe(() => suite.stripe.renew(bought.subscriptionId, 'declined'));
  const { body } = await suite.operate('GET', `/api/v1/audit?license_id=${bought.licenseId}`);
  const eventOf = (type: string) => body.events.find((event: { type: string }) => event.type === type);
  expect(invoice_id).toMatch(/^in_/);
  expect(eventOf('subscription.paid')).toMatchObject({ invoice_id });
  expect(eventOf('subscription.disputed')).toMatchObject({ invoice_id, dispute_id });
  expect(eventOf('subscription.refunded')).toMatchObject({ invoice_id });
  const failed = eventOf('subscription.payment_failed').invoice_id;
  expect(failed).toMatch(/^in_/);
  expect(failed).not.toBe(invoice_id);
  expect(eventOf('license.updated')).not.toHaveProperty('invoice_id');
});

test.each(['won', 'prevented'] as const)(
  'a dispute that is %s ends its hold within a day, without an event',
  async (status) => {
    const bought = await buy();
    const dispute = await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
    await withoutStripeEvents(suite, () => suite.stripe.moveDispute(dispute, status));
    expect(await holdOf(bought)).toBe('dispute');
    await passDays(1);
    expect(await holdOf(bought)).toBeNull();
  },
);

describe('a full refund', () => {
  test('holds only if it is of the invoice that pays for the running period', async () => {
    const bought = await buy();
    const first = chargeOf(bought);
    clocked.moveClock(DAY_MS);
    await atStripe(() => suite.stripe.renew(bought.subscriptionId));
    const second = chargeOf(bought);
    await atStripe(() => suite.stripe.prorate(bought.subscriptionId, 300));
    const proration = chargeOf(bought);
    expect(new Set([first, second, proration]).size).toBe(3);
    for (const charge of [first, proration]) {
      await atStripe(() => suite.stripe.refund(charge));
      expect(await holdOf(bought)).toBeNull();
    }
    await atStripe(() => suite.stripe.refund(second, 100));
    expect(await holdOf(bought), 'in part').toBeNull();
    await atStripe(() => suite.stripe.refund(second));
    expect(await holdOf(bought)).toBe('refund');
    await atStripe(() => suite.stripe.renew(bought.subscriptionId, 'declined'));
    expect(await holdOf(bought), 'the next period is not paid').toBe('refund');
    await atStripe(() => suite.stripe.retryPayment(bought.subscriptionId));
    expect(await holdOf(bought)).toBeNull();
  });

  test('holds no longer when it fails, with the events in any order and without them', async () => {
    const bought = await buy();
    const refund = await withoutStripeEvents(suite, () => suite.stripe.refund(chargeOf(bought)));
    const before = suite.stripe.events.length;
    await withoutStripeEvents(suite, () => suite.stripe.failRefund(refund));
    const url = `${suite.url}/api/v1/webhooks/stripe`;
    for (const { id } of [...suite.stripe.events.slice(before), ...suite.stripe.events].toReversed())
      expect(await suite.stripe.send(id, { url })).toBe(200);
    expect(await holdOf(bought)).toBeNull();

    const again = await atStripe(() => suite.stripe.refund(chargeOf(bought)));
    expect(await holdOf(bought)).toBe('refund');
    await withoutStripeEvents(suite, () => suite.stripe.failRefund(again));
    await passDays(1);
    expect(await holdOf(bought)).toBeNull();
    const third = await atStripe(() => suite.stripe.refund(chargeOf(bought)));
    expect(await holdOf(bought)).toBe('refund');
    await atStripe(() => suite.stripe.failRefund(third));
    expect(await holdOf(bought)).toBeNull();
  });
});

test('an invoice with 30 days to pay keeps the seats until its grace after the due date is over', async () => {
  const bought = await buy();
  await suite.stripe.sendInvoice(bought.subscriptionId, 30);
  await atStripe(() => suite.stripe.renew(bought.subscriptionId));
  await passDays(29);
  expect(await holdOf(bought)).toBeNull();
  await passDays(2);
  await atStripe(() => suite.stripe.passDueDate(bought.subscriptionId));
  expect(await holdOf(bought), 'on day 31').toBeNull();
  expect((await bought.acquire('laptop')).status).toBe(201);
  await passDays(GRACE_DAYS - 2);
  expect(await holdOf(bought), 'one day before the end of the grace').toBeNull();
  await passDays(1);
  expect(await holdOf(bought)).toBe('payment');
  expect((await bought.acquire('desktop')).body.code).toBe('LICENSE_SUSPENDED');
  await atStripe(() => suite.stripe.retryPayment(bought.subscriptionId));
  expect((await bought.acquire('desktop')).status).toBe(201);
});

test('seats are kept while collection is paused, and held while the subscription is paused', async () => {
  const bought = await buy();
  await atStripe(() => suite.stripe.pauseCollection(bought.subscriptionId, 'void'));
  expect(await holdOf(bought)).toBeNull();
  expect((await bought.acquire('laptop')).status).toBe(201);
  await atStripe(() => suite.stripe.pause(bought.subscriptionId));
  expect(await holdOf(bought)).toBe('paused');
});

describe('an operator', () => {
  test('sees each hold, with its ids and status at Stripe and what ends it', async () => {
    const bought = await buy();
    expect((await readHolds(bought)).body).toEqual({ holds: [] });
    const since = new Date(Math.floor(clocked.nowMs() / 1000) * 1000).toISOString();
    const dispute = await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
    const refund = await atStripe(() => suite.stripe.refund(chargeOf(bought)));
    await atStripe(() => suite.stripe.pause(bought.subscriptionId));
    const { body } = await readHolds(bought);
    const rest = { since, lifted: null, ends_when: expect.stringMatching(/^[A-Z].*\.$/) };
    const byKind = Object.fromEntries(body.holds.map((hold: { kind: string }) => [hold.kind, hold]));
    const invoice_id = byKind.refund.invoice_id;
    expect(invoice_id).toMatch(/^in_/);
    expect(byKind).toEqual({
      dispute: {
        ...{ hold_id: dispute, kind: 'dispute', status: 'needs_response' },
        ...{ dispute_id: dispute, invoice_id: null, refund_id: null, ...rest },
      },
      refund: {
        ...{ hold_id: invoice_id, kind: 'refund', status: 'succeeded' },
        ...{ dispute_id: null, invoice_id, refund_id: refund, ...rest },
      },
      paused: {
        ...{ hold_id: 'paused', kind: 'paused', status: 'paused' },
        ...{ dispute_id: null, invoice_id: null, refund_id: null, ...rest, since: null },
      },
    });
  });

  test('lifts one dispute with a reason, which stays lifted, while another one holds again', async () => {
    const bought = await buy();
    const dispute = await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
    const { status, body } = await lift(bought, dispute, '  The customer sent a letter of the bank.  ');
    expect(status).toBe(200);
    expect(body.holds).toMatchObject([
      {
        hold_id: dispute,
        lifted: {
          at: new Date(clocked.nowMs()).toISOString(),
          by: { type: 'operator', id: 'bootstrap' },
          reason: 'The customer sent a letter of the bank.',
        },
      },
    ]);
    expect((await bought.acquire('laptop')).status).toBe(201);
    expect((await lift(bought, dispute, 'again')).body).toEqual(body);
    await atStripe(() => suite.stripe.moveDispute(dispute, 'under_review'));
    await passDays(1);
    expect(await holdOf(bought)).toBeNull();
    const another = await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
    expect(await holdOf(bought)).toBe('dispute');
    await lift(bought, another);
    expect(await holdOf(bought)).toBeNull();
    await atStripe(() => suite.stripe.refund(chargeOf(bought)));
    expect(await holdOf(bought)).toBe('refund');
    const [, , refund] = (await readHolds(bought)).body.holds;
    await lift(bought, refund.hold_id);
    expect(await holdOf(bought)).toBeNull();

    const events = await Array.fromAsync(eachDocument(suite.deps.records, EVENTS_BY_RECORDING, {}));
    const lifts = events.filter(({ type }) => type === 'subscription.hold_lifted');
    expect(Object.fromEntries(lifts.map(({ subject, detail }) => [subject, detail.note]))).toEqual({
      [dispute]: 'The customer sent a letter of the bank.',
      [another]: 'paid by wire',
      [refund.hold_id]: 'paid by wire',
    });
  });

  test.each([
    ['an unknown dispute', () => 'du_unknown', 404, 'HOLD_NOT_FOUND'],
    ['a dispute that has ended', (ended: string) => ended, 404, 'HOLD_NOT_FOUND'],
    ['a pause', () => 'paused', 409, 'HOLD_NOT_LIFTABLE'],
    ['what is no id', () => '../x', 400, 'VALIDATION_FAILED'],
  ])('cannot lift %s', async (_, hold, status, code) => {
    const bought = await buy();
    const ended = await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
    await atStripe(() => suite.stripe.moveDispute(ended, 'won'));
    await atStripe(() => suite.stripe.pause(bought.subscriptionId));
    const refused = await lift(bought, hold(ended));
    expect([refused.status, refused.body.code]).toEqual([status, code]);
  });

  test.each([
    ['blank', '   '],
    ['with a control character', 'paid\u0007'],
    ['with half a character, which Firestore would store as another one', 'paid \ud83d'],
    ['of 501 characters', 'x'.repeat(501)],
  ])('cannot give a reason %s', async (_, reason) => {
    const refused = await lift(await suite.createLicense(), 'du_1', reason);
    expect([refused.status, refused.body.errors?.[0].at]).toEqual([400, '/reason']);
  });

  test('gets 404 for a license without a subscription, and for none', async () => {
    const license = await suite.createLicense();
    const unknown = { licenseId: `${license.licenseId.slice(0, -2)}00` };
    for (const [of, code] of [
      [license, 'SUBSCRIPTION_NOT_FOUND'],
      [unknown, 'LICENSE_NOT_FOUND'],
    ] as const) {
      expect((await readHolds(of)).body).toMatchObject({ status: 404, code });
      expect((await lift(of, 'du_1')).body).toMatchObject({ status: 404, code });
    }
  });
});

test.each([
  [{ BILLING_DISPUTES: 'keep' }, null, 'refund', null],
  [{ BILLING_PAUSED_COLLECTION: 'hold' }, 'dispute', 'dispute', 'paused'],
])('the settings %j decide what holds', async (settings, disputed, refunded, paused) => {
  await clocked.close();
  clocked = await openClockedSuite(undefined, settings);
  suite = clocked.suite;
  const one = await buy();
  await atStripe(() => suite.stripe.dispute(chargeOf(one)));
  expect(await holdOf(one)).toBe(disputed);
  await atStripe(() => suite.stripe.refund(chargeOf(one)));
  expect(await holdOf(one)).toBe(refunded);
  const other = await buy();
  await atStripe(() => suite.stripe.pauseCollection(other.subscriptionId, 'keep_as_draft'));
  expect(await holdOf(other)).toBe(paused);
  expect((await readHolds(other)).body.holds.map(({ hold_id }: { hold_id: string }) => hold_id)).toEqual(
    paused === null ? [] : ['pause_collection'],
  );
  await atStripe(() => suite.stripe.resumeCollection(other.subscriptionId));
  expect(await holdOf(other)).toBeNull();
});

test('a dispute in an unknown status holds if its money is gone, with an ERROR in the log', async () => {
  await clocked.close();
  let isMoneyWithdrawn = true;
  clocked = await openClockedSuite((deps) => {
    const { billing } = deps;
    if (!billing) throw new Error('billing is not configured');
    const readDispute: typeof billing.readDispute = async (id) => {
      const dispute = await billing.readDispute(id);
      return dispute && { ...dispute, status: 'arbitration', isMoneyWithdrawn };
    };
    return { ...deps, billing: { ...billing, readDispute } };
  });
  suite = clocked.suite;
  const bought = await buy();
  const dispute = await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
  expect(await holdOf(bought)).toBe('dispute');
  expect(suite.logged).toContainEqual(
    expect.objectContaining({
      severity: 'ERROR',
      license_id: bought.licenseId,
      because: `${dispute} (arbitration)`,
    }),
  );
  isMoneyWithdrawn = false;
  await passDays(1);
  expect(await holdOf(bought)).toBeNull();
});

test('a lift during a look is not lost, and the look still brings the state of Stripe', async () => {
  await clocked.close();
  let during: (() => Promise<unknown>) | undefined;
  clocked = await openClockedSuite((deps) => {
    const { billing } = deps;
    if (!billing) throw new Error('billing is not configured');
    const readSubscription: typeof billing.readSubscription = async (id) => {
      const state = await billing.readSubscription(id);
      const work = during;
      during = undefined;
      await work?.();
      return state;
    };
    return { ...deps, billing: { ...billing, readSubscription } };
  });
  suite = clocked.suite;
  const bought = await buy();
  const dispute = await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
  during = () => lift(bought, dispute);
  await atStripe(() => suite.stripe.changeSeats(bought.subscriptionId, 7));
  const { body } = await suite.operate('GET', `/api/v1/licenses/${bought.licenseId}`);
  expect(body).toMatchObject({ hold: null, max: 7 });
  expect((await readHolds(bought)).body.holds).toMatchObject([{ hold_id: dispute, lifted: {} }]);
});

test("a tenant's admin sees that and why the license is held, and what to do, but no note of an operator", async () => {
  const ada = await signIn(suite, 'ada@shop.example');
  const [tenantId = ''] = ada.tenants.keys();
  const bought = await buy({ tenantId });
  const read = async () => (await ada.call('GET', '/api/v1/subscriptions')).body.subscriptions[0].hold;
  expect(await read()).toBeNull();
  const dispute = await atStripe(() => suite.stripe.dispute(chargeOf(bought)));
  expect(await read()).toEqual({ code: 'dispute', what_to_do: expect.stringContaining('your bank') });
  await atStripe(() => suite.stripe.moveDispute(dispute, 'lost'));
  expect((await read()).what_to_do).toContain('next invoice');
  await lift(bought, dispute, 'a private note');
  expect(await read()).toBeNull();

  const path = `/api/v1/subscriptions/${bought.licenseId}/holds`;
  expect((await ada.call('GET', path)).status).toBe(403);
  expect((await ada.call('POST', `${path}/lift`, { hold: dispute, reason: 'mine' })).status).toBe(403);
  const audit = async (who: { call: typeof ada.call }) =>
    (await who.call('GET', `/api/v1/audit?tenant_id=${tenantId}&limit=100`)).body.events;
  const lifts = (events: { type: string }[]) =>
    events.filter(({ type }) => type === 'subscription.hold_lifted');
  expect(lifts(await audit({ call: suite.operate as never }))).toMatchObject([
    { subject: dispute, note: 'a private note', actor: { type: 'operator' } },
  ]);
  const [own] = lifts(await audit(ada));
  expect(own).toMatchObject({ subject: dispute });
  expect(own).not.toHaveProperty('note');
  const exported = await ada.call('GET', `/api/v1/gdpr/export/tenants/${tenantId}`);
  expect(exported.text).toContain(dispute);
  expect(exported.text).not.toContain('a private note');
});
