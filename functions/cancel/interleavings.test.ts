import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Billing } from '../../shared/ports/billing.ts';
import { LICENSES, SUBSCRIPTIONS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { runs } from '../../shared/testing/runs.ts';
import { NO_LIMITS } from '../testing/no-limits.ts';
import { buySeats } from '../testing/purchases.ts';
import { openSlowCalls } from '../testing/slow-calls.ts';
import { openTestSuite, type Reply, type TestSuite } from '../testing/suite.ts';

/**
 * Admins end, keep and change a subscription while operators pause and resume it, Stripe sends its events and the sweep
 * runs, and each call takes its time. In any order of calls, the record, the license and the answers are what Stripe has
 * at the end, and nothing is charged or credited that no action explains.
 */

const SEATS = 6;
const DAY_MS = 24 * 3600 * 1000;

const ACTIONS = [
  'cancel',
  'cancel tomorrow',
  'cancel in a later period',
  'cancel now',
  'undo',
  'pause the collection',
  'pause',
  'resume',
  'add a seat',
  'remove a seat',
  'sweep',
  'paid late',
  'pay',
] as const;
type Action = (typeof ACTIONS)[number];

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
    billing: calls.wrap(billing, Object.keys(billing) as (keyof Billing)[]),
  };
}

const REFUSALS =
  /^(SUBSCRIPTION_ENDED|SUBSCRIPTION_STILL_ENDING|SUBSCRIPTION_CHANGED|paused|collection_paused|ending|changing|unpaid|rejected|held)$/;

function act(action: Action, licenseId: string, subscriptionId: string): Promise<Reply | undefined> {
  const send = (path: string, more = {}) =>
    suite.operate('POST', `/api/v1/subscriptions/${path}`, { license_id: licenseId, ...more });
  const change = (seats: number) => suite.operate('PATCH', `/api/v1/subscriptions/${licenseId}`, { seats });
  const at = (days: number) => ({
    when: 'at',
    cancel_at: new Date(Date.now() + days * DAY_MS).toISOString(),
  });
  const nothing = async (work: Promise<unknown>) => {
    await work;
    return undefined;
  };
  switch (action) {
    case 'cancel':
      return send('cancel');
    case 'cancel tomorrow':
      return send('cancel', at(1));
    case 'cancel in a later period':
      return send('cancel', at(45));
    case 'cancel now':
      return send('cancel', { when: 'now' });
    case 'undo':
      return send('cancel/undo');
    case 'pause the collection':
      return send('pause', { kind: 'collection' });
    case 'pause':
      return send('pause', { kind: 'subscription' });
    case 'resume':
      return send('resume');
    case 'add a seat':
      return change(SEATS + 1);
    case 'remove a seat':
      return change(SEATS - 1);
    case 'sweep':
      return suite.sweep();
    case 'paid late':
      return nothing(suite.stripe.renew(subscriptionId, 'declined').catch(() => undefined));
    case 'pay':
      return nothing(suite.stripe.retryPayment(subscriptionId).catch(() => undefined));
  }
}

const seen = new Map<string, number>();

test('ends, pauses and changes at the same time leave the license as Stripe has it', async () => {
  const action = fc.constantFrom(...ACTIONS);
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 2 }),
      fc.array(action, { minLength: 2, maxLength: 5 }),
      fc.infiniteStream(fc.nat(6)),
      async (before, together, delays) => {
        calls.take([]);
        const { licenseId, subscriptionId } = await buySeats(suite, { seats: SEATS });
        for (const each of before) await act(each, licenseId, subscriptionId);
        await suite.stripe.idle();

        calls.take(delays);
        const replies = await Promise.all(together.map((each) => act(each, licenseId, subscriptionId)));
        calls.take([]);
        await suite.stripe.idle();

        for (const [n, reply] of replies.entries()) {
          if (!reply) continue;
          const { status, body } = reply;
          expect([200, 402, 409], `${together[n]}: ${reply.text}`).toContain(status);
          if (status === 409) expect(body.reason ?? body.code, reply.text).toMatch(REFUSALS);
          seen.set(`${status}`, (seen.get(`${status}`) ?? 0) + 1);
        }
        const now = suite.stripe.subscription(subscriptionId);
        if (!now) throw new Error('no subscription');
        const all = [...before, ...together];
        const record = await suite.deps.records.get(SUBSCRIPTIONS, subscriptionId);
        expect(record).toMatchObject({
          status: now.status,
          seats: now.seats,
          cancelAtMs: now.cancelAt === null ? null : now.cancelAt * 1000,
          endedAtMs: now.endedAt === null ? null : now.endedAt * 1000,
        });
        const license = await suite.deps.records.get(LICENSES, licenseId);
        expect(license).toMatchObject({ max: now.seats, hold: now.status === 'paused' ? 'paused' : null });
        if (now.cancelAt !== null) expect(license?.validUntilMs).toBeLessThanOrEqual(now.cancelAt * 1000);
        const wasEnded = together.some((each, n) => each === 'cancel now' && replies[n]?.status === 200);
        if (wasEnded) expect(now.status).toBe('canceled');
        const isExplained = all.includes('pause') || all.includes('remove a seat');
        if (!isExplained) expect(suite.stripe.creditOf(subscriptionId)).toBe(0);
        // No change keeps the next one out, and what was undone is whole.
        const next = await act('add a seat', licenseId, subscriptionId);
        expect(next?.body.reason).not.toBe('changing');
        const kept = await act('undo', licenseId, subscriptionId);
        expect(kept?.body.code ?? 'KEPT').toMatch(/^(KEPT|SUBSCRIPTION_ENDED)$/);
        seen.set(now.status, (seen.get(now.status) ?? 0) + 1);
      },
    ),
    { numRuns: runs(15, 300), seed: 20261130 },
  );
  for (const each of runs(['200', 'active'], ['200', '409', 'active', 'canceled', 'paused']))
    expect(seen.get(each), each).toBeGreaterThan(0);
}, 240_000);
