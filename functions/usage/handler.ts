import { licenseOfSession } from '../../shared/domain/ids.ts';
import {
  isAcceptedTime,
  isWithinSession,
  type MeteredDay,
  meteredDayId,
  remainingOf,
  type UsageRecord,
  usageRecordId,
} from '../../shared/domain/metering.ts';
import { DAY_MS, dayOf } from '../../shared/domain/usage.ts';
import type { Caller, HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import { refuseLicense } from '../../shared/http/license-refusal.ts';
import { own } from '../../shared/http/own.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { LICENSES, METERED_DAYS, USAGE_RECORDS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument } from '../../shared/ports/each-document.ts';
import { METERED_DAYS_OF_LICENSE } from '../../shared/ports/queries.ts';
import type { Proof, Rhythm } from '../../shared/ports/seats.ts';
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
  const nowMs = deps.clock.nowMs();
  const record: UsageRecord = {
    licenseId,
    recordId: body.id,
    meter: body.meter,
    quantity: body.quantity,
    atMs: body.timestamp === undefined ? nowMs : Date.parse(body.timestamp),
    receivedAtMs: nowMs,
    state: 'new',
    sendingSinceMs: null,
    isOpen: true,
  };
  const refusal =
    (isAcceptedTime(record.atMs, nowMs) ? undefined : { problem: 'USAGE_TIME_REFUSED' as const }) ??
    (caller.kind === 'license' ? await refuseSession(body, record, { proof, ...proven }, deps) : undefined) ??
    (await refuseOverCap(record, deps));
  const created = refusal ?? (await deps.records.create(USAGE_RECORDS, usageRecordId(record), record));
  if (created === 'CREATED') return { answer: 'recorded', body: viewOf(record, 'recorded') };
  // A client that retries after weeks still learns that its usage was recorded.
  const known = await deps.records.get(USAGE_RECORDS, usageRecordId(record));
  if (known && isSame(known, record, body.timestamp !== undefined))
    return known.state === 'over_cap'
      ? capReached(known, await readRemaining(known, deps))
      : { answer: 'known', body: viewOf(known, 'already_recorded') };
  if (refusal?.problem === 'USAGE_CAP_REACHED') note({ severity: 'WARNING', license_id: licenseId });
  return refusal ?? { problem: 'USAGE_RECORD_CONFLICT' };
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
      meters: totalsOf(days),
      days: days.map(({ dayMs, meter: name, quantity, records }) => ({
        at: timestamp(dayMs),
        meter: name,
        quantity,
        records,
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

/**
 * Refuses early what the sweep would not count. The day contains what was counted up to a minute ago; the sweep, which adds
 * each record in a transaction, never counts more than the cap.
 */
async function refuseOverCap(
  record: UsageRecord,
  deps: Deps,
): Promise<Refusal<'USAGE_CAP_REACHED'> | undefined> {
  const remaining = await readRemaining(record, deps);
  return record.quantity <= remaining ? undefined : capReached(record, remaining);
}

async function readRemaining(record: UsageRecord, { records, usageCaps }: Deps): Promise<number> {
  const dayMs = dayOf(record.atMs);
  const day = await records.get(METERED_DAYS, meteredDayId({ ...record, dayMs }));
  return remainingOf(day, record.meter, usageCaps);
}

function capReached({ atMs }: UsageRecord, remaining: number): Refusal<'USAGE_CAP_REACHED'> {
  const detail = `At most ${remaining} more can be recorded for ${timestamp(dayOf(atMs)).slice(0, 10)} (UTC).`;
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
    quantity: ofMeter.reduce((sum, { quantity }) => sum + quantity, 0),
    records: ofMeter.reduce((sum, { records }) => sum + records, 0),
  }));
}

export default { record: recordUsage, totals: readTotals } satisfies HandlersOf<typeof contract>;
