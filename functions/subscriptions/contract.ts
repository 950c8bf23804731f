import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { MAX_SEATS } from '../../shared/domain/license.ts';
import { BILLING_INTERVALS, PLAN_NAMES } from '../../shared/domain/plans.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import {
  LicenseId,
  PAGING,
  reason,
  SettableTimestamp,
  TenantId,
  Timestamp,
  wholeNumber,
} from '../../shared/http/fields.ts';
import { HoldView } from '../../shared/http/hold-view.ts';
import { Collection, SubscriptionView } from '../../shared/http/subscription-view.ts';

const CHANGING = { by: 'caller', requests: 20, windowSeconds: 60, uncounted: 'serve' } as const;

const SubscriptionPage = z.strictObject({
  subscriptions: z.array(SubscriptionView),
  next_cursor: z.nullable(z.string()),
});

const OfLicense = z.strictObject({ license_id: LicenseId });

const holdAnswers = {
  holds: {
    status: 200,
    description: 'All holds: disputes, refunds, then the others.',
    body: z.strictObject({ holds: z.array(HoldView) }),
  },
} as const;

/** What to change. Absent fields stay as they are; one is required. */
const WANTED = {
  seats: z.optional(wholeNumber(1, MAX_SEATS)),
  plan: z.optional(z.enum(PLAN_NAMES)),
  /** Billing interval. Another interval begins a new period now. */
  interval: z.optional(z.enum(BILLING_INTERVALS)),
};

const wantsSomething = z.refine<{ seats?: unknown; plan?: unknown; interval?: unknown }>(
  ({ seats, plan, interval }) => (seats ?? plan ?? interval) !== undefined,
  'must have seats, plan or interval',
);

/** Amounts are in the smallest unit of the currency, such as cents. */
const ChangePreview = z.strictObject({
  license_id: LicenseId,
  subscription_id: z.string(),
  /** After the change. */
  plan: z.enum(PLAN_NAMES),
  interval: z.enum(['day', 'week', 'month', 'year']),
  seats: z.int(),
  collection: Collection,
  /** Three letters, in lower case (ISO 4217). */
  currency: z.string(),
  /** Invoiced now, after discounts, taxes and credit. Charged at once, or with `invoice` due as agreed. */
  amount_due: z.int(),
  /** Added to the credit of the tenant, which pays later invoices. It is not paid out. */
  credit: z.int(),
  /** The first lines of the invoice that the change makes now; empty if it makes none. */
  lines: z.array(
    z.strictObject({
      description: z.nullable(z.string()),
      /** Negative for time that is credited. */
      amount: z.int(),
      from: Timestamp,
      to: Timestamp,
    }),
  ),
  /** The next regular invoice, for a whole period: with discounts, taxes and usage so far, before credit. */
  next_invoice: z.strictObject({ amount: z.int(), at: Timestamp }),
  /** Pass it with the change to be charged the same amount. Valid for 30 minutes. */
  proration_date: Timestamp,
});

const UNCHANGED = [
  'LICENSE_NOT_FOUND',
  'SUBSCRIPTION_NOT_FOUND',
  'SUBSCRIPTION_ENDED',
  'SUBSCRIPTION_UNCHANGEABLE',
  'PLAN_NOT_FOR_SALE',
  'VALIDATION_FAILED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'BILLING_NOT_SET_UP',
] as const;

export default defineFunction({
  name: 'subscriptions',
  summary: 'Lists and changes subscriptions, and lifts holds.',
  memoryMiB: 512,
  concurrency: 20,
  maxInstances: 10,
  timeoutSeconds: 60,
  roles: ['roles/datastore.user', 'roles/pubsub.publisher'],
  uses: ['records', 'billing', 'seats', 'events', 'holdPolicy'],
  endpoints: {
    list: {
      method: 'GET',
      path: '/api/v1/subscriptions',
      summary: 'List the subscriptions of a tenant.',
      description: 'Returns subscriptions, newest first.',
      auth: accessOf('subscriptions.list'),
      query: z.strictObject({
        /** Required unless your role allows this in exactly one tenant. */
        tenant_id: z.optional(TenantId),
        ...PAGING,
      }),
      answers: {
        subscriptions: {
          status: 200,
          description: 'One page of subscriptions.',
          body: SubscriptionPage,
        },
      },
      problems: ['INVALID_CURSOR', 'TENANT_NOT_FOUND', 'FORBIDDEN', 'VALIDATION_FAILED'],
    },
    holds: {
      method: 'GET',
      path: '/api/v1/subscriptions/{license_id}/holds',
      summary: 'List what holds a license back.',
      description:
        'Returns everything because of which the subscription of a license grants no seats, as last read from Stripe, with what was lifted. Open disputes and refunds are read again daily, and after each event.',
      auth: accessOf('subscriptions.holds'),
      params: OfLicense,
      answers: holdAnswers,
      problems: ['LICENSE_NOT_FOUND', 'SUBSCRIPTION_NOT_FOUND'],
    },
    lift: {
      method: 'POST',
      path: '/api/v1/subscriptions/{license_id}/holds/lift',
      summary: 'Lift a dispute or a refund.',
      description:
        'The license grants seats again, unless something else holds it back. The lift is for this dispute, or for the refund of this invoice, and stays; another one holds again. Lifting it twice changes nothing.',
      auth: accessOf('subscriptions.lift'),
      limit: CHANGING,
      params: OfLicense,
      body: z.strictObject({
        /** The `hold_id`. */
        hold: z.string().check(z.regex(/^[\w-]{1,255}$/, 'is not the id of a hold')),
        /** For the audit log and other operators. The tenant does not see it. Name no people. */
        reason: reason(500),
      }),
      answers: holdAnswers,
      problems: [
        'LICENSE_NOT_FOUND',
        'SUBSCRIPTION_NOT_FOUND',
        'HOLD_NOT_FOUND',
        'HOLD_NOT_LIFTABLE',
        'RATE_LIMITED',
        'VALIDATION_FAILED',
      ],
    },
    sync: {
      method: 'POST',
      path: '/api/v1/subscriptions/{license_id}/sync',
      summary: 'Read a subscription from Stripe now.',
      description:
        'Reads the subscription of a license, with its payments, and applies what Stripe has, like an event. If it is as known here, nothing changes. Needed only if an event of Stripe is missing: the daily and hourly checks find the same later.',
      auth: accessOf('subscriptions.sync'),
      limit: CHANGING,
      params: OfLicense,
      query: z.strictObject({
        /** Of Stripe, if the license does not know it: its first payment is missing here. */
        subscription_id: z.optional(
          z.string().check(z.regex(/^sub_\w{1,200}$/, 'is not the id of a subscription at Stripe')),
        ),
      }),
      answers: {
        subscription: {
          status: 200,
          description: 'The subscription, as it is at Stripe now.',
          body: SubscriptionView,
        },
      },
      problems: [
        'LICENSE_NOT_FOUND',
        'SUBSCRIPTION_NOT_FOUND',
        'RATE_LIMITED',
        'VALIDATION_FAILED',
        'BILLING_NOT_SET_UP',
      ],
    },
    preview: {
      method: 'POST',
      path: '/api/v1/subscriptions/{license_id}/preview',
      summary: 'Preview a change of seats, plan or interval.',
      description: 'Returns what Stripe would charge. Changes nothing.',
      auth: accessOf('subscriptions.preview'),
      limit: CHANGING,
      params: OfLicense,
      body: z.strictObject(WANTED).check(wantsSomething),
      answers: { preview: { status: 200, description: 'What the change would cost.', body: ChangePreview } },
      problems: UNCHANGED,
    },
    change: {
      method: 'PATCH',
      path: '/api/v1/subscriptions/{license_id}',
      summary: 'Change seats, plan or interval.',
      description:
        'Stripe charges or credits the rest of the paid period at once. Seats are added only once they are paid: if the payment does not succeed, nothing changes, and `PAYMENT_REQUIRED` has the page to pay on. If invoices are sent (`collection` is `invoice`), seats are added at once, and the invoice is due as agreed. If more seats are in use than the subscription then pays for, those acquired last end; a number below the seats on loan is refused. Requests with the same `Idempotency-Key` within 24 hours are the same change.',
      auth: accessOf('subscriptions.change'),
      limit: CHANGING,
      idempotencyKey: 'handler',
      params: OfLicense,
      body: z
        .strictObject({
          ...WANTED,
          /** From a preview, which is then what is charged. Without it, amounts are those of now. */
          proration_date: z.optional(SettableTimestamp),
          /** Refuses the change if the subscription has another number of seats, for example because someone else changed it. */
          expected_seats: z.optional(z.int()),
        })
        .check(wantsSomething),
      answers: {
        subscription: {
          status: 200,
          description: 'The subscription, as it is at Stripe now.',
          body: SubscriptionView,
        },
      },
      problems: [...UNCHANGED, 'PAYMENT_REQUIRED', 'SUBSCRIPTION_CHANGED', 'IDEMPOTENCY_KEY_REUSED'],
    },
  },
});
