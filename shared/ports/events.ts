import type { SeatEvent } from '../domain/event.ts';

/** The topic that tells subscribers, ours and the vendor's, what happened. */
export interface Events {
  /**
   * Hands events over, at most 100 a call; those of one license arrive in the order given. When it resolves, all were
   * accepted for delivery. It throws `Unavailable('events', …)` where the topic does not answer; which events were
   * accepted is then not known, and publishing them again is harmless, as subscribers tell events apart by id.
   * Messages carry `traceparent` (W3C Trace Context), where there is one, beside the event.
   */
  publish(events: readonly SeatEvent[], traceparent?: string): Promise<void>;

  /** Resolves when the topic is there and answers; throws `Unavailable` when it does not. */
  ping(): Promise<void>;

  close(): Promise<void>;
}
