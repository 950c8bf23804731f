import type { HandlersOf, Refusal, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { own } from '../../shared/http/own.ts';
import { viewOfSubscription } from '../../shared/http/subscription-view.ts';
import type { Billing } from '../../shared/ports/billing.ts';
import { LICENSES } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { recordEvent } from '../../shared/use-cases/record-event.ts';
import { syncSubscription } from '../../shared/use-cases/subscriptions.ts';
import type contract from './contract.ts';

async function cancel(
  { body, ...caller }: RequestOf<typeof contract, 'cancel'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'cancel'>> {
  return changeEnd(body.license_id, body.when ?? 'period_end', caller, deps);
}

async function undo(
  { body, ...caller }: RequestOf<typeof contract, 'undo'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'undo'>> {
  return changeEnd(body.license_id, 'never', caller, deps);
}

/**
 * Changes the subscription at Stripe, then applies the change without waiting for Stripe's event, so that seats are
 * current when the answer is sent. After a crash in between, the event applies it.
 */
async function changeEnd(
  licenseId: string,
  when: Parameters<Billing['endSubscription']>[1],
  { by, standing }: Pick<RequestOf<typeof contract, 'cancel'>, 'by' | 'standing'>,
  deps: Deps,
) {
  const { billing, records } = deps;
  if (!billing) return refused('BILLING_NOT_SET_UP');
  const license = own(await records.get(LICENSES, licenseId), standing, 'LICENSE_NOT_FOUND');
  if ('problem' in license) return license;
  const { subscriptionId } = license;
  if (subscriptionId === null) return refused('SUBSCRIPTION_NOT_FOUND');
  const ended = await billing.endSubscription(subscriptionId, when);
  if (ended !== 'OVER') {
    const type = when === 'never' ? 'subscription.resumed' : 'subscription.canceled';
    const { tenantId } = license;
    await records.transact(async (transaction) =>
      recordEvent(
        transaction,
        { type, tenantId, licenseId, subject: subscriptionId, by },
        deps.clock.nowMs(),
      ),
    );
  }
  const look = await syncSubscription(subscriptionId, { by }, billing, deps);
  if (look.verdict === 'IGNORED') return refused('SUBSCRIPTION_NOT_FOUND', look.because);
  if (ended === 'OVER') return refused('SUBSCRIPTION_ENDED');
  return { answer: 'subscription' as const, body: viewOfSubscription(look.subscription) };
}

function refused<C extends Refusal['problem']>(problem: C, because?: string): Refusal<C> {
  return { problem, because };
}

export default { cancel, undo } satisfies HandlersOf<typeof contract>;
