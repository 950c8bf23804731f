import { deployedName } from '../functions/names.ts';
import type { StackSettings } from './settings.ts';

/** What things are called in the cloud. Names of what others address follow from the settings, before it is there. */

export const DATABASE = '(default)';
export const EVENTS_TOPIC = 'seatlease-events';
export const DEAD_LETTERS = 'seatlease-events-dead';
export const KEY_RING = 'seatlease';
export const SIGNING_KEY = 'licenses';

/** Accounts beside those of the functions. */
export const SCHEDULER_ACCOUNT = 'seatlease-scheduler';
export const PUSH_ACCOUNT = 'seatlease-push';
export const BUILD_ACCOUNT = 'seatlease-build';

export function accountEmail(account: string, { project }: StackSettings): string {
  return `${account}@${project}.iam.gserviceaccount.com`;
}

/**
 * A function's own address, which Cloud Run makes of names and the project's number
 * (https://cloud.google.com/run/docs/triggering/https-request#deterministic). Not the one at cloudfunctions.net: only
 * calls to run.app count as internal.
 */
export function urlOf(functionName: string, { projectNumber, region }: StackSettings): string {
  return `https://${deployedName(functionName)}-${projectNumber}.${region}.run.app`;
}

export function secretId(setting: string): string {
  return `seatlease-${setting.toLowerCase().replaceAll('_', '-')}`;
}

export function keyVersionName({ project, region, signingKey }: StackSettings): string {
  const key = `projects/${project}/locations/${region}/keyRings/${KEY_RING}/cryptoKeys/${SIGNING_KEY}`;
  return `${key}/cryptoKeyVersions/${signingKey.version}`;
}
