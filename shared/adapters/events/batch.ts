import type { SeatEvent } from '../../domain/event.ts';
import { type EventMessage, messageOf, withTrace } from '../../domain/event-message.ts';

const MAX_EVENTS = 100;

/** The messages of one call, grouped by license and in order. Throws a RangeError for more than 100 events. */
export function messagesByLicense(
  events: readonly SeatEvent[],
  traceparent: string | undefined,
): ReadonlyMap<string, EventMessage[]> {
  if (events.length > MAX_EVENTS) {
    throw new RangeError(`A call publishes at most ${MAX_EVENTS} events, not ${events.length}.`);
  }
  const messages = events.map((event) => withTrace(traceparent, messageOf(event)));
  return Map.groupBy(messages, ({ orderingKey }) => orderingKey);
}
