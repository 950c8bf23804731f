import { API_VERSION, newId, type State } from './state.ts';
import type { SentEvent } from './types.ts';

/** The only account of the fake Stripe: its objects, clock and events. */
export interface Account {
  readonly state: State;
  /** Current time in seconds. */
  now(): number;
  /** Address of its pages. */
  pagesUrl(): string;
  /** Adds an event about an object of the state and queues it for the webhook endpoint. */
  publish(type: string, stored: object): SentEvent;
  /** Like `publish`, with the object as it is sent. */
  emit(type: string, shown: object): SentEvent;
}

export function newEvent(type: string, object: object, created: number): SentEvent {
  const id = newId('evt');
  const event = {
    id,
    object: 'event',
    api_version: API_VERSION,
    created,
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
  };
  return { id, type, created, body: JSON.stringify(event, null, 2) };
}
