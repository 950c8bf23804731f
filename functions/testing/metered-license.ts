import { buySeats } from './purchases.ts';
import type { Reply, TestLicense, TestSuite } from './suite.ts';

/** A license whose program records usage of the meter `exports`, with its key and a session. */
export interface MeteredLicense extends TestLicense {
  readonly subscriptionId: string | undefined;
  /** Records usage of `exports`, unless `use` says otherwise. */
  record(id: string, quantity: number, use?: Record<string, unknown>): Promise<Reply>;
  /** Usage records, as the API lists them. */
  records(query?: string): Promise<Reply['body']>;
  totals(): Promise<Reply['body']>;
  /** As an operator. */
  void(what: Record<string, unknown>): Promise<Reply>;
}

/**
 * A license under a subscription that has a metered price for `exports`; with `price: false`, without that price; with
 * `paying: false`, without a subscription.
 */
export async function meteredLicense(
  suite: TestSuite,
  { paying = true, price = true }: { readonly paying?: boolean; readonly price?: boolean } = {},
): Promise<MeteredLicense> {
  const bought = paying ? await buySeats(suite) : undefined;
  if (bought && price) {
    const priceId = await suite.stripe.addPrice({ meter: 'exports' });
    await suite.stripe.addItem(bought.subscriptionId, { price: priceId });
    await suite.stripe.idle();
  }
  const license = bought ?? (await suite.createLicense());
  const { session_id, session_token } = (await license.acquire('laptop')).body;
  const authorization = `License ${license.key}`;
  const { licenseId } = license;
  return {
    ...license,
    subscriptionId: bought?.subscriptionId,
    record: (id, quantity, use) =>
      suite.call('POST', '/api/v1/usage/record', {
        authorization,
        body: { session_id, session_token, meter: 'exports', id, quantity, ...use },
      }),
    records: async (query = '') =>
      (await suite.operate('GET', `/api/v1/licenses/${licenseId}/usage-records?${query}`)).body,
    totals: async () => (await suite.operate('GET', `/api/v1/usage?license_id=${licenseId}`)).body,
    void: (what) =>
      suite.operate('POST', '/api/v1/usage/void', { license_id: licenseId, reason: 'stolen key', ...what }),
  };
}

/** The usage that Stripe will invoice, in units. */
export function billedUnits({ stripe }: Pick<TestSuite, 'stripe'>): number {
  return [...stripe.meterEvents.values()].reduce((sum, { value }) => sum + Number(value), 0);
}
