import { en } from 'zod/locales';
import * as z from 'zod/mini';
import { DEPLOYED, SETTING_NAMES, SETTINGS, type SettingName, type SettingsTable } from './settings.ts';

z.config(en());

/** The environment of a process: what `process.env` has. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What the settings say, by the fields that `shared/settings.ts` names, with several settings joined to one field. */
export type Config = Readonly<ReturnType<typeof configOf>>;

/** The environment cannot be served from. The message names every problem, and no value: some are secrets. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(problems: readonly string[]) {
    super(`The environment is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * The configuration that an environment describes; an empty variable counts as unset. Throws `ConfigError`. On Cloud
 * Run (which sets `K_SERVICE`) nothing is embedded: what an instance keeps to itself is lost with it.
 */
export function readConfig(environment: Environment): Config {
  const set: Environment = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== ''),
  );
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems: string[] = [];
  for (const name of SETTING_NAMES) {
    const { schema, default: usual, required = [] } = SETTINGS[name];
    const isRequired = required === 'always' || required.some((other) => set[other] !== undefined);
    const text = set[name] ?? (isRequired ? undefined : usual);
    if (text === undefined) {
      if (isRequired) problems.push(`${name}: is not set`);
      continue;
    }
    const { success, data, error } = z.safeParse(schema, text);
    if (success) values[name] = data;
    else problems.push(...error.issues.map(({ message }) => `${name}: ${message}`));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const config = configOf(values as Values);
  if (set[DEPLOYED] !== undefined && config.signing.kind === 'embedded')
    throw new ConfigError(['SIGNING_KEY_VERSION: a local key is not for production']);
  return config;
}

type Values = { readonly [N in SettingName]: ValueOf<SettingsTable[N]> };
type ValueOf<S extends SettingsTable[SettingName]> =
  | Readonly<z.output<S['schema']>>
  | (S extends { default: string } | { required: 'always' } ? never : undefined);

type FieldPath = SettingsTable[SettingName]['field'];
type GroupName = FieldPath extends infer F ? (F extends `${infer G}.${string}` ? G : never) : never;
type Fields = {
  readonly [N in SettingName as Exclude<SettingsTable[N]['field'], `${string}.${string}`>]: Values[N];
} & { readonly [G in GroupName]: GroupFields<G> };
type GroupFields<G extends string> = {
  readonly [N in SettingName as SettingsTable[N]['field'] extends `${G}.${infer F}` ? F : never]: Values[N];
};

function configOf(values: Values) {
  return {
    ...fieldsOf(values),
    seats: seatsOf(values),
    records: recordsOf(values),
    events: eventsOf(values),
    signing: signingOf(values),
    services: servicesOf(values),
    signIn: signInOf(values),
    billing: billingOf(values),
  };
}

/** Each value at its field. */
function fieldsOf(values: Values): Fields {
  const fields: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    const [field = '', inner] = SETTINGS[name].field.split('.');
    fields[field] = inner ? Object.assign(fields[field] ?? {}, { [inner]: values[name] }) : values[name];
  }
  return fields as Fields;
}

const EMBEDDED = { kind: 'embedded' } as const;

/** Which Redis holds the seats. */
function seatsOf(values: Values) {
  const { UPSTASH_REDIS_REST_URL: restUrl, UPSTASH_REDIS_REST_TOKEN: token, REDIS_URL: redisUrl } = values;
  if (restUrl !== undefined && token !== undefined) return { kind: 'upstash', url: restUrl, token } as const;
  return redisUrl === undefined ? EMBEDDED : ({ kind: 'redis', url: redisUrl } as const);
}

function recordsOf(values: Values) {
  const { GOOGLE_CLOUD_PROJECT: projectId, FIRESTORE_DATABASE: databaseId } = values;
  if (projectId === undefined) return EMBEDDED;
  return { kind: 'firestore', projectId, databaseId, emulatorHost: values.FIRESTORE_EMULATOR_HOST } as const;
}

function eventsOf(values: Values) {
  const { GOOGLE_CLOUD_PROJECT: projectId, EVENTS_TOPIC: topic } = values;
  if (projectId === undefined || topic === undefined) return EMBEDDED;
  return { kind: 'pubsub', projectId, topic, emulatorHost: values.PUBSUB_EMULATOR_HOST } as const;
}

/** What licenses are signed with. */
function signingOf({ SIGNING_KEY_VERSION: version }: Values) {
  if (/^\d+$/.test(version)) return { kind: 'embedded', version: Number(version) } as const;
  return { kind: 'kms', keyVersion: version } as const;
}

/** Whose tokens Cloud Scheduler and Pub/Sub send. */
function servicesOf(values: Values) {
  const { SERVICE_AUDIENCE: audience, SCHEDULER_ACCOUNT: scheduler, PUSH_ACCOUNT: pubsub } = values;
  if (audience === undefined || scheduler === undefined || pubsub === undefined) return EMBEDDED;
  return { kind: 'google', audience, accounts: { scheduler, pubsub } } as const;
}

/** Where people sign in. */
function signInOf({ GOOGLE_CLIENT_ID: clientId, GOOGLE_CLIENT_SECRET: clientSecret }: Values) {
  if (clientId === undefined || clientSecret === undefined) return EMBEDDED;
  return { kind: 'google', clientId, clientSecret } as const;
}

/** Who takes payments. */
function billingOf({ STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRETS: webhookSecrets }: Values) {
  if (secretKey === undefined || webhookSecrets === undefined) return EMBEDDED;
  return { kind: 'stripe', secretKey, webhookSecrets } as const;
}
