import type { PubSub as PubSubClass, v1 } from '@google-cloud/pubsub';
import { Unavailable } from '../../errors.ts';
import type { Events } from '../../ports/events.ts';
import { OWN_CONNECTION, openConnection, withCredentials } from '../grpc/connection.ts';
import { retry } from '../grpc/retry.ts';
import { asUnavailable, CANNOT_SERVE, hasStatus, STATUS } from '../grpc/status.ts';
import { messagesOf } from './batch.ts';

export interface PubSubOptions {
  readonly projectId: string;
  /** The topic's id, without the project. */
  readonly topic: string;
  /** `host:port` of an emulator: no encryption, no credentials. */
  readonly emulatorHost?: string | undefined;
  /** How long a call may take, including retries; 5 s if absent. */
  readonly withinMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * Google's client retries a publish after these too (src/v1/publisher_client_config.json of @google-cloud/pubsub-api).
 */
const retried: readonly number[] = [...CANNOT_SERVE, STATUS.CANCELLED, STATUS.UNKNOWN];

/** After these, the caller can only try again later. */
const unavailable: readonly number[] = [
  ...retried,
  STATUS.NOT_FOUND,
  STATUS.PERMISSION_DENIED,
  STATUS.UNAUTHENTICATED,
];

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
    open: () => openClient(options),
    end: (client) => client.close(),
    isLost: () => true,
    asUnavailable: (error) => asUnavailable('events', 'Pub/Sub', unavailable, error),
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

function isRetried(error: unknown): boolean {
  return hasStatus(error, retried);
}

async function openClient({ projectId, emulatorHost }: PubSubOptions): Promise<v1.PublisherClient> {
  const { PubSub, v1 } = await import('@google-cloud/pubsub');
  const client = new v1.PublisherClient({
    projectId,
    ...(emulatorHost === undefined ? {} : await emulatorSettings(PubSub, projectId, emulatorHost)),
    ...OWN_CONNECTION,
  });
  return withCredentials('events', 'Pub/Sub', client);
}

/** Only the SDK offers gRPC without encryption; given all settings, it reads none from the environment. */
async function emulatorSettings(PubSub: typeof PubSubClass, projectId: string, emulatorHost: string) {
  const { PassThroughClient } = await import('google-auth-library');
  const settings = { projectId, apiEndpoint: emulatorHost, emulatorMode: true };
  const { sslCreds } = await new PubSub(settings).getClientConfig();
  const { hostname, port } = new URL(`http://${emulatorHost}`);
  return { apiEndpoint: hostname, port: Number(port), sslCreds, authClient: new PassThroughClient() };
}
