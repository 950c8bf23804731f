import { deployedName } from '../functions/names.ts';
import type { StackSettings } from './settings.ts';

/** Names in the cloud. Those that others refer to are computed from the settings, before the resources exist. */

export const EVENTS_TOPIC = 'seatlease-events';
export const DEAD_LETTERS = 'seatlease-events-dead';
export const KEY_RING = 'seatlease';
export const SIGNING_KEY = 'licenses';

/** What functions are built for. */
export const RUNTIME = 'nodejs24';

/** Service accounts that do not belong to a function. */
export const SCHEDULER_ACCOUNT = 'seatlease-scheduler';
export const PUSH_ACCOUNT = 'seatlease-push';
export const BUILD_ACCOUNT = 'seatlease-build';
export const COPY_ACCOUNT = 'seatlease-copy';

/** The Memorystore instance that keeps the seats, and its network with its policy. */
export const REDIS_INSTANCE = 'seatlease';
export const REDIS_NETWORK = 'seatlease';

/** The Cloud Scheduler job that copies the records out of the project. */
export const COPY_JOB = 'seatlease-copy';

export function accountEmail(account: string, { project }: StackSettings): string {
  return `${account}@${project}.iam.gserviceaccount.com`;
}

/**
 * A function's own URL, which Cloud Run derives from names and the project's number
 * (https://cloud.google.com/run/docs/triggering/https-request#deterministic). The URL at cloudfunctions.net is not used:
 * only calls to run.app count as internal.
 */
export function urlOf(functionName: string, { projectNumber, region }: StackSettings): string {
  return `https://${deployedName(functionName)}-${projectNumber}.${region}.run.app`;
}

/** The subscription that pushes events to the function that records them. */
export function recorderSubscription(functionName: string): string {
  return `${EVENTS_TOPIC}-${functionName}`;
}

export function secretId(setting: string): string {
  return `seatlease-${setting.toLowerCase().replaceAll('_', '-')}`;
}

export function keyVersionName({ project, region, signingKey }: StackSettings): string {
  const key = `projects/${project}/locations/${region}/keyRings/${KEY_RING}/cryptoKeys/${SIGNING_KEY}`;
  return `${key}/cryptoKeyVersions/${signingKey.version}`;
}
