import type { SeatEvent } from '../../domain/event.ts';
import { type EventMessage, messageOf, withTrace } from '../../domain/event-message.ts';

const MAX_EVENTS = 100;

/** The messages of one call. Throws a RangeError for more than 100 events. */
export function messagesOf(events: readonly SeatEvent[], traceparent: string | undefined): EventMessage[] {
  if (events.length > MAX_EVENTS) {
    throw new RangeError(`A call publishes at most ${MAX_EVENTS} events, not ${events.length}.`);
  }
  return events.map((event) => withTrace(traceparent, messageOf(event)));
}
