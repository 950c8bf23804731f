import { en } from 'zod/locales';
import * as z from 'zod/mini';
import {
  DEPENDENCIES,
  DEPLOYED,
  type Dependency,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type SettingsTable,
} from './settings.ts';

z.config(en());

/** The environment variables of a process, like `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The settings, in the fields that `shared/settings.ts` names. Settings that name the same field are combined. */
export type Config = Readonly<ReturnType<typeof configOf>>;

/** The settings are invalid. The message lists every problem but no values, because some are secrets. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(problems: readonly string[]) {
    super(`The settings are not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Reads the configuration from environment variables. An empty variable counts as unset. Throws `ConfigError`. On Cloud
 * Run (which sets `K_SERVICE`) no dependency is embedded, because an instance loses its own data when it stops.
 *
 * Only the settings of `dependencies` are read and required. The fields of the others have no value, whatever their type
 * is: open only `dependencies` with the result.
 */
export function readConfig(
  environment: Environment,
  dependencies: ReadonlySet<Dependency> = DEPENDENCIES,
): Config {
  const names = SETTING_NAMES.filter((name) => isReadBy(name, dependencies));
  const set: Environment = Object.fromEntries(
    [DEPLOYED, ...names].map((name) => [name, environment[name] || undefined]),
  );
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems: string[] = [];
  for (const name of names) {
    const { schema, default: fallback, required = [], insteadOf } = SETTINGS[name];
    const isReplaced = insteadOf !== undefined && set[insteadOf] !== undefined;
    if (isReplaced && set[name] !== undefined) {
      problems.push(`${name}: cannot be set together with ${insteadOf}`);
      continue;
    }
    const isRequired =
      !isReplaced &&
      (typeof required === 'string'
        ? required === 'always' || set[DEPLOYED] === undefined
        : required.some((other) => set[other] !== undefined));
    const text = set[name] ?? (isRequired ? undefined : fallback);
    if (text === undefined) {
      const orOther = insteadOf && required.includes(DEPLOYED) ? `, and neither is ${insteadOf}` : '';
      if (isRequired) problems.push(`${name}: is not set${orOther}`);
      continue;
    }
    const { success, data, error } = z.safeParse(schema, text);
    if (success) values[name] = data;
    else problems.push(...error.issues.map(({ message }) => `${name}: ${message}`));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const config = configOf(values as Values);
  if (config.seats.kind === 'redis') refuseContradictions(config.seats);
  if (dependencies.has('signer') && set[DEPLOYED] !== undefined && config.signing.kind === 'embedded')
    throw new ConfigError(['SIGNING_KEY_VERSION: a local key cannot be used in production']);
  return config;
}

function refuseContradictions({
  url,
  isCluster,
  caCertificate,
}: ReturnType<typeof seatsOf> & { kind: 'redis' }): void {
  const { protocol, pathname } = new URL(url);
  const problems = [
    ...(caCertificate !== undefined && protocol !== 'rediss:'
      ? ['REDIS_CA_CERTIFICATE: needs a rediss:// URL in REDIS_URL']
      : []),
    ...(isCluster && !['', '/', '/0'].includes(pathname) ? ['REDIS_URL: a cluster has one database, 0'] : []),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
}

/** Settings that no dependency reads are for the program itself. */
function isReadBy(name: SettingName, dependencies: ReadonlySet<Dependency>): boolean {
  const { readBy } = SETTINGS[name];
  return readBy.length === 0 || readBy.some((dependency) => dependencies.has(dependency));
}

type Values = { readonly [N in SettingName]: ValueOf<SettingsTable[N]> };
type ValueOf<S extends SettingsTable[SettingName]> =
  | Readonly<z.output<S['schema']>>
  | (S extends { default: string } | { required: 'always' | 'locally' } ? never : undefined);

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

/** Puts each value at its field. */
function fieldsOf(values: Values): Fields {
  const fields: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    const [field = '', inner] = SETTINGS[name].field.split('.');
    fields[field] = inner ? Object.assign(fields[field] ?? {}, { [inner]: values[name] }) : values[name];
  }
  return fields as Fields;
}

const EMBEDDED = { kind: 'embedded' } as const;

/** The Redis that stores the seats. */
function seatsOf(values: Values) {
  const { UPSTASH_REDIS_REST_URL: restUrl, UPSTASH_REDIS_REST_TOKEN: token, REDIS_URL: url } = values;
  if (restUrl !== undefined && token !== undefined) return { kind: 'upstash', url: restUrl, token } as const;
  if (url === undefined) return EMBEDDED;
  const { REDIS_CLUSTER: isCluster, REDIS_CA_CERTIFICATE: caCertificate } = values;
  return { kind: 'redis', url, isCluster, caCertificate } as const;
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

/** The key that signs licenses. */
function signingOf({ SIGNING_KEY_VERSION: version }: Values) {
  if (/^\d+$/.test(version)) return { kind: 'embedded', version: Number(version) } as const;
  return { kind: 'kms', keyVersion: version } as const;
}

/** Who issues the tokens of Cloud Scheduler and Pub/Sub. */
function servicesOf(values: Values) {
  const { SERVICE_AUDIENCE: audience, SCHEDULER_ACCOUNT: scheduler, PUSH_ACCOUNT: pubsub } = values;
  const { SERVICE_TOKENS: tokens } = values;
  if (audience === undefined || scheduler === undefined || pubsub === undefined)
    return { ...EMBEDDED, tokens };
  return { kind: 'google', audience, accounts: { scheduler, pubsub }, tokens } as const;
}

/** The sign-in provider. */
function signInOf({ SIGN_IN_CLIENT_ID: clientId, SIGN_IN_ISSUER: issuer }: Values) {
  if (clientId === undefined) return EMBEDDED;
  return issuer === SETTINGS.SIGN_IN_ISSUER.default
    ? ({ kind: 'google', clientId } as const)
    : ({ kind: 'openid', clientId, issuer } as const);
}

/** The payment provider. */
function billingOf({ STRIPE_SECRET_KEY: secretKey }: Values) {
  return secretKey === undefined ? EMBEDDED : ({ kind: 'stripe', secretKey } as const);
}
