import type { StoredEvent } from '../../shared/domain/billing-event.ts';
import type { HandlersOf, ReplyOf, RequestOf } from '../../shared/http/contract.ts';
import { timestamp, timestampOrNull } from '../../shared/http/fields.ts';
import { readPage } from '../../shared/http/page.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import { BILLING_EVENTS_IN_STATE } from '../../shared/ports/queries.ts';
import { reopenStripeEvent } from '../../shared/use-cases/stripe-events.ts';
import type contract from './contract.ts';

async function list(
  { query, note }: RequestOf<typeof contract, 'list'>,
  { records }: Deps,
): Promise<ReplyOf<typeof contract, 'list'>> {
  const { status: state = 'set_aside' } = query;
  const page = await readPage(records, BILLING_EVENTS_IN_STATE, { state }, { query, note });
  if ('problem' in page) return page;
  const { documents, next_cursor } = page;
  return { answer: 'events', body: { stripe_events: documents.map(viewOf), next_cursor } };
}

async function retry(
  { params, by }: RequestOf<typeof contract, 'retry'>,
  deps: Deps,
): Promise<ReplyOf<typeof contract, 'retry'>> {
  const event = await reopenStripeEvent(params.event_id, by, deps);
  if (event === 'UNKNOWN') return { problem: 'STRIPE_EVENT_NOT_FOUND' };
  if (event === 'CLOSED') return { problem: 'STRIPE_EVENT_NOT_RETRYABLE' };
  return { answer: 'opened', body: viewOf(event) };
}

function viewOf(event: StoredEvent) {
  return {
    event_id: event.eventId,
    type: event.type,
    status: event.state,
    object_id: event.about?.id ?? null,
    tries: event.tries,
    last_error: event.lastError,
    next_try_at: timestampOrNull(event.nextTryAtMs),
    created_at: timestampOrNull(event.createdAtMs),
    received_at: timestamp(event.receivedAtMs),
  };
}

export default { list, retry } satisfies HandlersOf<typeof contract>;
