import type { By } from '../../shared/domain/actor.ts';
import { newLicenseId, newLicenseKey, newTenantId, shardOf } from '../../shared/domain/ids.ts';
import {
  draftLicense,
  isGraceAllowed,
  isHeartbeatIntervalValid,
  isOfflineStartAllowed,
  type License,
  type LicenseTerms,
  metersWithoutRoom,
  rotateKey,
  withLicenseChange,
} from '../../shared/domain/license.ts';
import { isGone } from '../../shared/domain/subscription.ts';
import { type Usage, usageByDay, usageByHour } from '../../shared/domain/usage.ts';
import { newTenant } from '../../shared/domain/users.ts';
import type { ProblemCode } from '../../shared/errors.ts';
import type { HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import { viewOfLicense } from '../../shared/http/license-view.ts';
import { own, requestedTenant } from '../../shared/http/own.ts';
import { readPage } from '../../shared/http/page.ts';
import { type FieldError, refuseFields, safeName } from '../../shared/http/refuse-fields.ts';
import { LICENSES, SUBSCRIPTIONS, TENANTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { ALL_LICENSES, LICENSES_OF_TENANT } from '../../shared/ports/queries.ts';
import type { Transaction } from '../../shared/ports/records.ts';
import { changeLicense } from '../../shared/use-cases/licenses.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';
import type contract from './contract.ts';
import { periodOf, readUsageHours } from './usage.ts';

async function create(
  { body, by }: RequestOf<typeof contract, 'create'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'create'>> {
  const tenantId = body.tenant_id ?? newTenantId(deps.shards);
  const licenseId = newLicenseId(tenantId);
  const licenseKey = newLicenseKey(licenseId);
  const nowMs = deps.clock.nowMs();
  const license = draftLicense(
    { tenantId, licenseId },
    licenseKey,
    { max: body.max, unit: body.unit, ...termsOf(body) },
    nowMs,
  );
  const refusal = refuseMeters(body, deps) ?? refuseTerms(license, body);
  if (refusal) return refusal;

  // As in `replaceLicense`: nothing is recorded while the seat store accepts no writes.
  await deps.seatMaintenance.probe(shardOf(tenantId));
  const isNewTenant = body.tenant_id === undefined;
  return changeLicense(deps, by, async (transaction) => {
    if (!isNewTenant) {
      const tenant = await transaction.get(TENANTS, tenantId);
      if (!tenant) return { problem: 'TENANT_NOT_FOUND' };
      if (tenant.closedAtMs !== null) return { problem: 'TENANT_CLOSED' };
    }
    if (isNewTenant) {
      transaction.set(TENANTS, tenantId, newTenant(tenantId, tenantId, null, nowMs));
      recordEvent(transaction, { type: 'tenant.created', tenantId, by }, nowMs);
    }
    transaction.writeLicense(license, nowMs);
    return { answer: 'created', body: { ...viewOfLicense(license), license_key: licenseKey } };
  });
}

async function list(
  { query, caller, standing, note }: RequestOf<typeof contract, 'list'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  const requested = requestedTenant(query.tenant_id, caller, standing);
  if ('problem' in requested) return requested;
  const { tenantId } = requested;
  const page =
    tenantId === undefined
      ? await readPage(deps.records, ALL_LICENSES, {}, { query, note })
      : await readPage(deps.records, LICENSES_OF_TENANT, { tenantId }, { query, note });
  if ('problem' in page) return page;
  return {
    answer: 'licenses',
    body: { licenses: page.documents.map(viewOfLicense), next_cursor: page.next_cursor },
  };
}

async function read(
  { params, standing }: RequestOf<typeof contract, 'read'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'read'>> {
  const license = own(await deps.records.get(LICENSES, params.license_id), standing, 'LICENSE_NOT_FOUND');
  if ('problem' in license) return license;
  const pool = await deps.seats.listSeats(params.license_id, { limit: 0 });
  if (pool.verdict !== 'OK') throw new Error('the license has a record but no entitlement copy');
  return {
    answer: 'license',
    body: { ...viewOfLicense(license), seats: { active: pool.active, max: pool.max } },
  };
}

async function change(
  { params, body, by }: RequestOf<typeof contract, 'change'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'change'>> {
  const refusal = refuseMeters(body, deps);
  if (refusal) return refusal;
  const change = { max: body.max, status: body.status, ...termsOf(body) };
  return replaceLicense(params.license_id, by, deps, {
    async change(license, nowMs, transaction) {
      const billed = BILLED_TERMS.filter((term) => body[term] !== undefined);
      return billed.length > 0 && (await isBilled(license, transaction))
        ? refuseFields('BILLED_BY_SUBSCRIPTION', billed.map(refuseBilled))
        : refusedOr(withLicenseChange(license, change, nowMs), body);
    },
    answer: (license) => ({ answer: 'license', body: viewOfLicense(license) }),
  });
}

async function rotateLicenseKey(
  { params, body, by, standing }: RequestOf<typeof contract, 'rotateKey'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'rotateKey'>> {
  const { license_id: licenseId } = params;
  const owned = own(await deps.records.get(LICENSES, licenseId), standing, 'LICENSE_NOT_FOUND');
  if ('problem' in owned) return owned;
  const licenseKey = newLicenseKey(licenseId);
  return replaceLicense(licenseId, by, deps, {
    change: async (license, nowMs) => rotateKey(license, licenseKey, body?.overlap_seconds ?? 0, nowMs),
    answer: (license) => ({
      answer: 'rotated',
      body: { ...viewOfLicense(license), license_key: licenseKey },
    }),
  });
}

async function readUsage(
  { params, query, standing }: RequestOf<typeof contract, 'usage'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'usage'>> {
  const period = periodOf(query, deps.clock.nowMs());
  if ('problem' in period) return period;
  const license = own(await deps.records.get(LICENSES, params.license_id), standing, 'LICENSE_NOT_FOUND');
  if ('problem' in license) return license;
  const { fromMs, toMs } = period;
  const hours = usageByHour(await readUsageHours(deps.records, license.licenseId, period), fromMs, toMs);
  return {
    answer: 'usage',
    body: {
      license_id: license.licenseId,
      max: license.max,
      from: timestamp(fromMs),
      to: timestamp(toMs),
      peak_seats: Math.max(...hours.map(({ peak }) => peak)),
      denials: hours.reduce((sum, { denials }) => sum + denials, 0),
      days: usageByDay(hours).map(describeUsage),
      hours: hours.map(describeUsage),
    },
  };
}

/** Terms that are valid on their own but not together, and how the one at fault is refused. */
const COMBINATIONS: readonly {
  readonly terms: readonly (keyof TermsBody)[];
  readonly at: keyof TermsBody;
  isValid(license: License): boolean;
  detail(license: License): string;
}[] = [
  {
    terms: ['plan', 'ttl_seconds', 'heartbeat_seconds'],
    at: 'heartbeat_seconds',
    isValid: isHeartbeatIntervalValid,
    detail: () => 'must be less than ttl_seconds',
  },
  {
    terms: ['plan', 'offline_grace_days'],
    at: 'offline_grace_days',
    isValid: isGraceAllowed,
    detail: ({ plan }) => `is set by the ${plan} plan`,
  },
  {
    terms: ['plan', 'offline_grace_days', 'offline_start_days'],
    at: 'offline_start_days',
    isValid: isOfflineStartAllowed,
    detail: () => 'must not exceed offline_grace_days',
  },
  {
    terms: ['usage_caps', 'usage_floors'],
    at: 'usage_floors',
    isValid: (license) => metersWithoutRoom(license).length === 0,
    detail: (license) => `must not exceed usage_caps: ${metersWithoutRoom(license).join(', ')}`,
  },
];

/** A misspelled meter would silently have no cap. */
function refuseMeters(body: TermsBody, { usageMeters }: Deps): Refusal<'VALIDATION_FAILED'> | undefined {
  const unknown = (['usage_caps', 'usage_floors'] as const).flatMap((term) =>
    Object.keys(body[term] ?? {})
      .filter((meter) => !usageMeters.includes(meter))
      .map((meter) => ({ at: `/${term}`, detail: `no meter is named ${safeName(meter)}` })),
  );
  return unknown.length > 0 ? refuseFields('VALIDATION_FAILED', unknown) : undefined;
}

/** Checks only what the request sets: an edited plan may no longer allow what was valid before. */
function refuseTerms(license: License, body: TermsBody): Refusal<'VALIDATION_FAILED'> | undefined {
  const broken = COMBINATIONS.find(
    ({ terms, isValid }) => terms.some((term) => body[term] !== undefined) && !isValid(license),
  );
  return (
    broken && refuseFields('VALIDATION_FAILED', [{ at: `/${broken.at}`, detail: broken.detail(license) }])
  );
}

/**
 * Changes nothing while the seat store accepts no writes. Otherwise a rotation could be recorded and then return 503:
 * no client would have received the new key.
 */
async function replaceLicense<A, C extends ProblemCode = never>(
  licenseId: string,
  by: By,
  deps: Deps,
  { change, answer }: LicenseReplacement<A, C>,
): Promise<A | Refusal<C | 'LICENSE_NOT_FOUND' | 'TENANT_CLOSED'>> {
  await deps.seatMaintenance.probe(shardOf(licenseId));
  return changeLicense(deps, by, async (transaction) => {
    const license = await transaction.get(LICENSES, licenseId);
    if (!license) return { problem: 'LICENSE_NOT_FOUND' as const };
    const nowMs = deps.clock.nowMs();
    const next = await change(license, nowMs, transaction);
    if ('problem' in next) return next;
    const tenant = await transaction.get(TENANTS, license.tenantId);
    if (tenant?.closedAtMs != null) return { problem: 'TENANT_CLOSED' as const };
    transaction.writeLicense(next, nowMs);
    return answer(next);
  });
}

interface LicenseReplacement<A, C extends ProblemCode> {
  change(license: License, nowMs: number, transaction: Transaction): Promise<License | Refusal<C>>;
  answer(license: License): A;
}

function refusedOr(license: License, body: TermsBody): License | Refusal<'VALIDATION_FAILED'> {
  return refuseTerms(license, body) ?? license;
}

/** Terms that the subscription sets, until it ends. */
const BILLED_TERMS = ['max', 'plan', 'ttl_seconds', 'valid_until'] as const;

async function isBilled({ subscriptionId }: License, transaction: Transaction): Promise<boolean> {
  if (subscriptionId === null) return false;
  const subscription = await transaction.get(SUBSCRIPTIONS, subscriptionId);
  return subscription !== undefined && !isGone(subscription);
}

function refuseBilled(term: (typeof BILLED_TERMS)[number]): FieldError {
  return { at: `/${term}`, detail: 'is set by the subscription' };
}

type TermsBody = Omit<RequestOf<typeof contract, 'change'>['body'], 'max' | 'status'>;

function termsOf(body: TermsBody): Omit<LicenseTerms, 'max' | 'unit'> {
  const { borrow } = body;
  return {
    overdraft: body.overdraft,
    plan: body.plan,
    ttlSeconds: body.ttl_seconds,
    heartbeatSeconds: body.heartbeat_seconds,
    features: body.features,
    limits: body.limits,
    maxSessions: body.max_sessions,
    offlineGraceDays: body.offline_grace_days,
    offlineStartDays: body.offline_start_days,
    signedLimit: body.signed_limit,
    borrow: borrow && { maxDays: borrow.max_days, lowWater: borrow.low_water ?? 0 },
    requestsPerMinute: body.requests_per_minute,
    usageCaps: body.usage_caps,
    usageFloors: body.usage_floors,
    validUntilMs: typeof body.valid_until === 'string' ? Date.parse(body.valid_until) : body.valid_until,
  };
}

function describeUsage({ atMs, peak, denials }: Usage) {
  return { at: timestamp(atMs), peak_seats: peak, denials };
}

export default {
  create,
  list,
  read,
  change,
  rotateKey: rotateLicenseKey,
  usage: readUsage,
} satisfies HandlersOf<typeof contract>;
