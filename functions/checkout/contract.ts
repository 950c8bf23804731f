import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { MAX_SEATS } from '../../shared/domain/license.ts';
import { BILLING_INTERVALS, PLAN_NAMES } from '../../shared/domain/plans.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { LicenseId, TenantId, Timestamp, wholeNumber } from '../../shared/http/fields.ts';
import { SeatPriceFields } from '../../shared/http/seat-price-view.ts';

const BUYING = { by: 'caller', requests: 20, windowSeconds: 60, uncounted: 'refuse' } as const;

const Price = z.strictObject({
  interval: z.enum(BILLING_INTERVALS),
  ...SeatPriceFields,
  /** Whether the price of a seat depends on the number of seats. Stripe shows the total at checkout. */
  tiers: z.boolean(),
  /** Whether the amount includes taxes; unspecified if the vendor has not set it. */
  tax_behavior: z.enum(['inclusive', 'exclusive', 'unspecified']),
});

const Plan = z.strictObject({
  plan: z.enum(PLAN_NAMES),
  seats: z.strictObject({ least: z.int(), most: z.int() }),
  ttl_seconds: z.int(),
  /** How many programs can use one seat at once. */
  max_sessions: z.int(),
  offline_grace_days: z.int(),
  /** How many days after its last contact a client may start offline, although it released its seat. */
  offline_start_days: z.int(),
  /** How many machines can have a signed license at once; null for ten machines for each seat. */
  signed_limit: z.nullable(z.int()),
  borrow: z.strictObject({ max_days: z.int(), low_water: z.int() }),
  features: z.array(z.string()),
  /** Limits that the vendor's app defines, by name. */
  limits: z.record(z.string(), z.int()),
  /** Days that seats stay usable after a failed payment. */
  payment_grace_days: z.int(),
  intervals: z.array(z.enum(BILLING_INTERVALS)),
  /** What a seat costs in each interval; null while the payment service is unavailable. A few minutes old. */
  prices: z.nullable(z.array(Price)),
});

const Plans = z.strictObject({
  plans: z.array(Plan),
});

const Checkout = z.strictObject({ checkout_url: z.string(), license_id: LicenseId, expires_at: Timestamp });

const Portal = z.strictObject({ portal_url: z.string() });

export default defineFunction({
  name: 'checkout',
  summary: 'Sells seats through Stripe.',
  memoryMiB: 512,
  concurrency: 20,
  maxInstances: 10,
  timeoutSeconds: 60,
  roles: ['roles/datastore.user'],
  uses: ['records', 'billing', 'checkout'],
  endpoints: {
    plans: {
      method: 'GET',
      path: '/api/v1/plans',
      summary: 'List the plans that are for sale.',
      auth: accessOf('checkout.plans'),
      answers: {
        plans: {
          status: 200,
          description: 'All plans that are for sale, with their prices.',
          cacheSeconds: 60,
          body: Plans,
        },
      },
      problems: [],
    },
    create: {
      method: 'POST',
      path: '/api/v1/checkout/create-session',
      summary: 'Create a checkout session to buy seats.',
      description:
        'Returns the address of a Stripe page that can be paid on now. Pass `license_id` to buy seats for a trial license or for a license whose subscription has ended; omit it for a new license. A license has one page at a time: another request with the same options returns it again, and one with other options replaces it. Requests with the same `Idempotency-Key` within 24 hours are the same purchase.',
      auth: accessOf('checkout.create'),
      limit: BUYING,
      idempotencyKey: 'handler',
      body: z.strictObject({
        /** The tenant that pays. */
        tenant_id: TenantId,
        plan: z.enum(PLAN_NAMES),
        /** Billing interval. Default: `month`. */
        interval: z.optional(z.enum(BILLING_INTERVALS)),
        seats: wholeNumber(1, MAX_SEATS),
        license_id: z.optional(LicenseId),
      }),
      answers: {
        created: {
          status: 201,
          description: 'The page to pay on. The license grants seats a moment after the payment.',
          body: Checkout,
        },
      },
      problems: [
        'TENANT_NOT_FOUND',
        'TENANT_CLOSED',
        'LICENSE_NOT_FOUND',
        'LICENSE_NOT_FOR_SALE',
        'ALREADY_SUBSCRIBED',
        'INVOICE_NOT_PAID',
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
      summary: 'Create a billing portal session.',
      description:
        'Returns the address of a Stripe page to manage payment methods, invoices and the number of seats.',
      auth: accessOf('checkout.portal'),
      limit: BUYING,
      body: z.strictObject({ tenant_id: TenantId }),
      answers: {
        created: {
          status: 201,
          description: 'The page. Its address is valid for a short time.',
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
