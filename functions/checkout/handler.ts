import {
  BILLING_INTERVALS,
  PLAN_NAMES,
  PLANS,
  type Plan,
  type PlanTerms,
  priceKeyOf,
} from '../../shared/domain/plans.ts';
import { isOver } from '../../shared/domain/subscription.ts';
import type { Tenant } from '../../shared/domain/users.ts';
import type { HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import { own } from '../../shared/http/own.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { BILLING_ACCOUNTS, LICENSES, SUBSCRIPTIONS, TENANTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type contract from './contract.ts';
import { openSession, purchaseOf } from './purchase.ts';

type Create = RequestOf<typeof contract, 'create'>;

async function listPlans(): Promise<ReplyOf<typeof contract, 'plans'>> {
  const sold = PLAN_NAMES.filter((plan) => intervalsOf(plan).length > 0);
  return { answer: 'plans', body: { plans: sold.map(viewOfPlan) } };
}

async function createSession(
  { body, by, standing, idempotencyKey }: Create,
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
  const session = await openSession(tenant, body, purchase, by, billing, deps);
  if ('problem' in session) return session;
  const { url, licenseId, expiresAtMs } = session;
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
  const { least, most } = PLANS[plan].seats;
  if (seats >= least && seats <= most) return undefined;
  const detail = `must be ${least} to ${most} for the ${plan} plan`;
  return refuseFields('VALIDATION_FAILED', [{ at: '/seats', detail }]);
}

/** Only trial licenses and licenses whose subscription has ended can be bought. */
async function refuseLicense(
  { tenantId }: Tenant,
  licenseId: string | undefined,
  standing: Create['standing'],
  { records }: Deps,
): Promise<
  Refusal<'LICENSE_NOT_FOUND' | 'FORBIDDEN' | 'ALREADY_SUBSCRIBED' | 'LICENSE_NOT_FOR_SALE'> | undefined
> {
  if (licenseId === undefined) return undefined;
  const found = await records.get(LICENSES, licenseId);
  const license = own(found?.tenantId === tenantId ? found : undefined, standing, 'LICENSE_NOT_FOUND');
  if ('problem' in license) return license;
  const { subscriptionId, trial } = license;
  if (subscriptionId === null) return trial ? undefined : { problem: 'LICENSE_NOT_FOR_SALE' };
  const subscription = await records.get(SUBSCRIPTIONS, subscriptionId);
  return subscription && !isOver(subscription) ? { problem: 'ALREADY_SUBSCRIBED' } : undefined;
}

function intervalsOf(plan: Plan) {
  return BILLING_INTERVALS.filter((interval) => priceKeyOf(plan, interval) !== undefined);
}

function viewOfPlan(plan: Plan) {
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
    intervals: intervalsOf(plan),
  };
}

export default { plans: listPlans, create: createSession, portal: openPortal } satisfies HandlersOf<
  typeof contract
>;
