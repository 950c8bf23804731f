import { LONGEST_OFFLINE_DAYS } from './entitlement.ts';

const DAY_MS = 24 * 3600 * 1000;

/** How long an instance keeps the list of versions. Longer, and a key in wrong hands would be published for longer. */
export const KEYS_LISTED_FOR_MS = 60_000;

/** How long whoever is between, and the client, may keep what an instance has published. */
export const KEYS_CACHED_FOR_SECONDS = 300;

/** How long after a version is there the last one has it who keeps the published keys. */
export const PUBLISHED_EVERYWHERE_AFTER_MS = KEYS_LISTED_FOR_MS + KEYS_CACHED_FOR_SECONDS * 1000;

/** A version of the signing key, as far as a rotation looks at it. */
interface Version {
  readonly number: number;
  readonly state: 'pending' | 'enabled' | 'disabled' | 'gone';
  readonly createdAtMs: number;
  /** Whether the configuration names it. */
  readonly isCurrent: boolean;
}

/** What is to be done next to have licenses signed with a new key, and the one before taken out of use. */
export type RotationStep<V> =
  /** Make a version. A rotation that is over and one that has not begun look the same. */
  | { readonly step: 'create' }
  /** Let the new version become known, at the least until then. */
  | { readonly step: 'wait'; readonly version: V; readonly untilMs: number }
  /** Name the new version in the configuration, and deploy. */
  | { readonly step: 'pin'; readonly version: V }
  /** Disable the old versions once nothing signed with them counts, which cannot be before then. */
  | { readonly step: 'retire'; readonly versions: readonly V[]; readonly notBeforeMs: number };

/**
 * The next step of a rotation. Where the key that signs is compromised, or is none that could sign, nothing is waited
 * for: a client that meets a key too new for it fetches the keys once more, and licenses of a thief harm for longer.
 */
export function nextStep<V extends Version>(
  versions: readonly V[],
  nowMs: number,
  isCompromised = false,
): RotationStep<V> {
  const signing = signingOne(versions);
  const isUrgent = isCompromised || !signing;
  // Whoever could sign with the one in use could sign with those before it: none of them takes its place.
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
  // It is published once it is made, and when that will be nobody says.
  if (pending)
    return {
      step: 'wait',
      version: pending,
      untilMs: nowMs + (isUrgent ? 0 : PUBLISHED_EVERYWHERE_AFTER_MS),
    };
  const old = versions.filter(({ state, isCurrent }) => state === 'enabled' && !isCurrent);
  return isUrgent || old.length === 0
    ? { step: 'create' }
    : { step: 'retire', versions: old, notBeforeMs: mayCountUntilMs(signing) };
}

/** What it means to disable a version. */
export type Disabling<V> =
  | { readonly verdict: 'UNKNOWN' }
  /** It is out of use already. */
  | { readonly verdict: 'OUT_OF_USE'; readonly version: V }
  /** Nothing could be signed any more. */
  | { readonly verdict: 'SIGNS'; readonly version: V }
  /** Licenses signed with it may count, until then at the least: when another one was deployed is not known. */
  | { readonly verdict: 'HAS_SIGNED'; readonly version: V; readonly untilMs: number }
  /** It is newer than the one that signs: nothing hangs on it, unless it was deployed once and taken back. */
  | { readonly verdict: 'UNUSED'; readonly version: V };

export function disabling<V extends Version>(versions: readonly V[], number: number): Disabling<V> {
  const version = versions.find((each) => each.number === number);
  if (!version) return { verdict: 'UNKNOWN' };
  if (version.state === 'disabled' || version.state === 'gone') return { verdict: 'OUT_OF_USE', version };
  if (version.isCurrent) return { verdict: 'SIGNS', version };
  const current = versions.find(({ isCurrent }) => isCurrent);
  return current && number > current.number
    ? { verdict: 'UNUSED', version }
    : { verdict: 'HAS_SIGNED', version, untilMs: mayCountUntilMs(current ?? version) };
}

/** The version that the configuration names, if it can sign. */
export function signingOne<V extends Version>(versions: readonly V[]): V | undefined {
  return versions.find(({ isCurrent, state }) => isCurrent && state === 'enabled');
}

/** Had the version been deployed as soon as it could be, that is when the last license of those before it ends. */
function mayCountUntilMs(deployed: Version): number {
  return deployed.createdAtMs + PUBLISHED_EVERYWHERE_AFTER_MS + LONGEST_OFFLINE_DAYS * DAY_MS;
}

function newestFirst<V extends Version>(versions: readonly V[]): V[] {
  return versions.toSorted((a, b) => b.number - a.number);
}
