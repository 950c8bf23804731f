import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { USAGE_STATES, VOID_OUTCOMES } from '../../shared/domain/metering.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import {
  Cursor,
  LicenseId,
  MeterName,
  MOST_QUANTITY,
  PAGING,
  PERIOD,
  periodIsInOrder,
  reason,
  SessionId,
  SessionToken,
  SettableTimestamp,
  Timestamp,
  text,
  wholeNumber,
} from '../../shared/http/fields.ts';

/** Records per request to void. */
const MOST_VOIDED = 100;

const UsageRecord = z.strictObject({
  id: z.string(),
  meter: z.string(),
  quantity: z.int(),
  timestamp: Timestamp,
  status: z.enum(['recorded', 'already_recorded']),
});
const Total = { meter: z.string(), quantity: z.int(), records: z.int() };
/** Usage by state. `over_cap` and `voided` are not in the totals beside it, and usage of the last minute in neither. */
const UsageStates = z.array(
  z.strictObject({ state: z.enum(USAGE_STATES), quantity: z.int(), records: z.int() }),
);

const UsageTotals = z.strictObject({
  license_id: LicenseId,
  from: Timestamp,
  to: Timestamp,
  /** All meters that usage can be recorded for (`USAGE_METERS`). */
  available_meters: z.array(z.string()),
  meters: z.array(z.strictObject({ ...Total, states: UsageStates })),
  days: z.array(z.strictObject({ at: Timestamp, ...Total, states: UsageStates })),
});

/** Kept with the records and in the audit log. Do not enter personal data. */
const VoidReason = reason(200);

const AtStripe = z.enum(VOID_OUTCOMES);
const StoredUsage = z.strictObject({
  id: z.string(),
  meter: z.string(),
  quantity: z.int(),
  timestamp: Timestamp,
  received_at: Timestamp,
  state: z.enum(USAGE_STATES),
  /**
   * Why it is not billed, or may not be: `over_cap`, `no_customer`, `no_price`, `subscription_ended`, `invoice_closed`,
   * `too_old`, `outage`, or Stripe's error code; null if it is.
   */
  problem: z.nullable(z.string()),
  /** When Stripe got it; null if it did not, or that is not known. */
  sent_at: z.nullable(Timestamp),
  voided: z.nullable(
    z.strictObject({
      at: Timestamp,
      /** In the words of the operator. Only operators get it. */
      reason: z.optional(z.string()),
      at_stripe: AtStripe,
    }),
  ),
});
const UsageRecords = z.strictObject({
  license_id: LicenseId,
  records: z.array(StoredUsage),
  next_cursor: z.nullable(z.string()),
});

const VoidedUsage = z.strictObject({
  license_id: LicenseId,
  records: z.array(
    z.strictObject({
      id: z.string(),
      status: z.enum(['voided', 'already_voided', 'not_found']),
      /**
       * `not_billed`: Stripe does not have it. `cancel_pending`: it is canceled within minutes. `canceled`: Stripe accepted
       * the cancellation. `credit_note_needed`: it may be on an invoice, and Stripe cancels it no more. null if not found.
       */
      at_stripe: z.nullable(AtStripe),
    }),
  ),
  /** Send the request again with it, as `cursor`, until it is null. */
  next_cursor: z.nullable(z.string()),
});

const UsageErrors = z.strictObject({
  errors: z.array(
    z.strictObject({
      event_id: z.string(),
      at: Timestamp,
      /** null if Stripe names none: usage of meters that do not exist at Stripe. */
      meter: z.nullable(z.string()),
      /** Stripe's error code. */
      code: z.string(),
      /** How many records Stripe rejected with it. */
      count: z.int(),
      /** How many of them Stripe named: these are `refused`. */
      named: z.int(),
    }),
  ),
  next_cursor: z.nullable(z.string()),
});

export default defineFunction({
  name: 'usage',
  summary: 'Records usage for metered billing.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seats', 'sessionTokens', 'usageMeters', 'usageCaps', 'usageFloors'],
  endpoints: {
    record: {
      method: 'POST',
      path: '/api/v1/usage/record',
      summary: 'Record usage.',
      description:
        'Each id is recorded once, even if the request is sent again. The time of use can be up to 30 days in the past and 5 minutes in the future. With a license key, a session must have held a seat at that time: send `session_id`, and, so that the record is also accepted after the session has ended, its latest `session_token`.',
      auth: accessOf('usage.record'),
      standing: 'token',
      // If rate limits are unavailable, usage is still recorded, so that all usage is billed.
      limit: { by: 'caller', requests: 6_000, windowSeconds: 60, uncounted: 'serve' },
      body: z.strictObject({
        /** The client's own id of this record. The same id is the same record. */
        id: text(100),
        meter: MeterName,
        quantity: wholeNumber(1, MOST_QUANTITY),
        /** Time of use. Default: now. */
        timestamp: z.optional(SettableTimestamp),
        /** Required if you are signed in. With a license key it is optional, and must match the key. */
        license_id: z.optional(LicenseId),
        /** Required with a license key. */
        session_id: z.optional(SessionId),
        /** The latest token of the session. Not needed while the session lives. */
        session_token: z.optional(SessionToken),
      }),
      answers: {
        recorded: { status: 201, description: 'The usage was recorded.', body: UsageRecord },
        known: { status: 200, description: 'The usage was already recorded.', body: UsageRecord },
      },
      problems: [
        'METER_UNKNOWN',
        'USAGE_TIME_REFUSED',
        'USAGE_OUTSIDE_SESSION',
        'USAGE_BELOW_FLOOR',
        'USAGE_CAP_REACHED',
        'USAGE_VOIDED',
        'SESSION_NOT_FOUND',
        'USAGE_RECORD_CONFLICT',
        'CREDENTIALS_INVALID',
        'LICENSE_NOT_FOUND',
        'LICENSE_SUSPENDED',
        'LICENSE_EXPIRED',
        'RATE_LIMITED',
        'VALIDATION_FAILED',
      ],
    },
    totals: {
      method: 'GET',
      path: '/api/v1/usage',
      summary: 'Get the metered usage of a license.',
      description: 'Returns totals by meter and day (UTC). A record is included within a minute.',
      auth: accessOf('usage.totals'),
      /** The period is widened to whole days. Default: the last 31 days. At most: 366 days. */
      query: z
        .strictObject({ license_id: LicenseId, meter: z.optional(MeterName), ...PERIOD })
        .check(periodIsInOrder),
      answers: {
        totals: {
          status: 200,
          description: 'The totals. Days without usage are left out.',
          body: UsageTotals,
        },
      },
      problems: ['LICENSE_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
    records: {
      method: 'GET',
      path: '/api/v1/licenses/{license_id}/usage-records',
      summary: 'List the usage records of a license.',
      description:
        'Returns records, newest first, with what became of each: billed, not billed and why, or voided. Use `state` to find those that need attention.',
      auth: accessOf('usage.records'),
      params: z.strictObject({ license_id: LicenseId }),
      query: z.strictObject({ state: z.optional(z.enum(USAGE_STATES)), ...PAGING }),
      answers: { records: { status: 200, description: 'One page of records.', body: UsageRecords } },
      problems: ['INVALID_CURSOR', 'LICENSE_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
    void: {
      method: 'POST',
      path: '/api/v1/usage/void',
      summary: 'Void usage records.',
      description:
        'Corrects usage: the records no longer count, leave room below the cap, and cannot be recorded again. Pass `ids`, or `meter` and `day` for all records of a meter on that day (UTC), 100 with each request. What Stripe got within 24 hours is canceled there. For older usage, `at_stripe` is `credit_note_needed`: issue a credit note at Stripe.',
      auth: accessOf('usage.void'),
      body: z.union([
        z.strictObject({
          license_id: LicenseId,
          ids: z.array(text(100)).check(z.minLength(1), z.maxLength(MOST_VOIDED)),
          reason: VoidReason,
        }),
        z.strictObject({
          license_id: LicenseId,
          meter: MeterName,
          /** All records of usage on this day (UTC). */
          day: z.iso.date(),
          reason: VoidReason,
          /** `next_cursor` of the last request. */
          cursor: z.optional(Cursor),
        }),
      ]),
      answers: { voided: { status: 200, description: 'What became of each record.', body: VoidedUsage } },
      problems: ['LICENSE_NOT_FOUND', 'INVALID_CURSOR', 'VALIDATION_FAILED'],
    },
    errors: {
      method: 'GET',
      path: '/api/v1/usage/errors',
      summary: 'List usage that Stripe rejected after accepting it.',
      description:
        'Stripe processes usage after it answered. What it rejects then, it reports as counts by error code, with some of the records as samples. The samples are `refused`; the others stay `sent`, because Stripe does not name them. Newest first.',
      auth: accessOf('usage.errors'),
      query: z.strictObject(PAGING),
      answers: { errors: { status: 200, description: 'One page of errors.', body: UsageErrors } },
      problems: ['INVALID_CURSOR', 'VALIDATION_FAILED'],
    },
  },
});
