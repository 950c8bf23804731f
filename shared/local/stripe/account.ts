import type { Event } from './official/events.ts';
import { API_VERSION } from './official/table.ts';
import { newId, type State } from './state.ts';
import type { RelatedObject, SentEvent } from './types.ts';

/** The only account of the fake Stripe: its objects, clock and events. */
export interface Account {
  readonly state: State;
  /** Current time in seconds. */
  now(): number;
  /** Address of its pages. */
  pagesUrl(): string;
  /** Adds an event about an object of the state and queues it for the webhook endpoint. */
  publish(type: string, stored: object): SentEvent;
  /** Like `publish`, with any object as it is, even one that Stripe would not send, in any API version. */
  emit(type: string, shown: object, apiVersion?: string): SentEvent;
  /** Adds an event and queues it. */
  queue(event: SentEvent): SentEvent;
}

export interface NewEvent extends Event {
  readonly id: string;
  readonly created: number;
}

export function newEvent(type: string, object: object, created: number, apiVersion = API_VERSION): NewEvent {
  const event = {
    id: newId('evt'),
    object: 'event',
    api_version: apiVersion,
    created,
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
  };
  return event;
}

/** As it is sent; the data of the event is fetched by its id (docs.stripe.com/api/v2/core/events/event-types). */
export function newThinEvent(type: string, related: RelatedObject | undefined, created: number): SentEvent {
  const id = newId('evt_test');
  const event = {
    id,
    object: 'v2.core.event',
    type,
    livemode: false,
    created: new Date(created * 1000).toISOString(),
    ...(related && { related_object: related }),
  };
  return { id, type, created, body: JSON.stringify(event) };
}
