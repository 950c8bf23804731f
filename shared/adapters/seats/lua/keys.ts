import { shardOf } from '../../../domain/ids.ts';

/** The order in which every seat script takes its keys; `include/keys.lua` names them on the other side. */
export const POOL_KEYS = [
  'license',
  'lease',
  'holder',
  'session',
  'ended',
  'lapsed',
  'due',
  'outbox',
  'denied',
] as const;

type PoolKey = (typeof POOL_KEYS)[number];

/** Keys that all licenses of a shard have in common; the others are one to a license. */
const PER_SHARD: ReadonlySet<PoolKey> = new Set<PoolKey>(['due', 'outbox', 'denied']);

/** Every key of one license's pool. All carry the shard's hash tag, and so live in one Redis Cluster slot. */
export function poolKeys(licenseId: string): string[] {
  const shard = shardOf(licenseId);
  return POOL_KEYS.map((name) =>
    PER_SHARD.has(name) ? shardKey(name, shard) : `${name}:{s${shard}}:${licenseId}`,
  );
}

/** A key that a whole shard shares. `shard` is two digits. */
export function shardKey(name: 'due' | 'outbox' | 'denied' | PoolKey, shard: string): string {
  return `${name}:{s${shard}}`;
}
