import type { PubSub as PubSubClass, v1 } from '@google-cloud/pubsub';
import { OWN_CONNECTION, withCredentials } from '../grpc/connection.ts';
import { CANNOT_SERVE, hasStatus, STATUS } from '../grpc/status.ts';

/** Where Pub/Sub is. */
export interface PubSubAddress {
  readonly projectId: string;
  /** `host:port` of an emulator: no encryption, no credentials. */
  readonly emulatorHost?: string | undefined;
}

/**
 * Google's client retries a publish after these too (src/v1/publisher_client_config.json of @google-cloud/pubsub-api).
 */
const RETRIED: readonly number[] = [...CANNOT_SERVE, STATUS.CANCELLED, STATUS.UNKNOWN];

/** After these, the caller can only try again later. */
export const UNAVAILABLE: readonly number[] = [
  ...RETRIED,
  STATUS.NOT_FOUND,
  STATUS.PERMISSION_DENIED,
  STATUS.UNAUTHENTICATED,
];

export function isRetried(error: unknown): boolean {
  return hasStatus(error, RETRIED);
}

export async function openPublisher(address: PubSubAddress): Promise<v1.PublisherClient> {
  const { v1, settings } = await load(address);
  return withCredentials('events', 'Pub/Sub', new v1.PublisherClient(settings));
}

export async function openSubscriber(address: PubSubAddress): Promise<v1.SubscriberClient> {
  const { v1, settings } = await load(address);
  return withCredentials('events', 'Pub/Sub', new v1.SubscriberClient(settings));
}

async function load({ projectId, emulatorHost }: PubSubAddress) {
  const { PubSub, v1 } = await import('@google-cloud/pubsub');
  const emulator = emulatorHost === undefined ? {} : await emulatorSettings(PubSub, projectId, emulatorHost);
  return { v1, settings: { projectId, ...emulator, ...OWN_CONNECTION } };
}

/** Only the SDK offers gRPC without encryption; given all settings, it reads none from the environment. */
async function emulatorSettings(PubSub: typeof PubSubClass, projectId: string, emulatorHost: string) {
  const { PassThroughClient } = await import('google-auth-library');
  const settings = { projectId, apiEndpoint: emulatorHost, emulatorMode: true };
  const { sslCreds } = await new PubSub(settings).getClientConfig();
  const { hostname, port } = new URL(`http://${emulatorHost}`);
  return { apiEndpoint: hostname, port: Number(port), sslCreds, authClient: new PassThroughClient() };
}
