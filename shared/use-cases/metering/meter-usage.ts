import { system } from '../../domain/actor.ts';
import type { License } from '../../domain/license.ts';
import {
  counted,
  isDeduplicated,
  limitFor,
  nextForVoided,
  rejected,
  sentTo,
  type UsagePayer,
  type UsageRecord,
  uncertain,
  usageRecordId,
  withOutcome,
  withoutCustomer,
} from '../../domain/metering.ts';
import type { Billing } from '../../ports/billing.ts';
import { BILLING_ACCOUNTS, LICENSES } from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import { eachDocument } from '../../ports/each-document.ts';
import {
  OPEN_USAGE_BY_TENANT,
  OPEN_USAGE_OF_TENANT,
  SUBSCRIPTIONS_OF_TENANT,
  USAGE_RECORDS_BY_RECEIPT,
} from '../../ports/queries.ts';
import { inParallel } from '../in-parallel.ts';
import { auditUsage } from './audit-usage.ts';
import { changeUsage, type UsageChange } from './change-usage.ts';

const MINUTE_MS = 60_000;
const BATCH = 100;
/** Records in a turn: Stripe gets those of one customer one by one, in a few seconds. */
const TURN = 20;
/** Calls to Stripe. */
const AT_A_TIME = 8;

/** What was done with usage records, by what became of them. */
export interface MeteringProgress {
  /** Added to the totals. */
  counted: number;
  /** Beyond the cap of their day, by license. */
  overCap: Map<string, number>;
  /** Accepted by Stripe, those that it does not bill among them. */
  sent: number;
  /** Not billed, by license: no subscription has a price for the meter. */
  withoutPrice: Map<string, number>;
  /** Not billed, by license: too late for their invoice. */
  late: Map<string, number>;
  refused: number;
  uncertain: number;
  /** Why Stripe rejected a record. */
  error: string | undefined;
  /** Voided records that Stripe canceled. */
  canceled: number;
  /** Voided records that need a credit note, by license. */
  creditNotes: Map<string, number>;
}

export function emptyMeteringProgress(): MeteringProgress {
  return {
    counted: 0,
    overCap: new Map(),
    sent: 0,
    withoutPrice: new Map(),
    late: new Map(),
    refused: 0,
    uncertain: 0,
    error: undefined,
    canceled: 0,
    creditNotes: new Map(),
  };
}

type MeteringDeps = Pick<Deps, 'records' | 'clock' | 'billing' | 'usageCaps'>;

export interface MeteringRun {
  readonly progress: MeteringProgress;
  readonly isTimeUp: () => boolean;
  /** Runs a step that calls Stripe. It may skip it while Stripe is unavailable. */
  callStripe(step: () => Promise<void>): Promise<void>;
  /** Called with each record after what Stripe answered about it was stored. */
  onAnswered?(record: UsageRecord): void;
}

/**
 * Adds new usage records to the totals, up to the cap of each meter, license and day, sends them to Stripe if the tenant
 * is a customer there, and cancels voided ones there. A record is counted once, because one transaction adds it to the
 * totals and marks it. It is billed once, because it is marked before it is first sent, and resent only while Stripe
 * recognizes its id. Returns whether all open records, or those of one tenant, were looked at. Costs one read if there
 * are none. If there are many, tenants take turns: one license can record usage faster than Stripe accepts it of one
 * customer, and must not delay the usage of others.
 */
export async function meterUsage(deps: MeteringDeps, run: MeteringRun, tenantId?: string): Promise<boolean> {
  if (run.isTimeUp()) return false;
  if (tenantId !== undefined) return meterInTurns([tenantId], deps, run);
  const page = await deps.records.query(USAGE_RECORDS_BY_RECEIPT, { isOpen: true }, { limit: BATCH });
  if (page.nextCursor !== undefined) return meterInTurns(await tenantsToMeter(deps), deps, run);
  await meter(page.documents, AT_A_TIME, deps, run);
  return !run.isTimeUp();
}

/** The tenants with open records, at the cost of one read each. Each minute another one is first. */
async function tenantsToMeter({ records, clock }: MeteringDeps): Promise<string[]> {
  const tenantIds: string[] = [];
  for (let least = ''; ; ) {
    const { documents } = await records.query(OPEN_USAGE_BY_TENANT, { isOpen: true }, { limit: 1, least });
    const [next] = documents;
    if (!next) break;
    tenantIds.push(next.tenantId);
    // No id of a tenant is between the two.
    least = `${next.tenantId}~`;
  }
  const first = Math.floor(clock.nowMs() / MINUTE_MS) % Math.max(1, tenantIds.length);
  return [...tenantIds.slice(first), ...tenantIds.slice(0, first)];
}

async function meterInTurns(
  tenantIds: readonly string[],
  deps: MeteringDeps,
  run: MeteringRun,
): Promise<boolean> {
  let turns: { readonly tenantId: string; readonly cursor?: string }[] = tenantIds.map((id) => ({
    tenantId: id,
  }));
  while (turns.length > 0) {
    const limit = turns.length === 1 ? BATCH : TURN;
    const atATime = Math.ceil(AT_A_TIME / turns.length);
    const next: typeof turns = [];
    await inParallel(turns, AT_A_TIME, async ({ tenantId, cursor }) => {
      if (run.isTimeUp()) return;
      const page = { limit, cursor };
      const found = await deps.records.query(OPEN_USAGE_OF_TENANT, { tenantId, isOpen: true }, page);
      await meter(found.documents, atATime, deps, run);
      if (found.nextCursor !== undefined) next.push({ tenantId, cursor: found.nextCursor });
    });
    if (run.isTimeUp()) return false;
    turns = next;
  }
  return true;
}

async function meter(
  documents: readonly UsageRecord[],
  atATime: number,
  deps: MeteringDeps,
  run: MeteringRun,
): Promise<void> {
  const payers = await readPayers(documents, deps);
  const toSend = await count(documents, payers, deps, run);
  toSend.push(...documents.filter(({ state }) => state === 'sending'));
  const { billing } = deps;
  if (!billing) return;
  await run.callStripe(() => send(toSend, payers, billing, atATime, deps, run));
  const voided = documents.filter(({ state }) => state === 'voided');
  await run.callStripe(() => cancel(voided, billing, atATime, deps, run));
}

interface Payer extends UsagePayer {
  readonly license: License | undefined;
}

/** Who pays for the usage of each license. */
async function readPayers(
  documents: readonly UsageRecord[],
  { records, billing }: MeteringDeps,
): Promise<ReadonlyMap<string, Payer>> {
  const payers = new Map<string, Payer>();
  const byTenant = new Map<string, UsagePayer>();
  for (const { licenseId, tenantId } of documents) {
    if (payers.has(licenseId)) continue;
    const license = await records.get(LICENSES, licenseId);
    const payer = byTenant.get(tenantId) ?? (billing ? await readPayer(tenantId, records) : NO_PAYER);
    byTenant.set(tenantId, payer);
    payers.set(licenseId, { ...payer, license });
  }
  return payers;
}

const NO_PAYER: UsagePayer = { customerId: undefined, subscriptions: [] };

async function readPayer(tenantId: string, records: MeteringDeps['records']): Promise<UsagePayer> {
  const account = await records.get(BILLING_ACCOUNTS, tenantId);
  if (account?.customerId == null) return NO_PAYER;
  const { customerId } = account;
  const all = await Array.fromAsync(eachDocument(records, SUBSCRIPTIONS_OF_TENANT, { tenantId }));
  return { customerId, subscriptions: all.filter((each) => each.customerId === customerId) };
}

/** Adds new records to the totals, and returns those to be sent to Stripe. */
async function count(
  documents: readonly UsageRecord[],
  payers: ReadonlyMap<string, Payer>,
  deps: MeteringDeps,
  { progress }: MeteringRun,
): Promise<UsageRecord[]> {
  const ids = documents.filter(({ state }) => state === 'new').map(usageRecordId);
  if (ids.length === 0) return [];
  const changes = await changeUsage(
    deps,
    ids,
    (record, day, nowMs) => {
      if (record.state !== 'new') return undefined;
      const { license, customerId } = payers.get(record.licenseId) ?? { ...NO_PAYER, license: undefined };
      const cap = limitFor(record.meter, license?.usageCaps, deps.usageCaps);
      return counted(record, day, cap, { customerId }, nowMs);
    },
    (made, transaction, nowMs) => {
      // The client got 201 for these: the tenant's audit log says that they do not count.
      const overCap = made.map(({ after }) => after).filter(({ state }) => state === 'over_cap');
      auditUsage('usage.refused', overCap, { by: BY_SWEEP }, transaction, nowMs);
    },
  );
  const records = changes.map(({ after }) => after);
  progress.counted += records.filter(({ state }) => state !== 'over_cap').length;
  for (const { state, licenseId } of records) {
    if (state === 'over_cap') addOne(progress.overCap, licenseId);
    if (state === 'late') addOne(progress.late, licenseId);
  }
  return records.filter(({ state }) => state === 'sending');
}

const BY_SWEEP = { actor: system('sweep') } as const;

/** What a call to Stripe changes in a record. */
type Outcome = (record: UsageRecord, nowMs: number) => UsageRecord | undefined;

/**
 * Sends the records of one customer and meter one after the other: Stripe allows one concurrent call for both
 * (docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api, "Rate limits").
 */
async function send(
  records: readonly UsageRecord[],
  payers: ReadonlyMap<string, Payer>,
  billing: Billing,
  atATime: number,
  deps: MeteringDeps,
  run: MeteringRun,
): Promise<void> {
  const payerOf = ({ licenseId }: UsageRecord) => payers.get(licenseId) ?? NO_PAYER;
  const queues = Map.groupBy(records, (record) => JSON.stringify([payerOf(record).customerId, record.meter]));
  await writingOutcomes(deps, run, async (outcomes) => {
    await inParallel([...queues.values()], atATime, async (queue) => {
      for (const record of queue) {
        if (run.isTimeUp()) return;
        outcomes.set(usageRecordId(record), await sendOne(record, payerOf(record), billing, deps, run));
      }
    });
  });
}

async function sendOne(
  record: UsageRecord,
  payer: UsagePayer,
  billing: Billing,
  { clock }: MeteringDeps,
  { progress }: MeteringRun,
): Promise<Outcome> {
  if (!isDeduplicated(record, clock.nowMs())) return whileSending(uncertain);
  const { customerId } = payer;
  if (customerId === undefined) return whileSending(withoutCustomer);
  const { meter: name, quantity, atMs } = record;
  const identifier = usageRecordId(record);
  const sent = await billing.recordUsage({ identifier, customerId, meter: name, quantity, atMs });
  if (sent.verdict === 'REFUSED') {
    progress.error = sent.because;
    return (now) => rejected(now, sent.code);
  }
  // Stripe may have it since the first attempt, or just received it.
  const sentAtMs = sent.verdict === 'ALREADY' ? (record.sendingSinceMs ?? 0) : clock.nowMs();
  return (now, nowMs) => {
    if (now.state === 'sending') return sentTo(now, payer, sentAtMs, nowMs);
    return now.state === 'voided' && now.isOpen && now.sentAtMs === null ? { ...now, sentAtMs } : undefined;
  };
}

function whileSending(next: (record: UsageRecord) => UsageRecord): Outcome {
  return (record) => (record.state === 'sending' ? next(record) : undefined);
}

/** Cancels voided records at Stripe. A repeated cancellation is the same one, by its idempotency key. */
async function cancel(
  voided: readonly UsageRecord[],
  billing: Billing,
  atATime: number,
  deps: MeteringDeps,
  run: MeteringRun,
): Promise<void> {
  await writingOutcomes(deps, run, async (outcomes) => {
    await inParallel(voided, atATime, async (record) => {
      if (run.isTimeUp()) return;
      const outcome = await cancelOne(record, billing, deps);
      if (outcome) outcomes.set(usageRecordId(record), outcome);
    });
  });
}

async function cancelOne(
  record: UsageRecord,
  billing: Billing,
  { clock }: MeteringDeps,
): Promise<Outcome | undefined> {
  const next = nextForVoided(record, clock.nowMs());
  if (next === 'WAIT') return undefined;
  if (next === 'TOO_LATE') return whileOpen('credit_note_needed');
  const verdict = await billing.voidUsage({ identifier: usageRecordId(record), meter: record.meter });
  if (verdict === 'CANCELED') return whileOpen('canceled');
  // Stripe does not know what never arrived there.
  return whileOpen(verdict === 'UNKNOWN' && record.sentAtMs === null ? 'not_billed' : 'credit_note_needed');
}

function whileOpen(outcome: Parameters<typeof withOutcome>[1]): Outcome {
  return (record) => (record.isOpen ? withOutcome(record, outcome) : undefined);
}

/** Collects outcomes, and writes them also where the work was interrupted: Stripe has done that part. */
async function writingOutcomes(
  deps: MeteringDeps,
  { progress, onAnswered }: MeteringRun,
  work: (outcomes: Map<string, Outcome>) => Promise<void>,
): Promise<void> {
  const outcomes = new Map<string, Outcome>();
  try {
    await work(outcomes);
  } finally {
    if (outcomes.size > 0) {
      const changes = await changeUsage(deps, [...outcomes.keys()], (record, _, nowMs) =>
        outcomes.get(usageRecordId(record))?.(record, nowMs),
      );
      for (const change of changes) {
        report(change, progress);
        onAnswered?.(change.after);
      }
    }
  }
}

function report({ before, after }: UsageChange, progress: MeteringProgress): void {
  const { licenseId, state, problem, voided } = after;
  if (problem === 'no_price') addOne(progress.withoutPrice, licenseId);
  if (before.sentAtMs === null && after.sentAtMs !== null) progress.sent += 1;
  if (state === 'refused') progress.refused += 1;
  if (state === 'uncertain') progress.uncertain += 1;
  if (state === 'late') addOne(progress.late, licenseId);
  if (voided?.atStripe === 'canceled') progress.canceled += 1;
  if (voided?.atStripe === 'credit_note_needed') addOne(progress.creditNotes, licenseId);
}

function addOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
