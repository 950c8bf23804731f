import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Billing } from '../../shared/ports/billing.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { runs } from '../../shared/testing/runs.ts';
import { NO_LIMITS } from '../testing/no-limits.ts';
import { type BoughtLicense, buySeats } from '../testing/purchases.ts';
import { openSlowCalls } from '../testing/slow-calls.ts';
import { OPERATOR_KEY, openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

/**
 * Several admins change one subscription at once, while each call to Stripe and the records takes its time, and perhaps a
 * customer pays for an earlier change. In any order of calls, each change is made as a whole on what the last one left, or
 * refused.
 */

/** What a seat item is, as it is compared. */
interface Terms {
  readonly price: string | undefined;
  readonly seats: number | undefined;
}
interface Wanted {
  readonly seats?: number;
  readonly plan?: string;
  readonly interval?: string;
}
interface Step {
  readonly requestId: string;
  readonly before: Terms;
  readonly after: Terms;
  readonly asked: Terms;
}

const calls = openSlowCalls();
let suite: TestSuite;
let steps: Step[];
beforeAll(async () => {
  suite = await openTestSuite({}, slowly);
});
afterAll(() => suite.close());

function termsAt(subscriptionId: string): Terms {
  const [item] = suite.stripe.subscription(subscriptionId)?.items ?? [];
  return { price: item?.priceId, seats: item?.quantity };
}

function slowly(deps: Deps): Deps {
  const { records, billing } = deps;
  if (!billing) throw new Error('billing is not configured');
  const changeItem: Billing['changeItem'] = async (change) => {
    const { subscriptionId, requestId, priceId, quantity: seats } = change;
    const before = termsAt(subscriptionId);
    const changed = await billing.changeItem(change);
    const after = termsAt(subscriptionId);
    const asked = { price: priceId ?? before.price, seats };
    const isFirst = steps.every((step) => step.requestId !== requestId);
    if (changed.verdict === 'CHANGED' && isFirst) steps.push({ requestId, before, after, asked });
    return changed;
  };
  return {
    ...deps,
    limits: NO_LIMITS,
    records: calls.wrap(records, ['get', 'transact']),
    billing: calls.wrap({ ...billing, changeItem }, ['readSubscription', 'readPrices', 'changeItem']),
  };
}

/** The team plan begins with 6 seats. */
const wanted: fc.Arbitrary<Wanted> = fc
  .record(
    {
      seats: fc.integer({ min: 6, max: 8 }),
      plan: fc.constantFrom('pro', 'team'),
      interval: fc.constantFrom('month', 'year'),
    },
    { requiredKeys: [] },
  )
  .filter((each) => Object.keys(each).length > 0);
const admin = fc.record({
  wanted,
  expectsSeats: fc.boolean(),
  key: fc.option(fc.constantFrom('ada', 'bob'), { nil: undefined }),
});

/** How many invoices followed the purchase. */
function invoicesOf(subscriptionId: string): number {
  const finalized = suite.stripe.events
    .filter(({ type, body }) => type === 'invoice.finalized' && body.includes(subscriptionId))
    .map(({ body }) => JSON.parse(body).data.object)
    .filter(({ parent }) => parent.subscription_details.subscription === subscriptionId);
  return finalized.length - 1;
}

async function changesOf({ licenseId }: BoughtLicense): Promise<unknown[]> {
  const query = `license_id=${licenseId}&type=subscription.changed`;
  return (await suite.operate('GET', `/api/v1/audit?${query}`)).body.events;
}

test('makes each change as a whole, on what the last one left, in any order of calls', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(admin, { minLength: 2, maxLength: 4 }),
      fc.boolean(),
      fc.infiniteStream(fc.nat(6)),
      async (admins, paysEarlier, delays) => {
        calls.take([]);
        steps = [];
        const bought = await buySeats(suite, { seats: 6 });
        const { licenseId, subscriptionId } = bought;
        const first = termsAt(subscriptionId);
        const path = `/api/v1/subscriptions/${licenseId}`;
        const send = (body: object, key?: string) =>
          suite.call('PATCH', path, {
            authorization: `Operator ${OPERATOR_KEY}`,
            headers: key === undefined ? {} : { 'idempotency-key': key },
            body,
          });
        const open: string[] = [];
        if (paysEarlier) {
          await suite.stripe.setCard(subscriptionId, 'declined');
          open.push((await send({ plan: 'team', seats: 9 })).body.pay_url);
          await suite.stripe.setCard(subscriptionId, 'good');
          await suite.stripe.idle();
        }
        const issued = invoicesOf(subscriptionId);
        const states = () => [
          first,
          ...steps.map(({ after }) => after),
          ...(paid > 0 ? [{ price: 'price_seatlease_team_month', seats: 9 }] : []),
        ];

        calls.take(delays);
        let paid = 0;
        const pay = async (url: string) => {
          await calls.pass();
          // Another change has discarded it, or it is being discarded.
          await suite.stripe.payInvoice(url).then(
            () => {
              paid += 1;
            },
            () => undefined,
          );
        };
        const replies = await Promise.all([
          ...open.map(pay),
          ...admins.map(async ({ wanted, expectsSeats, key }) => {
            const body = { ...wanted, ...(expectsSeats && { expected_seats: 6 }) };
            // A key belongs to one request.
            const reply = await send(body, key && `${licenseId}-${key}-${JSON.stringify(body)}`);
            return { wanted, reply };
          }),
        ]);
        calls.take([]);
        await suite.stripe.idle();

        for (const each of replies) {
          if (!each) continue;
          const { wanted, reply } = each;
          if (reply.status === 200) {
            // The change was made. The answer is what Stripe has then: of two who asked for the same, one may be slower.
            expect(
              states().some((state) => isAs(state, wanted)),
              reply.text,
            ).toBe(true);
            expect(states()).toContainEqual(termsOf(reply.body));
          } else {
            expect(reply.status, reply.text).toBe(409);
            const { code, reason } = reply.body;
            expect(reason ?? code).toMatch(/^(changing|SUBSCRIPTION_CHANGED)$/);
          }
        }
        // No step is a mixture, and each is charged once.
        for (const { asked, after } of steps) expect(after).toEqual(asked);
        expect(invoicesOf(subscriptionId) - issued).toBe(steps.length);
        const last = termsAt(subscriptionId);
        if (paid === 0) {
          expect(steps.map(({ before }) => before)).toEqual(states().slice(0, -1));
          expect(last).toEqual(steps.at(-1)?.after ?? first);
        }
        const made = await changesOf(bought);
        expect(made).toHaveLength(steps.length);
        const license = await suite.operate('GET', `/api/v1/licenses/${licenseId}`);
        expect(license.body.max).toBe(last.seats);
        // No change keeps the next one out.
        expect((await send({ seats: 10 })).body).toMatchObject({ seats: 10 });
      },
    ),
    { numRuns: runs(15, 100), seed: 20261130 },
  );
}, 240_000);

function isAs({ price = '', seats }: Terms, { plan = '', interval = '', ...wanted }: Wanted): boolean {
  return price.includes(plan) && price.includes(interval) && (wanted.seats ?? seats) === seats;
}

function termsOf({ items: [item], plan }: Reply['body']): Terms {
  return { price: `price_seatlease_${plan}_${item.interval}`, seats: item.seats };
}
