import { showsUse, withoutUse } from '../../shared/domain/audit-chain.ts';
import { barId } from '../../shared/domain/bar.ts';
import { usageRecordId } from '../../shared/domain/metering.ts';
import {
  dueRetention,
  endRetentionStep,
  type RetentionPass,
  signInCutoffMs,
} from '../../shared/domain/retention.ts';
import { membershipId } from '../../shared/domain/users.ts';
import {
  AUDIT,
  BARS,
  BILLING_EVENTS,
  CHECKOUT_KEYS,
  CHECKOUTS,
  DEVICE_SIGN_INS,
  ERASED_IDS,
  FORMER_MEMBERSHIPS,
  IDEMPOTENCY_KEYS,
  INVITATIONS,
  LOANS,
  METER_ERRORS,
  OPEN_INVITATIONS,
  OPERATOR_TOKENS,
  RETENTION_PASSES,
  SESSION_HISTORIES,
  SIGN_IN_CODES,
  SIGN_INS,
  TRIAL_CLAIMS,
  USAGE_RECORDS,
} from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { resumeQuery } from '../../shared/ports/each-document.ts';
import {
  BARS_BY_END,
  BILLING_EVENTS_BY_END,
  CHECKOUT_KEYS_BY_END,
  CHECKOUTS_BY_END,
  CODES_BY_END,
  DEVICE_SIGN_INS_BY_END,
  ERASED_IDS_BY_END,
  EVENTS_BY_RECORDING,
  FORMER_MEMBERSHIPS_BY_END,
  IDEMPOTENCY_KEYS_BY_END,
  INVITATION_LISTS_BY_END,
  INVITATIONS_BY_END,
  LOANS_BY_END,
  METER_ERRORS_BY_AGE,
  OPERATOR_TOKENS_BY_END,
  SESSIONS_BY_END,
  SIGN_INS_BY_END,
  TRIAL_CLAIMS_BY_AGE,
  USAGE_RECORDS_BY_RECEIPT,
} from '../../shared/ports/queries.ts';
import type { Collection, Equals, Query, Transaction } from '../../shared/ports/records.ts';
import type { SweepRun } from './run-steps.ts';

const PASS_ID = 'retention';
const BATCH = 100;

/**
 * Once a day, deletes what is past its retention period: session histories, who used the software in audit events, ended
 * loans, bars and memberships, and expired or completed records of sign-ins, operator tokens, payments, trials and usage.
 * Stops when the sweep's time is up; a later sweep continues.
 */
export async function deleteOld(deps: Deps, run: SweepRun): Promise<void> {
  const { records, clock, retentionDays } = deps;
  let pass = dueRetention(await records.get(RETENTION_PASSES, PASS_ID), clock.nowMs(), retentionDays);
  while (pass && pass.finishedAtMs === null) {
    if (run.isTimeUp()) return run.markIncomplete();
    pass = await deleteBatchOfStep(pass, deps, run);
  }
}

function deleteBatchOfStep(pass: RetentionPass, deps: Deps, run: SweepRun): Promise<RetentionPass> {
  const { startedAtMs: nowMs, cutoffMs } = pass;
  switch (pass.step) {
    case 'histories':
      return deleteBatch(pass, deps, run, {
        query: SESSIONS_BY_END,
        equals: { isOpen: false },
        below: cutoffMs,
        collection: SESSION_HISTORIES,
        idOf: ({ sessionId }) => sessionId,
      });
    case 'events':
      return removeUsers(pass, deps, run);
    case 'loans':
      return deleteBatch(pass, deps, run, {
        query: LOANS_BY_END,
        equals: {},
        below: nowMs,
        collection: LOANS,
        idOf: ({ sessionId }) => sessionId,
      });
    case 'bars':
      return deleteBatch(pass, deps, run, {
        query: BARS_BY_END,
        equals: {},
        below: nowMs,
        collection: BARS,
        idOf: barId,
      });
    case 'former_memberships':
      return deleteBatch(pass, deps, run, {
        query: FORMER_MEMBERSHIPS_BY_END,
        equals: {},
        below: cutoffMs,
        collection: FORMER_MEMBERSHIPS,
        idOf: ({ tenantId, userId }) => membershipId(tenantId, userId),
      });
    case 'invitations':
      return deleteBatch(pass, deps, run, {
        query: INVITATIONS_BY_END,
        equals: {},
        below: nowMs,
        collection: INVITATIONS,
        idOf: ({ invitationId }) => invitationId,
      });
    case 'invitation_lists':
      return deleteBatch(pass, deps, run, {
        query: INVITATION_LISTS_BY_END,
        equals: {},
        below: nowMs,
        collection: OPEN_INVITATIONS,
        idOf: ({ listId }) => listId,
      });
    case 'codes':
      return deleteBatch(pass, deps, run, {
        query: CODES_BY_END,
        equals: {},
        below: nowMs,
        collection: SIGN_IN_CODES,
        idOf: ({ codeHash }) => codeHash,
      });
    case 'device_sign_ins':
      return deleteBatch(pass, deps, run, {
        query: DEVICE_SIGN_INS_BY_END,
        equals: {},
        below: nowMs,
        collection: DEVICE_SIGN_INS,
        idOf: ({ deviceSignInId }) => deviceSignInId,
      });
    case 'sign_ins':
      return deleteBatch(pass, deps, run, {
        query: SIGN_INS_BY_END,
        equals: {},
        below: signInCutoffMs(pass),
        collection: SIGN_INS,
        idOf: ({ signInId }) => signInId,
      });
    case 'operator_tokens':
      return deleteBatch(pass, deps, run, {
        query: OPERATOR_TOKENS_BY_END,
        equals: {},
        below: cutoffMs,
        collection: OPERATOR_TOKENS,
        idOf: ({ tokenId }) => tokenId,
      });
    case 'billing_events':
      return deleteBatch(pass, deps, run, {
        query: BILLING_EVENTS_BY_END,
        equals: {},
        below: nowMs,
        collection: BILLING_EVENTS,
        idOf: ({ eventId }) => eventId,
      });
    case 'checkouts':
      return deleteBatch(pass, deps, run, {
        query: CHECKOUTS_BY_END,
        equals: {},
        below: nowMs,
        collection: CHECKOUTS,
        idOf: ({ licenseId }) => licenseId,
      });
    case 'checkout_keys':
      return deleteBatch(pass, deps, run, {
        query: CHECKOUT_KEYS_BY_END,
        equals: {},
        below: nowMs,
        collection: CHECKOUT_KEYS,
        idOf: ({ keyId }) => keyId,
      });
    case 'idempotency_keys':
      return deleteBatch(pass, deps, run, {
        query: IDEMPOTENCY_KEYS_BY_END,
        equals: {},
        below: nowMs,
        collection: IDEMPOTENCY_KEYS,
        idOf: ({ keyId }) => keyId,
      });
    case 'trial_claims':
      return deleteBatch(pass, deps, run, {
        query: TRIAL_CLAIMS_BY_AGE,
        equals: {},
        below: cutoffMs,
        collection: TRIAL_CLAIMS,
        idOf: ({ claimId }) => claimId,
      });
    case 'erased_ids':
      return deleteBatch(pass, deps, run, {
        query: ERASED_IDS_BY_END,
        equals: {},
        below: nowMs,
        collection: ERASED_IDS,
        idOf: ({ hash }) => hash,
      });
    case 'usage_records':
      return deleteBatch(pass, deps, run, {
        query: USAGE_RECORDS_BY_RECEIPT,
        equals: { isOpen: false },
        below: cutoffMs,
        collection: USAGE_RECORDS,
        idOf: usageRecordId,
      });
    case 'meter_errors':
      return deleteBatch(pass, deps, run, {
        query: METER_ERRORS_BY_AGE,
        equals: {},
        below: cutoffMs,
        collection: METER_ERRORS,
        idOf: ({ eventId }) => eventId,
      });
  }
}

interface ExpiredDocuments<T> {
  readonly query: Query<T>;
  readonly equals: Equals;
  readonly below: number;
  readonly collection: Collection<T>;
  readonly idOf: (document: T) => string;
}

/** Deletes a batch of documents, oldest first. The step ends with the last batch. */
async function deleteBatch<T>(
  pass: RetentionPass,
  deps: Deps,
  run: SweepRun,
  { query, equals, below, collection, idOf }: ExpiredDocuments<T>,
): Promise<RetentionPass> {
  const { documents } = await deps.records.query(query, equals, { limit: BATCH, below });
  const next = documents.length < BATCH ? endRetentionStep(pass, deps.clock.nowMs()) : pass;
  await write(next, deps, async (transaction) => {
    for (const document of documents) transaction.delete(collection, idOf(document));
  });
  run.progress.deleted += documents.length;
  return next;
}

/** Each event is processed once, by the first pass after its retention period that can read it. */
async function removeUsers(pass: RetentionPass, deps: Deps, run: SweepRun): Promise<RetentionPass> {
  const { sinceMs: least, cutoffMs: below, after } = pass;
  let { leftUnreadable } = pass;
  const onUnreadable = (error: Error): void => {
    leftUnreadable = true;
    run.markUnreadable(error);
  };
  const page = { limit: BATCH, least, below, cursor: after ?? undefined, onUnreadable };
  const { documents, nextCursor } = await resumeQuery(deps.records, EVENTS_BY_RECORDING, {}, page);
  const withUser = documents.filter(showsUse);
  const next =
    nextCursor === undefined
      ? endRetentionStep({ ...pass, leftUnreadable }, deps.clock.nowMs())
      : { ...pass, leftUnreadable, after: nextCursor };
  await write(next, deps, async (transaction) => {
    const found = await Promise.all(withUser.map(({ eventId }) => transaction.get(AUDIT, eventId)));
    for (const event of found) if (event) transaction.set(AUDIT, event.eventId, withoutUse(event));
  });
  run.progress.deleted += withUser.length;
  return next;
}

function write(
  pass: RetentionPass,
  { records }: Deps,
  change: (transaction: Transaction) => Promise<void>,
): Promise<void> {
  return records.transact(async (transaction) => {
    await change(transaction);
    transaction.set(RETENTION_PASSES, PASS_ID, pass);
  });
}
