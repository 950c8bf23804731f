import { licenseOfSession } from '../../shared/domain/ids.ts';
import type { License } from '../../shared/domain/license.ts';
import {
  isAcceptedTime,
  isWithinSession,
  limitFor,
  type MeteredDay,
  meteredDayId,
  newUsageRecord,
  remainingOf,
  reopened,
  totalOf,
  USAGE_STATES,
  type UsageRecord,
  usageRecordId,
} from '../../shared/domain/metering.ts';
import { DAY_MS, dayOf } from '../../shared/domain/usage.ts';
import type { ProblemCode } from '../../shared/errors.ts';
import type { Caller, HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp, timestampOrNull } from '../../shared/http/fields.ts';
import { refuseLicense } from '../../shared/http/license-refusal.ts';
import { own } from '../../shared/http/own.ts';
import { readPage } from '../../shared/http/page.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { LICENSES, METERED_DAYS, USAGE_RECORDS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument, LARGEST_PAGE } from '../../shared/ports/each-document.ts';
import {
  METER_ERRORS_BY_RECEIPT,
  METERED_DAYS_OF_LICENSE,
  USAGE_RECORDS_BY_STATE,
  USAGE_RECORDS_OF_LICENSE,
  USAGE_RECORDS_OF_METER,
} from '../../shared/ports/queries.ts';
import type { Proof, Rhythm } from '../../shared/ports/seats.ts';
import { changeUsage } from '../../shared/use-cases/metering/change-usage.ts';
import { voidUsage } from '../../shared/use-cases/metering/void-usage.ts';
import type contract from './contract.ts';

const DEFAULT_DAYS = 31;
const MOST_DAYS = 366;

async function recordUsage(
  { body, caller, note }: RequestOf<typeof contract, 'record'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'record'>> {
  const licenseId = licenseOf(body.license_id, caller);
  if (typeof licenseId === 'object') return licenseId;
  const { proof } = caller;
  // Without sessions, this only verifies the credentials.
  const proven = await deps.seats.heartbeat({ licenseId, proof, sessions: [], toldVersion: 0 });
  if (proven.verdict !== 'OK') return refuseLicense(proven, proof);
  if (!deps.usageMeters.includes(body.meter)) return { problem: 'METER_UNKNOWN' };
  const license = await deps.records.get(LICENSES, licenseId);
  if (!license) return { problem: 'LICENSE_NOT_FOUND' };
  const nowMs = deps.clock.nowMs();
  const { id: recordId, meter, quantity, timestamp: at } = body;
  const atMs = at === undefined ? nowMs : Date.parse(at);
  const record = newUsageRecord(
    { licenseId, tenantId: license.tenantId, recordId, meter, quantity, atMs },
    nowMs,
  );
  const refusal =
    (isAcceptedTime(record.atMs, nowMs) ? undefined : { problem: 'USAGE_TIME_REFUSED' as const }) ??
    (caller.kind === 'license' ? await refuseSession(body, record, { proof, ...proven }, deps) : undefined) ??
    refuseBelowFloor(record, license, deps) ??
    (await refuseOverCap(record, license, deps));
  const created = refusal ?? (await deps.records.create(USAGE_RECORDS, usageRecordId(record), record));
  if (created === 'CREATED') return { answer: 'recorded', body: viewOf(record, 'recorded') };
  // A client that retries after weeks still learns that its usage was recorded.
  const known = await deps.records.get(USAGE_RECORDS, usageRecordId(record));
  if (known && isSame(known, record, at !== undefined)) return recordAgain(known, license, refusal, deps);
  if (refusal?.problem === 'USAGE_CAP_REACHED') note({ severity: 'WARNING', license_id: licenseId });
  return refusal ?? { problem: 'USAGE_RECORD_CONFLICT' };
}

/** One that was over the cap is counted after all if there is room for it now. */
async function recordAgain(
  known: UsageRecord,
  license: License,
  refusal: Refusal<ProblemCode> | undefined,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'record'>> {
  if (known.voided) return { problem: 'USAGE_VOIDED' };
  if (known.state === 'over_cap') {
    const remaining = await readRemaining(known, license, deps);
    if (refusal !== undefined || known.quantity > remaining)
      return capReached(known, license, remaining, deps);
    const reopen = (record: UsageRecord) => (record.state === 'over_cap' ? reopened(record) : undefined);
    await changeUsage(deps, [usageRecordId(known)], reopen);
  }
  return { answer: 'known', body: viewOf(known, 'already_recorded') };
}

async function readTotals(
  { query, standing }: RequestOf<typeof contract, 'totals'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'totals'>> {
  const period = periodOf(query, deps.clock.nowMs());
  if ('problem' in period) return period;
  const { license_id: licenseId, meter } = query;
  const license = own(await deps.records.get(LICENSES, licenseId), standing, 'LICENSE_NOT_FOUND');
  if ('problem' in license) return license;
  const bounds = { least: period.fromMs, below: period.toMs };
  const days: MeteredDay[] = [];
  for await (const day of eachDocument(deps.records, METERED_DAYS_OF_LICENSE, { licenseId }, bounds))
    if (meter === undefined || day.meter === meter) days.push(day);
  return {
    answer: 'totals',
    body: {
      license_id: licenseId,
      from: timestamp(period.fromMs),
      to: timestamp(period.toMs),
      available_meters: [...deps.usageMeters],
      meters: totalsOf(days),
      days: days.map(({ dayMs, meter: name, quantity, records, states }) => ({
        at: timestamp(dayMs),
        meter: name,
        quantity,
        records,
        states: statesOf([{ states }]),
      })),
    },
  };
}

function licenseOf(
  requestedId: string | undefined,
  caller: Extract<Caller, { kind: 'license' | 'person' }>,
): string | Refusal<'LICENSE_NOT_FOUND' | 'VALIDATION_FAILED'> {
  if (caller.kind === 'license')
    return requestedId === undefined || requestedId === caller.licenseId
      ? caller.licenseId
      : { problem: 'LICENSE_NOT_FOUND' };
  const detail = 'Pass the id of the license.';
  return requestedId ?? refuseFields('VALIDATION_FAILED', [{ at: '/license_id', detail }]);
}

/**
 * A key is known to every machine of a customer, and to anyone who copies one. So a key alone records nothing: with it, usage
 * belongs to a session that held a seat at that time, as its token or the seat store shows.
 */
async function refuseSession(
  { session_id: sessionId, session_token: token }: RequestOf<typeof contract, 'record'>['body'],
  { licenseId, atMs }: UsageRecord,
  { proof, rhythm }: { readonly proof: Proof; readonly rhythm: Rhythm },
  deps: Deps,
) {
  if (sessionId === undefined) return NO_SESSION;
  if (licenseOfSession(sessionId) !== licenseId) return { problem: 'SESSION_NOT_FOUND' as const };
  const opened = deps.sessionTokens.open(sessionId, token)?.session;
  if (opened && isWithinSession(atMs, opened, rhythm)) return undefined;
  // A living session may have been extended since the client got this token.
  const found = await deps.seats.readSession({ licenseId, proof, sessionId });
  if (found.verdict !== 'OK' && found.verdict !== 'GONE') return refuseLicense(found, proof);
  if (found.verdict === 'OK' && isWithinSession(atMs, found.session, rhythm)) return undefined;
  const isKnown = opened !== undefined || found.verdict === 'OK';
  return { problem: isKnown ? ('USAGE_OUTSIDE_SESSION' as const) : ('SESSION_NOT_FOUND' as const) };
}

const NO_SESSION = refuseFields('VALIDATION_FAILED', [
  { at: '/session_id', detail: 'is required with a license key' },
]);

function refuseBelowFloor(
  { meter, quantity }: UsageRecord,
  { usageFloors }: License,
  deps: Deps,
): Refusal<'USAGE_BELOW_FLOOR'> | undefined {
  const least = limitFor(meter, usageFloors, deps.usageFloors);
  if (quantity >= least) return undefined;
  return {
    problem: 'USAGE_BELOW_FLOOR',
    detail: `One record must report at least ${least}.`,
    members: { least },
  };
}

/**
 * Refuses early what the sweep would not count. The day contains what was counted up to a minute ago; the sweep, which adds
 * each record in a transaction, never counts more than the cap.
 */
async function refuseOverCap(
  record: UsageRecord,
  license: License,
  deps: Deps,
): Promise<Refusal<'USAGE_CAP_REACHED'> | undefined> {
  const remaining = await readRemaining(record, license, deps);
  return record.quantity <= remaining ? undefined : capReached(record, license, remaining, deps);
}

async function readRemaining(record: UsageRecord, license: License, deps: Deps): Promise<number> {
  const dayMs = dayOf(record.atMs);
  const day = await deps.records.get(METERED_DAYS, meteredDayId({ ...record, dayMs }));
  return remainingOf(day, capOf(record, license, deps));
}

function capOf({ meter }: UsageRecord, { usageCaps }: License, deps: Deps): number {
  return limitFor(meter, usageCaps, deps.usageCaps);
}

function capReached(
  record: UsageRecord,
  license: License,
  remaining: number,
  deps: Deps,
): Refusal<'USAGE_CAP_REACHED'> {
  const detail =
    capOf(record, license, deps) === 0
      ? 'This license cannot use this meter.'
      : `At most ${remaining} more can be recorded for ${timestamp(dayOf(record.atMs)).slice(0, 10)} (UTC).`;
  return { problem: 'USAGE_CAP_REACHED', detail, members: { remaining } };
}

function isSame(known: UsageRecord, sent: UsageRecord, hasTimestamp: boolean): boolean {
  const { meter, quantity, atMs } = sent;
  return known.meter === meter && known.quantity === quantity && (!hasTimestamp || known.atMs === atMs);
}

function viewOf({ recordId, meter, quantity, atMs }: UsageRecord, status: 'recorded' | 'already_recorded') {
  return { id: recordId, meter, quantity, timestamp: timestamp(atMs), status };
}

function periodOf(
  { from, to }: { from?: string | undefined; to?: string | undefined },
  nowMs: number,
): { fromMs: number; toMs: number } | Refusal<'VALIDATION_FAILED'> {
  const toMs = dayOf((to === undefined ? nowMs : Date.parse(to) - 1) + DAY_MS);
  const fromMs = from === undefined ? toMs - DEFAULT_DAYS * DAY_MS : dayOf(Date.parse(from));
  const detail = `must be at most ${MOST_DAYS} days before to, which defaults to the end of today`;
  if (toMs - fromMs > MOST_DAYS * DAY_MS) return refuseFields('VALIDATION_FAILED', [{ at: 'from', detail }]);
  return { fromMs, toMs };
}

function totalsOf(days: readonly MeteredDay[]) {
  return [...Map.groupBy(days, ({ meter }) => meter)].map(([meter, ofMeter]) => ({
    meter,
    ...totalOf(ofMeter),
    states: statesOf(ofMeter),
  }));
}

function statesOf(days: readonly Pick<MeteredDay, 'states'>[]) {
  return USAGE_STATES.flatMap((state) => {
    const sums = days.flatMap(({ states }) => states[state] ?? []);
    return sums.length > 0 ? [{ state, ...totalOf(sums) }] : [];
  });
}

async function listRecords(
  { params, query, caller, standing, note }: RequestOf<typeof contract, 'records'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'records'>> {
  const { license_id: licenseId } = params;
  const license = own(await records.get(LICENSES, licenseId), standing, 'LICENSE_NOT_FOUND');
  if ('problem' in license) return license;
  const { state } = query;
  const page =
    state === undefined
      ? await readPage(records, USAGE_RECORDS_OF_LICENSE, { licenseId }, { query, note })
      : await readPage(records, USAGE_RECORDS_BY_STATE, { licenseId, state }, { query, note });
  if ('problem' in page) return page;
  const { documents, next_cursor } = page;
  return {
    answer: 'records',
    body: {
      license_id: licenseId,
      records: documents.map((record) => describeRecord(record, caller)),
      next_cursor,
    },
  };
}

function describeRecord({ voided, ...record }: UsageRecord, { kind }: Pick<Caller, 'kind'>) {
  return {
    id: record.recordId,
    meter: record.meter,
    quantity: record.quantity,
    timestamp: timestamp(record.atMs),
    received_at: timestamp(record.receivedAtMs),
    state: record.state,
    problem: record.problem,
    sent_at: timestampOrNull(record.sentAtMs),
    voided: voided && {
      at: timestamp(voided.atMs),
      ...(kind === 'operator' && { reason: voided.reason }),
      at_stripe: voided.atStripe,
    },
  };
}

async function voidRecords(
  { body, by, note }: RequestOf<typeof contract, 'void'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'void'>> {
  const { license_id: licenseId, reason } = body;
  if (!(await deps.records.get(LICENSES, licenseId))) return { problem: 'LICENSE_NOT_FOUND' };
  const chosen =
    'ids' in body ? { recordIds: body.ids, next_cursor: null } : await recordsOfDay(body, note, deps);
  if ('problem' in chosen) return chosen;
  const recordIds = [...new Set(chosen.recordIds)];
  const idOf = (recordId: string) => usageRecordId({ licenseId, recordId });
  const found = await voidUsage(recordIds.map(idOf), { reason, by }, deps);
  return {
    answer: 'voided',
    body: {
      license_id: licenseId,
      records: recordIds.map((id) => {
        const { record, isNew } = found.get(idOf(id)) ?? {};
        if (!record?.voided) return { id, status: 'not_found', at_stripe: null };
        return { id, status: isNew ? 'voided' : 'already_voided', at_stripe: record.voided.atStripe };
      }),
      next_cursor: chosen.next_cursor,
    },
  };
}

type VoidBody = RequestOf<typeof contract, 'void'>['body'];

async function recordsOfDay(
  { license_id: licenseId, meter, day, cursor }: Extract<VoidBody, { meter: string }>,
  note: RequestOf<typeof contract, 'void'>['note'],
  { records }: Deps,
) {
  const least = Date.parse(day);
  const query = { limit: LARGEST_PAGE, cursor };
  const bounds = { least, below: least + DAY_MS };
  const page = await readPage(records, USAGE_RECORDS_OF_METER, { licenseId, meter }, { query, note }, bounds);
  if ('problem' in page) return page;
  return { recordIds: page.documents.map(({ recordId }) => recordId), next_cursor: page.next_cursor };
}

async function listErrors(
  { query, note }: RequestOf<typeof contract, 'errors'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'errors'>> {
  const page = await readPage(records, METER_ERRORS_BY_RECEIPT, {}, { query, note });
  if ('problem' in page) return page;
  const errors = page.documents.flatMap(({ eventId, receivedAtMs, errors }) =>
    errors.map((error) => ({ event_id: eventId, at: timestamp(receivedAtMs), ...error })),
  );
  return { answer: 'errors', body: { errors, next_cursor: page.next_cursor } };
}

export default {
  record: recordUsage,
  totals: readTotals,
  records: listRecords,
  void: voidRecords,
  errors: listErrors,
} satisfies HandlersOf<typeof contract>;
