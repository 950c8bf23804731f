import * as z from 'zod/mini';

/** That a trial was had, by whom or by what: a one-way pseudonym of an account, a machine or a domain is its id. */
export const TrialClaimSchema = z.object({
  /** How many trials it was used for; more than one only for a domain. */
  trials: z.int(),
  claimedAtMs: z.int(),
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
