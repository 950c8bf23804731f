import { system } from '../../domain/actor.ts';
import { isUsageRecordId, rejected, type UsageRecord, usageRecordId } from '../../domain/metering.ts';
import type { Billing, MeterErrors } from '../../ports/billing.ts';
import { METER_ERRORS } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import { auditUsage } from './audit-usage.ts';
import { changeUsage } from './change-usage.ts';

/** Samples per transaction. */
const BATCH = 100;

const BY_STRIPE = { actor: system('stripe') } as const;

/**
 * Fetches what an event reports about usage that Stripe rejected after accepting it, stores and logs the counts for
 * operators, and marks the records that it names. Safe to repeat. If the event does not exist, returns that as the reason.
 */
export async function recordMeterErrors(
  eventId: string,
  billing: Billing,
  deps: Pick<Deps, 'records' | 'clock' | 'log'>,
): Promise<string | undefined> {
  const found = await billing.readMeterErrors(eventId);
  if (!found) return 'the event does not exist at Stripe';
  await markRejected(found, deps);
  const { meter } = found;
  const errors = found.errors.map(({ code, count, samples }) => ({
    meter,
    code,
    count,
    named: samples.length,
  }));
  const report = { eventId, receivedAtMs: deps.clock.nowMs(), errors };
  await deps.records.create(METER_ERRORS, eventId, report);
  const counts = errors.map(({ code, count, named }) => `${count} with ${code} (${named} named)`);
  const of = meter ?? 'meters that do not exist there';
  const because = `usage of ${of}: ${counts.join(', ')}`;
  deps.log({ severity: 'ERROR', message: 'Stripe rejected usage', event_id: eventId, because });
  return undefined;
}

/**
 * Marks the records that Stripe names as rejected, once each. Of all records that it rejected it names only samples: the
 * others stay `sent`, and the counts of the event are all that is known of them.
 */
async function markRejected({ errors }: MeterErrors, deps: Pick<Deps, 'records' | 'clock'>): Promise<void> {
  const codes = new Map(
    errors.flatMap(({ code, samples }) => samples.filter(isUsageRecordId).map((id) => [id, code] as const)),
  );
  const ids = [...codes.keys()];
  for (let start = 0; start < ids.length; start += BATCH) {
    await changeUsage(
      deps,
      ids.slice(start, start + BATCH),
      (record) => rejected(record, codes.get(usageRecordId(record)) ?? ''),
      (made, transaction, nowMs) => {
        const records = made.map(({ after }) => after).filter(({ state }) => state === 'refused');
        auditUsage('usage.rejected', records, { by: BY_STRIPE, detailOf: problemsOf }, transaction, nowMs);
      },
    );
  }
}

function problemsOf(records: readonly UsageRecord[]): { because: string } {
  return { because: [...new Set(records.map(({ problem }) => problem))].sort().join(', ') };
}
