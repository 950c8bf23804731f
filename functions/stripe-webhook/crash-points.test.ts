import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { AUDIT, BILLING_EVENTS, LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { openCrashes } from '../testing/crashes.ts';
import { beginPurchase } from '../testing/purchases.ts';
import { openTestSuite, type TestSuite } from '../testing/suite.ts';

const MINUTE_MS = 60_000;

const crashes = openCrashes();
const published: string[] = [];

let suite: TestSuite;
let nowMs = Date.now();
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  suite = await openTestSuite({}, withCrash);
  suite.stripe.sendEventsTo(undefined);
});
afterAll(async () => {
  await suite.close();
  vi.useRealTimers();
});

/** The ports of functions that crash. Published notices are kept. */
function withCrash(deps: Deps): Deps {
  const { events } = deps;
  return crashes.wrap({
    ...deps,
    events: {
      ...events,
      async publish(batch) {
        const notices = batch.filter(({ type }) => type === 'subscription.paid');
        published.push(...notices.map(({ eventId }) => eventId));
        await events.publish(batch);
      },
    },
  });
}

/** Seats that are paid for at Stripe but not known here yet, and the event that reports them. */
async function paidFor() {
  const purchase = await beginPurchase(suite, { seats: 3 });
  const before = suite.stripe.events.length;
  const subscriptionId = await purchase.pay();
  const events = suite.stripe.events.slice(before);
  const paid = events.find(({ type }) => type === 'invoice.paid');
  if (!paid) throw new Error('not paid');
  return { ...purchase, subscriptionId, eventId: paid.id };
}

async function seatsOf(licenseId: string): Promise<number | undefined> {
  const pool = await suite.deps.seats.listSeats(licenseId, { limit: 0 });
  return pool.verdict === 'OK' ? pool.max : undefined;
}

test.each([
  ['Stripe resends the event', 'before the call has an effect', false],
  ['Stripe resends the event', 'before the answer of the call arrives', true],
  ['Stripe does not resend it and the sweep continues', 'before the call has an effect', false],
  ['Stripe does not resend it and the sweep continues', 'before the answer of the call arrives', true],
])(
  'grants the paid seats once if a webhook crashes at any step, and %s (the crash is %s)',
  async (who, _, after) => {
    const url = `${suite.url}/api/v1/webhooks/stripe`;
    let count = 0;
    for (let step = 1; ; step += 1) {
      const bought = await paidFor();
      published.length = 0;
      crashes.plan(step, after);
      const status = await suite.stripe.send(bought.eventId, { url });
      if (!crashes.end()) {
        expect(status).toBe(200);
        break;
      }
      count += 1;
      expect(status, `crashed at step ${step}`).toBe(500);
      // In every state, there are no more seats than paid for.
      expect((await seatsOf(bought.licenseId)) ?? 0).toBeLessThanOrEqual(3);

      const isStored = await isOnRecord(bought.eventId);
      if (who === 'Stripe resends the event')
        expect(await suite.stripe.send(bought.eventId, { url })).toBe(200);
      else {
        nowMs += MINUTE_MS + 1;
        vi.setSystemTime(nowMs);
        expect((await suite.sweep()).status).toBe(200);
        // An event that was not stored was not acknowledged: Stripe resends it.
        if (!isStored) expect(await suite.stripe.send(bought.eventId, { url })).toBe(200);
      }

      const { records } = suite.deps;
      const license = await records.get(LICENSES, bought.licenseId);
      expect(license, `crashed at step ${step}`).toMatchObject({
        max: 3,
        version: 1,
        subscriptionId: bought.subscriptionId,
      });
      expect(await records.get(SUBSCRIPTIONS, bought.subscriptionId)).toMatchObject({ status: 'active' });
      expect(await seatsOf(bought.licenseId)).toBe(3);
      // Published at least once, always with the same id, and recorded.
      expect(new Set(published).size).toBe(1);
      expect(await records.get(AUDIT, published[0] ?? '')).toMatchObject({ type: 'subscription.paid' });
      expect(await suite.stripe.send(bought.eventId, { url })).toBe(200);
      expect(await records.get(LICENSES, bought.licenseId)).toEqual(license);
    }
    expect(count).toBeGreaterThan(5);
  },
);

async function isOnRecord(eventId: string): Promise<boolean> {
  return (await suite.deps.records.get(BILLING_EVENTS, eventId)) !== undefined;
}
