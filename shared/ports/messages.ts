/**
 * Messages as they are in topics and subscriptions, for operators' programs. Functions publish events (`Events`). If
 * the service does not answer, denies access, or the topic or subscription does not exist, it throws
 * `Unavailable('events', …)`. Topics and subscriptions are named without the project.
 */
export interface Messages {
  /**
   * At most `limit` (1 to 100) messages of the subscription, which is empty if there were none within a few seconds.
   * No other pull returns them for ten minutes, unless they are put back. A message may be pulled twice all the same.
   */
  pull(subscription: string, limit: number): Promise<readonly PulledMessage[]>;

  /** Removes pulled messages from the subscription. */
  acknowledge(subscription: string, pulled: readonly PulledMessage[]): Promise<void>;

  /** Lets the next pull return pulled messages again. */
  putBack(subscription: string, pulled: readonly PulledMessage[]): Promise<void>;

  /** Publishes any number of messages. When it resolves, all were accepted; when it throws, it is unknown which were. */
  publish(topic: string, messages: readonly Message[]): Promise<void>;

  close(): Promise<void>;
}

export interface Message {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface PulledMessage extends Message {
  readonly messageId: string;
  /** Identifies this delivery, for `acknowledge` and `putBack`. */
  readonly ackId: string;
}
