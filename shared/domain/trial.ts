import * as z from 'zod/mini';
import type { PseudonymOf } from './holder.ts';
import { draftLicense, type License, termsOfPlan } from './license.ts';
import type { User } from './people.ts';
import { PLANS, type Plan } from './plans.ts';
import { isPublicMail } from './public-mail.ts';

const DAY_MS = 24 * 3600 * 1000;

/** That a trial was had, by whom or by what. */
export const TrialClaimSchema = z.object({
  /** What it is of, and a one-way pseudonym of that. */
  claimId: z.string(),
  /** How many trials it was used for; more than one only for a domain. */
  trials: z.int(),
  /** When the latest of them began. */
  claimedAtMs: z.int(),
  /**
   * What an account was given, and the key that went with it, so that an answer which was lost can be asked for again;
   * `null` for machines and domains, and once its owner was erased.
   */
  given: z.nullable(z.object({ licenseId: z.string(), machineId: z.string(), keyHash: z.string() })),
});
export type TrialClaim = z.infer<typeof TrialClaimSchema>;

/** What a vendor lets people try. */
export interface TrialPolicy {
  /** 0: there are no trials. */
  readonly days: number;
  /** Trials of people with addresses of one domain; 0 for as many as they like. */
  readonly perDomain: number;
  /** Domains whose people get none. */
  readonly refusedDomains: readonly string[];
}

type Applicant = Pick<User, 'accountId' | 'email' | 'hostedDomain'>;

/** Whether the vendor lets somebody with such an address try anything; of a refused domain its subdomains are, too. */
export function isOffered({ email, hostedDomain }: Applicant, policy: TrialPolicy): boolean {
  const theirs = [domainOf(email), hostedDomain].filter((domain) => domain !== null);
  const isRefused = (domain: string): boolean =>
    policy.refusedDomains.some((refused) => `.${domain}`.endsWith(`.${refused}`));
  return policy.days > 0 && !theirs.some(isRefused);
}

/** Ids of the claims that a trial needs; no `domain` where that says nothing of who belongs together. */
export interface ClaimIds {
  readonly account: string;
  readonly machine: string;
  readonly domain: string | undefined;
}

/**
 * Whatever may have a trial once: the account at the sign-in provider, which is the same for somebody who was erased and
 * signs in anew; the machine, whoever sits at it; and whoever belongs together by their addresses.
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

/** An organisation is one by its main domain, whichever of its domains an address is of. */
function sharedDomainOf({ email, hostedDomain }: Applicant): string | undefined {
  if (hostedDomain !== null) return hostedDomain;
  const domain = domainOf(email);
  return isPublicMail(domain) ? undefined : domain;
}

function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1);
}

/** The claims that are there already, of those that a trial needs. */
export interface Claims {
  readonly account: TrialClaim | undefined;
  readonly machine: TrialClaim | undefined;
  readonly domain: TrialClaim | undefined;
}

/** What stands in the way of a trial, for the log; `undefined` where nothing does. */
export function usedUp({ account, machine, domain }: Claims, policy: TrialPolicy): keyof Claims | undefined {
  if (account) return 'account';
  if (machine) return 'machine';
  return domain && policy.perDomain > 0 && domain.trials >= policy.perDomain ? 'domain' : undefined;
}

/** The claims of a trial that is given now, on top of those that are there. */
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
    claims.push({ ...claim, claimId: ids.domain, trials: (domain?.trials ?? 0) + 1 });
  return claims;
}

/** Whether a plan can be tried at all. */
export function canBeTried(plan: Plan): boolean {
  return PLANS[plan].trialSeats > 0;
}

/** A license that has an end. */
type EndingLicense = License & { readonly validUntilMs: number };

/** A license to try a plan with. It ends by itself. */
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
 * Whether what an account was given may be given to it once more, as it asks for the same again: while the trial runs, on
 * the same machine, and as long as nobody else has given the license a key. Whoever has lost it later, or has had it taken
 * away, goes to an admin of the tenant.
 */
export function isGivenAgain(
  { given }: TrialClaim,
  { machine }: ClaimIds,
  license: License,
  asked: { readonly tenantId: string; readonly plan: Plan },
  nowMs: number,
): license is EndingLicense {
  const { trial, status, hold, validUntilMs, keyHash, tenantId, plan } = license;
  const isTheirs = given?.machineId === machine && given.keyHash === keyHash;
  const isWanted = tenantId === asked.tenantId && plan === asked.plan;
  const isRunning = status === 'active' && hold === null && validUntilMs !== null && nowMs < validUntilMs;
  return isTheirs && isWanted && trial && isRunning;
}

/** The account's claim once the license has been given it under another key. */
export function givenAgain(claim: TrialClaim, { keyHash }: License): TrialClaim {
  return { ...claim, given: claim.given && { ...claim.given, keyHash } };
}
