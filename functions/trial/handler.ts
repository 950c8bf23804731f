import { newLicenseId, newLicenseKey, shardOf } from '../../shared/domain/ids.ts';
import { type License, LONGEST_KEY_OVERLAP_SECONDS, rotateKey } from '../../shared/domain/license.ts';
import type { Plan } from '../../shared/domain/plans.ts';
import {
  type ClaimIds,
  type Claims,
  canBeTried,
  canReissue,
  claimIdsOf,
  claimsFor,
  draftTrial,
  isOffered,
  reissued,
  usedUp,
} from '../../shared/domain/trial.ts';
import type { TrialClaim } from '../../shared/domain/trial-claim.ts';
import type { HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import { own } from '../../shared/http/own.ts';
import { LICENSES, TENANTS, TRIAL_CLAIMS, USERS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { changeLicense, type LicenseTransaction } from '../../shared/use-cases/licenses.ts';
import type contract from './contract.ts';

async function activate(
  { body, caller, by, standing, note }: RequestOf<typeof contract, 'activate'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'activate'>> {
  const requested = own({ tenantId: body.tenant_id }, standing, 'TENANT_NOT_FOUND');
  if ('problem' in requested) return requested;
  const { tenantId } = requested;
  const { fingerprint, plan = 'pro' } = body;
  const { userId } = caller;
  // Records nothing while the seat store accepts no writes: the key is not stored, so a 503 would lose it.
  await deps.seatMaintenance.probe(shardOf(tenantId));
  const granted = await changeLicense(deps, by, (transaction) =>
    grantTrial({ tenantId, userId, fingerprint, plan }, transaction, deps),
  );
  // Whoever has many accounts, or names a machine that is not theirs, leaves a trace.
  if ('used' in granted && granted.used === 'machine') note({ severity: 'WARNING' });
  if ('problem' in granted) return granted;
  return { answer: granted.isNew ? 'activated' : 'again', body: viewOf(granted) };
}

interface TrialRequest {
  readonly tenantId: string;
  readonly userId: string;
  readonly fingerprint: string;
  readonly plan: Plan;
}

interface GrantedTrial {
  readonly license: License;
  readonly endsAtMs: number;
  readonly key: string;
  readonly isNew: boolean;
}

type TrialRefusal = Refusal<
  'TENANT_NOT_FOUND' | 'TENANT_CLOSED' | 'TRIAL_NOT_OFFERED' | 'TRIAL_ALREADY_USED' | 'PLAN_NOT_FOR_SALE'
> & { readonly used?: keyof Claims };

/** Grants the trial and records its claims in one transaction: only one of two concurrent requests gets a trial. */
async function grantTrial(
  request: TrialRequest,
  transaction: LicenseTransaction,
  deps: Deps,
): Promise<GrantedTrial | TrialRefusal> {
  const { tenantId, userId, fingerprint, plan } = request;
  const tenant = await transaction.get(TENANTS, tenantId);
  const user = await transaction.get(USERS, userId);
  if (!tenant || !user) return { problem: 'TENANT_NOT_FOUND' };
  if (tenant.closedAtMs !== null) return { problem: 'TENANT_CLOSED' };
  if (!isOffered(user, deps.trials)) return { problem: 'TRIAL_NOT_OFFERED' };
  if (!canBeTried(plan)) return { problem: 'PLAN_NOT_FOR_SALE', detail: `The ${plan} plan has no trial.` };
  const ids = claimIdsOf(user, fingerprint, deps.pseudonymOf);
  const claims = await readClaims(ids, transaction);
  const used = usedUp(claims, ids, deps.trials);
  if (used === undefined) return grantFirst(request, ids, claims, transaction, deps);
  const again = await grantAgain(request, ids, claims.account, transaction, deps);
  if (again) return again;
  const because = `the ${used} has already used its ${used === 'account' ? 'trial' : 'trials'}`;
  return { problem: 'TRIAL_ALREADY_USED', because, used };
}

async function readClaims(ids: ClaimIds, transaction: LicenseTransaction): Promise<Claims> {
  const [account, machine, domain] = await Promise.all(
    [ids.account, ids.machine, ids.domain].map((id) =>
      id === undefined ? undefined : transaction.get(TRIAL_CLAIMS, id),
    ),
  );
  return { account, machine, domain };
}

function grantFirst(
  { tenantId, plan }: TrialRequest,
  ids: ClaimIds,
  claims: Claims,
  transaction: LicenseTransaction,
  { trials, clock }: Deps,
): GrantedTrial {
  const nowMs = clock.nowMs();
  const licenseId = newLicenseId(tenantId);
  const key = newLicenseKey(licenseId);
  const license = draftTrial({ tenantId, licenseId }, key, plan, trials, nowMs);
  for (const claim of claimsFor(ids, claims, license, trials, nowMs))
    transaction.set(TRIAL_CLAIMS, claim.claimId, claim);
  transaction.writeLicense(license, nowMs);
  return { license, endsAtMs: license.validUntilMs, key, isNew: true };
}

/**
 * Returns the same license with a new key, because the answer with the previous key may be lost. The previous key stays
 * valid for a week.
 */
async function grantAgain(
  request: TrialRequest,
  ids: ClaimIds,
  account: TrialClaim | undefined,
  transaction: LicenseTransaction,
  { clock }: Deps,
): Promise<GrantedTrial | undefined> {
  const nowMs = clock.nowMs();
  const license = account?.given && (await transaction.get(LICENSES, account.given.licenseId));
  if (!account || !license || !canReissue(account, ids, license, request, nowMs)) return undefined;
  const key = newLicenseKey(license.licenseId);
  const rekeyed = rotateKey(license, key, LONGEST_KEY_OVERLAP_SECONDS, nowMs);
  transaction.set(TRIAL_CLAIMS, ids.account, reissued(account, rekeyed));
  transaction.writeLicense(rekeyed, nowMs);
  return { license: rekeyed, endsAtMs: license.validUntilMs, key, isNew: false };
}

function viewOf({ license, endsAtMs, key }: GrantedTrial) {
  const { licenseId, plan, max } = license;
  return {
    license_id: licenseId,
    license_key: key,
    plan,
    seats: { max },
    valid_until: timestamp(endsAtMs),
  };
}

export default { activate } satisfies HandlersOf<typeof contract>;
