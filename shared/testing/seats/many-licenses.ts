import { memberOf, packEntitlement, packFacts } from '../../adapters/seats/encoding.ts';
import { poolKey, shardKey } from '../../adapters/seats/lua/keys.ts';
import { newLicenseKey, newSessionId, shardOf } from '../../domain/ids.ts';
import { draftLicense, entitlementOf } from '../../domain/license.ts';
import type { RespClient } from '../../local/redis/resp-client.ts';

const BATCH = 2_000;
const FACTS = packFacts({ fingerprint: 'f' });

export interface ManyLicenses {
  readonly shard: string;
  readonly count: number;
  /** How many of them have a seat whose lease expired; all have a living one. */
  readonly expired: number;
  readonly nowMs: number;
  /** When the sweep looks at each license, if its seats were renewed since; otherwise when its first seat ends. */
  readonly dueMs?: number;
}

/** Fills a shard with licenses as clients would have, but faster: only a real Redis can hold this many. */
export async function fillShard(
  redis: RespClient,
  { shard, count, expired, nowMs, dueMs }: ManyLicenses,
): Promise<void> {
  let commands: string[][] = [];
  const send = async (): Promise<void> => {
    if (commands.length > 0) await redis.pipeline(commands);
    commands = [];
  };
  const copy = copyOf(shard);
  for (let n = 0; n < count; n += 1) {
    const licenseId = nthLicense(shard, n);
    const seats = [{ holder: 'lives', endMs: nowMs + 300_000 }];
    if (n < expired) seats.push({ holder: 'expired', endMs: nowMs - 1 });
    commands.push(['HSET', poolKey('license', licenseId), ...copy]);
    commands.push(...seatsIn(licenseId, seats));
    const soonestMs = dueMs ?? Math.min(...seats.map(({ endMs }) => endMs));
    commands.push(['ZADD', shardKey('due', shard), String(soonestMs), licenseId]);
    if (commands.length >= BATCH) await send();
  }
  await send();
}

/** The id of one of the licenses that `fillShard` creates. */
export function nthLicense(shard: string, n: number): string {
  return `lic_${shard}_${String(n).padStart(16, '0')}`;
}

/** Fields of a copy, flat. They are the same for all licenses of a tenant. */
function copyOf(shard: string): string[] {
  const ids = { tenantId: `ten_${shard}_0000000000000000`, licenseId: nthLicense(shard, 0) };
  const license = draftLicense(ids, newLicenseKey(ids.licenseId), { max: 5 }, Date.now());
  return ['version', '1', ...packEntitlement(entitlementOf(license))];
}

/** Seats, each with one session, as the scripts store them. */
function seatsIn(
  licenseId: string,
  seats: readonly { readonly holder: string; readonly endMs: number }[],
): string[][] {
  const held = seats.flatMap(({ holder, endMs }) => {
    const member = memberOf(licenseId, newSessionId(licenseId));
    return [member, `${holder}|${endMs}|${endMs - 360_000}|i||${FACTS}`, holder, member];
  });
  return [
    ['ZADD', poolKey('seats', licenseId), ...seats.flatMap(({ holder, endMs }) => [String(endMs), holder])],
    ['HSET', poolKey('held', licenseId), ...held],
  ];
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

/** Adds seats to one license's pool as clients would have, but faster: only a real Redis can hold this many. */
export async function fillPool(
  redis: RespClient,
  {
    licenseId,
    count,
    expiresAtMs,
  }: {
    readonly licenseId: string;
    readonly count: number;
    /** Of all seats, and so when the license is due. */
    readonly expiresAtMs: number;
  },
): Promise<void> {
  for (let done = 0; done < count; done += BATCH) {
    const holders = Array.from({ length: Math.min(BATCH, count - done) }, (_, i) => `holder-${done + i}`);
    await redis.pipeline([
      ...seatsIn(
        licenseId,
        holders.map((holder) => ({ holder, endMs: expiresAtMs })),
      ),
      ['ZADD', shardKey('due', shardOf(licenseId)), String(expiresAtMs), licenseId],
    ]);
  }
}

/** The number of seats of a pool in each of its keys, if each has one session. */
export async function countPool(redis: RespClient, licenseId: string): Promise<readonly number[]> {
  const [seats, held] = await redis.pipeline([
    ['ZCARD', poolKey('seats', licenseId)],
    ['HLEN', poolKey('held', licenseId)],
  ]);
  return [Number(seats), Number(held) / 2];
}
