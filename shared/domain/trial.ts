import * as z from 'zod/mini';
import type { PseudonymOf } from './holder.ts';
import { draftLicense, type License, termsOfPlan } from './license.ts';
import { PLANS, type Plan } from './plans.ts';
import { isPublicMail } from './public-mail.ts';
import type { User } from './users.ts';

const DAY_MS = 24 * 3600 * 1000;

/** Records that a trial was granted to an account, a machine or a domain. */
export const TrialClaimSchema = z.object({
  /** The kind and a one-way pseudonym. */
  claimId: z.string(),
  /** How many trials were granted; more than one only for a domain. */
  trials: z.int(),
  /** When the latest of them began. */
  claimedAtMs: z.int(),
  /**
   * The license granted to an account, with the hash of its key, so that a lost response can be requested again; `null`
   * for machines and domains, and once the owner was erased.
   */
  given: z.nullable(z.object({ licenseId: z.string(), machineId: z.string(), keyHash: z.string() })),
});
export type TrialClaim = z.infer<typeof TrialClaimSchema>;

/** The vendor's rules for trials. */
export interface TrialPolicy {
  /** 0: trials are disabled. */
  readonly days: number;
  /** Trials per e-mail domain; 0: no limit. */
  readonly perDomain: number;
  /** E-mail domains without trials. */
  readonly refusedDomains: readonly string[];
}

type Applicant = Pick<User, 'accountId' | 'email' | 'hostedDomain'>;

/** Whether the vendor offers trials to this user; a refused domain includes its subdomains. */
export function isOffered({ email, hostedDomain }: Applicant, policy: TrialPolicy): boolean {
  const domains = [domainOf(email), hostedDomain].filter((domain) => domain !== null);
  const isRefused = (domain: string): boolean =>
    policy.refusedDomains.some((refused) => `.${domain}`.endsWith(`.${refused}`));
  return policy.days > 0 && !domains.some(isRefused);
}

/** Ids of the claims that a trial needs; no `domain` if the domain does not identify an organisation. */
export interface ClaimIds {
  readonly account: string;
  readonly machine: string;
  readonly domain: string | undefined;
}

/**
 * Each of these can have one trial: the account at the sign-in provider, which stays the same if the user is erased and
 * signs in again; and the machine, for all its users. A domain can have as many as the vendor allows.
 */
export function claimIdsOf(applicant: Applicant, fingerprint: string, pseudonymOf: PseudonymOf): ClaimIds {
  const domain = sharedDomainOf(applicant);
  return {
    account: accountClaimId(applicant.accountId, pseudonymOf),
    machine: claimId('machine', fingerprint, pseudonymOf),
    domain: domain === undefined ? undefined : claimId('domain', domain, pseudonymOf),
  };
}

export function accountClaimId(accountId: string, pseudonymOf: PseudonymOf): string {
  return claimId('account', accountId, pseudonymOf);
}

function claimId(what: keyof ClaimIds, text: string, pseudonymOf: PseudonymOf): string {
  return `${what}:${pseudonymOf('trial', `${what} ${text}`)}`;
}

/** An organisation is identified by its main domain, even if the address has another of its domains. */
function sharedDomainOf({ email, hostedDomain }: Applicant): string | undefined {
  if (hostedDomain !== null) return hostedDomain;
  const domain = domainOf(email);
  return isPublicMail(domain) ? undefined : domain;
}

function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1);
}

/** The existing claims, of those that a trial needs. */
export interface Claims {
  readonly account: TrialClaim | undefined;
  readonly machine: TrialClaim | undefined;
  readonly domain: TrialClaim | undefined;
}

/** What prevents a trial, for the log; `undefined` if nothing does. */
export function usedUp({ account, machine, domain }: Claims, policy: TrialPolicy): keyof Claims | undefined {
  if (account) return 'account';
  if (machine) return 'machine';
  return domain && policy.perDomain > 0 && domain.trials >= policy.perDomain ? 'domain' : undefined;
}

/** The claims of a trial that is granted now, added to the existing ones. */
export function claimsFor(
  ids: ClaimIds,
  { domain }: Claims,
  { licenseId, keyHash }: License,
  nowMs: number,
): TrialClaim[] {
  const claim = { trials: 1, claimedAtMs: nowMs, given: null };
  const given = { licenseId, machineId: ids.machine, keyHash };
  const claims: TrialClaim[] = [
    { ...claim, claimId: ids.account, given },
    { ...claim, claimId: ids.machine },
  ];
  if (ids.domain !== undefined)
    claims.push({ ...domain, ...claim, claimId: ids.domain, trials: (domain?.trials ?? 0) + 1 });
  return claims;
}

/** Whether the plan has trials. */
export function canBeTried(plan: Plan): boolean {
  return PLANS[plan].trialSeats > 0;
}

/** A license that expires. */
type EndingLicense = License & { readonly validUntilMs: number };

/** A trial license. It expires by itself. */
export function draftTrial(
  ids: { readonly tenantId: string; readonly licenseId: string },
  key: string,
  plan: Plan,
  { days }: TrialPolicy,
  nowMs: number,
): EndingLicense {
  const license = draftLicense(ids, key, { ...termsOfPlan(plan), max: PLANS[plan].trialSeats }, nowMs);
  return { ...license, validUntilMs: nowMs + days * DAY_MS, trial: true };
}

/**
 * Whether the account can get its trial license again when it repeats the same request: while the trial runs, on the
 * same machine, and unless someone else has rotated the license's key. In all other cases an admin of the tenant has to
 * rotate the key.
 */
export function canReissue(
  { given }: TrialClaim,
  { machine }: ClaimIds,
  license: License,
  request: { readonly tenantId: string; readonly plan: Plan },
  nowMs: number,
): license is EndingLicense {
  const { trial, status, hold, validUntilMs, keyHash, tenantId, plan } = license;
  const isGranted = given?.machineId === machine && given.keyHash === keyHash;
  const isRequested = tenantId === request.tenantId && plan === request.plan;
  const isRunning = status === 'active' && hold === null && validUntilMs !== null && nowMs < validUntilMs;
  return isGranted && isRequested && trial && isRunning;
}

/** The account's claim after the license was returned again, with another key. */
export function reissued(claim: TrialClaim, { keyHash }: License): TrialClaim {
  return { ...claim, given: claim.given && { ...claim.given, keyHash } };
}
