import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { LONGEST_OFFLINE_DAYS } from '../../shared/domain/entitlement.ts';
import {
  FASTEST_PACE,
  LONGEST_KEY_OVERLAP_SECONDS,
  MAX_SEATS,
  MOST_SIGNED,
  TTL_SECONDS,
} from '../../shared/domain/license.ts';
import { MOST_SESSIONS, PLAN_NAMES } from '../../shared/domain/plans.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import {
  Features,
  LicenseId,
  Limits,
  MeterName,
  MOST_QUANTITY,
  PAGING,
  PERIOD,
  periodIsInOrder,
  SettableTimestamp,
  TenantId,
  Timestamp,
  wholeNumber,
} from '../../shared/http/fields.ts';
import { LicenseView } from '../../shared/http/license-view.ts';

const LONGEST_TTL = TTL_SECONDS.longest;

/** As for `USAGE_CAPS`. */
const HIGHEST_CAP = 999_999_999_999;

const LicenseWithKey = z.strictObject({
  ...LicenseView.shape,
  /** Returned only once; only its hash is stored. */
  license_key: z.string(),
});
const Params = z.strictObject({ license_id: LicenseId });

/** A term that follows from the plan unless it is set. */
function ownTerm<T extends z.core.$ZodType>(schema: T) {
  return z.optional(z.nullable(schema));
}

/** Terms that can be set at creation and changed later. */
const ChangeableTerms = {
  /** Seats granted beyond `max` and marked `overdraft`. */
  overdraft: z.optional(wholeNumber(0, MAX_SEATS)),
  /** Gives the license all terms that are not set for it. */
  plan: z.optional(z.enum(PLAN_NAMES)),
  /** Seconds that a seat is held after the last heartbeat. null to use the value of the plan. */
  ttl_seconds: ownTerm(wholeNumber(TTL_SECONDS.shortest, LONGEST_TTL)),
  /** Must be less than `ttl_seconds`. null for the default: five sixths of it. */
  heartbeat_seconds: ownTerm(wholeNumber(1, LONGEST_TTL)),
  /** Replaces the features of the plan. null to use the features of the plan. */
  features: ownTerm(Features),
  /**
   * Added to the limits of the plan; a limit with the same name replaces the plan's. Replaces what was set before. null
   * to use the limits of the plan.
   */
  limits: ownTerm(Limits),
  /** How many programs can use one seat at once. null to use the value of the plan. */
  max_sessions: ownTerm(wholeNumber(1, MOST_SESSIONS)),
  /** Can be set only with the enterprise plan. null to use the value of the plan. */
  offline_grace_days: ownTerm(wholeNumber(0, LONGEST_OFFLINE_DAYS)),
  /**
   * How many days after its last contact a client may start offline, although it released its seat. Must not exceed
   * `offline_grace_days`. null to use the value of the plan.
   */
  offline_start_days: ownTerm(wholeNumber(0, LONGEST_OFFLINE_DAYS)),
  /** How many machines can have a signed license at once. null to use the value of the plan, or ten for each seat. */
  signed_limit: ownTerm(wholeNumber(0, MOST_SIGNED)),
  /**
   * For how many days a seat can be borrowed (0: not at all), and how many seats of `max` can only be used online. null
   * to use the values of the plan.
   */
  borrow: ownTerm(
    z.strictObject({
      max_days: wholeNumber(0, LONGEST_OFFLINE_DAYS),
      low_water: z.optional(wholeNumber(0, MAX_SEATS)),
    }),
  ),
  /** Limit for acquire requests and early heartbeats of all clients. null to derive it from the number of seats. */
  requests_per_minute: ownTerm(wholeNumber(1, FASTEST_PACE)),
  /**
   * The most that can be used of a meter on one day (UTC), by meter, in place of `USAGE_CAPS`; 0: not at all. Replaces
   * what was set before. null to use the setting for all meters.
   */
  usage_caps: ownTerm(z.record(MeterName, wholeNumber(0, HIGHEST_CAP))),
  /** The least that one usage record can report, by meter, in place of `USAGE_FLOORS`. null to use the setting. */
  usage_floors: ownTerm(z.record(MeterName, wholeNumber(1, MOST_QUANTITY))),
  /** null for a license that does not expire. */
  valid_until: z.optional(z.nullable(SettableTimestamp)),
};

const Usage = { peak_seats: z.int(), denials: z.int() };
const UsagePeriod = z.strictObject({ at: Timestamp, ...Usage });

const LicensePage = z.strictObject({ licenses: z.array(LicenseView), next_cursor: z.nullable(z.string()) });

const LicenseWithSeats = z.strictObject({
  ...LicenseView.shape,
  seats: z.strictObject({ active: z.int(), max: z.int() }),
});

const LicenseUsage = z.strictObject({
  license_id: LicenseId,
  /** Seats of the license now. */
  max: z.int(),
  from: Timestamp,
  to: Timestamp,
  ...Usage,
  days: z.array(UsagePeriod),
  hours: z.array(UsagePeriod),
});

export default defineFunction({
  name: 'licenses',
  summary: 'Creates, reads and changes licenses.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records', 'seats', 'seatMaintenance', 'shards', 'usageMeters'],
  endpoints: {
    create: {
      method: 'POST',
      path: '/api/v1/licenses',
      summary: 'Create a license.',
      description:
        'Without `tenant_id`, the license belongs to a new tenant. Terms that are omitted are those of the plan, as `GET /api/v1/plans` lists them.',
      auth: accessOf('licenses.create'),
      idempotencyKey: 'once',
      body: z.strictObject({
        tenant_id: z.optional(TenantId),
        /** Number of seats. */
        max: wholeNumber(0, MAX_SEATS),
        /** What seats are counted by. Default: `machine`. */
        unit: z.optional(z.enum(['machine', 'user', 'process'])),
        ...ChangeableTerms,
      }),
      answers: { created: { status: 201, description: 'The license and its key.', body: LicenseWithKey } },
      problems: ['TENANT_NOT_FOUND', 'TENANT_CLOSED', 'VALIDATION_FAILED'],
    },
    list: {
      method: 'GET',
      path: '/api/v1/licenses',
      summary: 'List licenses.',
      description: 'Returns licenses, newest first.',
      auth: accessOf('licenses.list'),
      query: z.strictObject({
        tenant_id: z.optional(TenantId),
        ...PAGING,
      }),
      answers: {
        licenses: {
          status: 200,
          description: 'One page of licenses.',
          body: LicensePage,
        },
      },
      problems: ['INVALID_CURSOR', 'TENANT_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
    read: {
      method: 'GET',
      path: '/api/v1/licenses/{license_id}',
      summary: 'Get a license.',
      description: 'Includes the number of seats that are taken now.',
      auth: accessOf('licenses.read'),
      params: Params,
      answers: {
        license: {
          status: 200,
          description: 'The license.',
          body: LicenseWithSeats,
        },
      },
      problems: ['LICENSE_NOT_FOUND', 'FORBIDDEN'],
    },
    change: {
      method: 'PATCH',
      path: '/api/v1/licenses/{license_id}',
      summary: 'Update a license.',
      description:
        'Resizes, suspends or reinstates a license, or changes other terms. If more seats are in use than the pool then has, those acquired last end, except for loans. A new `plan` changes every term that is not in `overrides`. If a subscription pays for the license, `max`, `plan`, `ttl_seconds` and `valid_until` follow from the subscription and cannot be set here.',
      auth: accessOf('licenses.change'),
      params: Params,
      body: z
        .strictObject({
          max: z.optional(wholeNumber(0, MAX_SEATS)),
          status: z.optional(z.enum(['active', 'suspended'])),
          ...ChangeableTerms,
        })
        .check(
          z.refine((terms) => Object.keys(terms).length > 0, 'must contain at least one field to change'),
        ),
      answers: { license: { status: 200, description: 'The updated license.', body: LicenseView } },
      problems: ['LICENSE_NOT_FOUND', 'TENANT_CLOSED', 'BILLED_BY_SUBSCRIPTION', 'VALIDATION_FAILED'],
    },
    rotateKey: {
      method: 'POST',
      path: '/api/v1/licenses/{license_id}/rotate-key',
      summary: 'Rotate the key of a license.',
      description:
        'Returns a new key. The old key stays valid for `overlap_seconds`. Default: 0, which revokes it immediately.',
      auth: accessOf('licenses.rotateKey'),
      idempotencyKey: 'once',
      params: Params,
      body: z.optional(
        z.strictObject({ overlap_seconds: z.optional(wholeNumber(0, LONGEST_KEY_OVERLAP_SECONDS)) }),
      ),
      answers: {
        rotated: { status: 200, description: 'The license and its new key.', body: LicenseWithKey },
      },
      problems: ['LICENSE_NOT_FOUND', 'FORBIDDEN', 'TENANT_CLOSED'],
    },
    usage: {
      method: 'GET',
      path: '/api/v1/licenses/{license_id}/usage',
      summary: 'Get the seat usage of a license.',
      description:
        'Returns how many seats were taken at once, and how often a seat was denied, by hour and day (UTC).',
      auth: accessOf('licenses.usage'),
      params: Params,
      /** The period is widened to whole hours, up to the current one. Default: the last 7 days. At most: 31 days. */
      query: z.strictObject(PERIOD).check(periodIsInOrder),
      answers: {
        usage: {
          status: 200,
          description: 'Every hour and day of the period, including those without usage.',
          body: LicenseUsage,
        },
      },
      problems: ['LICENSE_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
  },
});
