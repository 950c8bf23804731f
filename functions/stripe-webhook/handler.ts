import { isProcessable, type StripeOutcome } from '../../shared/domain/billing-event.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { storeStripeEvent, tryStripeEvent } from '../../shared/use-cases/stripe-events.ts';
import type contract from './contract.ts';

async function receive(
  { caller, note }: RequestOf<typeof contract, 'receive'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'receive'>> {
  if (!deps.billing) return { problem: 'BILLING_NOT_SET_UP' };
  const { delivery } = caller;
  const { eventId, type } = delivery.event;
  note({ event_id: eventId, ...(type !== null && { event_type: type }) });
  const received = (outcome: StripeOutcome) => {
    note({ verdict: outcome.toUpperCase() as Uppercase<StripeOutcome> });
    return { answer: 'received' as const, body: { received: true as const, outcome } };
  };

  const stored = await storeStripeEvent(delivery, deps);
  if (delivery.verdict === 'UNREADABLE') {
    note({ severity: 'ERROR', because: `signed by Stripe, but ${delivery.event.because}` });
    return received('unreadable');
  }
  const { warning, isThin } = delivery;
  if (warning !== undefined) note({ severity: 'WARNING', because: warning });
  if (stored === undefined) return received(isThin ? 'ignored_thin' : 'ignored');
  if (stored.state === 'done') return received('already_done');
  if (!isProcessable(stored)) throw new Error(`${eventId} is stored without what it is about`);
  const tried = await tryStripeEvent(stored, deps.billing, deps);
  switch (tried.verdict) {
    case 'FAILED':
      // Stripe resends it, and so does the sweep.
      throw tried.fault;
    case 'SET_ASIDE':
      note({ severity: 'ERROR', because: `set aside after ${tried.tries} tries: ${tried.because}` });
      return received('set_aside');
    case 'DONE':
      if (tried.because !== undefined)
        note({ severity: 'WARNING', because: [warning, tried.because].filter(Boolean).join('; ') });
      return received('done');
  }
}

export default { receive } satisfies HandlersOf<typeof contract>;
