import { tallyOf, type UsageRecord, type UsageTally } from '../../domain/metering.ts';
import { Unavailable } from '../../errors.ts';
import type { Deps } from '../../ports/deps.ts';
import { emptyMeteringProgress, meterUsage } from './meter-usage.ts';

/** How long usage is sent before a subscription ends. A function's time limit is three times as long. */
const FLUSH_WITHIN_MS = 20_000;

/**
 * Sends what is left of the tenant's usage to Stripe, and returns what became of it: a subscription that ends now is
 * invoiced for the usage that Stripe has by then. Meters count by customer, so the usage of all licenses of the tenant
 * can be on the invoice of any of its subscriptions. Throws `Unavailable` if Stripe does not answer, or if some usage is
 * still not sent: the caller must not end the subscription then. Costs one read if there is no usage left.
 */
export async function flushUsage(tenantId: string, deps: Deps): Promise<UsageTally[]> {
  const endMs = deps.clock.nowMs() + FLUSH_WITHIN_MS;
  const answered: UsageRecord[] = [];
  const isComplete = await meterUsage(
    deps,
    {
      progress: emptyMeteringProgress(),
      isTimeUp: () => deps.clock.nowMs() >= endMs,
      callStripe: (step) => step(),
      onAnswered: (record) => void answered.push(record),
    },
    tenantId,
  );
  if (!isComplete) throw new Unavailable('billing', `usage of ${tenantId} is still being sent`);
  return tallyOf(answered);
}
