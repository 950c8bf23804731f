import { createHmac } from 'node:crypto';
import type { Unit } from './entitlement.ts';

/** Turns a client's identifiers into the pseudonym that its seat is counted by. */
export type Pseudonyms = (licenseId: string, unit: Unit, ...identifiers: readonly string[]) => string;

/** 72 bits: Redis stores a pseudonym twice per session, and it only has to distinguish the holders of one license. */
const HOLDER_CHARACTERS = 12;
const PSEUDONYM_CHARACTERS = 22;

/**
 * Pseudonyms under `key`: 72 bits of HMAC-SHA256, base64url. In a license with a million holders, the chance that any
 * two have the same pseudonym is 1 in 9 billion, and a user who wants to share a seat can simply send the same
 * fingerprint. Keyed, because fingerprints and user names can be guessed, and a bare hash would reveal them. Per
 * license, so that two customers' data cannot be joined. With a new key every running client counts as another holder
 * for one TTL, so set the key once.
 */
export function pseudonyms(key: string): Pseudonyms {
  return (licenseId, unit, ...identifiers) =>
    createHmac('sha256', key)
      .update(JSON.stringify([licenseId, unit, ...identifiers]))
      .digest('base64url')
      .slice(0, HOLDER_CHARACTERS);
}

/** A one-way, repeatable pseudonym for a value that must not be stored. */
export type PseudonymOf = (kind: 'account' | 'address' | 'trial', text: string) => string;

/**
 * Pseudonyms of 132 bits, for values that belong to no license: an account at the sign-in provider, a network address,
 * what a trial was granted to. `kind` keeps their pseudonyms distinct from each other and from holders'.
 */
export function pseudonymsOf(key: string): PseudonymOf {
  return (kind, text) =>
    createHmac('sha256', key).update(`${kind} ${text}`).digest('base64url').slice(0, PSEUDONYM_CHARACTERS);
}
