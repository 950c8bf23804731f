import type { UsageRecords } from '../../../sdk/src/api.ts';

type UsageRecord = UsageRecords['records'][number];
export type UsageState = UsageRecord['state'];

export const STATE_LABELS: Readonly<Record<UsageState, string>> = {
  new: 'Not counted yet',
  sending: 'Being sent to Stripe',
  sent: 'Billed',
  unbilled: 'Not billed',
  late: 'Too late to be billed',
  refused: 'Rejected by Stripe',
  uncertain: 'May not be billed',
  over_cap: 'Over the cap',
  voided: 'Voided',
};

/** Our own problems. Any other is an error code of Stripe, and shown as it is. */
const PROBLEMS: Readonly<Record<string, string>> = {
  over_cap: 'the cap of the day was reached',
  no_customer: 'the tenant is not a customer at Stripe',
  no_price: 'the subscription has no price for this meter',
  subscription_ended: 'the subscription had ended',
  invoice_closed: 'the invoice of its period was final',
  too_old: 'Stripe accepts usage for 35 days',
  outage: 'Stripe was unavailable for too long',
};

const AT_STRIPE: Readonly<Record<NonNullable<UsageRecord['voided']>['at_stripe'], string>> = {
  not_billed: 'not billed at Stripe',
  cancel_pending: 'is being canceled at Stripe',
  canceled: 'canceled at Stripe',
  credit_note_needed: 'a credit note at Stripe is needed',
};

/** What became of a record, and why. */
export function outcomeText({
  state,
  problem,
  voided,
}: Pick<UsageRecord, 'state' | 'problem' | 'voided'>): string {
  const label = STATE_LABELS[state];
  if (voided) {
    const reason = voided.reason === undefined ? '' : ` (${voided.reason})`;
    return `${label}${reason}: ${AT_STRIPE[voided.at_stripe]}`;
  }
  return problem === null
    ? label
    : `${label}: ${Object.hasOwn(PROBLEMS, problem) ? PROBLEMS[problem] : problem}`;
}
