import type { SeatEvent } from '../domain/event.ts';

/** The topic that publishes events to our own and the vendor's subscribers. */
export interface Events {
  /**
   * Publishes at most 100 events per call. They are delivered in any order, each at least once. When it resolves, all
   * were accepted for delivery. If the topic does not answer, it throws `Unavailable('events', …)`: it is then
   * unknown which events were accepted, and publishing them again is safe, as subscribers recognise duplicates by event
   * id. Messages carry `traceparent` (W3C Trace Context), if given, beside the event.
   */
  publish(events: readonly SeatEvent[], traceparent?: string): Promise<void>;

  /** Resolves if the topic exists and answers; throws `Unavailable` if not. */
  ping(): Promise<void>;

  close(): Promise<void>;
}
