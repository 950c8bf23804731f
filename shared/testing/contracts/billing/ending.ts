import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newLicenseId, newTenantId } from '../../../domain/ids.ts';
import { priceOf } from '../../../domain/prices.ts';
import type { FakeStripe } from '../../../local/stripe/types.ts';
import type { Billing } from '../../../ports/billing.ts';
import { runs } from '../../runs.ts';
import type { BillingUnderTest } from './suite.ts';

const NOW_MS = Date.UTC(2026, 10, 25);
const DAY_MS = 24 * 3600 * 1000;

/** The contract of the payment provider about the end of subscriptions and their pauses. */
export function endingContract(open: (nowMs: () => number) => Promise<BillingUnderTest>): void {
  let under: BillingUnderTest;
  let billing: Billing;
  let stripe: FakeStripe;
  let nowMs: number;
  beforeEach(async () => {
    nowMs = NOW_MS;
    under = await open(() => nowMs);
    ({ billing, stripe } = under);
  });
  afterEach(() => under.close());

  async function bought(trialDays = 0): Promise<string> {
    const tenantId = newTenantId(16);
    const customerId = await billing.createCustomer({ tenantId, name: 'Acme', attempt: 0 });
    const price = priceOf(await billing.readPrices(), 'pro', 'month');
    if (!price) throw new Error('not for sale');
    const session = await billing.createCheckout({
      customerId,
      tenantId,
      licenseId: newLicenseId(tenantId),
      price,
      seats: 3,
      returnUrl: 'https://vendor.example/thanks',
      trialDays,
      automaticTax: false,
      promotionCodes: false,
    });
    if (session.verdict !== 'OPEN') throw new Error(session.verdict);
    await stripe.pay(session.page.sessionId);
    return stripe.subscriptionOf(session.page.sessionId) ?? '';
  }

  async function meteredAt(
    subscriptionId: string,
  ): Promise<(identifier: string, quantity: number) => Promise<unknown>> {
    await stripe.addPrice({ lookupKey: 'exports', meter: 'exports', unitAmount: 5 });
    await stripe.addItem(subscriptionId, { price: 'exports' });
    const { customerId = '' } = (await billing.readSubscription(subscriptionId)) ?? {};
    return (identifier, quantity) =>
      billing.recordUsage({ identifier, customerId, meter: 'exports', quantity, atMs: nowMs });
  }

  const cancelAtMsOf = async (id: string) => (await billing.readSubscription(id))?.cancelAtMs;

  describe('the end of a subscription', () => {
    test('is that of its period, or a time within it or after it, or now', async () => {
      const id = await bought();
      const periodEndMs = (stripe.subscription(id)?.periodEnd ?? 0) * 1000;
      for (const [end, cancelAtMs] of [
        ['period_end', periodEndMs],
        [{ atMs: NOW_MS + 10 * DAY_MS + 999 }, NOW_MS + 10 * DAY_MS],
        [{ atMs: NOW_MS + 100 * DAY_MS }, NOW_MS + 100 * DAY_MS],
        ['period_end', periodEndMs],
      ] as const) {
        expect(await billing.endSubscription({ subscriptionId: id, end })).toEqual({ verdict: 'ENDING' });
        expect(await cancelAtMsOf(id)).toBe(cancelAtMs);
      }
      expect(await billing.endSubscription({ subscriptionId: id, end: 'now' })).toEqual({
        verdict: 'ENDING',
      });
      expect(await billing.readSubscription(id)).toMatchObject({ status: 'canceled', endedAtMs: NOW_MS });
    });

    test('is refused for a past time and an unpaid subscription, and too late after the end', async () => {
      const id = await bought();
      const past = await billing.endSubscription({ subscriptionId: id, end: { atMs: NOW_MS } });
      expect(past).toMatchObject({ verdict: 'REJECTED', because: expect.stringContaining('cancel_at') });
      await stripe.end(id);
      for (const subscriptionId of [id, 'sub_nobody']) {
        for (const end of ['period_end', 'now', { atMs: NOW_MS + DAY_MS }] as const)
          expect(await billing.endSubscription({ subscriptionId, end })).toEqual({ verdict: 'OVER' });
        expect(await billing.keepSubscription(subscriptionId)).toEqual({ verdict: 'OVER' });
        expect(await billing.resumeSubscription(subscriptionId)).toEqual({ verdict: 'OVER' });
        const paused = await billing.pauseSubscription({
          subscriptionId,
          kind: 'subscription',
          creditsRest: true,
        });
        expect(paused).toEqual({ verdict: 'OVER' });
      }
    });

    test('of items with other periods is the last of their ends, because all of them are paid', async () => {
      const id = await bought();
      await stripe.addItem(id, { price: 'seatlease_pro_year', quantity: 2 });
      await billing.endSubscription({ subscriptionId: id, end: 'period_end' });
      expect(await cancelAtMsOf(id)).toBe(Date.UTC(2027, 10, 25));
    });

    test('within its period refunds nothing, and neither does undoing it', async () => {
      const id = await bought();
      await billing.endSubscription({ subscriptionId: id, end: { atMs: NOW_MS + 10 * DAY_MS } });
      await billing.endSubscription({ subscriptionId: id, end: { atMs: NOW_MS + 5 * DAY_MS } });
      expect(await billing.keepSubscription(id)).toEqual({ verdict: 'KEPT' });
      expect([await cancelAtMsOf(id), stripe.prorationOf(id)]).toEqual([null, 0]);
      expect(stripe.subscription(id)?.periodEnd).toBe(Date.UTC(2026, 11, 25) / 1000);
    });

    test.each<[string, (id: string) => Promise<unknown>]>([
      ['of the period', (id) => billing.endSubscription({ subscriptionId: id, end: 'period_end' })],
      ['of the period, by the portal', (id) => stripe.cancelAt(id, stripe.subscription(id)?.periodEnd ?? 0)],
      ['in a later period, by the dashboard', (id) => stripe.cancelAt(id, NOW_MS / 1000 + 50 * 86_400)],
    ])('refunds nothing if it is moved to an earlier time from the end %s', async (_, schedule) => {
      const id = await bought();
      await schedule(id);
      await billing.endSubscription({ subscriptionId: id, end: { atMs: NOW_MS + DAY_MS } });
      expect([await cancelAtMsOf(id), stripe.creditOf(id), stripe.prorationOf(id)]).toEqual([
        NOW_MS + DAY_MS,
        0,
        0,
      ]);
      expect(await billing.keepSubscription(id)).toEqual({ verdict: 'KEPT' });
      expect(stripe.invoicesOf(id)).toHaveLength(1);
    });

    test('within its period can be moved to the end of what is paid', async () => {
      const id = await bought();
      const { periodEnd = 0 } = stripe.subscription(id) ?? {};
      await billing.endSubscription({ subscriptionId: id, end: { atMs: NOW_MS + DAY_MS } });
      await billing.endSubscription({ subscriptionId: id, end: 'period_end' });
      expect(await cancelAtMsOf(id)).toBe(periodEnd * 1000);
      expect(stripe.invoicesOf(id)).toHaveLength(1);
    });

    test('gives no credit and no free time, however often it is set, moved and undone', async () => {
      type Step = 'period_end' | 'undo' | 'renew' | 'portal' | { readonly inDays: number };
      const step = fc.oneof(
        fc.constantFrom<Step>('period_end', 'undo', 'renew', 'portal'),
        fc.integer({ min: 1, max: 70 }).map((inDays): Step => ({ inDays })),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
          nowMs = NOW_MS;
          const id = await bought();
          let periods = 1;
          for (const each of steps) {
            const { periodEnd = 0, cancelAt = null } = stripe.subscription(id) ?? {};
            if (each === 'undo') await billing.keepSubscription(id);
            else if (each === 'period_end') await billing.endSubscription({ subscriptionId: id, end: each });
            else if (each === 'portal') await stripe.cancelAt(id, periodEnd);
            else if (each === 'renew') {
              if (cancelAt !== null && cancelAt <= periodEnd) continue;
              nowMs = periodEnd * 1000;
              await stripe.renew(id);
              periods += 1;
            } else {
              nowMs += 3600_000;
              await billing.endSubscription({
                subscriptionId: id,
                end: { atMs: nowMs + each.inDays * DAY_MS },
              });
            }
            expect([stripe.creditOf(id), stripe.prorationOf(id)]).toEqual([0, 0]);
          }
          await billing.keepSubscription(id);
          const invoices = stripe.invoicesOf(id);
          const paid = invoices.reduce((sum, { amountPaid }) => sum + amountPaid, 0);
          const cents = invoices.length;
          expect(Math.abs(paid - periods * (invoices.at(-1)?.amountPaid ?? 0))).toBeLessThan(cents);
        }),
        { numRuns: runs(60, 1000) },
      );
    });

    test('that the dashboard set with a credit is undone with a charge', async () => {
      const id = await bought();
      await stripe.cancelAt(id, NOW_MS / 1000 + 10 * 86_400);
      expect(stripe.prorationOf(id)).toBeLessThan(0);
      await billing.keepSubscription(id);
      expect(stripe.prorationOf(id)).toBe(0);
    });

    test.each<[string, (subscriptionId: string) => Promise<unknown>]>([
      ['undone', (subscriptionId) => billing.keepSubscription(subscriptionId)],
      [
        'moved to its end',
        (subscriptionId) => billing.endSubscription({ subscriptionId, end: { atMs: Date.UTC(2027, 0, 25) } }),
      ],
      [
        'moved to the end of the shortened period and undone',
        async (subscriptionId) => {
          await billing.endSubscription({ subscriptionId, end: 'period_end' });
          await billing.keepSubscription(subscriptionId);
        },
      ],
    ])('that shortened a later period is %s with an invoice for its rest at once', async (_, change) => {
      const id = await bought();
      const renewalMs = Date.UTC(2026, 11, 25);
      await billing.endSubscription({ subscriptionId: id, end: { atMs: renewalMs + DAY_MS } });
      nowMs = renewalMs;
      await stripe.renew(id);
      const [renewal, first] = stripe.invoicesOf(id);
      expect(renewal?.amountPaid).toBeLessThan((first?.amountPaid ?? 0) / 20);
      await change(id);
      const [rest, before] = stripe.invoicesOf(id);
      expect(before?.id).toBe(renewal?.id);
      expect((rest?.amountPaid ?? 0) + (renewal?.amountPaid ?? 0)).toBe(first?.amountPaid);
      expect(stripe.subscription(id)).toMatchObject({
        status: 'active',
        periodEnd: Date.UTC(2027, 0, 25) / 1000,
      });
      expect(stripe.prorationOf(id)).toBe(0);
    });

    test('that shortened a later period is undone, and overdue if the rest cannot be charged', async () => {
      const id = await bought();
      const renewalMs = Date.UTC(2026, 11, 25);
      await billing.endSubscription({ subscriptionId: id, end: { atMs: renewalMs + DAY_MS } });
      nowMs = renewalMs;
      await stripe.renew(id);
      await stripe.setCard(id, 'declined');
      await billing.keepSubscription(id);
      expect(await billing.readSubscription(id)).toMatchObject({
        status: 'past_due',
        unpaidSinceMs: renewalMs,
      });
    });
  });

  describe('undoing a scheduled end', () => {
    test.each<[string, (id: string) => Promise<unknown>]>([
      ['of ours', (id) => billing.endSubscription({ subscriptionId: id, end: 'period_end' })],
      [
        'at a time of ours',
        (id) => billing.endSubscription({ subscriptionId: id, end: { atMs: NOW_MS + DAY_MS } }),
      ],
      ['by the portal', (id) => stripe.cancelAt(id, stripe.subscription(id)?.periodEnd ?? 0)],
      ['by the dashboard, in a later period', (id) => stripe.cancelAt(id, NOW_MS / 1000 + 50 * 86_400)],
      ['by a schedule', (id) => stripe.addSchedule(id, 'cancel')],
      ['by a schedule after its next phase', (id) => stripe.addSchedule(id, 'cancel', 1)],
      ['that nobody scheduled', async () => undefined],
    ])('keeps it, if it was scheduled %s', async (_, schedule) => {
      const id = await bought();
      await schedule(id);
      expect(await billing.keepSubscription(id)).toEqual({ verdict: 'KEPT' });
      expect(await cancelAtMsOf(id)).toBeNull();
      for (let period = 0; period < 4; period += 1) await stripe.renew(id);
      expect(stripe.subscription(id)?.status).toBe('active');
    });

    test('leaves the planned changes of a schedule, and removes a schedule that still ends it', async () => {
      const id = await bought();
      await stripe.addSchedule(id, 'cancel', 1);
      await billing.keepSubscription(id);
      expect((await billing.readSubscription(id))?.scheduleId).not.toBeNull();
      // A date that was set before the schedule was.
      await stripe.cancelAt(id, NOW_MS / 1000 + 86_400);
      expect(await billing.keepSubscription(id)).toEqual({ verdict: 'KEPT' });
      expect(await billing.readSubscription(id)).toMatchObject({ scheduleId: null, cancelAtMs: null });
    });

    test('reports that it is still ending, if Stripe does not undo it', async () => {
      const id = await bought();
      await stripe.cancelAt(id, NOW_MS / 1000 + 86_400);
      stripe.breakApi('refuse', /^POST/);
      expect(await billing.keepSubscription(id)).toMatchObject({
        verdict: 'STILL_ENDING',
        because: expect.stringContaining('Stripe rejects'),
      });
    });
  });

  test('a subscription under a schedule ends as others do, without the rest of the schedule', async () => {
    for (const [end, state] of [
      ['now', { status: 'canceled' }],
      ['period_end', { status: 'active', cancelAtMs: Date.UTC(2026, 11, 25), scheduleId: null }],
      [{ atMs: NOW_MS + DAY_MS }, { cancelAtMs: NOW_MS + DAY_MS, scheduleId: null }],
    ] as const) {
      const id = await bought();
      await stripe.addSchedule(id, 'release', 2);
      expect(await billing.endSubscription({ subscriptionId: id, end })).toEqual({ verdict: 'ENDING' });
      expect(await billing.readSubscription(id)).toMatchObject(state);
      expect(stripe.prorationOf(id)).toBe(0);
    }
  });

  test('a subscription ends as asked also if its schedule is released meanwhile', async () => {
    const id = await bought();
    await stripe.addSchedule(id, 'release', 2);
    const ends = Array.from({ length: 4 }, (_, day) => ({ atMs: NOW_MS + (day + 1) * DAY_MS }));
    const verdicts = await Promise.all(
      ends.map((end) => billing.endSubscription({ subscriptionId: id, end })),
    );
    expect(verdicts).toEqual(ends.map(() => ({ verdict: 'ENDING' })));
  });

  describe('the final invoice', () => {
    test('charges the usage so far, and usage that Stripe processes within its hour as a draft', async () => {
      const id = await bought();
      const use = await meteredAt(id);
      await use('use 1', 7);
      await billing.endSubscription({ subscriptionId: id, end: 'now' });
      const { latestInvoiceId } = (await billing.readSubscription(id)) ?? {};
      expect(stripe.invoicesOf(id)[0]).toMatchObject({ id: latestInvoiceId, status: 'draft', amountDue: 35 });
      expect(await billing.collectFinalInvoice(latestInvoiceId ?? '', 'soon')).toBe('DONE');
      await use('use 2', 3);
      await stripe.advanceDrafts();
      expect(stripe.invoicesOf(id)[0]).toMatchObject({ status: 'paid', amountDue: 50 });
      expect(await billing.collectFinalInvoice(latestInvoiceId ?? '', 'soon')).toBe('DONE');
      expect(await billing.collectFinalInvoice('in_nobody', 'soon')).toBe('DONE');
    });

    test.each([
      ['good', 'DONE', 'paid'],
      ['declined', 'UNPAID', 'open'],
      ['none', 'UNPAID', 'open'],
    ] as const)('is charged at once from a card that is %s: %s', async (card, collected, status) => {
      const id = await bought();
      await (await meteredAt(id))('use 1', 7);
      await stripe.setCard(id, card);
      await billing.endSubscription({ subscriptionId: id, end: 'now' });
      const { id: invoiceId = '' } = stripe.invoicesOf(id)[0] ?? {};
      expect(await billing.collectFinalInvoice(invoiceId, 'at_once')).toBe(collected);
      expect(stripe.invoicesOf(id)[0]).toMatchObject({ status, amountDue: 35 });
    });

    test('charges the usage so far also if a schedule ends with the subscription', async () => {
      const id = await bought();
      await (await meteredAt(id))('use 1', 7);
      await stripe.addSchedule(id, 'release');
      await billing.endSubscription({ subscriptionId: id, end: 'now' });
      expect(stripe.invoicesOf(id)[0]).toMatchObject({ status: 'draft', amountDue: 35 });
    });
  });

  describe('a pause', () => {
    test('of the collection keeps the status, until it is resumed', async () => {
      const id = await bought();
      const ask = { subscriptionId: id, kind: 'collection', behavior: 'void' } as const;
      for (const resumesAtMs of [null, NOW_MS + DAY_MS])
        expect(await billing.pauseSubscription({ ...ask, resumesAtMs })).toEqual({ verdict: 'PAUSED' });
      expect(await billing.readSubscription(id)).toMatchObject({
        status: 'active',
        isCollectionPaused: true,
      });
      const resumed = { verdict: 'RESUMED', payUrl: null };
      expect(await billing.resumeSubscription(id)).toEqual(resumed);
      expect(await billing.readSubscription(id)).toMatchObject({
        status: 'active',
        isCollectionPaused: false,
      });
      expect(await billing.resumeSubscription(id)).toEqual(resumed);
    });

    test('of the subscription invoices usage, credits the rest, and ends with a paid new period', async () => {
      const id = await bought();
      await (await meteredAt(id))('use 1', 7);
      const ask = { subscriptionId: id, kind: 'subscription', creditsRest: true } as const;
      nowMs += 10 * DAY_MS;
      for (let again = 0; again < 2; again += 1)
        expect(await billing.pauseSubscription(ask)).toEqual({ verdict: 'PAUSED' });
      expect(await billing.readSubscription(id)).toMatchObject({ status: 'paused' });
      expect(stripe.invoicesOf(id)[0]?.status).toBe('paid');
      nowMs += 10 * DAY_MS;
      expect(await billing.resumeSubscription(id)).toEqual({ verdict: 'RESUMED', payUrl: null });
      expect(await billing.readSubscription(id)).toMatchObject({ status: 'active' });
      expect(stripe.subscription(id)?.periodEnd).toBe(Date.UTC(2027, 0, 15) / 1000);
    });

    test('of the subscription goes on until the invoice of the new period is paid', async () => {
      const id = await bought();
      nowMs += DAY_MS;
      await billing.pauseSubscription({ subscriptionId: id, kind: 'subscription', creditsRest: true });
      await stripe.setCard(id, 'declined');
      const payUrl = expect.stringMatching(/^http/);
      expect(await billing.resumeSubscription(id)).toEqual({ verdict: 'RESUMED', payUrl });
      expect(stripe.subscription(id)?.status).toBe('paused');
      await stripe.retryPayment(id);
      expect(stripe.subscription(id)?.status).toBe('active');
    });

    test('of the subscription has one invoice to pay, however often it is resumed', async () => {
      const id = await bought();
      // An invoice that was open before the pause is none that ends it.
      nowMs = Date.UTC(2026, 11, 25);
      await stripe.renew(id, 'declined');
      const open = () => stripe.invoicesOf(id).filter(({ status }) => status === 'open').length;
      nowMs += DAY_MS;
      await billing.pauseSubscription({ subscriptionId: id, kind: 'subscription', creditsRest: false });
      nowMs += DAY_MS;
      await stripe.setCard(id, 'declined');
      const first = await billing.resumeSubscription(id);
      expect(first).toEqual({ verdict: 'RESUMED', payUrl: expect.stringMatching(/^http/) });
      expect(await billing.resumeSubscription(id)).toEqual(first);
      expect(open()).toBe(2);
      await stripe.setCard(id, 'good');
      expect(await billing.resumeSubscription(id)).toEqual({ verdict: 'RESUMED', payUrl: null });
      expect([open(), stripe.subscription(id)?.status]).toEqual([1, 'active']);
    });

    test('cannot end without a payment method', async () => {
      const id = await bought();
      await billing.pauseSubscription({ subscriptionId: id, kind: 'subscription', creditsRest: true });
      await stripe.setCard(id, 'none');
      expect(await billing.resumeSubscription(id)).toMatchObject({ verdict: 'REJECTED' });
    });

    test.each<[string, (id: string) => Promise<unknown>]>([
      ['whose invoices are sent', (id) => stripe.sendInvoice(id)],
      ['in the billing mode classic', (id) => stripe.setBillingMode(id, 'classic')],
      ['under a schedule', (id) => stripe.addSchedule(id, 'release')],
    ])('of a subscription %s is rejected', async (_, change) => {
      const id = await bought();
      await change(id);
      const paused = await billing.pauseSubscription({
        subscriptionId: id,
        kind: 'subscription',
        creditsRest: true,
      });
      expect(paused).toMatchObject({ verdict: 'REJECTED' });
    });

    test('that began when a trial ended without a card can be resumed in the billing mode classic', async () => {
      const id = await bought(14);
      await stripe.setBillingMode(id, 'classic');
      nowMs += 14 * DAY_MS;
      await stripe.pause(id);
      const payUrl = expect.stringMatching(/^http/);
      expect(await billing.resumeSubscription(id)).toEqual({ verdict: 'RESUMED', payUrl });
    });
  });
}
