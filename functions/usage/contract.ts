import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import {
  LicenseId,
  PERIOD,
  periodIsInOrder,
  SettableTimestamp,
  Timestamp,
  text,
  wholeNumber,
} from '../../shared/http/fields.ts';

/** As much as a number holds exactly when a year of such records is added up. */
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
  summary: 'Records what clients use, for what is paid by use.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 20,
  timeoutSeconds: 10,
  roles: ['roles/datastore.user'],
  secrets: COMMON_SECRETS,
  endpoints: {
    record: {
      method: 'POST',
      path: '/api/v1/usage/record',
      summary:
        'Record use, once for an id of the client’s, however often it is told. Up to 30 days late, and 5 minutes ahead.',
      auth: accessOf('usage.record'),
      standing: 'token',
      // What is not counted against the limit is not lost either: it is paid for all the same.
      limit: { by: 'caller', requests: 6_000, windowSeconds: 60, uncounted: 'serve' },
      body: z.strictObject({
        /** The client's own name for this record: the same again is the same record. */
        id: text(100),
        meter: MeterName,
        quantity: wholeNumber(1, MOST_QUANTITY),
        /** When it was used; now unless given. */
        timestamp: z.optional(SettableTimestamp),
        /** Needed where you are signed in; a license key says it by itself. */
        license_id: z.optional(LicenseId),
      }),
      answers: {
        recorded: { status: 201, description: 'It is on record.', body: UsageRecord },
        known: { status: 200, description: 'It was on record already.', body: UsageRecord },
      },
      problems: [
        'METER_UNKNOWN',
        'USAGE_TIME_REFUSED',
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
      summary: 'What a license used, by meter and day (UTC). A record counts within a minute of being told.',
      auth: accessOf('usage.totals'),
      /** The period is widened to whole days: the last 31 unless given, at most 366. */
      query: z
        .strictObject({ license_id: LicenseId, meter: z.optional(MeterName), ...PERIOD })
        .check(periodIsInOrder),
      answers: {
        totals: {
          status: 200,
          description: 'Days on which nothing was used are left out.',
          body: UsageTotals,
        },
      },
      problems: ['LICENSE_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
  },
});
