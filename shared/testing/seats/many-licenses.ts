import { memberOf, packFacts } from '../../adapters/seats/encoding.ts';
import { poolKey, shardKey } from '../../adapters/seats/lua/keys.ts';
import { newSessionId, shardOf } from '../../domain/ids.ts';
import type { RespClient } from '../../local/redis/resp-client.ts';

const BATCH = 2_000;
const FACTS = packFacts({ fingerprint: 'f' });

export interface ManyLicenses {
  readonly shard: string;
  readonly count: number;
  /** How many of them hold a seat with an expired lease; all hold one with an unexpired lease. */
  readonly expired: number;
  readonly nowMs: number;
}

/** Fills a shard with licenses as clients would have, but faster: only a real Redis can hold this many. */
export async function fillShard(
  redis: RespClient,
  { shard, count, expired, nowMs }: ManyLicenses,
): Promise<void> {
  let commands: string[][] = [];
  const send = async (): Promise<void> => {
    if (commands.length > 0) await redis.pipeline(commands);
    commands = [];
  };
  for (let n = 0; n < count; n += 1) {
    const licenseId = nthLicense(shard, n);
    const leases = [{ session: 'lives', expiryMs: nowMs + 300_000 }];
    if (n < expired) leases.push({ session: 'ran-out', expiryMs: nowMs - 1 });
    commands.push(termsOf(licenseId, shard));
    for (const { session, expiryMs } of leases) {
      commands.push(
        ['ZADD', poolKey('lease', licenseId), String(expiryMs), session],
        ['HSET', poolKey('holder', licenseId), session, session],
        ['HSET', poolKey('session', licenseId), session, `${session}|${nowMs - 360_000}|0|0|${FACTS}`],
      );
    }
    const soonestMs = Math.min(...leases.map(({ expiryMs }) => expiryMs));
    commands.push(['ZADD', shardKey('due', shard), String(soonestMs), licenseId]);
    if (commands.length >= BATCH) await send();
  }
  await send();
}

/** The id of one of the licenses that `fillShard` creates. */
export function nthLicense(shard: string, n: number): string {
  return `lic_${shard}_${String(n).padStart(16, '0')}`;
}

function termsOf(licenseId: string, shard: string): string[] {
  const terms = {
    v: 1,
    version: 1,
    tenant_id: `ten_${shard}_0000000000000000`,
    max: 5,
    overdraft: 0,
    ttl_seconds: 360,
    heartbeat_seconds: 300,
    unit: 'machine',
    status: 'active',
    valid_until_ms: 0,
    offline_grace_days: 7,
    key_hash: 'hash',
    previous_key_hash: '',
    previous_key_until_ms: 0,
  };
  return ['HSET', poolKey('license', licenseId), ...Object.entries(terms).flat().map(String)];
}

/**
 * Commands that Redis ran since the last `CONFIG RESETSTAT`, including those in scripts: calls and microseconds each.
 */
export async function commandStats(
  redis: RespClient,
): Promise<Map<string, { calls: number; micros: number }>> {
  const info = String(await redis.command(['INFO', 'commandstats']));
  const lines = info.matchAll(/^cmdstat_([\w|]+):calls=(\d+),usec=(\d+)/gm);
  return new Map(
    [...lines].map(([, name = '', calls, micros]) => [
      name,
      { calls: Number(calls), micros: Number(micros) },
    ]),
  );
}

/** Adds leases to one license's pool as clients would have, but faster: only a real Redis can hold this many. */
export async function fillPool(
  redis: RespClient,
  {
    licenseId,
    count,
    expiresAtMs,
  }: {
    readonly licenseId: string;
    readonly count: number;
    /** Of all leases, and so when the license is due. */
    readonly expiresAtMs: number;
  },
): Promise<void> {
  const sessions = Array.from({ length: count }, () => memberOf(licenseId, newSessionId(licenseId)));
  for (let first = 0; first < count; first += BATCH) {
    const batch = sessions.slice(first, first + BATCH);
    const holderOf = (session: string): string => `holder-${session}`;
    await redis.pipeline([
      ['ZADD', poolKey('lease', licenseId), ...batch.flatMap((session) => [String(expiresAtMs), session])],
      ['HSET', poolKey('holder', licenseId), ...batch.flatMap((session) => [holderOf(session), session])],
      [
        'HSET',
        poolKey('session', licenseId),
        ...batch.flatMap((session) => [
          session,
          `${holderOf(session)}|${expiresAtMs - 360_000}|0|0|${FACTS}`,
        ]),
      ],
      ['ZADD', shardKey('due', shardOf(licenseId)), String(expiresAtMs), licenseId],
    ]);
  }
}

/** The number of members of each key of a pool that has one member per lease. */
export async function countPool(redis: RespClient, licenseId: string): Promise<readonly number[]> {
  const counts = await redis.pipeline([
    ['ZCARD', poolKey('lease', licenseId)],
    ['HLEN', poolKey('session', licenseId)],
    ['HLEN', poolKey('holder', licenseId)],
  ]);
  return counts.map(Number);
}
