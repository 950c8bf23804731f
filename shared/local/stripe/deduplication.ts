import type { Account } from './account.ts';

const DAY_SECONDS = 24 * 3600;

/**
 * Whether Stripe still detects a duplicate of the request or meter event that it first received at `since` (seconds).
 * It does so for at least a day, the fake for exactly a day.
 */
export function isKnown({ now }: Account, since: number | undefined): boolean {
  return since !== undefined && now() - since < DAY_SECONDS;
}
