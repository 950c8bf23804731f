import { en } from 'zod/locales';
import * as z from 'zod/mini';

z.config(en());

/** The environment of a process: what `process.env` has. */
export type Environment = Readonly<Record<string, string | undefined>>;

const url = z.url({ protocol: /^https?$/, error: 'needs an http(s) URL' });
const filled = z.string();
const hostAndPort = z.string().check(z.regex(/^[^:]+:\d+$/, 'needs the form host:port'));
const email = z.email('needs an e-mail address');
const keyVersion = z
  .string()
  .check(
    z.regex(
      /^([1-9]\d{0,3}|projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+\/cryptoKeyVersions\/[1-9]\d*)$/,
      'needs projects/…/locations/…/keyRings/…/cryptoKeys/…/cryptoKeyVersions/…, or the number of a local key',
    ),
  );
const secret = z.string().check(z.minLength(32, 'needs at least 32 characters'));

const webhookSecret = z.string().check(z.regex(/^whsec_\w+$/, 'needs secrets of the form whsec_…'));
const secrets = z.pipe(listOf(), z.tuple([secret], secret));
const redirect = z
  .url({ protocol: /^https$/, error: 'needs https URLs' })
  .check(z.refine((text) => !/[#@]/.test(text), 'needs URLs without # and @'));
const days = wholeNumberText(31, 3_660);
const domain = z.string().check(z.regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'needs domains'));
const meter = z
  .string()
  .check(z.regex(/^[a-z][a-z0-9_]{0,63}$/, 'needs names of lower-case letters, digits and _'));

/** Every variable that Seatlease reads; nothing else in the code looks at the environment. */
const Settings = z.object({
  PORT: z.prefault(wholeNumberText(0, 65_535), '8080'),
  SEATLEASE_DATA: z.prefault(filled, '.seatlease'),
  OPERATOR_KEY: secret,
  SESSION_TOKEN_KEYS: secrets,
  ACCESS_TOKEN_KEYS: secrets,
  PSEUDONYM_KEY: secret,
  SHARDS: z.prefault(wholeNumberText(1, 100), '16'),
  UPSTASH_REDIS_REST_URL: z.optional(url),
  UPSTASH_REDIS_REST_TOKEN: z.optional(filled),
  REDIS_URL: z.optional(z.url({ protocol: /^redis$/, error: 'needs a redis:// URL' })),
  GOOGLE_CLOUD_PROJECT: z.optional(filled),
  FIRESTORE_DATABASE: z.prefault(filled, '(default)'),
  FIRESTORE_EMULATOR_HOST: z.optional(hostAndPort),
  EVENTS_TOPIC: z.optional(
    z.string().check(z.regex(/^(?!goog)[A-Za-z][\w.~+%-]{2,254}$/, 'needs the id of a topic')),
  ),
  PUBSUB_EMULATOR_HOST: z.optional(hostAndPort),
  SERVICE_AUDIENCE: z.optional(filled),
  SCHEDULER_ACCOUNT: z.optional(email),
  PUSH_ACCOUNT: z.optional(email),
  SIGNING_KEY_VERSION: z.prefault(keyVersion, '1'),
  PUBLIC_URL: z.optional(
    z
      .url({ protocol: /^https?$/ })
      .check(
        z.refine(
          (text) => URL.canParse(text) && new URL(text).origin === text,
          'needs an origin: https://host',
        ),
      ),
  ),
  GOOGLE_CLIENT_ID: z.optional(filled),
  GOOGLE_CLIENT_SECRET: z.optional(filled),
  SIGN_IN_REDIRECTS: z.prefault(z.pipe(listOf(), z.array(redirect)), ''),
  OPERATOR_EMAILS: z.prefault(z.pipe(listOf(), z.array(email)), ''),
  OPERATOR_DOMAIN: z.optional(z.string().check(z.regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'needs a domain'))),
  STRIPE_SECRET_KEY: z.optional(
    z.string().check(z.regex(/^(sk|rk)_(test|live)_\w+$/, 'needs a secret or restricted key of Stripe')),
  ),
  STRIPE_WEBHOOK_SECRETS: z.optional(z.pipe(listOf(), z.tuple([webhookSecret], webhookSecret))),
  BILLING_RETURN_URL: z.optional(url),
  CHECKOUT_TRIAL_DAYS: z.prefault(wholeNumberText(0, 730), '0'),
  CHECKOUT_TAX: z.prefault(z.enum(['off', 'automatic'], 'needs off or automatic'), 'off'),
  CHECKOUT_PROMOTION_CODES: z.prefault(z.enum(['off', 'on'], 'needs off or on'), 'off'),
  TRIAL_DAYS: z.prefault(wholeNumberText(0, 365), '14'),
  TRIALS_PER_DOMAIN: z.prefault(wholeNumberText(0, 1_000), '1'),
  TRIAL_REFUSED_DOMAINS: z.prefault(z.pipe(listOf(), z.array(domain)), ''),
  USAGE_METERS: z.prefault(z.pipe(listOf(), z.array(meter)), ''),
  FORWARDED_HOPS: z.prefault(wholeNumberText(0, 9), '1'),
  RETENTION_DAYS: z.prefault(days, '365'),
});

type SettingName = keyof z.infer<typeof Settings>;

/** What each variable means and where it counts: the README's table. */
export const SETTING_MEANINGS: Readonly<Record<SettingName, { meaning: string; unset: string }>> = {
  PORT: { meaning: 'Port of the local server, on 127.0.0.1.', unset: '8080' },
  SEATLEASE_DATA: {
    meaning: 'Folder where the local server keeps records and secrets.',
    unset: '.seatlease',
  },
  OPERATOR_KEY: {
    meaning: 'Key of the first operator, at least 32 characters. Secret.',
    unset: 'made by `npm start`; required when deployed',
  },
  SESSION_TOKEN_KEYS: {
    meaning:
      'Keys that seal session tokens, at least 32 characters each, commas between. The first seals, all open. Secret.',
    unset: 'made by `npm start`; required when deployed',
  },
  ACCESS_TOKEN_KEYS: {
    meaning:
      'Keys that sign access tokens and seal what belongs to a sign-in, at least 32 characters each, commas between. The first signs, all verify. Secret.',
    unset: 'made by `npm start`; required when deployed',
  },
  PSEUDONYM_KEY: {
    meaning: 'Key that turns fingerprints into pseudonyms, at least 32 characters. Set once. Secret.',
    unset: 'made by `npm start`; required when deployed',
  },
  SHARDS: {
    meaning: 'Shards that tenants are spread over, 1 to 100. Set once, before the first tenant.',
    unset: '16',
  },
  UPSTASH_REDIS_REST_URL: {
    meaning: 'Seats: REST URL of the Upstash Redis database.',
    unset: 'an embedded Redis; required when deployed',
  },
  UPSTASH_REDIS_REST_TOKEN: {
    meaning: 'Seats: token of that database. Secret.',
    unset: 'required with its URL',
  },
  REDIS_URL: {
    meaning: 'Seats, local server only: `redis://…` of a Redis to use in place of the embedded one.',
    unset: 'an embedded Redis',
  },
  GOOGLE_CLOUD_PROJECT: {
    meaning: 'Records: the project whose Firestore holds them, and the project of log traces.',
    unset: 'a local file; required when deployed',
  },
  FIRESTORE_DATABASE: { meaning: 'Records: the Firestore database.', unset: '(default)' },
  FIRESTORE_EMULATOR_HOST: {
    meaning: 'Records: `host:port` of a Firestore emulator to use in place of Firestore.',
    unset: 'Firestore itself',
  },
  EVENTS_TOPIC: {
    meaning: 'Events: id of the Pub/Sub topic, in `GOOGLE_CLOUD_PROJECT`.',
    unset: 'a bus inside the process; required when deployed',
  },
  PUBSUB_EMULATOR_HOST: {
    meaning:
      'Events: `host:port` of a Pub/Sub emulator to use in place of Pub/Sub. Its pushes carry no token: put `shared/testing/servers/push-relay.ts` between.',
    unset: 'Pub/Sub itself',
  },
  SERVICE_AUDIENCE: {
    meaning: 'Audience that the tokens of Cloud Scheduler and Pub/Sub must be made for.',
    unset: 'tokens of the local server only; required when deployed',
  },
  SCHEDULER_ACCOUNT: {
    meaning: 'E-mail address of the service account that Cloud Scheduler calls the sweep as.',
    unset: 'required with the audience',
  },
  PUSH_ACCOUNT: {
    meaning: 'E-mail address of the service account that Pub/Sub pushes events as.',
    unset: 'required with the audience',
  },
  SIGNING_KEY_VERSION: {
    meaning:
      'Version of the key that signs licenses: the resource name of a Cloud KMS key version, or, local server only, the number of a key in the data folder.',
    unset: '1; required when deployed',
  },
  PUBLIC_URL: {
    meaning:
      'Origin that browsers reach the functions by: people come back to its `/auth/callback` after signing in.',
    unset: 'where the local server listens; required when deployed',
  },
  GOOGLE_CLIENT_ID: {
    meaning: 'Sign-in: id of the OAuth client at Google.',
    unset: 'a sign-in page of the local server; deployed, nobody can sign in',
  },
  GOOGLE_CLIENT_SECRET: { meaning: 'Sign-in: secret of that client. Secret.', unset: 'required with its id' },
  SIGN_IN_REDIRECTS: {
    meaning:
      'Sign-in: https addresses that people may be sent to afterwards, exactly as they are asked for, commas between. Loopback addresses of native apps and our own console need no entry.',
    unset: 'loopback addresses and the console',
  },
  OPERATOR_EMAILS: { meaning: 'E-mail addresses of operators, commas between.', unset: 'none' },
  OPERATOR_DOMAIN: {
    meaning: 'Google Workspace domain whose people are all operators.',
    unset: 'none',
  },
  STRIPE_SECRET_KEY: {
    meaning: 'Payments: secret or restricted key of the Stripe account, of live or test mode. Secret.',
    unset: 'a stand-in for Stripe on the local server; deployed, nothing can be bought',
  },
  STRIPE_WEBHOOK_SECRETS: {
    meaning:
      'Payments: signing secrets of the webhook endpoint at Stripe, commas between: the new one beside the old while it is rolled. Secret.',
    unset: 'required with the key',
  },
  BILLING_RETURN_URL: {
    meaning: 'Payments: page that people come back to from Stripe.',
    unset: 'a page of the stand-in; required with the key',
  },
  CHECKOUT_TRIAL_DAYS: { meaning: 'Payments: days before the first payment, 0 to 730.', unset: '0' },
  CHECKOUT_TAX: { meaning: 'Payments: `automatic` to have Stripe reckon taxes, or `off`.', unset: 'off' },
  CHECKOUT_PROMOTION_CODES: {
    meaning: 'Payments: `on` to let people enter promotion codes, or `off`.',
    unset: 'off',
  },
  TRIAL_DAYS: { meaning: 'Days that a trial lasts, 0 to 365; 0 for no trials.', unset: '14' },
  TRIALS_PER_DOMAIN: {
    meaning:
      'Trials for people with e-mail addresses of one domain, 0 to 1,000; 0 for no limit. Providers where anybody can have an address do not count as one.',
    unset: '1',
  },
  TRIAL_REFUSED_DOMAINS: { meaning: 'Domains whose people get no trial, commas between.', unset: 'none' },
  USAGE_METERS: {
    meaning:
      'Names of what clients record the use of, as the meters at Stripe call their events, commas between.',
    unset: 'none',
  },
  FORWARDED_HOPS: {
    meaning:
      'Proxies in front of the functions that add the address of whoever called them to `X-Forwarded-For`: 1 for a function URL, one more for Hosting, 0 for none.',
    unset: '1',
  },
  RETENTION_DAYS: {
    meaning:
      'Days after which ended sessions and the pseudonyms of who held a seat are forgotten, 31 to 3,660.',
    unset: '365',
  },
};

export interface Config {
  readonly port: number;
  readonly dataFolder: string;
  readonly operatorKey: string;
  readonly sessionTokenKeys: readonly [string, ...string[]];
  readonly accessTokenKeys: readonly [string, ...string[]];
  readonly pseudonymKey: string;
  readonly shards: number;
  readonly projectId?: string | undefined;
  readonly seats:
    | { readonly kind: 'upstash'; readonly url: string; readonly token: string }
    | { readonly kind: 'redis'; readonly url: string }
    | { readonly kind: 'embedded' };
  readonly records:
    | {
        readonly kind: 'firestore';
        readonly projectId: string;
        readonly databaseId: string;
        readonly emulatorHost?: string | undefined;
      }
    | { readonly kind: 'embedded' };
  readonly events:
    | {
        readonly kind: 'pubsub';
        readonly projectId: string;
        readonly topic: string;
        readonly emulatorHost?: string | undefined;
      }
    | { readonly kind: 'embedded' };
  /** What licenses are signed with. */
  readonly signing:
    | { readonly kind: 'kms'; readonly keyVersion: string }
    | { readonly kind: 'embedded'; readonly version: number };
  /** Whose tokens our own callers in the cloud show. */
  readonly services:
    | {
        readonly kind: 'google';
        readonly audience: string;
        readonly accounts: Readonly<Record<'scheduler' | 'pubsub', string>>;
      }
    | { readonly kind: 'embedded' };
  readonly publicUrl?: string | undefined;
  /** Where people sign in. */
  readonly signIn:
    | { readonly kind: 'google'; readonly clientId: string; readonly clientSecret: string }
    | { readonly kind: 'embedded' };
  /** https addresses that people may be sent to after they signed in. */
  readonly signInRedirects: readonly string[];
  readonly operators: { readonly emails: readonly string[]; readonly domain?: string | undefined };
  /** Who takes the money. */
  readonly billing:
    | { readonly kind: 'stripe'; readonly secretKey: string; readonly webhookSecrets: readonly string[] }
    | { readonly kind: 'embedded' };
  readonly checkout: {
    readonly returnUrl?: string | undefined;
    readonly trialDays: number;
    readonly automaticTax: boolean;
    readonly promotionCodes: boolean;
  };
  readonly trials: {
    readonly days: number;
    readonly perDomain: number;
    readonly refusedDomains: readonly string[];
  };
  readonly usageMeters: readonly string[];
  readonly forwardedHops: number;
  readonly retentionDays: number;
}

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
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = z.safeParse(Settings, set);
  const wrong = result.success
    ? []
    : result.error.issues.map(({ path: [name], message }) => describe(String(name), message));
  const missing = missingTogether(set).map((name) => `${name}: is not set`);
  if (!result.success || missing.length > 0) throw new ConfigError([...wrong, ...missing]);
  const settings = result.data;
  const signing = signingOf(settings);
  if (set.K_SERVICE !== undefined && signing.kind === 'embedded')
    throw new ConfigError(['SIGNING_KEY_VERSION: a local key is not for production']);
  return {
    port: settings.PORT,
    dataFolder: settings.SEATLEASE_DATA,
    operatorKey: settings.OPERATOR_KEY,
    sessionTokenKeys: settings.SESSION_TOKEN_KEYS,
    accessTokenKeys: settings.ACCESS_TOKEN_KEYS,
    pseudonymKey: settings.PSEUDONYM_KEY,
    shards: settings.SHARDS,
    projectId: settings.GOOGLE_CLOUD_PROJECT,
    seats: seatsOf(settings),
    records: recordsOf(settings),
    events: eventsOf(settings),
    signing,
    services: servicesOf(settings),
    publicUrl: settings.PUBLIC_URL,
    signIn: signInOf(settings),
    signInRedirects: settings.SIGN_IN_REDIRECTS,
    operators: {
      emails: settings.OPERATOR_EMAILS.map((address) => address.toLowerCase()),
      domain: settings.OPERATOR_DOMAIN,
    },
    billing: billingOf(settings),
    checkout: {
      returnUrl: settings.BILLING_RETURN_URL,
      trialDays: settings.CHECKOUT_TRIAL_DAYS,
      automaticTax: settings.CHECKOUT_TAX === 'automatic',
      promotionCodes: settings.CHECKOUT_PROMOTION_CODES === 'on',
    },
    trials: {
      days: settings.TRIAL_DAYS,
      perDomain: settings.TRIALS_PER_DOMAIN,
      refusedDomains: settings.TRIAL_REFUSED_DOMAINS,
    },
    usageMeters: settings.USAGE_METERS,
    forwardedHops: settings.FORWARDED_HOPS,
    retentionDays: settings.RETENTION_DAYS,
  };

  function describe(name: string, message: string): string {
    return set[name] === undefined ? `${name}: is not set` : `${name}: ${message}`;
  }
}

/** Variables that others, or being deployed, make necessary. */
function missingTogether(set: Environment): SettingName[] {
  const deployed = set.K_SERVICE !== undefined;
  const needed: SettingName[] = [];
  if (deployed || set.UPSTASH_REDIS_REST_URL !== undefined || set.UPSTASH_REDIS_REST_TOKEN !== undefined) {
    needed.push('UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN');
  }
  const inProject = ['FIRESTORE_EMULATOR_HOST', 'EVENTS_TOPIC', 'PUBSUB_EMULATOR_HOST'] as const;
  if (deployed || inProject.some((name) => set[name] !== undefined)) needed.push('GOOGLE_CLOUD_PROJECT');
  if (deployed || set.PUBSUB_EMULATOR_HOST !== undefined) needed.push('EVENTS_TOPIC');
  if (deployed) needed.push('SIGNING_KEY_VERSION');
  const services = ['SERVICE_AUDIENCE', 'SCHEDULER_ACCOUNT', 'PUSH_ACCOUNT'] as const;
  if (deployed || services.some((name) => set[name] !== undefined)) needed.push(...services);
  const signIn = ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'] as const;
  const hasSignIn = signIn.some((name) => set[name] !== undefined);
  if (hasSignIn) needed.push(...signIn);
  if (deployed || hasSignIn) needed.push('PUBLIC_URL');
  const payments = ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRETS'] as const;
  if (payments.some((name) => set[name] !== undefined)) needed.push(...payments, 'BILLING_RETURN_URL');
  return needed.filter((name) => set[name] === undefined);
}

function seatsOf(settings: z.infer<typeof Settings>): Config['seats'] {
  const { UPSTASH_REDIS_REST_URL: restUrl, UPSTASH_REDIS_REST_TOKEN: token, REDIS_URL: redisUrl } = settings;
  if (restUrl !== undefined && token !== undefined) return { kind: 'upstash', url: restUrl, token };
  return redisUrl === undefined ? { kind: 'embedded' } : { kind: 'redis', url: redisUrl };
}

function recordsOf(settings: z.infer<typeof Settings>): Config['records'] {
  const { GOOGLE_CLOUD_PROJECT: projectId, FIRESTORE_DATABASE: databaseId } = settings;
  if (projectId === undefined) return { kind: 'embedded' };
  return { kind: 'firestore', projectId, databaseId, emulatorHost: settings.FIRESTORE_EMULATOR_HOST };
}

function eventsOf(settings: z.infer<typeof Settings>): Config['events'] {
  const { GOOGLE_CLOUD_PROJECT: projectId, EVENTS_TOPIC: topic } = settings;
  if (projectId === undefined || topic === undefined) return { kind: 'embedded' };
  return { kind: 'pubsub', projectId, topic, emulatorHost: settings.PUBSUB_EMULATOR_HOST };
}

function signingOf({ SIGNING_KEY_VERSION: version }: z.infer<typeof Settings>): Config['signing'] {
  return /^\d+$/.test(version)
    ? { kind: 'embedded', version: Number(version) }
    : { kind: 'kms', keyVersion: version };
}

function servicesOf(settings: z.infer<typeof Settings>): Config['services'] {
  const { SERVICE_AUDIENCE: audience, SCHEDULER_ACCOUNT: scheduler, PUSH_ACCOUNT: pubsub } = settings;
  if (audience === undefined || scheduler === undefined || pubsub === undefined) return { kind: 'embedded' };
  return { kind: 'google', audience, accounts: { scheduler, pubsub } };
}

function signInOf(settings: z.infer<typeof Settings>): Config['signIn'] {
  const { GOOGLE_CLIENT_ID: clientId, GOOGLE_CLIENT_SECRET: clientSecret } = settings;
  if (clientId === undefined || clientSecret === undefined) return { kind: 'embedded' };
  return { kind: 'google', clientId, clientSecret };
}

function billingOf(settings: z.infer<typeof Settings>): Config['billing'] {
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRETS: webhookSecrets } = settings;
  if (secretKey === undefined || webhookSecrets === undefined) return { kind: 'embedded' };
  return { kind: 'stripe', secretKey, webhookSecrets };
}

/** A list with commas between. */
function listOf() {
  return z.pipe(
    z.string(),
    z.transform((list: string) => (list === '' ? [] : list.split(','))),
  );
}

function wholeNumberText(least: number, most: number) {
  return z.pipe(
    z.pipe(
      z.string().check(z.regex(/^\d{1,6}$/, 'needs a whole number')),
      z.transform((digits: string) => Number(digits)),
    ),
    z.int().check(z.gte(least), z.lte(most)),
  );
}
