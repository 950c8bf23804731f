import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  BILLING_ACCOUNTS,
  BILLING_EVENTS,
  LICENSES,
  SUBSCRIPTIONS,
  TENANTS,
} from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { auditOf } from '../../shared/testing/read-records.ts';
import { runs } from '../../shared/testing/runs.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { openCrashes } from '../testing/crashes.ts';
import { type BoughtLicense, buySeats, withoutStripeEvents } from '../testing/purchases.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';

/**
 * What is done after a purchase, stopped after each of its calls to records, seats, Pub/Sub and Stripe. A stop before a
 * call is the same as one after the call before it.
 */

const MINUTE_MS = 60_000;

const CRASHING: ReadonlySet<string> = new Set(['stripe-webhook', 'subscriptions', 'gdpr-delete']);

const crashes = openCrashes();
/** Ids of published events with their type, by license. */
const published = new Map<string, Map<string, string>>();

let clocked: ClockedSuite;
let suite: TestSuite;
beforeAll(async () => {
  clocked = await openClockedSuite(
    keepPublished,
    {},
    {
      // Other functions record events meanwhile: their calls do not count.
      depsOf: ({ name }, deps) => (CRASHING.has(name) ? crashes.wrap(deps) : deps),
    },
  );
  suite = clocked.suite;
});
afterAll(() => clocked.close());

function keepPublished(deps: Deps): Deps {
  const { events } = deps;
  return {
    ...deps,
    events: {
      ...events,
      async publish(batch) {
        for (const { licenseId, eventId, type } of batch) {
          const known = published.get(licenseId ?? '') ?? new Map();
          published.set(licenseId ?? '', known.set(eventId, type));
        }
        await events.publish(batch);
      },
    },
  };
}

/** What was sold to one tenant. */
interface Sale {
  readonly owner: TestUser;
  readonly tenantId: string;
  readonly licenses: readonly BoughtLicense[];
  readonly chargeId: string;
  readonly customerId: string;
}

let sales = 0;

async function sell(licenses: number): Promise<Sale> {
  sales += 1;
  const owner = await signIn(suite, `owner${sales}@example.com`);
  const [tenantId = ''] = owner.tenants.keys();
  const first = await buySeats(suite, { tenantId, seats: 3 });
  const chargeId = suite.stripe.chargeOf(first.subscriptionId) ?? '';
  const others: BoughtLicense[] = [];
  while (others.length < licenses - 1) others.push(await buySeats(suite, { tenantId }));
  return { owner, tenantId, licenses: [first, ...others], chargeId, customerId: first.customerId };
}

interface Happening {
  /** Default: 1. */
  readonly licenses?: number;
  /** What has happened before, with its events. Returns what it created. */
  before?(sale: Sale): Promise<string>;
  /** What happens at Stripe. */
  act?(sale: Sale, created: string): Promise<unknown>;
  /** A request to us, which is repeated after a crash. */
  request?(sale: Sale, created: string): Promise<Reply>;
  /** The answer to a new machine afterwards. */
  readonly answer: string;
}

const dispute = ({ chargeId }: Sale): Promise<string> => suite.stripe.dispute(chargeId);

const HAPPENINGS: Readonly<Record<string, Happening>> = {
  'an opened dispute': { act: dispute, answer: 'LICENSE_SUSPENDED' },
  'a lost dispute': {
    before: dispute,
    act: (_, id) => suite.stripe.moveDispute(id, 'lost'),
    answer: 'LICENSE_SUSPENDED',
  },
  'a won dispute': {
    before: dispute,
    act: (_, id) => suite.stripe.moveDispute(id, 'won'),
    answer: 'granted',
  },
  'a refund': { act: ({ chargeId }) => suite.stripe.refund(chargeId), answer: 'LICENSE_SUSPENDED' },
  'a lifted hold': { before: dispute, request: lift, answer: 'granted' },
  ...runs<Record<string, Happening>>(
    {},
    {
      'a failed refund': {
        before: ({ chargeId }) => suite.stripe.refund(chargeId),
        act: (_, id) => suite.stripe.failRefund(id),
        answer: 'granted',
      },
      'a deleted customer': {
        licenses: 2,
        act: ({ customerId }) => suite.stripe.deleteCustomer(customerId),
        answer: 'LICENSE_EXPIRED',
      },
      'an erased tenant': {
        before: beginErasure,
        request: ({ owner }, confirmation_token) =>
          owner.call('DELETE', '/api/v1/gdpr/delete', { confirmation_token }),
        answer: 'LICENSE_SUSPENDED',
      },
    },
  ),
};

function lift({ licenses: [license] }: Sale, hold: string): Promise<Reply> {
  const body = { hold, reason: 'settled' };
  return suite.operate('POST', `/api/v1/subscriptions/${license?.licenseId}/holds/lift`, body);
}

async function beginErasure({ owner, tenantId }: Sale): Promise<string> {
  const { body, text } = await owner.call('POST', '/api/v1/gdpr/delete', { tenant_id: tenantId });
  if (body.confirmation_token === undefined) throw new Error(text);
  return body.confirmation_token;
}

/** An end that is requested again after a crash is recorded again. */
function withoutRepeats(types: readonly string[]): string[] {
  return types.filter((type, n) => type !== 'subscription.end_requested' || types.indexOf(type) === n);
}

/** What followed from a happening: state, audit log and published events, without ids. */
async function outcomeOf({ licenses, tenantId, customerId }: Sale) {
  await suite.settle();
  const { records, seats } = suite.deps;
  const parts = licenses.map(async ({ licenseId, subscriptionId }) => {
    const license = await records.get(LICENSES, licenseId);
    const known = await records.get(SUBSCRIPTIONS, subscriptionId);
    const { disputes = {}, refunds = {}, lifts = {} } = known?.payments ?? {};
    const pool = await seats.listSeats(licenseId, { limit: 0 });
    const events = await auditOf(records, licenseId);
    return {
      license: license && { max: license.max, hold: license.hold, version: license.version },
      subscription: known && { status: known.status, hold: known.hold, seats: known.seats },
      disputes: Object.values(disputes).map(({ status, isPaidAgain }) => ({ status, isPaidAgain })),
      refunds: Object.values(refunds).map(({ status }) => status),
      lifts: Object.values(lifts).map(({ reason }) => reason),
      pool: pool.verdict === 'OK' ? pool.max : pool.verdict,
      audit: withoutRepeats(events.map(({ type }) => type)).sort(),
      published: [...(published.get(licenseId)?.values() ?? [])].sort(),
    };
  });
  const [first] = licenses;
  const { status, body } = (await first?.acquire('machine')) ?? {};
  return {
    licenses: await Promise.all(parts),
    answer: status === 201 ? 'granted' : body.code,
    isCustomer: (await records.get(BILLING_ACCOUNTS, tenantId))?.customerId === customerId,
    isClosed: (await records.get(TENANTS, tenantId))?.closedAtMs !== null,
  };
}

/** Lets it happen, with a crash after the call with that number, and Stripe's events up to the crash. */
async function happen(sale: Sale, { before, act, request }: Happening, call?: number) {
  const { stripe } = suite;
  const created = (await before?.(sale)) ?? '';
  await stripe.idle();
  clocked.moveClock(1000);
  const since = stripe.events.length;
  const eventIds = () => stripe.events.slice(since).map(({ id }) => id);
  return withoutStripeEvents(suite, async () => {
    await act?.(sale, created);
    if (call !== undefined) crashes.plan(call, true);
    let status = (await request?.(sale, created))?.status ?? 200;
    for (const id of eventIds()) if (status === 200) status = await sendEvent(id);
    const hasCrashed = crashes.end();
    expect(status).toBe(hasCrashed ? 500 : 200);
    return { hasCrashed, eventIds, repeat: async () => request?.(sale, created) };
  });
}

function sendEvent(id: string): Promise<number> {
  return suite.stripe.send(id, { url: `${suite.url}/api/v1/webhooks/stripe` });
}

async function deliver(ids: readonly string[]): Promise<void> {
  for (const id of ids) expect(await sendEvent(id)).toBe(200);
}

type Recovery = (ids: readonly string[]) => Promise<void>;

const RECOVERIES: Readonly<Record<string, Recovery>> = {
  'Stripe sends all events again in the opposite order': (ids) => deliver(ids.toReversed()),
  ...runs<Record<string, Recovery>>(
    {},
    {
      async 'the sweep continues, and Stripe sends what was not acknowledged'(ids) {
        clocked.moveClock(MINUTE_MS + 1);
        expect((await suite.sweep()).status).toBe(200);
        const stored = await Promise.all(ids.map((id) => suite.deps.records.get(BILLING_EVENTS, id)));
        await deliver(ids.filter((_, i) => stored[i] === undefined));
      },
    },
  ),
};

const CASES = Object.entries(HAPPENINGS).flatMap(([what, happening]) =>
  Object.entries(RECOVERIES).map(([how, recover]) => ({ what, how, happening, recover })),
);

test.each(CASES)(
  '$what has its effects once if a function crashes after any call, and $how',
  async ({ happening, recover }) => {
    const { licenses = 1 } = happening;
    const whole = await sell(licenses);
    await happen(whole, happening);
    const expected = await outcomeOf(whole);
    expect(expected.answer).toBe(happening.answer);
    for (let call = 1; ; call += 1) {
      const sale = await sell(licenses);
      const { hasCrashed, eventIds, repeat } = await happen(sale, happening, call);
      if (!hasCrashed) {
        expect(call).toBeGreaterThan(2);
        return;
      }
      // A request can be repeated after Stripe has reported what it had done by then.
      await recover(eventIds());
      expect((await repeat())?.status ?? 200).toBe(200);
      await recover(eventIds());
      expect(await outcomeOf(sale), `crashed after call ${call}`).toEqual(expected);
    }
  },
  runs(60_000, 240_000),
);
