import type { PendingDomain } from './users.ts';

/**
 * The name of the TXT record that proves a claim. A name of its own below the domain, beginning with an underscore, can be
 * delegated, and cannot be mistaken for a host; a person who controls only other names of the domain cannot publish it
 * (draft-ietf-dnsop-domain-verification-techniques, "Validation Record"; GitHub's is `_github-challenge-…`).
 */
export function recordNameOf(domain: string): string {
  return `_seatlease-challenge.${domain}`;
}

/** The text of the TXT record, like `google-site-verification=…`. The token is 160 random bits, for one claim only. */
export function recordValueOf({ token }: Pick<PendingDomain, 'token'>): string {
  return `seatlease-domain-verification=${token}`;
}

/** Whether these TXT records prove the claim. Domains have many, and some control panels add quotes or spaces. */
export function isProvedBy(texts: readonly string[], claim: Pick<PendingDomain, 'token'>): boolean {
  return texts.some((text) => text.trim().replace(/^"(.*)"$/, '$1') === recordValueOf(claim));
}
