import { randomUUID } from 'node:crypto';
import { emulatorBinary, startEmulator } from './emulator-process.ts';
import { freePort } from './free-port.ts';

/**
 * A project on a Pub/Sub emulator. Besides the documented differences to production, its pushes have no
 * `deliveryAttempt` and no token, and a redelivery takes at least a second.
 */
export interface PubSubProject {
  /** `host:port`. */
  readonly host: string;
  readonly projectId: string;
  createTopic(topic: string): Promise<void>;
  createPushSubscription(push: PushSubscription): Promise<void>;
  /** A subscription to pull from, without order. */
  createPullSubscription(of: { readonly topic: string; readonly subscription: string }): Promise<void>;
}

/** A separate emulator for the caller. */
export interface PubSubEmulator extends PubSubProject {
  /** Ends it at once, like a crash. Its topics, subscriptions and messages are lost. Can be called repeatedly. */
  kill(): Promise<void>;
  /** Same as `kill`, for use at the end of a test. */
  stop(): Promise<void>;
}

/** A subscription that pushes in order per key and retries refused messages after a second. */
export interface PushSubscription {
  readonly topic: string;
  readonly subscription: string;
  readonly endpoint: string | URL;
  /**
   * Topic for messages that were refused five times. Leave it out if that can happen in the test: emulator 0.8.20 does
   * not move such a message, but stops delivering to the ordered subscription.
   */
  readonly deadLetterTopic?: string;
  /** Time limit for the endpoint's answer: 10 to 600 seconds. */
  readonly ackDeadlineSeconds?: number;
}

/** Starts an empty emulator and resolves when it answers. Throws if it does not start. */
export async function startPubSubEmulator(
  options: { readonly port?: number; readonly projectId?: string } = {},
): Promise<PubSubEmulator> {
  const { port = await freePort(), projectId = `demo-${randomUUID().slice(0, 8)}` } = options;
  const host = `127.0.0.1:${port}`;
  const command = [pubSubEmulatorBinary(), '--host=127.0.0.1', `--port=${port}`] as const;
  const { kill } = await startEmulator('Pub/Sub emulator', host, command);
  return { ...pubSubProject(host, projectId), kill, stop: kill };
}

/** A project on the emulator at `host`. It has no topics until they are created. */
export function pubSubProject(host: string, projectId: string): PubSubProject {
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
    createPullSubscription: ({ topic, subscription }) =>
      create(`${project}/subscriptions/${subscription}`, { topic: topicName(topic) }),
    createPushSubscription: ({ topic, subscription, endpoint, deadLetterTopic, ackDeadlineSeconds = 10 }) =>
      create(`${project}/subscriptions/${subscription}`, {
        topic: topicName(topic),
        pushConfig: { pushEndpoint: String(endpoint) },
        ackDeadlineSeconds,
        retryPolicy: { minimumBackoff: '1s', maximumBackoff: '1s' },
        ...(deadLetterTopic === undefined
          ? {}
          : { deadLetterPolicy: { deadLetterTopic: topicName(deadLetterTopic), maxDeliveryAttempts: 5 } }),
      }),
  };
}

/**
 * The emulator's own executable, in the installation of gcloud or on the PATH. `gcloud` itself cannot show whether the
 * emulator is installed: it has the command in any case.
 */
export function pubSubEmulatorBinary(): string {
  return emulatorBinary('pubsub-emulator', 'bin', 'cloud-pubsub-emulator') ?? 'cloud-pubsub-emulator';
}
