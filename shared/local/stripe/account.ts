import type { Event } from './official/events.ts';
import { API_VERSION } from './official/table.ts';
import { newId, type State } from './state.ts';
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
  /** Like `publish`, with any object as it is, even one that Stripe would not send. */
  emit(type: string, shown: object): SentEvent;
}

export interface NewEvent extends Event {
  readonly id: string;
  readonly created: number;
}

export function newEvent(type: string, object: object, created: number): NewEvent {
  const event = {
    id: newId('evt'),
    object: 'event',
    api_version: API_VERSION,
    created,
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
  };
  return event;
}
