import { shardOf } from '../../../domain/ids.ts';

/** Keys shared by all licenses of a shard, in the order in which every script takes them. */
export const SHARD_KEYS = ['due', 'outbox', 'denied', 'denied_due', 'copies', 'barred', 'probe'] as const;

/** The keys of one license, which follow; `include/keys.lua` has the same names. */
export const POOL_KEYS = [
  'license',
  'lease',
  'holder',
  'session',
  'ended',
  'lapsed',
  'borrowed',
  'signed',
] as const;

type ShardKey = (typeof SHARD_KEYS)[number];
type PoolKey = (typeof POOL_KEYS)[number];

/** The keys of a script on one license. All have the shard's hash tag, so they are in one Redis Cluster slot. */
export function keysOfPool(licenseId: string): string[] {
  return keysOfPools(shardOf(licenseId), [licenseId]);
}

/** The keys of a script on several licenses of one shard: the shard's, then those of each license. */
export function keysOfPools(shard: string, licenseIds: readonly string[]): string[] {
  return [
    ...SHARD_KEYS.map((name) => shardKey(name, shard)),
    ...licenseIds.flatMap((licenseId) => POOL_KEYS.map((name) => poolKey(name, licenseId))),
  ];
}

/** A key of one license. */
export function poolKey(name: PoolKey, licenseId: string): string {
  return `${name}:{s${shardOf(licenseId)}}:${licenseId}`;
}

/** A key shared by a whole shard. `shard` is two digits. */
export function shardKey(name: ShardKey, shard: string): string {
  return `${name}:{s${shard}}`;
}
