import type { protos } from '@google-cloud/pubsub';
import type { Messages, PulledMessage } from '../../ports/messages.ts';
import { openConnection } from '../grpc/connection.ts';
import { retry } from '../grpc/retry.ts';
import { asUnavailable, hasStatus, STATUS } from '../grpc/status.ts';
import {
  isRetried,
  openPublisher,
  openSubscriber,
  type PubSubAddress,
  UNAVAILABLE,
} from './pubsub-client.ts';

export interface PubSubMessagesOptions extends PubSubAddress {
  /** How long a pull waits for a first message; 10 s if absent. */
  readonly waitMs?: number | undefined;
}

const DEFAULT_WAIT_MS = 10_000;
const TIMEOUT_MS = 30_000;

/** Pub/Sub's maximum (https://docs.cloud.google.com/pubsub/docs/lease-management). */
const HELD_SECONDS = 600;

/** Of the 1,000 messages and 10 MB that Pub/Sub allows (https://docs.cloud.google.com/pubsub/quotas). */
const PUBLISH_BATCH = 100;

/** Messages of Pub/Sub, for an operator with `roles/pubsub.editor`. The SDK is loaded by the first call. */
export function openPubSubMessages(options: PubSubMessagesOptions): Messages {
  const { projectId, waitMs = DEFAULT_WAIT_MS } = options;
  const common = {
    isLost: () => true,
    asUnavailable: (error: unknown) => asUnavailable('events', 'Pub/Sub', UNAVAILABLE, error),
  };
  const publisher = openConnection({
    ...common,
    open: () => openPublisher(options),
    end: (client) => client.close(),
  });
  const subscriber = openConnection({
    ...common,
    open: () => openSubscriber(options),
    end: (client) => client.close(),
  });
  const nameOf = (subscription: string): string => `projects/${projectId}/subscriptions/${subscription}`;

  async function holdFor(seconds: number, subscription: string, pulled: readonly PulledMessage[]) {
    if (pulled.length === 0) return;
    const request = {
      subscription: nameOf(subscription),
      ackIds: pulled.map(({ ackId }) => ackId),
      ackDeadlineSeconds: seconds,
    };
    await subscriber.use((client) =>
      retry(within(TIMEOUT_MS), (attempt) => client.modifyAckDeadline(request, attempt)),
    );
  }

  return {
    async pull(subscription, limit) {
      const name = nameOf(subscription);
      const pulled = await subscriber.use(async (client) => {
        // A pull that finds nothing ends in DEADLINE_EXCEEDED, as one does without a connection: only this shows that
        // the subscription is there.
        await retry(within(TIMEOUT_MS), (attempt) => client.getSubscription({ subscription: name }, attempt));
        // Google's client retries a pull after these too (src/v1/subscriber_client_config.json).
        return retry(within(TIMEOUT_MS), () =>
          pullWithin(client, { subscription: name, maxMessages: limit }, waitMs),
        );
      });
      await holdFor(HELD_SECONDS, subscription, pulled);
      return pulled;
    },

    async acknowledge(subscription, pulled) {
      if (pulled.length === 0) return;
      const request = { subscription: nameOf(subscription), ackIds: pulled.map(({ ackId }) => ackId) };
      await subscriber.use((client) =>
        retry(within(TIMEOUT_MS), (attempt) => client.acknowledge(request, attempt)),
      );
    },

    putBack: (subscription, pulled) => holdFor(0, subscription, pulled),

    async publish(topic, messages) {
      const name = `projects/${projectId}/topics/${topic}`;
      for (let n = 0; n < messages.length; n += PUBLISH_BATCH) {
        const batch = messages.slice(n, n + PUBLISH_BATCH);
        await publisher.use((client) =>
          retry(within(TIMEOUT_MS), (attempt) => client.publish({ topic: name, messages: batch }, attempt)),
        );
      }
    },

    async close() {
      await Promise.all([publisher.close(), subscriber.close()]);
    },
  };
}

function within(ms: number) {
  return { deadlineMs: performance.now() + ms, isRetried };
}

type Subscriber = Awaited<ReturnType<typeof openSubscriber>>;

/** Pub/Sub may answer a pull without messages although there are some, so it is repeated until the time is up. */
async function pullWithin(
  client: Subscriber,
  request: { readonly subscription: string; readonly maxMessages: number },
  waitMs: number,
): Promise<PulledMessage[]> {
  const endMs = performance.now() + waitMs;
  for (let leftMs = waitMs; leftMs > 0; leftMs = endMs - performance.now()) {
    try {
      const [{ receivedMessages }] = await client.pull(request, { timeout: leftMs, retry: null });
      if (receivedMessages?.length) return receivedMessages.flatMap(readPulled);
    } catch (error) {
      if (!hasStatus(error, [STATUS.DEADLINE_EXCEEDED])) throw error;
    }
  }
  return [];
}

function readPulled({ ackId, message }: protos.google.pubsub.v1.IReceivedMessage): PulledMessage[] {
  if (!ackId || !message) return [];
  const { messageId, data, attributes } = message;
  return [
    {
      ackId,
      messageId: messageId ?? '',
      data: Buffer.from(data ?? ''),
      attributes: { ...attributes },
    },
  ];
}
