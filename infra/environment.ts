import { isInternal } from '../shared/http/callers.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import { dependenciesOf, secretsOf as secretsReadBy, settingsOf } from '../shared/http/dependencies.ts';
import {
  type ChosenName,
  type Dependency,
  SETTINGS,
  type SecretName,
  type SettingName,
  type StackName,
} from '../shared/settings.ts';
import {
  accountEmail,
  EVENTS_TOPIC,
  keyVersionName,
  PUSH_ACCOUNT,
  SCHEDULER_ACCOUNT,
  urlOf,
} from './names.ts';
import type { StackSettings } from './settings.ts';

/** The dependencies of features that a stack can leave out, by their field in its settings. */
const OPTIONAL = {
  signIn: ['signIn', 'signInPage'],
  billing: ['billing', 'billingEvents', 'checkout', 'holdPolicy'],
  operatorKey: ['isOperatorKey'],
} as const satisfies Partial<Record<keyof StackSettings, readonly Dependency[]>>;

/** The secrets of each kind of Redis. */
const REDIS_SECRETS: Readonly<Record<StackSettings['redis']['kind'], readonly SecretName[]>> = {
  upstash: ['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN'],
  memorystore: [],
  url: ['REDIS_URL'],
};

/** The settings whose values are known only when Memorystore has created the instance. */
const FROM_MEMORYSTORE = ['REDIS_URL', 'REDIS_CA_CERTIFICATE'] as const satisfies readonly SettingName[];
export type FromMemorystore = (typeof FROM_MEMORYSTORE)[number];

/** Whether the function uses the Redis of the stack, for seats or limits. */
export function readsRedis(contract: FunctionContract): boolean {
  return settingsOf(dependenciesOf(contract)).includes('REDIS_URL');
}

/** The dependencies that the function opens in this stack. */
function dependenciesIn(contract: FunctionContract, settings: StackSettings): ReadonlySet<Dependency> {
  const left: readonly Dependency[] = Object.entries(OPTIONAL).flatMap(([feature, names]) =>
    settings[feature as keyof typeof OPTIONAL] ? [] : names,
  );
  return new Set([...dependenciesOf(contract)].filter((name) => !left.includes(name)));
}

/** The secrets that the function reads, without those of features that this stack leaves out. */
export function secretsOf(contract: FunctionContract, settings: StackSettings): SecretName[] {
  const left = Object.values(REDIS_SECRETS)
    .flat()
    .filter((name) => !REDIS_SECRETS[settings.redis.kind].includes(name));
  return secretsReadBy(dependenciesIn(contract, settings)).filter((name) => !left.includes(name));
}

/** The settings that the function gets from the Memorystore instance. */
export function fromMemorystore(
  contract: FunctionContract,
  { redis }: StackSettings,
): readonly FromMemorystore[] {
  return redis.kind === 'memorystore' && readsRedis(contract) ? FROM_MEMORYSTORE : [];
}

/** The plain variables that the function reads, without those that it gets from the Memorystore instance. */
export function environmentOf(
  contract: FunctionContract,
  settings: StackSettings,
): Partial<Record<'NODE_ENV' | StackName | ChosenName, string>> {
  const read: readonly string[] = settingsOf(dependenciesIn(contract, settings));
  const plain = Object.entries({ ...computed(contract, settings), ...settings.environment });
  return {
    // With any other value, the framework sends the text of exceptions to callers.
    NODE_ENV: 'production',
    ...Object.fromEntries(plain.filter(([name, value]) => value !== undefined && read.includes(name))),
  };
}

/** All settings that the stack computes. A function gets those that it reads. */
function computed(
  contract: FunctionContract,
  settings: StackSettings,
): Readonly<Record<StackName, string | undefined>> {
  return {
    GOOGLE_CLOUD_PROJECT: settings.project,
    FIRESTORE_DATABASE: settings.database,
    EVENTS_TOPIC,
    SERVICE_AUDIENCE: urlOf(contract.name, settings),
    SCHEDULER_ACCOUNT: accountEmail(SCHEDULER_ACCOUNT, settings),
    PUSH_ACCOUNT: accountEmail(PUSH_ACCOUNT, settings),
    // Cloud Run checks the callers of internal functions, and removes the signature of their tokens.
    SERVICE_TOKENS: isInternal(contract) ? 'checked-by-cloud-run' : 'signed',
    SIGNING_KEY_VERSION: keyVersionName(settings),
    PUBLIC_URL: settings.publicUrl,
    SIGN_IN_ISSUER: settings.signIn?.issuer,
    SIGN_IN_CLIENT_ID: settings.signIn?.clientId,
    BILLING_RETURN_URL: settings.billing?.returnUrl,
    ...redisIn(settings),
  };
}

function redisIn({
  redis,
}: StackSettings): Record<'REDIS_CLUSTER' | 'REDIS_CA_CERTIFICATE', string | undefined> {
  switch (redis.kind) {
    case 'upstash':
      return { REDIS_CLUSTER: undefined, REDIS_CA_CERTIFICATE: undefined };
    case 'memorystore':
      return { REDIS_CLUSTER: String(redis.shards > 1), REDIS_CA_CERTIFICATE: undefined };
    case 'url':
      return { REDIS_CLUSTER: String(redis.cluster), REDIS_CA_CERTIFICATE: redis.caCertificate };
  }
}

/** Valid sample values to check an environment with. Only the functions see the real ones. */
export function samplesFor(names: readonly SettingName[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, SETTINGS[name].sample ?? 'x'.repeat(32)]));
}
