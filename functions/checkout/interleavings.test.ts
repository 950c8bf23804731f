import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Deps } from '../../shared/ports/deps.ts';
import { runs } from '../../shared/testing/runs.ts';
import { NO_LIMITS } from '../testing/no-limits.ts';
import { createTrial } from '../testing/purchases.ts';
import { openSlowCalls } from '../testing/slow-calls.ts';
import { OPERATOR_KEY, openTestSuite, type TestSuite } from '../testing/suite.ts';

/**
 * Several users buy seats for one license at once, and pay on their pages, while each call to Stripe and the records
 * takes its time. In any order of calls, only one of their pages can be paid, and it is paid once.
 */

const calls = openSlowCalls();
let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({}, slowly);
});
afterAll(() => suite.close());

function slowly(deps: Deps): Deps {
  const { records, billing } = deps;
  if (!billing) throw new Error('billing is not configured');
  return {
    ...deps,
    limits: NO_LIMITS,
    records: calls.wrap(records, ['get', 'transact']),
    billing: calls.wrap(billing, ['createCheckout', 'openCheckouts', 'expireCheckout']),
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
        calls.take([]);
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
        calls.take(delays);
        await Promise.all(
          buyers.map(async ({ seats, key, pays }) => {
            const { status, body } = await buy(seats, key);
            // Another person may have replaced the page meanwhile.
            if (status === 201 && pays) await suite.stripe.pay(body.checkout_url).catch(() => undefined);
          }),
        );
        calls.take([]);
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
