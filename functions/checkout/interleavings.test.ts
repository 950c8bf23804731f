import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Deps } from '../../shared/ports/deps.ts';
import { runs } from '../../shared/testing/runs.ts';
import { NO_LIMITS } from '../testing/no-limits.ts';
import { createTrial } from '../testing/purchases.ts';
import { OPERATOR_KEY, openTestSuite, type TestSuite } from '../testing/suite.ts';

/**
 * Several users buy seats for one license at once, and pay on their pages, while each call to Stripe and the records
 * takes its time. In any order of calls, only one of their pages can be paid, and it is paid once.
 */

let suite: TestSuite;
/** How long the next calls take, in turns of the event loop. */
let turns: Iterator<number>;
beforeAll(async () => {
  suite = await openTestSuite({}, slowly);
});
afterAll(() => suite.close());

async function pass(): Promise<void> {
  const next = turns?.next();
  for (let left = next?.done ? 0 : (next?.value ?? 0); left > 0; left -= 1)
    await new Promise((resolve) => setImmediate(resolve));
}

function slowly(deps: Deps): Deps {
  const slow = async <R>(work: () => Promise<R>): Promise<R> => {
    await pass();
    const result = await work();
    await pass();
    return result;
  };
  const { records, billing } = deps;
  if (!billing) throw new Error('billing is not configured');
  return {
    ...deps,
    limits: NO_LIMITS,
    records: {
      ...records,
      get: (collection, id) => slow(() => records.get(collection, id)),
      create: (collection, id, document) => records.create(collection, id, document),
      query: (query, equals, page) => records.query(query, equals, page),
      transact: (work) => slow(() => records.transact(work)),
    },
    billing: {
      ...billing,
      createCheckout: (ask) => slow(() => billing.createCheckout(ask)),
      openCheckouts: (of) => slow(() => billing.openCheckouts(of)),
      expireCheckout: (id) => slow(() => billing.expireCheckout(id)),
    },
  };
}

const person = fc.record({
  seats: fc.integer({ min: 1, max: 3 }),
  key: fc.option(fc.constantFrom('ada', 'bob'), { nil: undefined }),
  /** Whether they pay what they are given at once. */
  pays: fc.boolean(),
});

test('gives out one page at a time and sells a license once, in any order of calls', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(person, { minLength: 2, maxLength: 4 }),
      fc.infiniteStream(fc.nat(6)),
      async (buyers, delays) => {
        turns = [0].values();
        const { tenantId, licenseId } = await createTrial(suite);
        const given = new Set<string>();
        const openOnes = () => [...given].filter((page) => suite.stripe.sessionStatus(page) === 'open');
        async function buy(seats: number, key?: string) {
          const reply = await suite.call('POST', '/api/v1/checkout/create-session', {
            authorization: `Operator ${OPERATOR_KEY}`,
            body: { tenant_id: tenantId, license_id: licenseId, plan: 'pro', seats },
            // A key belongs to one order.
            headers: key === undefined ? {} : { 'idempotency-key': `${key}-${seats}` },
          });
          if (reply.status === 201) given.add(reply.body.checkout_url);
          else expect([reply.status, reply.body.code], reply.text).toEqual([409, 'ALREADY_SUBSCRIBED']);
          expect(openOnes().length).toBeLessThanOrEqual(1);
          return reply;
        }
        turns = delays[Symbol.iterator]();
        await Promise.all(
          buyers.map(async ({ seats, key, pays }) => {
            const { status, body } = await buy(seats, key);
            // Another person may have replaced the page meanwhile.
            if (status === 201 && pays) await suite.stripe.pay(body.checkout_url).catch(() => undefined);
          }),
        );
        turns = [0].values();
        await suite.stripe.idle();
        const paid = [...given].filter((page) => suite.stripe.subscriptionOf(page) !== undefined);
        expect(paid.length).toBeLessThanOrEqual(1);
        const last = await buy(5);
        const isOpen = suite.stripe.openSessions(licenseId).map(({ url }) => url);
        expect(isOpen).toEqual(paid.length === 0 ? [last.body.checkout_url] : []);
        expect(last.status).toBe(paid.length === 0 ? 201 : 409);
        expect(suite.stripe.customersOf(tenantId)).toHaveLength(1);
      },
    ),
    { numRuns: runs(30, 200) },
  );
});
