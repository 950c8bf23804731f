import { Unavailable } from '../../errors.ts';
import type { Events } from '../../ports/events.ts';
import { openConnection } from '../grpc/connection.ts';
import { retry } from '../grpc/retry.ts';
import { asUnavailable } from '../grpc/status.ts';
import { messagesOf } from './batch.ts';
import { isRetried, openPublisher, type PubSubAddress, UNAVAILABLE } from './pubsub-client.ts';

export interface PubSubOptions extends PubSubAddress {
  /** The topic's id, without the project. */
  readonly topic: string;
  /** How long a call may take, including retries; 5 s if absent. */
  readonly withinMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * Events in a Pub/Sub topic. The SDK is loaded by the first call, which also opens the one connection: importing this
 * module or opening the topic costs nothing. If the topic does not accept a call's events within about 5 seconds, the
 * call throws `Unavailable`, and also if the topic does not exist or access is denied: the caller can only try later.
 *
 * Messages have no ordering key: a push subscription has one message of a key outstanding at a time
 * (https://cloud.google.com/pubsub/docs/ordering), so a busy license would drain at one event a round trip. Nothing
 * needs the order: each event names its time and position.
 */
export function openPubSubEvents(options: PubSubOptions): Events {
  const topic = `projects/${options.projectId}/topics/${options.topic}`;
  const withinMs = options.withinMs ?? DEFAULT_TIMEOUT_MS;
  const connection = openConnection({
    open: () => openPublisher(options),
    end: (client) => client.close(),
    isLost: () => true,
    asUnavailable: (error) => asUnavailable('events', 'Pub/Sub', UNAVAILABLE, error),
  });
  let isClosed = false;

  function checkOpen(): void {
    if (isClosed) throw new Unavailable('events', 'the topic has been closed');
  }

  return {
    async publish(events, traceparent) {
      checkOpen();
      const deadlineMs = performance.now() + withinMs;
      const messages = messagesOf(events, traceparent);
      if (messages.length === 0) return;
      await connection.use((client) =>
        retry({ deadlineMs, isRetried }, (attempt) => client.publish({ topic, messages }, attempt)),
      );
    },
    async ping() {
      checkOpen();
      const deadlineMs = performance.now() + withinMs;
      await connection.use((client) =>
        retry({ deadlineMs, isRetried, mostAttempts: 1 }, (attempt) => client.getTopic({ topic }, attempt)),
      );
    },
    async close() {
      isClosed = true;
      await connection.close();
    },
  };
}
