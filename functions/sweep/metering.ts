import { system } from '../../shared/domain/actor.ts';
import {
  addToDay,
  inState,
  isDeduplicated,
  type MeteredDay,
  meteredDayId,
  remainingOf,
  type UsageRecord,
  usageRecordId,
} from '../../shared/domain/metering.ts';
import { dayOf } from '../../shared/domain/usage.ts';
import type { Billing } from '../../shared/ports/billing.ts';
import { BILLING_ACCOUNTS, LICENSES, METERED_DAYS, USAGE_RECORDS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { USAGE_RECORDS_BY_RECEIPT } from '../../shared/ports/queries.ts';
import type { Transaction } from '../../shared/ports/records.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';
import { inParallel, type SweepRun } from './run-steps.ts';

const BATCH = 100;
const AT_A_TIME = 8;

/**
 * Adds usage records to the totals, up to the cap of each meter, license and day, and sends them to Stripe if the tenant
 * is a customer there. A record is counted once, because one transaction adds it to the totals and marks it. It is billed
 * once, because it is marked before it is first sent, and resent only while Stripe recognizes its id. Costs one read if there are no open records.
 */
export async function meterUsage(deps: Deps, run: SweepRun): Promise<void> {
  let cursor: string | undefined;
  do {
    if (run.isTimeUp()) return run.markIncomplete();
    const page = { limit: BATCH, cursor };
    const { documents, nextCursor } = await deps.records.query(
      USAGE_RECORDS_BY_RECEIPT,
      { isOpen: true },
      page,
    );
    const batch = await openBatch(documents, deps);
    const counted = await count(batch, deps, run);
    const toSend = [...documents.filter(({ state }) => state === 'sending'), ...counted];
    if (!run.unavailable.has('billing')) await run.attempt(() => send(toSend, batch, deps, run));
    cursor = nextCursor;
  } while (cursor !== undefined);
}

/** Records, with the tenants and customers of their licenses. */
interface Batch {
  readonly records: readonly UsageRecord[];
  readonly tenantOf: ReadonlyMap<string, string>;
  readonly customerOf: ReadonlyMap<string, string>;
}

async function openBatch(documents: readonly UsageRecord[], { records }: Deps): Promise<Batch> {
  const tenantOf = new Map<string, string>();
  const customerOf = new Map<string, string>();
  for (const licenseId of new Set(documents.map((record) => record.licenseId))) {
    const license = await records.get(LICENSES, licenseId);
    if (!license) continue;
    const account = await records.get(BILLING_ACCOUNTS, license.tenantId);
    tenantOf.set(licenseId, license.tenantId);
    if (account?.customerId != null) customerOf.set(licenseId, account.customerId);
  }
  return { records: documents, tenantOf, customerOf };
}

/** Adds new records to the totals, and returns those to be sent to Stripe. */
async function count(batch: Batch, deps: Deps, run: SweepRun): Promise<UsageRecord[]> {
  const newRecords = batch.records.filter(({ state }) => state === 'new');
  if (newRecords.length === 0) return [];
  const counted = await deps.records.transact(async (transaction) => {
    const nowMs = deps.clock.nowMs();
    const found = await Promise.all(
      newRecords.map((record) => transaction.get(USAGE_RECORDS, usageRecordId(record))),
    );
    const open = found.flatMap((record) => (record?.state === 'new' ? [record] : []));
    const byDay = Map.groupBy(open, (record) => meteredDayId({ ...record, dayMs: dayOf(record.atMs) }));
    const days = new Map<string, MeteredDay | undefined>();
    for (const id of byDay.keys()) days.set(id, await transaction.get(METERED_DAYS, id));
    const overCap = new Set<UsageRecord>();
    for (const [id, records] of byDay) {
      const before = days.get(id);
      let day = before;
      for (const record of records) {
        if (record.quantity > remainingOf(day, record.meter, deps.usageCaps)) overCap.add(record);
        else day = addToDay(day, record, batch.tenantOf.get(record.licenseId) ?? '');
      }
      if (day && day !== before) transaction.set(METERED_DAYS, id, day);
    }
    const next = open.map((record) => {
      if (overCap.has(record)) return inState(record, 'over_cap', nowMs);
      const isBilled = deps.billing !== undefined && batch.customerOf.has(record.licenseId);
      return inState(record, isBilled ? 'sending' : 'unbilled', nowMs);
    });
    for (const record of next) transaction.set(USAGE_RECORDS, usageRecordId(record), record);
    recordRefused([...overCap], batch, transaction, nowMs);
    return next;
  });
  const refused = counted.filter(({ state }) => state === 'over_cap');
  run.progress.usageCounted += counted.length - refused.length;
  for (const { licenseId } of refused) addOne(run.progress.usageOverCap, licenseId);
  return counted.filter(({ state }) => state === 'sending');
}

/** The client was told that these were recorded: the tenant's audit log says that they do not count. */
function recordRefused(
  overCap: readonly UsageRecord[],
  { tenantOf }: Batch,
  transaction: Transaction,
  nowMs: number,
): void {
  const by = { actor: system('sweep') };
  for (const [licenseId, ofLicense] of Map.groupBy(overCap, (record) => record.licenseId)) {
    const tenantId = tenantOf.get(licenseId);
    if (tenantId === undefined) continue;
    for (const [subject, { length: count }] of Map.groupBy(ofLicense, ({ meter }) => meter)) {
      const note = { type: 'usage.refused', tenantId, licenseId, subject, by, detail: { count } } as const;
      recordEvent(transaction, note, nowMs);
    }
  }
}

function addOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

async function send(records: readonly UsageRecord[], batch: Batch, deps: Deps, run: SweepRun): Promise<void> {
  const { billing } = deps;
  if (!billing || records.length === 0) return;
  const states = new Map<string, UsageRecord['state']>();
  try {
    await inParallel(records, AT_A_TIME, async (record) => {
      states.set(usageRecordId(record), await sendOne(record, batch, billing, deps, run));
    });
  } finally {
    await writeStates(states, deps, run);
  }
}

async function sendOne(
  record: UsageRecord,
  { customerOf }: Batch,
  billing: Billing,
  { clock }: Deps,
  run: SweepRun,
): Promise<UsageRecord['state']> {
  if (!isDeduplicated(record, clock.nowMs())) return 'uncertain';
  const customerId = customerOf.get(record.licenseId);
  if (customerId === undefined) return 'unbilled';
  const { meter: name, quantity, atMs } = record;
  const identifier = usageRecordId(record);
  const sent = await billing.recordUsage({ identifier, customerId, meter: name, quantity, atMs });
  if (sent.verdict !== 'REFUSED') return 'sent';
  run.progress.usageError = sent.because;
  return 'refused';
}

/** Writes the new states of records, unless another run has already done so. */
async function writeStates(
  states: ReadonlyMap<string, UsageRecord['state']>,
  { records, clock }: Deps,
  run: SweepRun,
): Promise<void> {
  if (states.size === 0) return;
  const marked = await records.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const found = await Promise.all([...states.keys()].map((id) => transaction.get(USAGE_RECORDS, id)));
    const sending = found.flatMap((record) => (record?.state === 'sending' ? [record] : []));
    const next = sending.map((record) =>
      inState(record, states.get(usageRecordId(record)) ?? 'sending', nowMs),
    );
    for (const record of next) transaction.set(USAGE_RECORDS, usageRecordId(record), record);
    return next;
  });
  for (const { state } of marked) {
    if (state === 'sent') run.progress.usageSent += 1;
    if (state === 'refused') run.progress.usageRefused += 1;
    if (state === 'uncertain') run.progress.usageUncertain += 1;
  }
}
