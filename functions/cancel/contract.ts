import * as z from 'zod/mini';
import { accessOf } from '../../shared/domain/authorization.ts';
import { UsageTallySchema } from '../../shared/domain/metering.ts';
import { PAUSED_COLLECTIONS } from '../../shared/domain/subscription-ending.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { LicenseId, SettableTimestamp } from '../../shared/http/fields.ts';
import { SubscriptionView } from '../../shared/http/subscription-view.ts';

const CHANGING = { by: 'caller', requests: 20, windowSeconds: 60, uncounted: 'serve' } as const;

const subscription = {
  status: 200,
  description: 'The subscription after the change, as Stripe has it.',
  body: SubscriptionView,
} as const;

const FinalUsage = z.strictObject({
  meter: z.string(),
  /** sent: Stripe has it. refused and uncertain: it is not billed, or perhaps not. */
  outcome: UsageTallySchema.shape.outcome,
  records: z.int(),
  quantity: z.int(),
});

const CanceledSubscription = z.strictObject({
  ...SubscriptionView.shape,
  /**
   * Usage that was sent to Stripe during this request, before the subscription ended now. Stripe processes usage later:
   * compare what is `sent` with the final invoice.
   */
  final_usage: z.array(FinalUsage),
  /** Stripe's id of the final invoice of a subscription that ended now; null if there is nothing to pay. */
  final_invoice_id: z.nullable(z.string()),
});

const ResumedSubscription = z.strictObject({
  ...SubscriptionView.shape,
  /** Page of the invoice for the new period, if the subscription stays paused until it is paid; else null. */
  pay_url: z.nullable(z.url()),
});

const problems = [
  'LICENSE_NOT_FOUND',
  'SUBSCRIPTION_NOT_FOUND',
  'SUBSCRIPTION_ENDED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'BILLING_NOT_SET_UP',
] as const;

export default defineFunction({
  name: 'cancel',
  summary: 'Cancels and pauses subscriptions.',
  memoryMiB: 512,
  concurrency: 20,
  maxInstances: 10,
  timeoutSeconds: 60,
  roles: ['roles/datastore.user', 'roles/pubsub.publisher'],
  uses: ['records', 'billing', 'holdPolicy', 'seats', 'usageCaps', 'events'],
  endpoints: {
    cancel: {
      method: 'POST',
      path: '/api/v1/subscriptions/cancel',
      summary: 'Cancel the subscription of a license.',
      description:
        'By default the subscription ends when all that is paid has run out. If `when` is `at`, it ends at `cancel_at`. If it is `now`, it ends immediately, usage so far is invoiced, and sessions lose their seats at their next heartbeat. Nothing is refunded.',
      auth: accessOf('cancel.cancel'),
      limit: CHANGING,
      body: z.strictObject({
        license_id: LicenseId,
        /** Default: `period_end`. */
        when: z.optional(z.enum(['period_end', 'at', 'now'])),
        /** Only with `at`: a time in the future, at most five years ahead. Stripe counts in seconds. */
        cancel_at: z.optional(SettableTimestamp),
      }),
      answers: {
        canceled: { status: 200, description: subscription.description, body: CanceledSubscription },
      },
      problems: [...problems, 'VALIDATION_FAILED', 'TIME_NOT_IN_FUTURE', 'SUBSCRIPTION_UNCHANGEABLE'],
    },
    undo: {
      method: 'POST',
      path: '/api/v1/subscriptions/cancel/undo',
      summary: 'Undo a scheduled cancellation.',
      description:
        'The subscription then continues. Its end can have been set by this API, the customer portal, or a schedule at Stripe.',
      auth: accessOf('cancel.undo'),
      limit: CHANGING,
      body: z.strictObject({ license_id: LicenseId }),
      answers: { subscription },
      problems: [...problems, 'SUBSCRIPTION_STILL_ENDING'],
    },
    pause: {
      method: 'POST',
      path: '/api/v1/subscriptions/pause',
      summary: 'Pause the subscription of a license, or the collection of its payments.',
      description:
        'With `collection` the license keeps its seats, and invoices are not collected. With `subscription` the license grants no seats, no new period begins, usage so far is invoiced, and the unused part of a paid period becomes credit.',
      auth: accessOf('cancel.pause'),
      limit: CHANGING,
      body: z.strictObject({
        license_id: LicenseId,
        kind: z.enum(['collection', 'subscription']),
        /** Only with `collection`: what becomes of the invoices. Default: `keep_as_draft`. */
        behavior: z.optional(z.enum(PAUSED_COLLECTIONS)),
        /** Only with `collection`: when collecting begins again. Default: when it is resumed. */
        resumes_at: z.optional(SettableTimestamp),
      }),
      answers: { subscription },
      problems: [...problems, 'VALIDATION_FAILED', 'TIME_NOT_IN_FUTURE', 'SUBSCRIPTION_UNCHANGEABLE'],
    },
    resume: {
      method: 'POST',
      path: '/api/v1/subscriptions/resume',
      summary: 'Resume a paused subscription.',
      description:
        'Ends both kinds of pause. A paused subscription begins a new period, and stays paused until that is paid.',
      auth: accessOf('cancel.resume'),
      limit: CHANGING,
      body: z.strictObject({ license_id: LicenseId }),
      answers: {
        resumed: { status: 200, description: subscription.description, body: ResumedSubscription },
      },
      problems: [...problems, 'SUBSCRIPTION_UNCHANGEABLE'],
    },
  },
});
