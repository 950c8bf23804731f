import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { LICENSES } from '../../shared/ports/collections.ts';
import { openCrashes } from '../testing/crashes.ts';
import { unlimited } from '../testing/no-limits.ts';
import { createTrial } from '../testing/purchases.ts';
import { OPERATOR_KEY, openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

const crashes = openCrashes();

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite({}, unlimited, {
    // Other functions handle webhooks and events of earlier purchases meanwhile: their calls do not count.
    depsOf: ({ name }, deps) => (name === 'checkout' ? crashes.wrap(deps) : deps),
  });
});
afterEach(() => {
  crashes.end();
});
afterAll(() => suite.close());

interface Buyer {
  readonly tenantId: string;
  readonly licenseId: string | undefined;
  /** The pages that were given out. */
  readonly pages: string[];
}

async function ask(buyer: Buyer, seats: number, key: string): Promise<Reply> {
  const { tenantId, licenseId, pages } = buyer;
  const reply = await suite.call('POST', '/api/v1/checkout/create-session', {
    authorization: `Operator ${OPERATOR_KEY}`,
    body: {
      tenant_id: tenantId,
      plan: 'pro',
      seats,
      ...(licenseId !== undefined && { license_id: licenseId }),
    },
    headers: { 'idempotency-key': key },
  });
  if (reply.status === 201) pages.push(reply.body.checkout_url);
  return reply;
}

async function trial(): Promise<Buyer> {
  const { tenantId, licenseId } = await createTrial(suite);
  return { tenantId, licenseId, pages: [] };
}

const BUYERS: Readonly<Record<string, () => Promise<Buyer>>> = {
  async 'a new license'() {
    const { tenantId } = await suite.createLicense();
    return { tenantId, licenseId: undefined, pages: [] };
  },
  async 'a trial with an open page'() {
    const buyer = await trial();
    await ask(buyer, 9, 'before');
    return buyer;
  },
  async 'a license whose subscription has ended'() {
    const buyer = await trial();
    await ask(buyer, 9, 'before');
    const page = buyer.pages[0] ?? '';
    await suite.stripe.pay(page);
    await suite.stripe.end(suite.stripe.subscriptionOf(page) ?? '');
    await suite.stripe.idle();
    return buyer;
  },
};

const NEXT = { 'the same request': [2, 'order-1'], 'another order': [3, 'order-2'] } as const;

const CASES = Object.keys(BUYERS).flatMap((whose) =>
  Object.keys(NEXT).flatMap((next) =>
    [false, true].map(
      (after) => [whose, after ? 'before an answer arrives' : 'before a call', next, after] as const,
    ),
  ),
);

test.each(CASES)(
  'leaves one page, which can be paid, if a purchase of %s crashes %s, and %s follows',
  async (whose, _, next, after) => {
    let count = 0;
    for (let step = 1; ; step += 1) {
      const buyer = await BUYERS[whose]?.();
      if (!buyer) throw new Error('no buyer');
      crashes.plan(step, after);
      const crashed = await ask(buyer, 2, 'order-1');
      if (!crashes.end()) {
        expect(crashed.status, crashed.text).toBe(201);
        break;
      }
      count += 1;
      expect(crashed.status, `crashed at step ${step}`).toBe(500);
      expect(buyer.pages.filter(isOpen).length).toBeLessThanOrEqual(1);

      const [seats, key] = NEXT[next as keyof typeof NEXT];
      const answer = await ask(buyer, seats, key);
      expect(answer.status, `after step ${step}: ${answer.text}`).toBe(201);
      const { checkout_url, license_id } = answer.body;
      expect(suite.stripe.openSessions(license_id).map(({ url }) => url)).toEqual([checkout_url]);
      expect(buyer.pages.filter(isOpen)).toEqual([checkout_url]);
      expect(suite.stripe.customersOf(buyer.tenantId)).toHaveLength(1);

      await suite.stripe.pay(checkout_url);
      await suite.stripe.idle();
      expect(await suite.deps.records.get(LICENSES, license_id), `paid after step ${step}`).toMatchObject({
        max: seats,
        subscriptionId: suite.stripe.subscriptionOf(checkout_url),
      });
      expect((await ask(buyer, seats, key)).body.code).toBe('ALREADY_SUBSCRIBED');
    }
    expect(count).toBeGreaterThan(7);
  },
);

function isOpen(page: string): boolean {
  return suite.stripe.sessionStatus(page) === 'open';
}
