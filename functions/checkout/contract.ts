import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { MOST_SEATS } from '../../shared/domain/license.ts';
import { BILLING_INTERVALS, PLAN_NAMES } from '../../shared/domain/plans.ts';
import { BILLING_SECRETS, COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';
import { LicenseId, TenantId, Timestamp, wholeNumber } from '../../shared/http/fields.ts';

const BUYING = { by: 'caller', requests: 20, windowSeconds: 60, uncounted: 'refuse' } as const;

const Plan = z.strictObject({
  plan: z.enum(PLAN_NAMES),
  seats: z.strictObject({ least: z.int(), most: z.int() }),
  ttl_seconds: z.int(),
  offline_grace_days: z.int(),
  borrow: z.strictObject({ max_days: z.int(), low_water: z.int() }),
  features: z.array(z.string()),
  /** Days that seats stay usable after a payment failed. */
  payment_grace_days: z.int(),
  intervals: z.array(z.enum(BILLING_INTERVALS)),
});

const Plans = z.strictObject({
  plans: z.array(Plan),
});

const Checkout = z.strictObject({ checkout_url: z.string(), license_id: LicenseId, expires_at: Timestamp });

const Portal = z.strictObject({ portal_url: z.string() });

export default defineFunction({
  name: 'checkout',
  summary: 'Sells seats.',
  memoryMiB: 512,
  concurrency: 20,
  maxInstances: 10,
  timeoutSeconds: 60,
  roles: ['roles/datastore.user'],
  secrets: [...COMMON_SECRETS, ...BILLING_SECRETS],
  endpoints: {
    plans: {
      method: 'GET',
      path: '/api/v1/plans',
      summary: 'What there is to buy, and what it is worth.',
      auth: accessOf('checkout.plans'),
      answers: {
        plans: {
          status: 200,
          description: 'Every plan that is sold. Prices are told where it is paid.',
          cacheSeconds: 300,
          body: Plans,
        },
      },
      problems: [],
    },
    create: {
      method: 'POST',
      path: '/api/v1/checkout/create-session',
      summary:
        'Buy seats: a page at Stripe to pay on. With license_id for a trial, or for a license whose subscription has ended; without, for a new license. The same Idempotency-Key within 24 hours is the same purchase.',
      auth: accessOf('checkout.create'),
      limit: BUYING,
      idempotencyKey: 'optional',
      body: z.strictObject({
        /** Needed unless there is only one that the caller may buy for. */
        tenant_id: z.optional(TenantId),
        plan: z.enum(PLAN_NAMES),
        /** How often it is paid; month unless given. */
        interval: z.optional(z.enum(BILLING_INTERVALS)),
        seats: wholeNumber(1, MOST_SEATS),
        license_id: z.optional(LicenseId),
      }),
      answers: {
        created: {
          status: 201,
          description: 'Where to pay. The license gives seats a moment after that.',
          body: Checkout,
        },
      },
      problems: [
        'TENANT_NOT_FOUND',
        'TENANT_CLOSED',
        'LICENSE_NOT_FOUND',
        'LICENSE_NOT_FOR_SALE',
        'ALREADY_SUBSCRIBED',
        'PLAN_NOT_FOR_SALE',
        'IDEMPOTENCY_KEY_REUSED',
        'FORBIDDEN',
        'VALIDATION_FAILED',
        'RATE_LIMITED',
        'BILLING_NOT_SET_UP',
      ],
    },
    portal: {
      method: 'POST',
      path: '/api/v1/checkout/create-portal-session',
      summary: 'A page at Stripe to look after cards, invoices and the number of seats.',
      auth: accessOf('checkout.portal'),
      limit: BUYING,
      body: z.optional(z.strictObject({ tenant_id: z.optional(TenantId) })),
      answers: {
        created: {
          status: 201,
          description: 'Where that is, for a short while.',
          body: Portal,
        },
      },
      problems: [
        'TENANT_NOT_FOUND',
        'NO_BILLING_ACCOUNT',
        'FORBIDDEN',
        'VALIDATION_FAILED',
        'RATE_LIMITED',
        'BILLING_NOT_SET_UP',
      ],
    },
  },
});
