import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import {
  LicenseId,
  PERIOD,
  periodIsInOrder,
  SessionId,
  SessionToken,
  SettableTimestamp,
  Timestamp,
  text,
  wholeNumber,
} from '../../shared/http/fields.ts';

/** Totals of up to 9 million records of this quantity are exact: they stay below 2^53. */
const MOST_QUANTITY = 1_000_000_000;

const MeterName = z.string().check(z.minLength(1), z.maxLength(64));
const UsageRecord = z.strictObject({
  id: z.string(),
  meter: z.string(),
  quantity: z.int(),
  timestamp: Timestamp,
  status: z.enum(['recorded', 'already_recorded']),
});
const Total = { meter: z.string(), quantity: z.int(), records: z.int() };

const UsageTotals = z.strictObject({
  license_id: LicenseId,
  from: Timestamp,
  to: Timestamp,
  meters: z.array(z.strictObject(Total)),
  days: z.array(z.strictObject({ at: Timestamp, ...Total })),
});

export default defineFunction({
  name: 'usage',
  summary: 'Records usage for metered billing.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seats', 'sessionTokens', 'usageMeters', 'usageCaps'],
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
        'USAGE_CAP_REACHED',
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
  },
});
