import type { PseudonymOf } from './holder.ts';
import { draftLicense, type License, termsOfPlan } from './license.ts';
import { isWithin, organisationOf, registrableDomain } from './organisation.ts';
import { PLANS, type Plan } from './plans.ts';
import { accountClaimId, claimId, type TrialClaim } from './trial-claim.ts';
import type { User } from './users.ts';

const DAY_MS = 24 * 3600 * 1000;

/** The vendor's rules for trials. */
export interface TrialPolicy {
  /** 0: trials are disabled. */
  readonly days: number;
  /** Trials per registrable e-mail domain; 0: no limit. */
  readonly perDomain: number;
  /** Trials per machine for users whom no domain limits; 0: no limit. */
  readonly perMachine: number;
  /** E-mail domains without trials. */
  readonly refusedDomains: readonly string[];
}

type Applicant = Pick<User, 'accountId' | 'email' | 'hostedDomain'>;

/** Whether the vendor offers trials to this user; a refused domain includes its subdomains. */
export function isOffered({ email, hostedDomain }: Applicant, policy: TrialPolicy): boolean {
  const domains = [domainOf(email), hostedDomain].filter((domain) => domain !== null);
  const isRefused = (domain: string): boolean =>
    policy.refusedDomains.some((refused) => isWithin(domain, refused));
  return policy.days > 0 && !domains.some(isRefused);
}

/** Ids of the claims that a trial needs; no `domain` if the domain does not identify an organisation. */
export interface ClaimIds {
  readonly account: string;
  readonly machine: string;
  readonly domain: string | undefined;
}

/**
 * What trials are counted by: the account at the sign-in provider, which stays the same if the user is erased and signs in
 * again; the domain of the user's organisation; and the machine.
 *
 * An account has one trial, a domain as many as the vendor allows. A machine needs care: a fingerprint is not a secret, and
 * anyone who knows one looks like that machine, also when it acquires a seat. To the server, a stranger who uses up another
 * machine's trials and a user who has many accounts on one machine are the same, so that every limit per machine that
 * stops the second can also be used to refuse another user. (LicenseSpring has one trial per hardware id or no limit,
 * https://docs.licensespring.com/sdks/tutorials/licensing-scenarios/trial-licensing; QLM has a number per computer that the
 * vendor can raise, soraco/qlm qlmdocs/faq.) Therefore:
 *
 * - A user whom a domain limits is not limited by the machine: further trials cost further domains. So no stranger can
 *   refuse an organisation its trial, and its trials count for no machine.
 * - All others share `perMachine` trials, more than one: a colleague at the same computer still gets theirs, and denying
 *   one machine costs a stranger that many accounts, each of which loses its own only trial.
 * - An operator can always create a license with `valid_until`, and the log has a WARNING when a trial is refused by its machine.
 */
export function claimIdsOf(applicant: Applicant, fingerprint: string, pseudonymOf: PseudonymOf): ClaimIds {
  const domain = sharedDomainOf(applicant);
  return {
    account: accountClaimId(applicant.accountId, pseudonymOf),
    machine: claimId('machine', fingerprint, pseudonymOf),
    domain: domain === undefined ? undefined : claimId('domain', domain, pseudonymOf),
  };
}

/** An organisation is identified by its main domain, even if the address has another of its domains. */
function sharedDomainOf({ email, hostedDomain }: Applicant): string | undefined {
  return hostedDomain === null ? organisationOf(domainOf(email)) : registrableDomain(hostedDomain);
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
export function usedUp(
  { account, machine, domain }: Claims,
  ids: ClaimIds,
  policy: TrialPolicy,
): keyof Claims | undefined {
  if (account) return 'account';
  if (countsMachine(ids, policy)) return isFull(machine, policy.perMachine) ? 'machine' : undefined;
  return isFull(domain, policy.perDomain) ? 'domain' : undefined;
}

function countsMachine({ domain }: ClaimIds, { perDomain }: TrialPolicy): boolean {
  return domain === undefined || perDomain === 0;
}

function isFull(claim: TrialClaim | undefined, most: number): boolean {
  return claim !== undefined && most > 0 && claim.trials >= most;
}

/** The claims of a trial that is granted now, added to the existing ones. */
export function claimsFor(
  ids: ClaimIds,
  { machine, domain }: Claims,
  { licenseId, keyHash }: License,
  policy: TrialPolicy,
  nowMs: number,
): TrialClaim[] {
  const claim = { trials: 1, claimedAtMs: nowMs, given: null };
  const oneMore = (claimId: string, known: TrialClaim | undefined): TrialClaim => ({
    ...known,
    ...claim,
    claimId,
    trials: (known?.trials ?? 0) + 1,
  });
  return [
    { ...claim, claimId: ids.account, given: { licenseId, machineId: ids.machine, keyHash } },
    ...(countsMachine(ids, policy) ? [oneMore(ids.machine, machine)] : []),
    ...(ids.domain === undefined ? [] : [oneMore(ids.domain, domain)]),
  ];
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
