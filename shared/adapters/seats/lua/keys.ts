import { shardOf } from '../../../domain/ids.ts';

/**
 * The keys of a shard. Another layout of keys, or of what only scripts read, gets other key names. What functions read
 * has a version of its own: the entitlement copy and outbox entries as `v`, the facts of a session as their first word.
 */
const SHARD_KEYS = {
  /** zset: license -> when the sweep looks for ended seats; `d` and license -> when it reports denials. */
  due: '',
  /** stream: events not yet published. */
  outbox: '',
  /** zset: every license with an entitlement copy, all with the same score: ordered by id. */
  copies: '',
  /** zset: <tenant>:<user> -> until when (ms) that user's own tokens are rejected there. */
  barred: '',
  /** string, written and deleted by a probe, so it never exists afterwards. */
  probe: '',
} as const;

/**
 * The keys of a license. A session is stored without its license: see `memberOf` in encoding.ts. Only sessions have more
 * characters than a holder, so one hash can have both.
 */
const POOL_KEYS = {
  /** hash: the entitlement copy, request counters, denials of a minute. */
  license: '',
  /** hash: session -> its packed facts; holder -> the sessions of its seat, separated by spaces. */
  held: '',
  /** zset: holder -> end of its seat (ms). */
  seats: '',
  /** zset: ended session -> why, and when to forget it. */
  gone: '',
  /** zset: holder -> until when (ms) its seat is borrowed. */
  loans: '',
  /** hash: holder -> what was signed for it. */
  signed: '',
  /** zset: <holder>:<machine> -> when (ms) its signed license ends. */
  signers: '',
  /** hash: holder -> signatures made on the `day` (UTC) that the hash names; it expires with the day. */
  signatures: '',
} as const;

export type ShardKey = keyof typeof SHARD_KEYS;
export type PoolKey = keyof typeof POOL_KEYS;

/** Names of the keys that a script takes, in the order of its `KEYS` line. */
export interface KeyNames {
  /** The shard's, and those of the one license. */
  readonly own: readonly string[];
  /** Those that follow for each of several licenses. */
  readonly perLicense: readonly string[];
}

/** All names of keys. */
export const KEY_NAMES: readonly string[] = [...Object.keys(SHARD_KEYS), ...Object.keys(POOL_KEYS)];

/**
 * The keys of a script on one license. All have the shard's hash tag, so they are in one Redis Cluster slot. `barred` is
 * passed last, and only for people: a script waits for the others that have one of its keys.
 */
export function keysFor({ own }: KeyNames, licenseId: string, isForPerson: boolean): string[] {
  return own
    .filter((name) => isForPerson || !isOptional(name))
    .map((name) => keyNamed(name.replace('?', ''), shardOf(licenseId), licenseId));
}

/** The keys of a script on several licenses of one shard: the shard's, then those of each license. */
export function keysForMany(
  { own, perLicense }: KeyNames,
  shard: string,
  licenseIds: readonly string[],
): string[] {
  return [
    ...own.map((name) => keyNamed(name, shard, '')),
    ...licenseIds.flatMap((licenseId) => perLicense.map((name) => keyNamed(name, shard, licenseId))),
  ];
}

function isOptional(name: string): boolean {
  return name.endsWith('?');
}

function keyNamed(name: string, shard: string, licenseId: string): string {
  return name in SHARD_KEYS ? `${name}:{s${shard}}` : `${name}:{s${shard}}:${licenseId}`;
}

/** A key of one license. */
export function poolKey(name: PoolKey, licenseId: string): string {
  return keyNamed(name, shardOf(licenseId), licenseId);
}

/** A key shared by a whole shard. `shard` is two digits. */
export function shardKey(name: ShardKey, shard: string): string {
  return keyNamed(name, shard, '');
}
