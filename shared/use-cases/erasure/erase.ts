import type { AuditEvent } from '../../domain/audit-chain.ts';
import type { BillingAccount } from '../../domain/billing-event.ts';
import {
  addErased,
  type Erased,
  type Erasure,
  type ErasurePlace,
  type ErasureStep,
  endStep,
  holdersOf,
  isHeldBy,
  moveOn,
  type Named,
  roundOf,
  traceId,
} from '../../domain/erasure.ts';
import { type License, withLicenseChange } from '../../domain/license.ts';
import { membershipId } from '../../domain/people.ts';
import type { SessionHistory } from '../../domain/session-history.ts';
import { accountClaimId } from '../../domain/trial.ts';
import {
  ACCOUNTS,
  AUDIT,
  BILLING_ACCOUNTS,
  DOMAIN_CLAIMS,
  ERASURE_TRACES,
  ERASURES,
  INVITATIONS,
  LICENSES,
  MEMBERSHIPS,
  SESSION_HISTORIES,
  SIGN_IN_CODES,
  SIGN_INS,
  TENANTS,
  TRIAL_CLAIMS,
  USERS,
} from '../../ports/collections.ts';
import type { Deps } from '../../ports/deps.ts';
import type { LogLine } from '../../ports/log-line.ts';
import {
  auditQuery,
  CLAIMS_OF_TENANT,
  CODES_OF_USER,
  EVENTS_OF_HOLDER,
  INVITATIONS_FOR_EMAIL,
  INVITATIONS_OF_TENANT,
  LICENSES_OF_TENANT,
  MEMBERS_OF_TENANT,
  MEMBERSHIPS_OF_USER,
  SESSIONS_OF_HOLDER,
  SESSIONS_OF_TENANT,
  SIGN_INS_OF_USER,
  SUBSCRIPTIONS_OF_TENANT,
  TRACES_OF_ERASURE,
} from '../../ports/queries.ts';
import type { Collection, Equals, Query, Records, Transaction } from '../../ports/records.ts';
import { restoreCopy } from '../../ports/restore-copy.ts';
import type { KnownSession } from '../../ports/seat-maintenance.ts';
import { changeLicense } from '../licenses.ts';
import { BAR_SECONDS } from '../members.ts';
import { lookAtSubscription } from '../subscriptions.ts';

/** Documents that one piece of the work lists, and so changes, at most. */
const PIECE = 100;
/** As many as the seat store forgets in one step. */
const SESSIONS_A_PIECE = 32;
/** Each is a few calls of Stripe's API. */
const LOOKS_A_PIECE = 10;
/** Each has a few pseudonyms, and each of those is looked for in two lists. */
const TRACES_A_PIECE = 10;

/**
 * Goes on with an erasure to the end of its round, or until `isTimeUp`, and gives it as it is then. Piece by piece, each
 * of which is safe to repeat: whoever dies in between, and whoever else is at it too, nothing is lost, harmed or counted
 * twice.
 */
export async function carryOut(erasure: Erasure, deps: Deps, isTimeUp: () => boolean): Promise<Erasure> {
  const round = roundOf(erasure);
  let current = erasure;
  while (roundOf(current) === round && !isTimeUp()) {
    const [step] = current.todo;
    if (step === undefined) return current;
    current = await PIECES[step](current, deps);
  }
  return current;
}

/** Does the next piece of a step, and gives the erasure as it is after that. */
type Piece = (erasure: Erasure, deps: Deps) => Promise<Erasure>;

const PIECES: Readonly<Record<ErasureStep, Piece>> = {
  sign_out: signOut,
  sessions: forgetOwnSessions,
  pseudonyms: forgetPseudonyms,
  close: closeTenant,
  billing: endBilling,
  licenses: endLicenses,
  histories: forgetHistories,
  events: forgetEvents,
  members: forgetMembers,
  person: forgetPerson,
  traces: forgetTraces,
};

type Change = (transaction: Transaction, erasure: Erasure) => Promise<Erasure>;

/**
 * Writes what a piece does, and how far the erasure came with it, in one step. Where another run has been faster, nothing
 * is written, and this one goes on from there.
 */
async function commit(erasure: Erasure, deps: Deps, change: Change): Promise<Erasure> {
  return (await tryCommit(erasure, deps, change)).erasure;
}

/** The same, saying whether it was this run that wrote. */
function tryCommit(
  erasure: Erasure,
  { records }: Deps,
  change: Change,
): Promise<{ erasure: Erasure; isWritten: boolean }> {
  return records.transact(async (transaction) => {
    const current = await transaction.get(ERASURES, erasure.erasureId);
    if (!current) throw new Error('an erasure that is not on record any more');
    if (current.revision !== erasure.revision) return { erasure: current, isWritten: false };
    const next = { ...(await change(transaction, current)), revision: current.revision + 1 };
    transaction.set(ERASURES, next.erasureId, next);
    return { erasure: next, isWritten: true };
  });
}

function end(erasure: Erasure, deps: Deps): Promise<Erasure> {
  return commit(erasure, deps, async (_, current) =>
    endStep(current, deps.clock.nowMs(), deps.retentionDays),
  );
}

function advance(erasure: Erasure, deps: Deps, place: Partial<ErasurePlace>): Promise<Erasure> {
  return commit(erasure, deps, async (_, current) => moveOn(current, place, deps.clock.nowMs()));
}

/** The next tenant, from its beginning. */
function nextTenant({ place }: Erasure): ErasurePlace {
  return { tenant: place.tenant + 1, list: null, facts: null, again: false };
}

/** The next page of the license's sessions, or its first once more, or `undefined` where all have been seen. */
function nextFacts({ place }: Erasure, nextCursor: string | undefined): Partial<ErasurePlace> | undefined {
  if (nextCursor !== undefined) return { facts: nextCursor };
  return place.again ? { facts: null, again: false } : undefined;
}

/** The license after this one, or the next tenant. */
function afterLicense(erasure: Erasure, nextLicense: string | null): Partial<ErasurePlace> {
  return nextLicense === null ? nextTenant(erasure) : { list: nextLicense, facts: null };
}

/** Access tokens live on for a while: so the seat store is told first, and then they get no new seat. */
async function signOut(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { userId, searchedIds, goingIds, place } = erasure;
  if (userId === null) return end(erasure, deps);
  for (const tenantId of [...searchedIds, ...goingIds])
    await deps.seatMaintenance.bar(tenantId, userId, BAR_SECONDS);
  const page = await list(deps.records, SIGN_INS_OF_USER, { userId }, PIECE, place.list);
  const open = page.documents.filter(({ revoked }) => revoked === null);
  return commit(erasure, deps, async (transaction, current) => {
    const found = await Promise.all(open.map(({ signInId }) => transaction.get(SIGN_INS, signInId)));
    for (const signIn of found) {
      if (signIn?.revoked === null)
        transaction.set(SIGN_INS, signIn.signInId, { ...signIn, revoked: 'removed' });
    }
    return page.nextCursor === undefined
      ? endStep(current, deps.clock.nowMs(), deps.retentionDays)
      : moveOn(current, { list: page.nextCursor }, deps.clock.nowMs());
  });
}

/**
 * Ends the person's sessions, a page of one license at a time. What their seats were counted by is written down first, as
 * with the sessions goes what it can be found by.
 */
async function forgetOwnSessions(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { userId, searchedIds, place } = erasure;
  const tenantId = searchedIds[place.tenant];
  if (userId === null || tenantId === undefined) return end(erasure, deps);
  const { license, nextLicense } = await nextLicenseOf(tenantId, place, deps);
  if (!license) return advance(erasure, deps, nextTenant(erasure));
  const { licenseId } = license;
  const person = { userId, email: (await deps.records.get(USERS, userId))?.email };
  const page = await deps.seatMaintenance.readFacts(licenseId, place.facts ?? undefined);
  const theirs = page.sessions.filter(({ facts }) => isHeldBy(person, facts)).slice(0, SESSIONS_A_PIECE);
  if (theirs.length > 0) return forgetSessions(erasure, licenseId, theirs, deps);
  const nextPage = nextFacts(erasure, page.nextCursor);
  if (nextPage) return advance(erasure, deps, nextPage);
  return commit(erasure, deps, async (transaction, current) => {
    const trace = { erasureId: current.erasureId, at: licenseId, holders: namesIn(licenseId, person, deps) };
    transaction.set(ERASURE_TRACES, traceId(trace), trace);
    return moveOn(current, afterLicense(current, nextLicense), deps.clock.nowMs());
  });
}

function namesIn(licenseId: string, person: Named, { pseudonyms }: Deps): string[] {
  return holdersOf(person, licenseId, pseudonyms);
}

/**
 * Writes down at most `SESSIONS_A_PIECE` sessions, then has them forgotten. The page stays: there may be more on it, or the
 * seat store may have lost the license, which is given back to it.
 */
async function forgetSessions(
  erasure: Erasure,
  licenseId: string,
  sessions: readonly KnownSession[],
  deps: Deps,
): Promise<Erasure> {
  const { erasureId } = erasure;
  const traces = sessions.map(({ sessionId, holder }) => ({ erasureId, at: sessionId, holders: [holder] }));
  const written = await tryCommit(erasure, deps, async (transaction, current) => {
    const known = await Promise.all(traces.map((trace) => transaction.get(ERASURE_TRACES, traceId(trace))));
    for (const trace of traces) transaction.set(ERASURE_TRACES, traceId(trace), trace);
    const counted = addErased(current, { sessions: known.filter((trace) => trace === undefined).length });
    return moveOn(counted, { again: true }, deps.clock.nowMs());
  });
  if (!written.isWritten) return written.erasure;
  const ids = sessions.map(({ sessionId }) => sessionId);
  const verdict = await deps.seatMaintenance.forgetSessions(licenseId, ids);
  if (verdict === 'UNKNOWN_LICENSE') await restoreCopy(licenseId, deps);
  return written.erasure;
}

/** Takes the pseudonyms that were written down out of session histories and audit events: those are found no more. */
async function forgetPseudonyms(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { erasureId, place } = erasure;
  const page = await list(deps.records, TRACES_OF_ERASURE, { erasureId }, TRACES_A_PIECE, place.list);
  const holders = [...new Set(page.documents.flatMap((trace) => trace.holders))];
  const [histories, events] = await Promise.all([
    listAll(holders, (holder) => list(deps.records, SESSIONS_OF_HOLDER, { holder }, PIECE)),
    listAll(holders, (holder) => list(deps.records, EVENTS_OF_HOLDER, { 'detail.holder': holder }, PIECE)),
  ]);
  if (histories.length > 0) return commit(erasure, deps, erasingHolders(histories.slice(0, PIECE), [], deps));
  if (events.length > 0) return commit(erasure, deps, erasingHolders([], events.slice(0, PIECE), deps));
  const { nextCursor } = page;
  return nextCursor === undefined ? end(erasure, deps) : advance(erasure, deps, { list: nextCursor });
}

async function listAll<T>(
  holders: readonly string[],
  read: (holder: string) => Promise<{ readonly documents: readonly T[] }>,
): Promise<T[]> {
  return (await Promise.all(holders.map(read))).flatMap(({ documents }) => documents);
}

/** Leaves the holder out of these histories and events, where it still is, and the erasure at its place. */
function erasingHolders(
  histories: readonly SessionHistory[],
  events: readonly AuditEvent[],
  { clock }: Deps,
): Change {
  return async (transaction, current) => {
    const [foundHistories, foundEvents] = await Promise.all([
      Promise.all(histories.map(({ sessionId }) => transaction.get(SESSION_HISTORIES, sessionId))),
      Promise.all(events.map(({ eventId }) => transaction.get(AUDIT, eventId))),
    ]);
    const named = foundHistories.flatMap((history) => (history && history.holder !== null ? [history] : []));
    const telling = foundEvents.flatMap((event) => (event?.detail.holder === undefined ? [] : [event]));
    for (const history of named)
      transaction.set(SESSION_HISTORIES, history.sessionId, { ...history, holder: null });
    for (const event of telling) transaction.set(AUDIT, event.eventId, withoutHolder(event));
    const counted = addErased(current, { sessionHistories: named.length, auditEvents: telling.length });
    return moveOn(counted, {}, clock.nowMs());
  };
}

/** The event without the pseudonym, for which the chain holds a stand-in. */
export function withoutHolder(event: AuditEvent): AuditEvent {
  const { holder: _, ...detail } = event.detail;
  return { ...event, detail };
}

/** Nobody joins from here on, nor asks for a seat: no role is left to do it by. */
async function closeTenant(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const tenantId = erasure.goingIds[erasure.place.tenant];
  if (tenantId === undefined) return end(erasure, deps);
  const claims = await list(deps.records, CLAIMS_OF_TENANT, { tenantId }, PIECE);
  return commit(erasure, deps, async (transaction, current) => {
    const nowMs = deps.clock.nowMs();
    const tenant = await transaction.get(TENANTS, tenantId);
    const isNew = tenant !== undefined && tenant.closedAtMs === null;
    if (isNew) {
      const closed = { name: tenantId, ownerId: null, joinDomain: null, closedAtMs: nowMs };
      transaction.set(TENANTS, tenantId, { ...tenant, ...closed });
    }
    for (const { domain } of claims.documents) transaction.delete(DOMAIN_CLAIMS, domain);
    return moveOn(addErased(current, { tenants: isNew ? 1 : 0 }), nextTenant(current), nowMs);
  });
}

/**
 * Has Stripe forget the tenants as customers: with them go their subscriptions, and whatever Stripe knows of the people.
 * A page to pay on that is open still is good for nothing without its customer; were it paid all the same, the look at what
 * was bought finds the tenant closed, and ends it. Where no payments are set up any more, there is nobody to say it to: the
 * account stays, and the log says so.
 */
async function endBilling(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { goingIds, place } = erasure;
  const tenantId = goingIds[place.tenant];
  if (tenantId === undefined) return end(erasure, deps);
  const { records, billing } = deps;
  const account = await records.get(BILLING_ACCOUNTS, tenantId);
  if (!account) return advance(erasure, deps, nextTenant(erasure));
  if (!billing) {
    deps.log(stillCustomer(erasure, account));
    return advance(erasure, deps, nextTenant(erasure));
  }
  if (place.list === null) for (const id of customersOf(account)) await billing.deleteCustomer(id);
  const page = await list(records, SUBSCRIPTIONS_OF_TENANT, { tenantId }, LOOKS_A_PIECE, place.list);
  for (const { subscriptionId } of page.documents)
    await lookAtSubscription(subscriptionId, {}, billing, deps);
  if (page.nextCursor !== undefined) return advance(erasure, deps, { list: page.nextCursor });
  return commit(erasure, deps, async (transaction, current) => {
    transaction.delete(BILLING_ACCOUNTS, tenantId);
    return moveOn(current, nextTenant(current), deps.clock.nowMs());
  });
}

function customersOf({ customerId, formerCustomerIds }: BillingAccount): string[] {
  return customerId === null ? formerCustomerIds : [customerId, ...formerCustomerIds];
}

function stillCustomer({ erasureId }: Erasure, account: BillingAccount): LogLine {
  const because = `no payments are set up: delete ${customersOf(account).join(', ')} at Stripe by hand`;
  const message = `${account.tenantId} was erased and is still a customer`;
  return { severity: 'ERROR', message, erasure_id: erasureId, because };
}

/** Suspends the tenants' licenses, so that nobody gets a seat any more, then ends all their sessions. */
async function endLicenses(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { goingIds, place } = erasure;
  const tenantId = goingIds[place.tenant];
  if (tenantId === undefined) return end(erasure, deps);
  const { license, nextLicense } = await nextLicenseOf(tenantId, place, deps);
  if (!license) return advance(erasure, deps, nextTenant(erasure));
  const { licenseId } = license;
  if (place.facts === null) await suspend(licenseId, deps);
  const page = await deps.seatMaintenance.readFacts(licenseId, place.facts ?? undefined);
  const sessions = page.sessions.slice(0, SESSIONS_A_PIECE);
  if (sessions.length > 0) return forgetSessions(erasure, licenseId, sessions, deps);
  return advance(erasure, deps, nextFacts(erasure, page.nextCursor) ?? afterLicense(erasure, nextLicense));
}

async function suspend(licenseId: string, deps: Deps): Promise<void> {
  await changeLicense(deps, async (transaction) => {
    const license = await transaction.get(LICENSES, licenseId);
    if (!license) return;
    if (license.status === 'suspended') return transaction.putAgain(license);
    const nowMs = deps.clock.nowMs();
    transaction.writeLicense(withLicenseChange(license, { status: 'suspended' }, nowMs), nowMs);
  });
}

async function nextLicenseOf(
  tenantId: string,
  { list: cursor }: ErasurePlace,
  { records }: Deps,
): Promise<{ license: License | undefined; nextLicense: string | null }> {
  const { documents, nextCursor } = await list(records, LICENSES_OF_TENANT, { tenantId }, 1, cursor);
  return { license: documents[0], nextLicense: nextCursor ?? null };
}

async function forgetHistories(erasure: Erasure, deps: Deps): Promise<Erasure> {
  return forgetHoldersOfTenant(erasure, deps, SESSIONS_OF_TENANT, ({ documents }) =>
    erasingHolders(
      documents.filter(({ holder }) => holder !== null),
      [],
      deps,
    ),
  );
}

async function forgetEvents(erasure: Erasure, deps: Deps): Promise<Erasure> {
  return forgetHoldersOfTenant(erasure, deps, auditQuery('tenantId', false), ({ documents }) =>
    erasingHolders(
      [],
      documents.filter(({ detail }) => detail.holder !== undefined),
      deps,
    ),
  );
}

/** What the tenants' sessions were counted by goes with them, whoever they were. */
async function forgetHoldersOfTenant<T>(
  erasure: Erasure,
  deps: Deps,
  query: Query<T>,
  erasing: (page: { readonly documents: readonly T[] }) => Change,
): Promise<Erasure> {
  const { goingIds, place } = erasure;
  const tenantId = goingIds[place.tenant];
  if (tenantId === undefined) return end(erasure, deps);
  const page = await list(deps.records, query, { tenantId }, PIECE, place.list);
  const next = page.nextCursor === undefined ? nextTenant(erasure) : { list: page.nextCursor };
  return commit(erasure, deps, async (transaction, current) =>
    moveOn(await erasing(page)(transaction, current), next, deps.clock.nowMs()),
  );
}

async function forgetMembers(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const tenantId = erasure.goingIds[erasure.place.tenant];
  if (tenantId === undefined) return end(erasure, deps);
  const { records } = deps;
  const invitations = await list(records, INVITATIONS_OF_TENANT, { tenantId }, PIECE);
  if (invitations.documents.length > 0) {
    const ids = invitations.documents.map(({ invitationId }) => invitationId);
    return commit(erasure, deps, deleting(INVITATIONS, ids, 'invitations', deps));
  }
  const members = await list(records, MEMBERS_OF_TENANT, { tenantId }, PIECE);
  if (members.documents.length > 0) {
    const ids = members.documents.map((member) => membershipId(tenantId, member.userId));
    return commit(erasure, deps, deleting(MEMBERSHIPS, ids, 'memberships', deps));
  }
  return advance(erasure, deps, nextTenant(erasure));
}

/** The user last: whoever goes on with this needs the address to find what else there is. */
async function forgetPerson(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { userId } = erasure;
  if (userId === null) return end(erasure, deps);
  const { records, clock, retentionDays, pseudonymOf } = deps;
  const user = await records.get(USERS, userId);
  if (user) {
    const { documents } = await list(records, INVITATIONS_FOR_EMAIL, { email: user.email }, PIECE);
    if (documents.length > 0) {
      const ids = documents.map(({ invitationId }) => invitationId);
      return commit(erasure, deps, deleting(INVITATIONS, ids, 'invitations', deps));
    }
  }
  const memberships = await list(records, MEMBERSHIPS_OF_USER, { userId }, PIECE);
  if (memberships.documents.length > 0) {
    const ids = memberships.documents.map(({ tenantId }) => membershipId(tenantId, userId));
    return commit(erasure, deps, deleting(MEMBERSHIPS, ids, 'memberships', deps));
  }
  const codes = await list(records, CODES_OF_USER, { userId }, PIECE);
  if (codes.documents.length > 0) {
    const ids = codes.documents.map(({ codeHash }) => codeHash);
    return commit(erasure, deps, deleting(SIGN_IN_CODES, ids, undefined, deps));
  }
  const signIns = await list(records, SIGN_INS_OF_USER, { userId }, PIECE);
  if (signIns.documents.length > 0) {
    const ids = signIns.documents.map(({ signInId }) => signInId);
    return commit(erasure, deps, deleting(SIGN_INS, ids, 'signIns', deps));
  }
  return commit(erasure, deps, async (transaction, current) => {
    const found = await transaction.get(USERS, userId);
    const claimId = found && accountClaimId(found.accountId, pseudonymOf);
    const claim = claimId && (await transaction.get(TRIAL_CLAIMS, claimId));
    if (found) {
      transaction.delete(ACCOUNTS, found.accountId);
      transaction.delete(USERS, userId);
    }
    // That there was a trial stays, so that there is no other; which license it was does not.
    if (claim) transaction.set(TRIAL_CLAIMS, claim.claimId, { ...claim, given: null });
    return endStep(addErased(current, { users: found ? 1 : 0 }), clock.nowMs(), retentionDays);
  });
}

async function forgetTraces(erasure: Erasure, deps: Deps): Promise<Erasure> {
  const { erasureId } = erasure;
  const { documents } = await list(deps.records, TRACES_OF_ERASURE, { erasureId }, PIECE);
  if (documents.length === 0) return end(erasure, deps);
  return commit(erasure, deps, deleting(ERASURE_TRACES, documents.map(traceId), undefined, deps));
}

/** Deletes those of these documents that are still there, and counts them. The erasure stays at its place. */
function deleting<T>(
  collection: Collection<T>,
  ids: readonly string[],
  counted: keyof Erased | undefined,
  { clock }: Deps,
): Change {
  return async (transaction, current) => {
    const found = await Promise.all(ids.map((id) => transaction.get(collection, id)));
    for (const id of ids) transaction.delete(collection, id);
    const n = found.filter((document) => document !== undefined).length;
    return moveOn(counted ? addErased(current, { [counted]: n }) : current, {}, clock.nowMs());
  };
}

function list<T>(
  records: Records,
  query: Query<T>,
  equals: Equals,
  limit: number,
  cursor: string | null = null,
) {
  return records.query(query, equals, { limit, cursor: cursor ?? undefined });
}
