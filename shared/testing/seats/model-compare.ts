import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { sessionOfMember } from '../../adapters/seats/encoding.ts';
import { poolKey, shardKey } from '../../adapters/seats/lua/keys.ts';
import { shardOf } from '../../domain/ids.ts';
import type { RespReply } from '../../local/redis/resp-client.ts';
import type { SeatEvent } from '../contracts/seats/pool.ts';
import { eventsIn, listOf, pairsOf } from './backend.ts';
import type { PoolModel } from './model.ts';
import type { License, ModelRun } from './model-run.ts';

/** `expect` describes a difference well, but takes most of the time if there is none. */
export function agree(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

/** Compares Redis' content for this license with its model, and the new events of its shard with the model's. */
export async function compareWithModel(run: ModelRun, license: License): Promise<void> {
  const { licenseId } = license.entitlement;
  const shard = shardOf(licenseId);
  const outbox = shardKey('outbox', shard);
  const [range, leases, holders, sessions, due, loans, signed] = await run.subject.backend.redis.pipeline([
    ['XRANGE', outbox, '-', '+'],
    ['ZRANGE', poolKey('lease', licenseId), '0', '-1', 'WITHSCORES'],
    ['HVALS', poolKey('holder', licenseId)],
    ['HKEYS', poolKey('session', licenseId)],
    ['ZSCORE', shardKey('due', shard), licenseId],
    ['ZRANGE', poolKey('borrowed', licenseId), '0', '-1'],
    ['HKEYS', poolKey('signed', licenseId)],
    // The stream is deleted for every command, so that a command does not pay for those before it.
    ['DEL', outbox],
  ]);

  for (const { entitlement, pool } of run.licenses) {
    if (shardOf(entitlement.licenseId) === shard)
      compareEvents(run, eventsIn(range, entitlement.licenseId), pool);
  }
  compareLeases(run, license, { leases, holders, sessions, due });
  compareLoansAndSigned(run, license, { leases, loans, signed });
}

type Replies<Name extends string> = Readonly<Record<Name, RespReply | undefined>>;

function compareLeases(
  { nowMs }: ModelRun,
  { entitlement: { licenseId }, pool }: License,
  { leases: reply, holders, sessions, due }: Replies<'leases' | 'holders' | 'sessions' | 'due'>,
): void {
  const leases = leasesIn(reply, licenseId);
  const sessionIds = leases.map(([sessionId]) => sessionId).sort();
  agree(leases.filter(([, endsAtMs]) => endsAtMs > nowMs).sort(), pool.leasesAt(nowMs));
  agree(sessionIdsIn(holders, licenseId), sessionIds);
  agree(sessionIdsIn(sessions, licenseId), sessionIds);
  agree(due === null ? undefined : Number(due), leases[0]?.[1]);
}

/** Loans and signed licenses. None outlives its lease, collected or not. */
function compareLoansAndSigned(
  { nowMs }: ModelRun,
  { entitlement: { licenseId }, pool }: License,
  replies: Replies<'leases' | 'loans' | 'signed'>,
): void {
  const leases = new Map(leasesIn(replies.leases, licenseId));
  const [loans, signed] = [sessionIdsIn(replies.loans, licenseId), sessionIdsIn(replies.signed, licenseId)];
  const ofLiving = (sessionIds: readonly string[]): string[] =>
    sessionIds.filter((sessionId) => (leases.get(sessionId) ?? 0) > nowMs);
  agree({ loans: ofLiving(loans), signed: ofLiving(signed) }, pool.loansAndSignedAt(nowMs));
  agree(
    [...loans, ...signed].filter((sessionId) => !leases.has(sessionId)),
    [],
  );
}

function compareEvents(run: ModelRun, events: readonly SeatEvent[], pool: PoolModel): void {
  const actual = events.map(({ type, sessionId, atMs, more }) => {
    const { count: refused, borrowed_until_ms: untilMs } = more;
    const counted = refused === undefined ? {} : { count: refused };
    return { type, sessionId, atMs, ...counted, ...(untilMs === undefined ? {} : { untilMs }) };
  });
  agree(actual, pool.events.splice(0));
  for (const { type, sessionId, untilMs } of actual) {
    run.count(type);
    if (type === 'session.revived' && untilMs !== undefined) run.count('revived with its loan');
    if (type === 'session.revived' && run.lostSessionIds.delete(sessionId)) run.count('revived after a loss');
  }
}

/** Session and end of every lease, the soonest end first. */
function leasesIn(reply: RespReply | undefined, licenseId: string): [string, number][] {
  return pairsOf(reply).map(([member, ms]) => [sessionOfMember(licenseId, member), Number(ms)]);
}

function sessionIdsIn(reply: RespReply | undefined, licenseId: string): string[] {
  return listOf(reply)
    .map((member) => sessionOfMember(licenseId, String(member)))
    .sort();
}
