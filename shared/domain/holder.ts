import { createHmac } from 'node:crypto';
import type { Unit } from './entitlement.ts';

/** Turns what a client says about itself into the pseudonym that its seat is counted by. */
export type Pseudonyms = (licenseId: string, unit: Unit, ...identifiers: readonly string[]) => string;

/** Redis keeps it twice for each session, and it need tell apart only holders of one license: no more than 72 bits. */
const HOLDER_CHARACTERS = 12;
const PSEUDONYM_CHARACTERS = 22;

/**
 * Pseudonyms under `key`: 72 bits of HMAC-SHA256, base64url. Two of a million holders of a license are alike with a
 * chance of 1 in 9 billion, and whoever wants to share a seat need only send the same fingerprint. Keyed, because fingerprints and user names can be guessed
 * and a bare hash of them would be as telling as they are; per license, so that two customers' data cannot be joined.
 * A new key makes every running client a stranger for one TTL, so it is set once.
 */
export function pseudonyms(key: string): Pseudonyms {
  return (licenseId, unit, ...identifiers) =>
    createHmac('sha256', key)
      .update(JSON.stringify([licenseId, unit, ...identifiers]))
      .digest('base64url')
      .slice(0, HOLDER_CHARACTERS);
}

/** One way, and the same every time: what stands for something where it must not be told. */
export type PseudonymOf = (kind: 'account' | 'address' | 'trial', text: string) => string;

/**
 * The same, with 132 bits, for what is not of a license: an account at the sign-in provider, a network address, what a trial was had by.
 * `kind` keeps them apart, and apart from holders.
 */
export function pseudonymsOf(key: string): PseudonymOf {
  return (kind, text) =>
    createHmac('sha256', key).update(`${kind} ${text}`).digest('base64url').slice(0, PSEUDONYM_CHARACTERS);
}
