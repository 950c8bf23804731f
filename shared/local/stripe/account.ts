import { API_VERSION, newId, type State } from './state.ts';
import type { SentEvent } from './types.ts';

/** The one account of the fake: its objects, its clock and its events. */
export interface Account {
  readonly state: State;
  /** Seconds. */
  now(): number;
  /** Where its pages are. */
  pagesUrl(): string;
  /** Adds an event, and has it sent where events are sent to. */
  publish(type: string, object: object): SentEvent;
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
