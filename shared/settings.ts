import * as z from 'zod/mini';

/** One variable of the environment. `Name` is the name of any setting. */
interface Setting<Name extends string = string> {
  /**
   * Its place in `Config`: `field` or `group.field`. Settings that name the same field are joined there by a function in
   * `shared/config.ts`.
   */
  readonly field: string;
  /** What its text must look like, and the value it becomes. */
  readonly schema: z.ZodMiniType<unknown, string>;
  /** Where a deployed function gets it from. */
  readonly source: Source;
  /** The text that counts when it is not set. */
  readonly default?: string;
  /** When it must be set: always, or as soon as one of these variables is set. */
  readonly required?: 'always' | readonly (Name | typeof DEPLOYED)[];
  readonly meaning: string;
  /** The README's words for what happens when it is not set. Without them, the README shows the default. */
  readonly unset?: string;
  /** A valid value for dry runs, where 32 letters would be refused. */
  readonly sample?: string;
  /** The start of the value that `npm start` makes. */
  readonly prefix?: string;
}

/**
 * - `secret`: from Secret Manager, for the functions whose contract names it.
 * - `chosen`: from `environment` in the stack's settings.
 * - `stack`: computed by `infra/environment.ts`.
 * - `local`: never; only the local server reads it.
 */
type Source = 'secret' | 'chosen' | 'stack' | 'local';

/** Cloud Run sets it: https://cloud.google.com/run/docs/container-contract#services-env-vars */
export const DEPLOYED = 'K_SERVICE';

const MADE = 'made by `npm start`; required when deployed';

const anyText = z.string();
const key = z.string().check(z.minLength(32, 'needs at least 32 characters'));
const keys = z.pipe(list(), z.tuple([key], key));
const url = z.url({ protocol: /^https?$/, error: 'needs an http(s) URL' });
const hostAndPort = z.string().check(z.regex(/^[^:]+:\d+$/, 'needs the form host:port'));
const email = z.email('needs an e-mail address');
const webhookSecret = z.string().check(z.regex(/^whsec_\w+$/, 'needs secrets of the form whsec_…'));

/** Every variable that Seatlease reads, in the order of the README. */
const TABLE = {
  PORT: {
    field: 'port',
    schema: wholeNumber(0, 65_535),
    source: 'local',
    default: '8080',
    meaning: 'Port of the local server, on 127.0.0.1.',
  },
  SEATLEASE_DATA: {
    field: 'dataFolder',
    schema: anyText,
    source: 'local',
    default: '.seatlease',
    meaning: 'Folder where the local server keeps records and secrets.',
  },
  OPERATOR_KEY: {
    field: 'operatorKey',
    schema: key,
    source: 'secret',
    required: 'always',
    prefix: 'sop_',
    meaning: 'Key of the first operator, at least 32 characters.',
    unset: MADE,
  },
  SESSION_TOKEN_KEYS: {
    field: 'sessionTokenKeys',
    schema: keys,
    source: 'secret',
    required: 'always',
    meaning:
      'Keys that seal session tokens, at least 32 characters each, commas between. The first seals, all open.',
    unset: MADE,
  },
  ACCESS_TOKEN_KEYS: {
    field: 'accessTokenKeys',
    schema: keys,
    source: 'secret',
    required: 'always',
    meaning:
      'Keys that sign access tokens and seal what belongs to a sign-in, at least 32 characters each, commas between. The first signs, all verify.',
    unset: MADE,
  },
  PSEUDONYM_KEY: {
    field: 'pseudonymKey',
    schema: key,
    source: 'secret',
    required: 'always',
    meaning: 'Key that turns fingerprints into pseudonyms, at least 32 characters. Set once.',
    unset: MADE,
  },
  SHARDS: {
    field: 'shards',
    schema: wholeNumber(1, 100),
    source: 'chosen',
    default: '16',
    meaning: 'Shards that tenants are spread over, 1 to 100. Set once, before the first tenant.',
  },
  UPSTASH_REDIS_REST_URL: {
    field: 'seats',
    schema: url,
    source: 'secret',
    required: [DEPLOYED, 'UPSTASH_REDIS_REST_TOKEN'],
    sample: 'https://stand-in.upstash.io',
    meaning: 'Seats: REST URL of the Upstash Redis database.',
    unset: 'an embedded Redis; required when deployed',
  },
  UPSTASH_REDIS_REST_TOKEN: {
    field: 'seats',
    schema: anyText,
    source: 'secret',
    required: [DEPLOYED, 'UPSTASH_REDIS_REST_URL'],
    meaning: 'Seats: token of that database.',
    unset: 'required with its URL',
  },
  REDIS_URL: {
    field: 'seats',
    schema: z.url({ protocol: /^redis$/, error: 'needs a redis:// URL' }),
    source: 'local',
    meaning: 'Seats, local server only: `redis://…` of a Redis to use in place of the embedded one.',
    unset: 'an embedded Redis',
  },
  GOOGLE_CLOUD_PROJECT: {
    field: 'projectId',
    schema: anyText,
    source: 'stack',
    required: [DEPLOYED, 'FIRESTORE_EMULATOR_HOST', 'EVENTS_TOPIC', 'PUBSUB_EMULATOR_HOST'],
    meaning: 'Records: the project whose Firestore holds them, and the project of log traces.',
    unset: 'a local file; required when deployed',
  },
  FIRESTORE_DATABASE: {
    field: 'records',
    schema: anyText,
    source: 'stack',
    default: '(default)',
    meaning: 'Records: the Firestore database.',
  },
  FIRESTORE_EMULATOR_HOST: {
    field: 'records',
    schema: hostAndPort,
    source: 'local',
    meaning: 'Records: `host:port` of a Firestore emulator to use in place of Firestore.',
    unset: 'Firestore itself',
  },
  EVENTS_TOPIC: {
    field: 'events',
    schema: z.string().check(z.regex(/^(?!goog)[A-Za-z][\w.~+%-]{2,254}$/, 'needs the id of a topic')),
    source: 'stack',
    required: [DEPLOYED, 'PUBSUB_EMULATOR_HOST'],
    meaning: 'Events: id of the Pub/Sub topic, in `GOOGLE_CLOUD_PROJECT`.',
    unset: 'a bus inside the process; required when deployed',
  },
  PUBSUB_EMULATOR_HOST: {
    field: 'events',
    schema: hostAndPort,
    source: 'local',
    meaning:
      'Events: `host:port` of a Pub/Sub emulator to use in place of Pub/Sub. Its pushes carry no token: put `shared/testing/servers/push-relay.ts` between.',
    unset: 'Pub/Sub itself',
  },
  SIGNING_KEY_VERSION: {
    field: 'signing',
    schema: z
      .string()
      .check(
        z.regex(
          /^([1-9]\d{0,3}|projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+\/cryptoKeyVersions\/[1-9]\d*)$/,
          'needs projects/…/locations/…/keyRings/…/cryptoKeys/…/cryptoKeyVersions/…, or the number of a local key',
        ),
      ),
    source: 'stack',
    default: '1',
    required: [DEPLOYED],
    meaning:
      'Version of the key that signs licenses: the resource name of a Cloud KMS key version, or, local server only, the number of a key in the data folder.',
    unset: '1; required when deployed',
  },
  SERVICE_AUDIENCE: {
    field: 'services',
    schema: anyText,
    source: 'stack',
    required: [DEPLOYED, 'SCHEDULER_ACCOUNT', 'PUSH_ACCOUNT'],
    meaning: 'Audience that the tokens of Cloud Scheduler and Pub/Sub must be made for.',
    unset: 'tokens of the local server only; required when deployed',
  },
  SCHEDULER_ACCOUNT: {
    field: 'services',
    schema: email,
    source: 'stack',
    required: [DEPLOYED, 'SERVICE_AUDIENCE', 'PUSH_ACCOUNT'],
    meaning: 'E-mail address of the service account that Cloud Scheduler calls the sweep as.',
    unset: 'required with the audience',
  },
  PUSH_ACCOUNT: {
    field: 'services',
    schema: email,
    source: 'stack',
    required: [DEPLOYED, 'SERVICE_AUDIENCE', 'SCHEDULER_ACCOUNT'],
    meaning: 'E-mail address of the service account that Pub/Sub pushes events as.',
    unset: 'required with the audience',
  },
  PUBLIC_URL: {
    field: 'publicUrl',
    schema: z
      .url({ protocol: /^https?$/ })
      .check(
        z.refine(
          (text) => URL.canParse(text) && new URL(text).origin === text,
          'needs an origin: https://host',
        ),
      ),
    source: 'stack',
    required: [DEPLOYED, 'GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'],
    meaning:
      'Origin that browsers reach the functions by: people come back to its `/auth/callback` after signing in.',
    unset: 'where the local server listens; required when deployed',
  },
  GOOGLE_CLIENT_ID: {
    field: 'signIn',
    schema: anyText,
    source: 'stack',
    required: ['GOOGLE_CLIENT_SECRET'],
    meaning: 'Sign-in: id of the OAuth client at Google.',
    unset: 'a sign-in page of the local server; deployed, nobody can sign in',
  },
  GOOGLE_CLIENT_SECRET: {
    field: 'signIn',
    schema: anyText,
    source: 'secret',
    required: ['GOOGLE_CLIENT_ID'],
    meaning: 'Sign-in: secret of that client.',
    unset: 'required with its id',
  },
  SIGN_IN_REDIRECTS: {
    field: 'signInRedirects',
    schema: z.pipe(
      list(),
      z.array(
        z
          .url({ protocol: /^https$/, error: 'needs https URLs' })
          .check(z.refine((text) => !/[#@]/.test(text), 'needs URLs without # and @')),
      ),
    ),
    source: 'chosen',
    default: '',
    meaning:
      'Sign-in: https addresses that people may be sent to afterwards, exactly as they are asked for, commas between. Loopback addresses of native apps and our own console need no entry.',
    unset: 'loopback addresses and the console',
  },
  OPERATOR_EMAILS: {
    field: 'operators.emails',
    schema: z.pipe(list(), z.array(email.check(z.toLowerCase()))),
    source: 'chosen',
    default: '',
    meaning: 'E-mail addresses of operators, commas between.',
    unset: 'none',
  },
  OPERATOR_DOMAIN: {
    field: 'operators.domain',
    schema: domain('needs a domain'),
    source: 'chosen',
    meaning: 'Google Workspace domain whose people are all operators.',
    unset: 'none',
  },
  STRIPE_SECRET_KEY: {
    field: 'billing',
    schema: z
      .string()
      .check(z.regex(/^(sk|rk)_(test|live)_\w+$/, 'needs a secret or restricted key of Stripe')),
    source: 'secret',
    required: ['STRIPE_WEBHOOK_SECRETS'],
    sample: 'rk_live_standin',
    meaning: 'Payments: secret or restricted key of the Stripe account, of live or test mode.',
    unset: 'a stand-in for Stripe on the local server; deployed, nothing can be bought',
  },
  STRIPE_WEBHOOK_SECRETS: {
    field: 'billing',
    schema: z.pipe(list(), z.tuple([webhookSecret], webhookSecret)),
    source: 'secret',
    required: ['STRIPE_SECRET_KEY'],
    sample: 'whsec_new,whsec_old',
    meaning:
      'Payments: signing secrets of the webhook endpoint at Stripe, commas between: the new one beside the old while it is rolled.',
    unset: 'required with the key',
  },
  BILLING_RETURN_URL: {
    field: 'checkout.returnUrl',
    schema: url,
    source: 'stack',
    required: ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRETS'],
    meaning: 'Payments: page that people come back to from Stripe.',
    unset: 'a page of the stand-in; required with the key',
  },
  CHECKOUT_TRIAL_DAYS: {
    field: 'checkout.trialDays',
    schema: wholeNumber(0, 730),
    source: 'chosen',
    default: '0',
    meaning: 'Payments: days before the first payment, 0 to 730.',
  },
  CHECKOUT_TAX: {
    field: 'checkout.automaticTax',
    schema: offOr('automatic'),
    source: 'chosen',
    default: 'off',
    meaning: 'Payments: `automatic` to have Stripe reckon taxes, or `off`.',
  },
  CHECKOUT_PROMOTION_CODES: {
    field: 'checkout.promotionCodes',
    schema: offOr('on'),
    source: 'chosen',
    default: 'off',
    meaning: 'Payments: `on` to let people enter promotion codes, or `off`.',
  },
  TRIAL_DAYS: {
    field: 'trials.days',
    schema: wholeNumber(0, 365),
    source: 'chosen',
    default: '14',
    meaning: 'Days that a trial lasts, 0 to 365; 0 for no trials.',
  },
  TRIALS_PER_DOMAIN: {
    field: 'trials.perDomain',
    schema: wholeNumber(0, 1_000),
    source: 'chosen',
    default: '1',
    meaning:
      'Trials for people with e-mail addresses of one domain, 0 to 1,000; 0 for no limit. Providers where anybody can have an address do not count as one.',
  },
  TRIAL_REFUSED_DOMAINS: {
    field: 'trials.refusedDomains',
    schema: z.pipe(list(), z.array(domain('needs domains'))),
    source: 'chosen',
    default: '',
    meaning: 'Domains whose people get no trial, commas between.',
    unset: 'none',
  },
  USAGE_METERS: {
    field: 'usageMeters',
    schema: z.pipe(
      list(),
      z.array(
        z
          .string()
          .check(z.regex(/^[a-z][a-z0-9_]{0,63}$/, 'needs names of lower-case letters, digits and _')),
      ),
    ),
    source: 'chosen',
    default: '',
    meaning:
      'Names of what clients record the use of, as the meters at Stripe call their events, commas between.',
    unset: 'none',
  },
  FORWARDED_HOPS: {
    field: 'forwardedHops',
    schema: wholeNumber(0, 9),
    source: 'stack',
    default: '1',
    meaning:
      'Proxies in front of the functions that add the address of whoever called them to `X-Forwarded-For`: 1 for a function URL, one more for Hosting, 0 for none.',
  },
  RETENTION_DAYS: {
    field: 'retentionDays',
    schema: wholeNumber(31, 3_660),
    source: 'chosen',
    default: '365',
    meaning:
      'Days after which ended sessions and the pseudonyms of who held a seat are forgotten, 31 to 3,660.',
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingsTable = typeof TABLE;
export type SettingName = keyof SettingsTable;

type NamesWith<P> = { [N in SettingName]: SettingsTable[N] extends P ? N : never }[SettingName];
export type SecretName = NamesWith<{ source: 'secret' }>;
export type ChosenName = NamesWith<{ source: 'chosen' }>;
export type StackName = NamesWith<{ source: 'stack' }>;
/** Secrets of our own, which anyone can make: `npm start` does. */
export type OwnSecretName = NamesWith<{ source: 'secret'; required: 'always' }>;

export const SETTINGS: Readonly<Record<SettingName, Setting<SettingName>>> = TABLE;
export const SETTING_NAMES = Object.keys(TABLE) as SettingName[];
export const OWN_SECRETS = SETTING_NAMES.filter(
  (name): name is OwnSecretName => SETTINGS[name].source === 'secret' && SETTINGS[name].required === 'always',
);

/** Texts with commas between; none in an empty text. */
function list() {
  return z.pipe(
    z.string(),
    z.transform((text: string) => (text === '' ? [] : text.split(','))),
  );
}

function wholeNumber(least: number, most: number) {
  return z.pipe(
    z.pipe(
      z.string().check(z.regex(/^\d{1,6}$/, 'needs a whole number')),
      z.transform((digits: string) => Number(digits)),
    ),
    z.int().check(z.gte(least), z.lte(most)),
  );
}

/** True for the text `on`, false for `off`. */
function offOr(on: string) {
  return z.pipe(
    z.enum(['off', on], `needs off or ${on}`),
    z.transform((text) => text === on),
  );
}

function domain(error: string) {
  return z.string().check(z.regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, error));
}
