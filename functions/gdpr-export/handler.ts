import type { By } from '../../shared/domain/actor.ts';
import { VENDOR } from '../../shared/domain/audit-event.ts';
import {
  belongingsOf,
  isWithin,
  type Person,
  boundsOf as queryBoundsOf,
} from '../../shared/domain/person.ts';
import { accountClaimId } from '../../shared/domain/trial-claim.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp } from '../../shared/http/fields.ts';
import { viewOfHistory } from '../../shared/http/history-view.ts';
import { own } from '../../shared/http/own.ts';
import { boundsOf } from '../../shared/http/page.ts';
import { type Member, viewOfMember } from '../../shared/http/tenant-view.ts';
import { noteUnreadable } from '../../shared/http/unreadable.ts';
import {
  BILLING_ACCOUNTS,
  LOANS,
  SESSION_HISTORIES,
  TENANTS,
  TRIAL_CLAIMS,
  USERS,
} from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { eachDocument, keepReasons } from '../../shared/ports/each-document.ts';
import {
  auditQuery,
  EVENTS_OF_ACTOR,
  EVENTS_OF_HOLDER,
  EVENTS_OF_SUBJECT,
  FORMER_MEMBERS_OF_TENANT,
  FORMER_MEMBERSHIPS_OF_USER,
  INVITATIONS_FOR_EMAIL,
  INVITATIONS_OF_TENANT,
  LICENSES_OF_TENANT,
  LOANS_OF_HOLDER,
  LOANS_OF_LICENSE,
  MEMBERS_OF_TENANT,
  MEMBERSHIPS_OF_USER,
  METERED_DAYS_OF_LICENSE,
  SESSIONS_OF_HOLDER,
  SESSIONS_OF_TENANT,
  SIGN_INS_OF_USER,
  SUBSCRIPTIONS_OF_TENANT,
} from '../../shared/ports/queries.ts';
import type { Collection, Records } from '../../shared/ports/records.ts';
import {
  eachKnownSession,
  type KnownSession,
  type SeatMaintenance,
  whyUnreadable,
} from '../../shared/ports/seat-maintenance.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';
import type contract from './contract.ts';
import { openRowLimit, type RowLimit } from './row-limit.ts';
import {
  exportOfAccount,
  exportOfEvent,
  exportOfFormerMember,
  exportOfFormerMembership,
  exportOfInvitation,
  exportOfLicense,
  exportOfLoan,
  exportOfMembership,
  exportOfMeteredDay,
  exportOfPerson,
  exportOfSession,
  exportOfSignIn,
  exportOfSubscription,
  exportOfTenant,
  exportOfTrial,
} from './views.ts';

async function exportPerson(
  { query, caller, by, note }: RequestOf<typeof contract, 'person'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'person'>> {
  const { records, clock, pseudonymOf } = deps;
  const { userId } = caller;
  const user = await records.get(USERS, userId);
  if (!user) return { problem: 'USER_NOT_FOUND' };
  const rowLimit = openRowLimit();
  const nowMs = clock.nowMs();
  const memberships = await rowLimit.fill([], membershipsOf(userId, records), exportOfMembership);
  const signIns = eachDocument(records, SIGN_INS_OF_USER, { userId });
  const former = eachDocument(records, FORMER_MEMBERSHIPS_OF_USER, { userId });
  const formerMemberships = await rowLimit.fill([], former, exportOfFormerMembership);
  const trial = await records.get(TRIAL_CLAIMS, accountClaimId(user.accountId, pseudonymOf));
  const described = {
    person: exportOfPerson(user),
    memberships,
    former_memberships: formerMemberships,
    sign_ins: await rowLimit.fill([], signIns, (signIn) => exportOfSignIn(signIn, nowMs)),
    invitations: await rowLimit.fill([], invitationsOf(user, records), exportOfInvitation),
    trial: trial ? exportOfTrial(trial) : null,
  };
  const seats = emptySeats();
  const unreadable: string[] = [];
  const tenantIds = new Set([...memberships, ...formerMemberships].map(({ tenant_id }) => tenant_id));
  for (const tenantId of tenantIds) {
    for await (const { licenseId } of eachDocument(records, LICENSES_OF_TENANT, { tenantId })) {
      await addSeatsOfUser(seats, user, licenseId, boundsOf(query), rowLimit, unreadable, deps);
    }
  }
  await addActs(seats, user, boundsOf(query), rowLimit, unreadable, deps);
  noteUnreadable(note, unreadable);
  const body = { ...headOf(rowLimit, unreadable, nowMs), ...described, ...seats };
  await recordExport(VENDOR, by, deps);
  return { answer: 'person', body, headers: asFile(userId) };
}

async function exportTenant(
  { params, query, standing, by, note }: RequestOf<typeof contract, 'tenant'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'tenant'>> {
  const { records, seatMaintenance, clock } = deps;
  const { tenant_id: tenantId } = params;
  const tenant = own(await records.get(TENANTS, tenantId), standing, 'TENANT_NOT_FOUND');
  if ('problem' in tenant) return tenant;
  const rowLimit = openRowLimit();
  const formerMembers = eachDocument(records, FORMER_MEMBERS_OF_TENANT, { tenantId });
  const invitations = eachDocument(records, INVITATIONS_OF_TENANT, { tenantId });
  const licenses = eachDocument(records, LICENSES_OF_TENANT, { tenantId });
  const account = await records.get(BILLING_ACCOUNTS, tenantId);
  const subscriptions = eachDocument(records, SUBSCRIPTIONS_OF_TENANT, { tenantId });
  const described = {
    tenant: exportOfTenant(tenant, clock.nowMs()),
    members: await rowLimit.fill([], membersOf(tenantId, records), viewOfMember),
    former_members: await rowLimit.fill([], formerMembers, exportOfFormerMember),
    invitations: await rowLimit.fill([], invitations, exportOfInvitation),
    licenses: await rowLimit.fill([], licenses, exportOfLicense),
    billing: account ? exportOfAccount(account) : null,
    subscriptions: await rowLimit.fill([], subscriptions, exportOfSubscription),
  };
  const seats = emptySeats();
  const unreadable: string[] = [];
  const meteredDays: ReturnType<typeof exportOfMeteredDay>[] = [];
  for (const { license_id: licenseId } of described.licenses) {
    const days = eachDocument(records, METERED_DAYS_OF_LICENSE, { licenseId });
    await rowLimit.fill(meteredDays, days, exportOfMeteredDay);
    const sessions = eachOnce(readSessions(licenseId, seatMaintenance, unreadable));
    await rowLimit.fill(seats.sessions, sessions, (session) => exportOfSession(licenseId, session));
    const loans = eachDocument(records, LOANS_OF_LICENSE, { licenseId });
    await rowLimit.fill(seats.loans, loans, exportOfLoan);
  }
  const bounds = boundsOf(query);
  const histories = eachDocument(records, SESSIONS_OF_TENANT, { tenantId }, bounds);
  await rowLimit.fill(seats.session_histories, histories, viewOfHistory);
  const events = eachDocument(
    records,
    auditQuery('tenantId', false),
    { tenantId },
    { ...bounds, onUnreadable: keepReasons(unreadable) },
  );
  await rowLimit.fill(seats.audit_events, events, exportOfEvent);
  noteUnreadable(note, unreadable);
  const head = headOf(rowLimit, unreadable, clock.nowMs());
  const body = { ...head, ...described, metered_days: meteredDays, ...seats };
  await recordExport(tenantId, by, deps);
  return { answer: 'tenant', body, headers: asFile(tenantId) };
}

/** Recorded last: an export that fails is none. */
async function recordExport(tenantId: string, by: By, { records, clock }: Deps): Promise<void> {
  await records.transact(async (transaction) =>
    recordEvent(transaction, { type: 'data.exported', tenantId, by }, clock.nowMs()),
  );
}

interface Seats {
  readonly sessions: ReturnType<typeof exportOfSession>[];
  readonly loans: ReturnType<typeof exportOfLoan>[];
  readonly session_histories: ReturnType<typeof viewOfHistory>[];
  readonly audit_events: ReturnType<typeof exportOfEvent>[];
}

function emptySeats(): Seats {
  return { sessions: [], loans: [], session_histories: [], audit_events: [] };
}

/**
 * Adds the sessions, loans, histories and events of a user in a license: what `belongingsOf` finds. Of holders that
 * others had too, only the user's own sessions are added.
 */
async function addSeatsOfUser(
  seats: Seats,
  person: Person,
  licenseId: string,
  bounds: ReturnType<typeof boundsOf>,
  rowLimit: RowLimit,
  unreadable: string[],
  { records, seatMaintenance, pseudonyms }: Deps,
): Promise<void> {
  const own = belongingsOf(person, licenseId, pseudonyms);
  const holders = new Set(own.holders);
  const idsOnSharedSeats = new Set<string>();
  const readable = { ...bounds, onUnreadable: keepReasons(unreadable) };
  const sessions = eachOnce(readSessions(licenseId, seatMaintenance, unreadable));
  await rowLimit.fill(seats.sessions, withOnly(sessions, own.owns), (session) => {
    if (own.ownsHolder(session)) holders.add(session.holder);
    else idsOnSharedSeats.add(session.sessionId);
    return exportOfSession(licenseId, session);
  });
  for (const holder of holders) {
    const loans = eachDocument(records, LOANS_OF_HOLDER, { holder });
    await rowLimit.fill(seats.loans, loans, exportOfLoan);
    const histories = eachDocument(records, SESSIONS_OF_HOLDER, { holder }, bounds);
    await rowLimit.fill(seats.session_histories, histories, viewOfHistory);
    const events = eachDocument(records, EVENTS_OF_HOLDER, { 'detail.holder': holder }, readable);
    await rowLimit.fill(seats.audit_events, events, exportOfEvent);
  }
  for (const { holder, ...period } of own.holdersWithin) {
    const loans = eachDocument(records, LOANS_OF_HOLDER, { holder });
    const ownLoans = withOnly(loans, (loan) => isWithin(loan.acquiredAtMs, period));
    for await (const { sessionId } of ownLoans) idsOnSharedSeats.add(sessionId);
    const histories = eachDocument(records, SESSIONS_OF_HOLDER, { holder }, queryBoundsOf(period));
    for await (const { sessionId } of histories) idsOnSharedSeats.add(sessionId);
  }
  for (const sessionId of idsOnSharedSeats) {
    await rowLimit.fill(seats.loans, onlyDocument(LOANS, sessionId, records), exportOfLoan);
    const history = withOnly(onlyDocument(SESSION_HISTORIES, sessionId, records), ({ acquiredAtMs }) =>
      isWithin(acquiredAtMs, { fromMs: bounds.least ?? acquiredAtMs, untilMs: bounds.below ?? null }),
    );
    await rowLimit.fill(seats.session_histories, history, viewOfHistory);
    const events = eachDocument(records, auditQuery('sessionId', false), { sessionId }, readable);
    await rowLimit.fill(seats.audit_events, events, exportOfEvent);
  }
}

/** Adds the events that the user caused or that are about the user, in whatever tenant, unless they are there already. */
async function addActs(
  seats: Seats,
  { userId }: Person,
  bounds: ReturnType<typeof boundsOf>,
  rowLimit: RowLimit,
  unreadable: string[],
  { records }: Deps,
): Promise<void> {
  const readable = { ...bounds, onUnreadable: keepReasons(unreadable) };
  const known = new Set(seats.audit_events.map(({ event_id }) => event_id));
  for (const [query, field] of [
    [EVENTS_OF_ACTOR, 'actor.id'],
    [EVENTS_OF_SUBJECT, 'subject'],
  ] as const) {
    const events = eachDocument(records, query, { [field]: userId }, readable);
    const others = withOnly(events, ({ eventId }) => !known.has(eventId));
    await rowLimit.fill(seats.audit_events, others, (event) => {
      known.add(event.eventId);
      return exportOfEvent(event);
    });
  }
}

async function* onlyDocument<T>(collection: Collection<T>, id: string, records: Records) {
  const found = await records.get(collection, id);
  if (found) yield found;
}

function readSessions(licenseId: string, seatMaintenance: SeatMaintenance, unreadable: string[]) {
  return eachKnownSession(
    seatMaintenance,
    licenseId,
    (sessionId) => void unreadable.push(whyUnreadable(sessionId)),
  );
}

async function* withOnly<T>(rows: AsyncIterable<T>, isWanted: (row: T) => boolean) {
  for await (const row of rows) if (isWanted(row)) yield row;
}

/** The seat store can list a session twice while other sessions start and end. */
async function* eachOnce(sessions: AsyncIterable<KnownSession>) {
  const seen = new Set<string>();
  for await (const session of sessions) {
    if (!seen.has(session.sessionId)) yield session;
    seen.add(session.sessionId);
  }
}

/** Invitations to an address of the user, made while the user had it. */
async function* invitationsOf({ addresses }: Person, records: Records) {
  for (const { email, ...period } of addresses)
    yield* eachDocument(records, INVITATIONS_FOR_EMAIL, { email }, queryBoundsOf(period));
}

async function* membershipsOf(userId: string, records: Records) {
  for await (const membership of eachDocument(records, MEMBERSHIPS_OF_USER, { userId })) {
    const tenant = await records.get(TENANTS, membership.tenantId);
    if (tenant) yield { membership, tenant };
  }
}

async function* membersOf(tenantId: string, records: Records): AsyncGenerator<Member> {
  for await (const membership of eachDocument(records, MEMBERS_OF_TENANT, { tenantId })) {
    const user = await records.get(USERS, membership.userId);
    if (user) yield { membership, user };
  }
}

function headOf(rowLimit: RowLimit, unreadable: readonly string[], nowMs: number) {
  const complete = !rowLimit.isExceeded() && unreadable.length === 0;
  return { exported_at: timestamp(nowMs), complete };
}

function asFile(id: string) {
  return { 'content-disposition': `attachment; filename="seatlease-${id}.json"` };
}

export default { person: exportPerson, tenant: exportTenant } satisfies HandlersOf<typeof contract>;
