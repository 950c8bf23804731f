import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../shared/domain/audit-chain.ts';
import { SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { auditQuery } from '../../shared/ports/queries.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { buySeats, withoutStripeEvents } from '../testing/purchases.ts';
import type { TestSuite } from '../testing/suite.ts';

const HOUR_MS = 3_600_000;

/** Interrupts the function after Stripe has done what it was asked. */
let crash = false;

let clocked: ClockedSuite;
let suite: TestSuite;
beforeEach(async () => {
  crash = false;
  clocked = await openClockedSuite(crashing, { USAGE_METERS: 'exports,api_calls' });
  suite = clocked.suite;
  await suite.stripe.addPrice({ lookupKey: 'exports', meter: 'exports', unitAmount: 5 });
  await suite.stripe.addPrice({ lookupKey: 'api_calls', meter: 'api_calls', unitAmount: 1 });
});
afterEach(() => clocked.close());

function crashing(deps: Deps): Deps {
  const { billing } = deps;
  if (!billing) return deps;
  return {
    ...deps,
    billing: {
      ...billing,
      async endSubscription(ask) {
        const ended = await billing.endSubscription(ask);
        if (crash) throw new Error('crashed');
        return ended;
      },
    },
  };
}

/** With `tenantId`: seats without metered items, beside another subscription of that tenant. */
async function buyMetered(tenantId?: string) {
  const bought = await buySeats(suite, tenantId === undefined ? {} : { tenantId });
  for (const price of tenantId === undefined ? ['exports', 'api_calls'] : [])
    await suite.stripe.addItem(bought.subscriptionId, { price, position: 'first' });
  const authorization = `License ${bought.key}`;
  const { session_id, session_token } = (await bought.acquire('laptop')).body;
  let records = 0;
  return {
    ...bought,
    async record(meter: string, quantity: number): Promise<void> {
      records += 1;
      const use = {
        id: `use ${records}`,
        meter,
        quantity,
        timestamp: new Date(clocked.nowMs()).toISOString(),
      };
      const body = { session_id, session_token, ...use };
      const reply = await suite.call('POST', '/api/v1/usage/record', { authorization, body });
      expect(reply.status, reply.text).toBe(201);
    },
    cancel: () =>
      suite.operate('POST', '/api/v1/subscriptions/cancel', { license_id: bought.licenseId, when: 'now' }),
  };
}

async function eventsOf(tenantId: string, type: AuditEvent['type']): Promise<AuditEvent[]> {
  const all = await Array.fromAsync(
    eachDocument(suite.deps.records, auditQuery('tenantId', false), { tenantId }),
  );
  return all.filter((event) => event.type === type);
}

test('sends what is left of the usage before the end, and its invoice charges it', async () => {
  const bought = await buyMetered();
  await bought.record('exports', 7);
  expect((await suite.sweep()).body).toMatchObject({ usage_sent: 1 });
  await bought.record('exports', 3);
  await bought.record('exports', 2);
  await bought.record('api_calls', 100);
  const canceled = await bought.cancel();
  expect(canceled.body).toMatchObject({
    status: 'canceled',
    final_usage: [
      { meter: 'exports', outcome: 'sent', records: 2, quantity: 5 },
      { meter: 'api_calls', outcome: 'sent', records: 1, quantity: 100 },
    ],
    final_invoice_id: suite.stripe.invoicesOf(bought.subscriptionId)[0]?.id,
  });
  await suite.stripe.advanceDrafts();
  expect(suite.stripe.invoicesOf(bought.subscriptionId)[0]).toMatchObject({
    status: 'paid',
    amountDue: 12 * 5 + 100,
  });
  const [event] = await eventsOf(bought.tenantId, 'subscription.end_requested');
  expect([event?.actor.kind, event?.detail.usage]).toEqual(['operator', canceled.body.final_usage]);
});

test('charges usage that arrives within the hour in which the final invoice is a draft', async () => {
  const bought = await buyMetered();
  const other = await buyMetered(bought.tenantId);
  await bought.record('exports', 1);
  await bought.cancel();
  await other.record('exports', 2);
  await suite.sweep();
  await suite.stripe.advanceDrafts();
  expect(suite.stripe.invoicesOf(bought.subscriptionId)[0]).toMatchObject({ status: 'paid', amountDue: 15 });
});

test('sends the usage of all licenses of the tenant, because meters count by customer', async () => {
  const bought = await buyMetered();
  const other = await buyMetered(bought.tenantId);
  await other.record('exports', 4);
  expect((await bought.cancel()).body.final_usage).toMatchObject([{ meter: 'exports', quantity: 4 }]);
});

test('reports usage that Stripe refuses, in the answer, the log and the audit log', async () => {
  const bought = await buyMetered();
  await bought.record('exports', 7);
  suite.stripe.breakApi('refuse', /meter_events/);
  const { body } = await bought.cancel();
  expect(body.final_usage).toEqual([{ meter: 'exports', outcome: 'refused', records: 1, quantity: 7 }]);
  expect(suite.logged).toContainEqual(
    expect.objectContaining({
      severity: 'WARNING',
      license_id: bought.licenseId,
      because: 'usage is not billed: exports: 7 in 1 records refused',
    }),
  );
  const [event] = await eventsOf(bought.tenantId, 'subscription.end_requested');
  expect(event?.detail.usage).toEqual(body.final_usage);
});

test('reports usage of which it is unknown whether Stripe has it', async () => {
  const bought = await buyMetered();
  await bought.record('exports', 7);
  suite.stripe.breakApi('reset after doing', /meter_events/);
  await suite.sweep();
  suite.stripe.breakApi(undefined);
  clocked.moveClock(24 * HOUR_MS);
  const { body } = await bought.cancel();
  expect(body.final_usage).toEqual([{ meter: 'exports', outcome: 'uncertain', records: 1, quantity: 7 }]);
});

test('does not end the subscription while its usage cannot be sent', async () => {
  const bought = await buyMetered();
  await bought.record('exports', 7);
  suite.stripe.breakApi('status 500', /meter_events/);
  const failed = await bought.cancel();
  expect([failed.status, failed.body.code]).toEqual([503, 'BILLING_UNAVAILABLE']);
  expect(suite.stripe.subscription(bought.subscriptionId)?.status).toBe('active');
  suite.stripe.breakApi(undefined);
  expect((await bought.cancel()).body.final_usage).toMatchObject([{ outcome: 'sent', quantity: 7 }]);
});

test.each(['a repeated call', 'the event of Stripe', 'the sweep'])(
  'after a crash behind Stripe’s call, %s ends the seats and sees to the final invoice, and who asked is on record',
  async (by) => {
    const bought = await buyMetered();
    await bought.record('exports', 7);
    crash = true;
    const interrupted = () => bought.cancel();
    const reply =
      by === 'the event of Stripe' ? await interrupted() : await withoutStripeEvents(suite, interrupted);
    expect(reply.body.code).toBe('INTERNAL');
    crash = false;
    if (by === 'a repeated call') expect((await bought.cancel()).body.code).toBe('SUBSCRIPTION_ENDED');
    await suite.stripe.idle();
    if (by === 'the sweep') {
      const { lookAtMs } = (await suite.deps.records.get(SUBSCRIPTIONS, bought.subscriptionId)) ?? {};
      clocked.moveClock((lookAtMs ?? 0) - clocked.nowMs() + 1);
      await suite.sweep();
    }
    expect((await bought.acquire('desktop')).body.code).toBe('LICENSE_EXPIRED');
    await suite.stripe.advanceDrafts();
    expect(suite.stripe.invoicesOf(bought.subscriptionId)[0]).toMatchObject({
      status: 'paid',
      amountDue: 35,
    });
    const [asked] = await eventsOf(bought.tenantId, 'subscription.end_requested');
    expect(asked).toMatchObject({ actor: { kind: 'operator' }, subject: bought.subscriptionId });
  },
);

test('a crash before Stripe’s call changes nothing, and a repeated call ends it', async () => {
  const bought = await buyMetered();
  suite.stripe.breakApi('reset', /^DELETE/);
  expect((await bought.cancel()).body.code).toBe('BILLING_UNAVAILABLE');
  suite.stripe.breakApi(undefined);
  expect((await bought.acquire('desktop')).status).toBe(201);
  expect((await bought.cancel()).body.status).toBe('canceled');
});

describe('an end now', () => {
  test('does not collect a renewal that Stripe drafted before, also if its event was lost', async () => {
    const bought = await buySeats(suite);
    const canceled = await withoutStripeEvents(suite, async () => {
      await suite.stripe.pauseCollection(bought.subscriptionId, 'keep_as_draft');
      await suite.stripe.renew(bought.subscriptionId);
      await suite.stripe.resumeCollection(bought.subscriptionId);
      const end = { license_id: bought.licenseId, when: 'now' };
      return suite.operate('POST', '/api/v1/subscriptions/cancel', end);
    });
    expect(canceled.body.final_invoice_id).toBeNull();
    await suite.stripe.advanceDrafts();
    expect(suite.stripe.invoicesOf(bought.subscriptionId)[0]).toMatchObject({
      status: 'draft',
      amountPaid: 0,
    });
  });

  test('collects nothing while the vendor has paused the collection', async () => {
    const bought = await buyMetered();
    await suite.stripe.pauseCollection(bought.subscriptionId, 'keep_as_draft');
    await bought.record('exports', 7);
    const { final_invoice_id } = (await bought.cancel()).body;
    await suite.stripe.advanceDrafts();
    expect(suite.stripe.invoicesOf(bought.subscriptionId)[0]).toMatchObject({
      id: final_invoice_id,
      status: 'draft',
    });
  });
});
