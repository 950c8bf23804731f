import { randomUUID } from 'node:crypto';
import { emulatorBinary, startEmulator } from './emulator-process.ts';
import { freePort } from './free-port.ts';

/**
 * A Pub/Sub on this machine. Beside what its documentation lists, it differs from production in what it pushes (no
 * `orderingKey`, no `deliveryAttempt`, no token), in that one request may mix ordering keys, and in that it waits at
 * least a second before it delivers again.
 */
export interface PubSubEmulator {
  /** `host:port`. */
  readonly host: string;
  readonly projectId: string;
  createTopic(topic: string): Promise<void>;
  createPushSubscription(push: PushSubscription): Promise<void>;
  /** Ends it at once, as a crash would: with it go its topics, subscriptions and messages. Harmless when repeated. */
  kill(): Promise<void>;
  /** The same, for whoever is done with it. */
  stop(): Promise<void>;
}

/** Pushes in order of each key, and soon again what was refused. */
export interface PushSubscription {
  readonly topic: string;
  readonly subscription: string;
  readonly endpoint: string | URL;
  /**
   * Topic for messages that were refused five times. Leave it out where that may happen: instead of moving such a
   * message, emulator 0.8.20 then delivers nothing more to an ordered subscription.
   */
  readonly deadLetterTopic?: string;
  /** How long an endpoint may take: 10 to 600 seconds. */
  readonly ackDeadlineSeconds?: number;
}

/** Starts an emulator with nothing in it and resolves once it answers; throws when it does not start. */
export async function startPubSubEmulator(
  options: { readonly port?: number; readonly projectId?: string } = {},
): Promise<PubSubEmulator> {
  const { port = await freePort(), projectId = `demo-${randomUUID().slice(0, 8)}` } = options;
  const host = `127.0.0.1:${port}`;
  const command = [pubSubEmulatorBinary(), '--host=127.0.0.1', `--port=${port}`] as const;
  const { kill } = await startEmulator('Pub/Sub emulator', host, command);
  const project = `projects/${projectId}`;
  const topicName = (topic: string) => `${project}/topics/${topic}`;

  async function create(name: string, resource: object): Promise<void> {
    const answer = await fetch(`http://${host}/v1/${name}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(resource),
    });
    const text = await answer.text();
    if (!answer.ok) {
      throw new Error(`The Pub/Sub emulator did not create ${name}: ${text}`);
    }
  }

  return {
    host,
    projectId,
    createTopic: (topic) => create(topicName(topic), {}),
    createPushSubscription: ({ topic, subscription, endpoint, deadLetterTopic, ackDeadlineSeconds = 10 }) =>
      create(`${project}/subscriptions/${subscription}`, {
        topic: topicName(topic),
        pushConfig: { pushEndpoint: String(endpoint) },
        ackDeadlineSeconds,
        enableMessageOrdering: true,
        retryPolicy: { minimumBackoff: '1s', maximumBackoff: '1s' },
        ...(deadLetterTopic === undefined
          ? {}
          : { deadLetterPolicy: { deadLetterTopic: topicName(deadLetterTopic), maxDeliveryAttempts: 5 } }),
      }),
    kill,
    stop: kill,
  };
}

/**
 * The emulator itself, in gcloud's installation or else on the PATH: `gcloud` knows the word whether or not the
 * emulator's component is installed.
 */
export function pubSubEmulatorBinary(): string {
  return emulatorBinary('pubsub-emulator', 'bin', 'cloud-pubsub-emulator') ?? 'cloud-pubsub-emulator';
}
