import type { BillingEvent, StoredEvent } from '../../shared/domain/billing-event.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { BILLING_EVENTS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { processStripeEvent } from '../../shared/use-cases/stripe-events.ts';
import type contract from './contract.ts';

async function receive(
  { caller, note }: RequestOf<typeof contract, 'receive'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'receive'>> {
  if (!deps.billing) return { problem: 'BILLING_NOT_SET_UP' };
  const { event } = caller;
  note({ event_id: event.eventId, event_type: event.type });
  const stored = await store(event, deps);
  if (stored === undefined) return received('ignored');
  if (stored.isDone) return received('already_done');
  const because = await processStripeEvent(stored, deps.billing, deps);
  if (because !== undefined) note({ severity: 'WARNING', because });
  return received('done');
}

/** Stores the event, and returns it as stored; `undefined` if it does not concern seats. */
async function store(event: BillingEvent, { records, clock }: Deps): Promise<StoredEvent | undefined> {
  const { about, ...rest } = event;
  if (about === null) return undefined;
  const stored: StoredEvent = { ...rest, about, receivedAtMs: clock.nowMs(), isDone: false };
  const created = await records.create(BILLING_EVENTS, event.eventId, stored);
  return created === 'CREATED' ? stored : records.get(BILLING_EVENTS, event.eventId);
}

function received(outcome: 'done' | 'already_done' | 'ignored') {
  return { answer: 'received' as const, body: { received: true as const, outcome } };
}

export default { receive } satisfies HandlersOf<typeof contract>;
