import { allShards } from '../../shared/domain/ids.ts';
import { isBacklogLate, isSweepLate, type SweepSuccess } from '../../shared/domain/operations.ts';
import { type RedisLimit, Unavailable } from '../../shared/errors.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestampOrNull } from '../../shared/http/fields.ts';
import { limitField } from '../../shared/http/limit-field.ts';
import { RELEASE } from '../../shared/http/release.ts';
import { HEALTH_PROBES, SWEEP_SUCCESSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Backlog } from '../../shared/ports/seat-maintenance.ts';
import type contract from './contract.ts';

/** What a dependency returned, or why it returned nothing. */
type Checked<R> = { readonly found: R } | { readonly reason: RedisLimit | 'unavailable' };

async function checkHealth(
  { query, caller, note }: RequestOf<typeof contract, 'health'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'health'>> {
  if (query.deep === undefined) return { answer: 'well', body: { status: 'ok' as const } };
  if (caller.kind !== 'operator')
    return { problem: 'AUTHENTICATION_REQUIRED', detail: 'Only operators can use deep=1.' };

  const check = async <R>(work: Promise<R>): Promise<Checked<R>> => {
    try {
      return { found: await work };
    } catch (fault) {
      if (!(fault instanceof Unavailable)) throw fault;
      note({ severity: 'ERROR', because: fault.message, ...limitField(fault) });
      return { reason: fault.redisLimit ?? 'unavailable' };
    }
  };
  const { billing } = deps;
  const [seats, records, events, signing, payments] = await Promise.all([
    check(Promise.all(allShards(deps.shards).map((shard) => deps.seatMaintenance.probe(shard)))),
    check(probeRecords(deps)),
    // Not by publishing, which every subscriber would see. To ask for our own permission would show nothing about that
    // of the sweep, and may report it wrongly:
    // https://docs.cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/testIamPermissions
    check(deps.events.ping()),
    check(deps.signer.ping()),
    billing && check(billing.check()),
  ]);
  const report = {
    dependencies: {
      seats: 'found' in seats ? ('ok' as const) : seats.reason,
      records: statusOf(records),
      events: statusOf(events),
      signing: statusOf(signing),
      billing: payments ? statusOf(payments) : ('off' as const),
    },
    sweep: viewOfSweep(records, deps.clock.nowMs()),
    backlog: viewOfBacklog(seats),
    ...RELEASE,
  };
  const { billing: paid, ...needed } = report.dependencies;
  const statuses = [...Object.values(needed), report.sweep.status, report.backlog.status];
  if (statuses.some((status) => status !== 'ok'))
    return { answer: 'ailing', body: { status: 'unavailable' as const, ...report } };
  return {
    answer: 'well',
    body: { status: paid === 'unavailable' ? ('degraded' as const) : ('ok' as const), ...report },
  };
}

/** Writes a document, and returns when the last sweep succeeded. */
function probeRecords({ records, clock }: Deps): Promise<SweepSuccess | undefined> {
  return records.transact(async (transaction) => {
    const last = await transaction.get(SWEEP_SUCCESSES, 'sweep');
    transaction.set(HEALTH_PROBES, 'health', { atMs: clock.nowMs() });
    return last;
  });
}

function statusOf(checked: Checked<unknown>): 'ok' | 'unavailable' {
  return 'found' in checked ? 'ok' : 'unavailable';
}

function viewOfSweep(records: Checked<SweepSuccess | undefined>, nowMs: number) {
  if (!('found' in records)) return { status: 'unknown' as const, succeeded_at: null };
  const last = records.found;
  return {
    status: isSweepLate(last, nowMs) ? ('late' as const) : ('ok' as const),
    succeeded_at: timestampOrNull(last?.atMs ?? null),
  };
}

function viewOfBacklog(seats: Checked<readonly Backlog[]>) {
  if (!('found' in seats)) return { status: 'unknown' as const, events: null, oldest_age_seconds: null };
  const ages = seats.found.flatMap(({ atMs, oldestAtMs }) =>
    oldestAtMs === null ? [] : [atMs - oldestAtMs],
  );
  const oldestAgeMs = ages.length === 0 ? null : Math.max(0, ...ages);
  return {
    status: isBacklogLate(oldestAgeMs) ? ('late' as const) : ('ok' as const),
    events: seats.found.reduce((sum, { pending }) => sum + pending, 0),
    oldest_age_seconds: oldestAgeMs === null ? null : Math.round(oldestAgeMs / 1000),
  };
}

export default { health: checkHealth } satisfies HandlersOf<typeof contract>;
