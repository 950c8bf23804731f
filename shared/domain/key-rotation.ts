import { LONGEST_OFFLINE_DAYS } from './entitlement.ts';

const DAY_MS = 24 * 3600 * 1000;

/** How long an instance caches the list of versions. A compromised key is published for up to this much longer. */
export const KEYS_LISTED_FOR_MS = 60_000;

/** How long proxies and clients may cache the published keys. */
export const KEYS_CACHED_FOR_SECONDS = 300;

/** How long after its creation every cache of the published keys has a new version. */
export const PUBLISHED_EVERYWHERE_AFTER_MS = KEYS_LISTED_FOR_MS + KEYS_CACHED_FOR_SECONDS * 1000;

/** A version of the signing key, as a rotation sees it. */
interface Version {
  readonly number: number;
  readonly state: 'pending' | 'enabled' | 'disabled' | 'gone';
  readonly createdAtMs: number;
  /** Whether the configuration names it. */
  readonly isCurrent: boolean;
}

/** The next step towards signing licenses with a new key and disabling the old one. */
export type RotationStep<V> =
  /** Create a version. A completed rotation and one that has not begun look the same. */
  | { readonly step: 'create' }
  /** Wait at least until `untilMs`, so that the new version is published everywhere. */
  | { readonly step: 'wait'; readonly version: V; readonly untilMs: number }
  /** Name the new version in the configuration, and deploy. */
  | { readonly step: 'pin'; readonly version: V }
  /** Disable the old versions once no license signed with them is valid: at `notBeforeMs` at the earliest. */
  | { readonly step: 'retire'; readonly versions: readonly V[]; readonly notBeforeMs: number };

/**
 * The next step of a rotation. If the signing key is compromised or cannot sign, there is no waiting: a client that
 * finds an unknown key id fetches the keys again, and waiting would give an attacker more time to sign licenses.
 */
export function nextStep<V extends Version>(
  versions: readonly V[],
  nowMs: number,
  isCompromised = false,
): RotationStep<V> {
  const signing = signingOne(versions);
  const isUrgent = isCompromised || !signing;
  // An attacker who could use the current key could use the older ones too: none of them may replace it.
  const replaced = isCompromised ? versions.find(({ isCurrent }) => isCurrent) : signing;
  const newer = newestFirst(versions).filter(({ number }) => !replaced || number > replaced.number);
  const ready = newer.find(({ state }) => state === 'enabled');
  if (ready) {
    const untilMs = ready.createdAtMs + PUBLISHED_EVERYWHERE_AFTER_MS;
    return isUrgent || nowMs >= untilMs
      ? { step: 'pin', version: ready }
      : { step: 'wait', version: ready, untilMs };
  }
  const pending = newer.find(({ state }) => state === 'pending');
  // A pending version is published once it is created, and Cloud KMS does not report when that will be.
  if (pending)
    return {
      step: 'wait',
      version: pending,
      untilMs: nowMs + (isUrgent ? 0 : PUBLISHED_EVERYWHERE_AFTER_MS),
    };
  const old = versions.filter(({ state, isCurrent }) => state === 'enabled' && !isCurrent);
  return isUrgent || old.length === 0
    ? { step: 'create' }
    : { step: 'retire', versions: old, notBeforeMs: lastExpiryMs(signing) };
}

/** What it means to disable a version. */
export type Disabling<V> =
  | { readonly verdict: 'UNKNOWN' }
  /** It is already out of use. */
  | { readonly verdict: 'OUT_OF_USE'; readonly version: V }
  /** It is in use: without it nothing can be signed. */
  | { readonly verdict: 'SIGNS'; readonly version: V }
  /** Licenses signed with it can be valid until `untilMs` or later: it is unknown when its successor was deployed. */
  | { readonly verdict: 'HAS_SIGNED'; readonly version: V; readonly untilMs: number }
  /** It is newer than the current one: nothing depends on it, unless it was deployed once and rolled back. */
  | { readonly verdict: 'UNUSED'; readonly version: V };

export function disabling<V extends Version>(versions: readonly V[], number: number): Disabling<V> {
  const version = versions.find((each) => each.number === number);
  if (!version) return { verdict: 'UNKNOWN' };
  if (version.state === 'disabled' || version.state === 'gone') return { verdict: 'OUT_OF_USE', version };
  if (version.isCurrent) return { verdict: 'SIGNS', version };
  const current = versions.find(({ isCurrent }) => isCurrent);
  return current && number > current.number
    ? { verdict: 'UNUSED', version }
    : { verdict: 'HAS_SIGNED', version, untilMs: lastExpiryMs(current ?? version) };
}

/** The version that the configuration names, if it can sign. */
export function signingOne<V extends Version>(versions: readonly V[]): V | undefined {
  return versions.find(({ isCurrent, state }) => isCurrent && state === 'enabled');
}

/** When the last license of the older versions expires, if `deployed` was deployed as soon as it could be. */
function lastExpiryMs(deployed: Version): number {
  return deployed.createdAtMs + PUBLISHED_EVERYWHERE_AFTER_MS + LONGEST_OFFLINE_DAYS * DAY_MS;
}

function newestFirst<V extends Version>(versions: readonly V[]): V[] {
  return versions.toSorted((a, b) => b.number - a.number);
}
