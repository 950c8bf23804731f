import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { LONGEST_OFFLINE_DAYS } from '../../shared/domain/entitlement.ts';
import {
  FASTEST_PACE,
  LONGEST_KEY_OVERLAP_SECONDS,
  MOST_SEATS,
  TTL_SECONDS,
} from '../../shared/domain/license.ts';
import { PLAN_NAMES } from '../../shared/domain/plans.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import {
  Features,
  LicenseId,
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

const LicenseWithKey = z.strictObject({
  ...LicenseView.shape,
  /** Shown this once; only its hash is stored. */
  license_key: z.string(),
});
const Params = z.strictObject({ license_id: LicenseId });

/** Terms that can be set at creation and changed later. */
const ChangeableTerms = {
  /** Seats granted beyond `max` and marked `overdraft`. */
  overdraft: z.optional(wholeNumber(0, MOST_SEATS)),
  /** How long a seat is held without a heartbeat. */
  ttl_seconds: z.optional(wholeNumber(TTL_SECONDS.shortest, LONGEST_TTL)),
  /** Shorter than ttl_seconds; five sixths of it unless given. */
  heartbeat_seconds: z.optional(wholeNumber(1, LONGEST_TTL)),
  plan: z.optional(z.enum(PLAN_NAMES)),
  features: z.optional(Features),
  /** For the enterprise plan; every other plan has its own. null to go by the plan. */
  offline_grace_days: z.optional(z.nullable(wholeNumber(0, LONGEST_OFFLINE_DAYS))),
  /** How long a seat may be borrowed, 0 for not at all, and how many seats of `max` never are. */
  borrow: z.optional(
    z.strictObject({
      max_days: wholeNumber(0, LONGEST_OFFLINE_DAYS),
      low_water: z.optional(wholeNumber(0, MOST_SEATS)),
    }),
  ),
  /** How often its clients may acquire, and send heartbeats before their time. null to go by the number of seats. */
  requests_per_minute: z.optional(z.nullable(wholeNumber(1, FASTEST_PACE))),
  /** null for a license without end. */
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
  secrets: COMMON_SECRETS,
  endpoints: {
    create: {
      method: 'POST',
      path: '/api/v1/licenses',
      summary: 'Create a license; without tenant_id, for a new tenant.',
      auth: accessOf('licenses.create'),
      body: z.strictObject({
        tenant_id: z.optional(TenantId),
        /** Seats. */
        max: wholeNumber(0, MOST_SEATS),
        /** What seats are counted by; machine unless given. */
        unit: z.optional(z.enum(['machine', 'user', 'process'])),
        ...ChangeableTerms,
      }),
      answers: { created: { status: 201, description: 'The license, and its key.', body: LicenseWithKey } },
      problems: ['TENANT_NOT_FOUND', 'TENANT_CLOSED', 'VALIDATION_FAILED'],
    },
    list: {
      method: 'GET',
      path: '/api/v1/licenses',
      summary: 'Licenses, the newest first.',
      auth: accessOf('licenses.list'),
      query: z.strictObject({
        tenant_id: z.optional(TenantId),
        ...PAGING,
      }),
      answers: {
        licenses: {
          status: 200,
          description: 'One page.',
          body: LicensePage,
        },
      },
      problems: ['INVALID_CURSOR', 'TENANT_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
    read: {
      method: 'GET',
      path: '/api/v1/licenses/{license_id}',
      summary: 'One license, with its seats taken now.',
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
      summary:
        'Resize, suspend, reinstate or change other terms. Running sessions keep their seats when a pool shrinks. Seats, plan and end of a license that a subscription pays for are changed there.',
      auth: accessOf('licenses.change'),
      params: Params,
      body: z
        .strictObject({
          max: z.optional(wholeNumber(0, MOST_SEATS)),
          status: z.optional(z.enum(['active', 'suspended'])),
          ...ChangeableTerms,
        })
        .check(z.refine((terms) => Object.keys(terms).length > 0, 'names nothing to change')),
      answers: { license: { status: 200, description: 'The license as it is now.', body: LicenseView } },
      problems: ['LICENSE_NOT_FOUND', 'TENANT_CLOSED', 'BILLED_BY_SUBSCRIPTION', 'VALIDATION_FAILED'],
    },
    rotateKey: {
      method: 'POST',
      path: '/api/v1/licenses/{license_id}/rotate-key',
      summary: 'Give the license a new key. The old one stays good for overlap_seconds (0: ends now).',
      auth: accessOf('licenses.rotateKey'),
      params: Params,
      body: z.optional(
        z.strictObject({ overlap_seconds: z.optional(wholeNumber(0, LONGEST_KEY_OVERLAP_SECONDS)) }),
      ),
      answers: {
        rotated: { status: 200, description: 'The license, and its new key.', body: LicenseWithKey },
      },
      problems: ['LICENSE_NOT_FOUND', 'FORBIDDEN', 'TENANT_CLOSED'],
    },
    usage: {
      method: 'GET',
      path: '/api/v1/licenses/{license_id}/usage',
      summary: 'How many seats were taken at once, and how often one was refused, by hour and day (UTC).',
      auth: accessOf('licenses.usage'),
      params: Params,
      /** The period is widened to whole hours: the last 7 days unless given, at most 31, and nothing after the running hour. */
      query: z.strictObject(PERIOD).check(periodIsInOrder),
      answers: {
        usage: {
          status: 200,
          description: 'Every hour and day of the period, those in which nothing happened too.',
          body: LicenseUsage,
        },
      },
      problems: ['LICENSE_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
  },
});
