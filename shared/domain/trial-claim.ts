import * as z from 'zod/mini';
import type { PseudonymOf } from './holder.ts';

/*
 * Apart from the rules (`trial.ts`): every function reads the schemas of the records, and the rules load the Public Suffix
 * List.
 */

/** Records that a trial was granted to an account, a machine or a domain. */
export const TrialClaimSchema = z.object({
  /** The kind and a one-way pseudonym. */
  claimId: z.string(),
  /** How many trials were granted: one for an account, and as many as the vendor allows for a machine and a domain. */
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

/** What trials are counted by. */
export type ClaimKind = 'account' | 'machine' | 'domain';

/** The id of a claim. `text` is what it was granted to. */
export function claimId(kind: ClaimKind, text: string, pseudonymOf: PseudonymOf): string {
  return `${kind}:${pseudonymOf('trial', `${kind} ${text}`)}`;
}

export function accountClaimId(accountId: string, pseudonymOf: PseudonymOf): string {
  return claimId('account', accountId, pseudonymOf);
}
