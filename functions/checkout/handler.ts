import {
  BILLING_INTERVALS,
  type BillingInterval,
  PLAN_NAMES,
  PLANS,
  type Plan,
  type PlanTerms,
  priceKeyOf,
  seatsOutOfRange,
} from '../../shared/domain/plans.ts';
import { priceOf, type SeatPrice, unpricedKeys } from '../../shared/domain/prices.ts';
import type { Tenant } from '../../shared/domain/users.ts';
import type { HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import { own } from '../../shared/http/own.ts';
import { refuseSeats } from '../../shared/http/refuse-seats.ts';
import { viewOfAmount } from '../../shared/http/seat-price-view.ts';
import { BILLING_ACCOUNTS, LICENSES, TENANTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type contract from './contract.ts';
import { openPage, purchaseOf } from './purchase.ts';

type Create = RequestOf<typeof contract, 'create'>;

/** While the prices are not known, all plans are listed without. */
async function listPlans(
  { note }: RequestOf<typeof contract, 'plans'>,
  { billing }: Deps,
): Promise<ReplyOf<typeof contract, 'plans'>> {
  const { prices, failure } = (await billing?.recentPrices()) ?? { prices: null, failure: undefined };
  const because = failure ?? reasonNotSold(prices);
  if (because !== undefined) note({ severity: 'WARNING', because });
  const sold = PLAN_NAMES.map((plan) => viewOfPlan(plan, prices)).filter(
    ({ intervals }) => intervals.length > 0,
  );
  return { answer: 'plans', body: { plans: sold } };
}

function reasonNotSold(prices: readonly SeatPrice[] | null): string | undefined {
  const unpriced = prices === null ? [] : unpricedKeys(prices);
  return unpriced.length > 0 ? `Stripe has no active price with ${unpriced.join(', ')}` : undefined;
}

async function createSession(
  { body, by, standing, idempotencyKey, note }: Create,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'create'>> {
  const { billing } = deps;
  if (!billing) return { problem: 'BILLING_NOT_SET_UP' };
  const tenant = await ownTenant(body.tenant_id, standing, deps);
  if ('problem' in tenant) return tenant;
  if (tenant.closedAtMs !== null) return { problem: 'TENANT_CLOSED' };
  const refusal = refuseOrder(body) ?? (await refuseLicense(tenant, body.license_id, standing, deps));
  if (refusal) return refusal;
  const purchase = await purchaseOf(tenant.tenantId, body, idempotencyKey, deps);
  if ('problem' in purchase) return purchase;
  const page = await openPage(tenant, body, purchase, by, billing, deps);
  if ('problem' in page) {
    if (page.problem === 'PLAN_NOT_FOR_SALE') note({ severity: 'WARNING' });
    // Stripe does not have the subscription of the license.
    if (page.problem === 'ALREADY_SUBSCRIBED' && page.because !== undefined) note({ severity: 'ERROR' });
    return page;
  }
  const { url, licenseId, expiresAtMs } = page;
  return {
    answer: 'created',
    body: { checkout_url: url, license_id: licenseId, expires_at: timestamp(expiresAtMs) },
  };
}

async function openPortal(
  { body, standing }: RequestOf<typeof contract, 'portal'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'portal'>> {
  const { billing, records, checkout } = deps;
  if (!billing) return { problem: 'BILLING_NOT_SET_UP' };
  const tenant = await ownTenant(body.tenant_id, standing, deps);
  if ('problem' in tenant) return tenant;
  const account = await records.get(BILLING_ACCOUNTS, tenant.tenantId);
  if (account?.customerId == null) return { problem: 'NO_BILLING_ACCOUNT' };
  const { returnUrl } = checkout;
  const portalUrl = await billing.createPortal({ customerId: account.customerId, returnUrl });
  return { answer: 'created', body: { portal_url: portalUrl } };
}

async function ownTenant(
  tenantId: string,
  standing: Create['standing'],
  { records }: Deps,
): Promise<Tenant | Refusal<'TENANT_NOT_FOUND' | 'FORBIDDEN'>> {
  return own(await records.get(TENANTS, tenantId), standing, 'TENANT_NOT_FOUND');
}

/** Refuses an interval or a number of seats that the plan does not offer. */
function refuseOrder({
  plan,
  interval = 'month',
  seats,
}: Create['body']): Refusal<'PLAN_NOT_FOR_SALE' | 'VALIDATION_FAILED'> | undefined {
  if (priceKeyOf(plan, interval) === undefined) {
    const intervals = intervalsOf(plan);
    const detail =
      intervals.length > 0 ? `The ${plan} plan can only be paid per ${intervals.join(' or ')}.` : undefined;
    return { problem: 'PLAN_NOT_FOR_SALE', detail };
  }
  return seatsOutOfRange(plan, seats) ? refuseSeats(plan) : undefined;
}

/** Refuses a license that no subscription ever paid for, unless it is a trial, and one whose seats would not count. */
async function refuseLicense(
  { tenantId }: Tenant,
  licenseId: string | undefined,
  standing: Create['standing'],
  { records }: Deps,
): Promise<Refusal<'LICENSE_NOT_FOUND' | 'FORBIDDEN' | 'LICENSE_NOT_FOR_SALE'> | undefined> {
  if (licenseId === undefined) return undefined;
  const found = await records.get(LICENSES, licenseId);
  const license = own(found?.tenantId === tenantId ? found : undefined, standing, 'LICENSE_NOT_FOUND');
  if ('problem' in license) return license;
  const { subscriptionId, trial, status } = license;
  if (status === 'suspended')
    return {
      problem: 'LICENSE_NOT_FOR_SALE',
      detail: 'The vendor has suspended this license. Contact the vendor.',
    };
  return subscriptionId === null && !trial ? { problem: 'LICENSE_NOT_FOR_SALE' } : undefined;
}

/** The intervals that the plan is sold with, as far as prices are known. */
function intervalsOf(plan: Plan, prices: readonly SeatPrice[] | null = null): BillingInterval[] {
  return BILLING_INTERVALS.filter((interval) =>
    prices === null ? priceKeyOf(plan, interval) !== undefined : priceOf(prices, plan, interval),
  );
}

function viewOfPlan(plan: Plan, prices: readonly SeatPrice[] | null) {
  const terms: PlanTerms = PLANS[plan];
  const { borrow } = terms;
  return {
    plan,
    seats: { ...terms.seats },
    ttl_seconds: terms.ttlSeconds,
    max_sessions: terms.maxSessions,
    offline_grace_days: terms.offlineGraceDays,
    offline_start_days: terms.offlineStartDays,
    signed_limit: terms.signedLimit,
    borrow: { max_days: borrow.maxDays, low_water: borrow.lowWater },
    features: [...terms.features],
    limits: { ...terms.limits },
    payment_grace_days: terms.paymentGraceDays,
    intervals: intervalsOf(plan, prices),
    prices: prices?.filter((price) => price.plan === plan).map(viewOfPrice) ?? null,
  };
}

function viewOfPrice({ interval, taxBehavior, hasTiers, ...amount }: SeatPrice) {
  return { interval, ...viewOfAmount(amount), tiers: hasTiers, tax_behavior: taxBehavior };
}

export default { plans: listPlans, create: createSession, portal: openPortal } satisfies HandlersOf<
  typeof contract
>;
