import type { StackSettings } from './settings.ts';

/** The APIs that every stack uses. Its deploy enables them. The last step of a deploy, firebase-tools, uses those of Firebase. */
const APIS = [
  'artifactregistry',
  'billingbudgets',
  'cloudbuild',
  'cloudfunctions',
  'cloudkms',
  'cloudresourcemanager',
  'cloudscheduler',
  'firebase',
  'firebasehosting',
  'firebaserules',
  'firestore',
  'iam',
  'logging',
  'monitoring',
  'pubsub',
  'run',
  'secretmanager',
  'storage',
];

/**
 * What Memorystore for Valkey and its network need
 * (https://docs.cloud.google.com/memorystore/docs/valkey/instance-provisioning-vpc).
 */
const MEMORYSTORE_APIS = ['compute', 'memorystore', 'networkconnectivity', 'serviceconsumermanagement'];

/** The APIs that this stack uses. */
export function apisOf({ redis }: Pick<StackSettings, 'redis'>): string[] {
  return redis.kind === 'memorystore' ? [...APIS, ...MEMORYSTORE_APIS] : APIS;
}
