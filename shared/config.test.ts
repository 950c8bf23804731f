import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';
import { publicTextOf } from './domain/rsa-key.ts';
import { SETTING_NAMES, SETTINGS } from './settings.ts';
import { OPERATOR_KEY_HASH, TEST_SECRETS } from './testing/secrets.ts';

const SECRETS = TEST_SECRETS;
const SERVICES = {
  SERVICE_AUDIENCE: 'https://seatlease.example/internal',
  SCHEDULER_ACCOUNT: 'scheduler@project.iam.gserviceaccount.com',
  PUSH_ACCOUNT: 'push@project.iam.gserviceaccount.com',
};
const SIGN_IN = {
  PUBLIC_URL: 'https://seats.example.com',
  SIGN_IN_CLIENT_ID: '123.apps.googleusercontent.com',
  SIGN_IN_CLIENT_SECRET: 'client-secret',
};
const KEY_VERSION =
  'projects/project/locations/europe/keyRings/seatlease/cryptoKeys/licenses/cryptoKeyVersions/1';
const { OPERATOR_KEY, ...OWN_OF_FUNCTIONS } = SECRETS;
const DEPLOYED = {
  ...OWN_OF_FUNCTIONS,
  OPERATOR_KEY_HASH,
  K_SERVICE: 'acquire',
  UPSTASH_REDIS_REST_URL: 'https://example.upstash.io',
  UPSTASH_REDIS_REST_TOKEN: 'upstash-token',
  GOOGLE_CLOUD_PROJECT: 'project',
  EVENTS_TOPIC: 'seatlease-events',
  SIGNING_KEY_VERSION: KEY_VERSION,
  ...SERVICES,
  ...SIGN_IN,
};

function refusalOf(environment: Record<string, string | undefined>): string {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('The settings were accepted.');
}

test('embeds every dependency when only what npm start generates is set', () => {
  const { accessTokenPublicKeys, ...config } = readConfig(SECRETS);
  expect(accessTokenPublicKeys.map((key) => publicTextOf(key))).toEqual([SECRETS.ACCESS_TOKEN_PUBLIC_KEYS]);
  expect(config).toEqual({
    port: 8080,
    dataFolder: '.seatlease',
    sweepSeconds: 10,
    operatorKey: OPERATOR_KEY,
    operatorKeyHash: undefined,
    accessTokenPrivateKey: SECRETS.ACCESS_TOKEN_PRIVATE_KEY,
    refreshTokenKeys: [SECRETS.REFRESH_TOKEN_KEYS],
    signInStateKeys: [SECRETS.SIGN_IN_STATE_KEYS],
    confirmationKeys: [SECRETS.CONFIRMATION_KEYS],
    sessionTokenKeys: [SECRETS.SESSION_TOKEN_KEYS],
    pseudonymKey: SECRETS.PSEUDONYM_KEY,
    shards: 16,
    projectId: undefined,
    seats: { kind: 'embedded' },
    records: { kind: 'embedded' },
    events: { kind: 'embedded' },
    signing: { kind: 'embedded', version: 1 },
    services: { kind: 'embedded', tokens: 'signed' },
    dnsServers: [],
    publicUrl: undefined,
    signIn: { kind: 'embedded' },
    signInSecret: undefined,
    signInClients: [],
    operators: { emails: [], domain: undefined },
    billing: { kind: 'embedded' },
    checkout: { returnUrl: undefined, trialDays: 0, automaticTax: false, promotionCodes: false },
    holdPolicy: { disputes: 'hold', pausedCollection: 'keep' },
    trials: { days: 14, perDomain: 1, perMachine: 3, refusedDomains: [] },
    usageMeters: [],
    usageCaps: { each: 1_000_000, byMeter: {} },
    usageFloors: { each: 1, byMeter: {} },
    forwardedHops: 1,
    retentionDays: 365,
  });
});

const PAYMENTS = {
  STRIPE_SECRET_KEY: 'rk_live_0123456789',
  STRIPE_WEBHOOK_SECRETS: 'whsec_new,whsec_old',
  BILLING_RETURN_URL: 'https://vendor.example/thanks',
};

test('reads all payment settings when a Stripe key is set', () => {
  const settings = {
    ...PAYMENTS,
    CHECKOUT_TRIAL_DAYS: '14',
    CHECKOUT_TAX: 'automatic',
    CHECKOUT_PROMOTION_CODES: 'on',
    BILLING_DISPUTES: 'keep',
    BILLING_PAUSED_COLLECTION: 'hold',
    TRIAL_DAYS: '0',
    TRIALS_PER_DOMAIN: '3',
    TRIALS_PER_MACHINE: '5',
    TRIAL_REFUSED_DOMAINS: 'rival.example,throwaway.example',
    USAGE_METERS: 'exports,api_calls',
    USAGE_CAPS: '500,api_calls=70000000',
    USAGE_FLOORS: '1,api_calls=100',
  };
  expect(readConfig({ ...SECRETS, ...settings })).toMatchObject({
    billing: { kind: 'stripe', secretKey: PAYMENTS.STRIPE_SECRET_KEY },
    webhookSecrets: ['whsec_new', 'whsec_old'],
    checkout: {
      returnUrl: PAYMENTS.BILLING_RETURN_URL,
      trialDays: 14,
      automaticTax: true,
      promotionCodes: true,
    },
    holdPolicy: { disputes: 'keep', pausedCollection: 'hold' },
    trials: { days: 0, perDomain: 3, perMachine: 5, refusedDomains: ['rival.example', 'throwaway.example'] },
    usageMeters: ['exports', 'api_calls'],
    usageCaps: { each: 500, byMeter: { api_calls: 70_000_000 } },
    usageFloors: { each: 1, byMeter: { api_calls: 100 } },
  });
});

test.each(Object.keys(PAYMENTS).slice(0, 2))('refuses %s without the other payment settings', (name) => {
  const settings = Object.entries(PAYMENTS).filter(([other]) => other === name);
  const refused = refusalOf({ ...SECRETS, ...Object.fromEntries(settings) });
  for (const other of Object.keys(PAYMENTS).filter((each) => each !== name))
    expect(refused).toContain(`${other}: is not set`);
});

test.each([
  ['STRIPE_SECRET_KEY', 'pk_live_0123456789'],
  ['STRIPE_WEBHOOK_SECRETS', 'secret'],
  ['BILLING_RETURN_URL', 'vendor.example'],
  ['CHECKOUT_TRIAL_DAYS', '731'],
  ['CHECKOUT_TAX', 'on'],
  ['SERVICE_TOKENS', 'unsigned'],
  ['CHECKOUT_PROMOTION_CODES', 'yes'],
  ['TRIAL_DAYS', '-1'],
  ['TRIALS_PER_DOMAIN', '1.5'],
  ['TRIALS_PER_MACHINE', '-1'],
  ['TRIAL_REFUSED_DOMAINS', 'ada@example.com'],
  ['USAGE_METERS', 'Exports'],
  ['USAGE_CAPS', '0'],
  ['USAGE_CAPS', 'exports=5'],
])('refuses %s=%s and names the setting', (name, value) => {
  expect(refusalOf({ ...SECRETS, ...PAYMENTS, [name]: value })).toContain(`- ${name}: `);
});

test('requires the secret and the public URL with a Google client id', () => {
  const { PUBLIC_URL, SIGN_IN_CLIENT_ID, SIGN_IN_CLIENT_SECRET } = SIGN_IN;
  expect(readConfig(DEPLOYED)).toMatchObject({
    publicUrl: PUBLIC_URL,
    signIn: { kind: 'google', clientId: SIGN_IN_CLIENT_ID },
    signInSecret: SIGN_IN_CLIENT_SECRET,
  });
  const half = refusalOf({ ...SECRETS, SIGN_IN_CLIENT_ID });
  expect(half).toContain('SIGN_IN_CLIENT_SECRET: is not set');
  expect(half).toContain('PUBLIC_URL: is not set');
  // Functions that do not sign users in do not get the secret.
  const { SIGN_IN_CLIENT_ID: _, SIGN_IN_CLIENT_SECRET: __, ...others } = DEPLOYED;
  expect(readConfig(others).signIn).toEqual({ kind: 'embedded' });
});

test('signs users in with Google unless another issuer is chosen', () => {
  expect(readConfig({ ...DEPLOYED, SIGN_IN_ISSUER: 'https://login.example.com/tenant' }).signIn).toEqual({
    kind: 'openid',
    clientId: SIGN_IN.SIGN_IN_CLIENT_ID,
    issuer: 'https://login.example.com/tenant',
  });
  expect(readConfig({ ...DEPLOYED, SIGN_IN_ISSUER: 'https://accounts.google.com' }).signIn.kind).toBe(
    'google',
  );
});

test.each([
  'https://a.example/x',
  'web',
  'web=',
  'web=http://a.example/x',
  'web=https://a.example/#x',
  'web=https://ada@a.example/',
  'we b=https://a.example/',
  '=loopback',
  'app=localhost',
  'seatlease-sdk=https://a.example/',
  'seatlease-mine=loopback',
])('refuses the client %s', (client) => {
  expect(refusalOf({ ...SECRETS, SIGN_IN_CLIENTS: `good=loopback,${client}` })).toMatch(
    /^ {2}- SIGN_IN_CLIENTS: needs/m,
  );
});

test('reads lists of clients and operators', () => {
  const lists = {
    SIGN_IN_CLIENTS: 'web=https://a.example/x,web=https://b.example/y?z=1,app=loopback',
    OPERATOR_EMAILS: 'Olga@vendor.example,oleg@vendor.example',
    OPERATOR_DOMAIN: 'vendor.example',
  };
  expect(readConfig({ ...SECRETS, ...lists })).toMatchObject({
    signInClients: [
      { clientId: 'web', redirect: 'https://a.example/x' },
      { clientId: 'web', redirect: 'https://b.example/y?z=1' },
      { clientId: 'app', redirect: 'loopback' },
    ],
    operators: { emails: ['olga@vendor.example', 'oleg@vendor.example'], domain: 'vendor.example' },
  });
});

test('SIGNING_KEY_VERSION names a Cloud KMS key version or a local key', () => {
  expect(readConfig(DEPLOYED).signing).toEqual({ kind: 'kms', keyVersion: KEY_VERSION });
  expect(readConfig({ ...SECRETS, SIGNING_KEY_VERSION: '2' }).signing).toEqual({
    kind: 'embedded',
    version: 2,
  });
  expect(readConfig({ ...SECRETS, SIGNING_KEY_VERSION: KEY_VERSION }).signing.kind).toBe('kms');
});

test.each(['0', '-1', 'latest', KEY_VERSION.replace('/1', ''), `${KEY_VERSION}x`, `x${KEY_VERSION}`])(
  'refuses the signing key version %s',
  (SIGNING_KEY_VERSION) => {
    expect(refusalOf({ ...SECRETS, SIGNING_KEY_VERSION })).toContain(
      '- SIGNING_KEY_VERSION: needs projects/',
    );
  },
);

test('refuses a local signing key when deployed', () => {
  expect(refusalOf({ ...DEPLOYED, SIGNING_KEY_VERSION: '1' })).toContain(
    '- SIGNING_KEY_VERSION: a local key',
  );
});

test('treats an empty variable as unset', () => {
  const empty = Object.fromEntries(SETTING_NAMES.map((name) => [name, '']));
  expect(readConfig({ ...empty, ...SECRETS })).toEqual(readConfig(SECRETS));
  expect(readConfig({ ...SECRETS, K_SERVICE: '' }).seats).toEqual({ kind: 'embedded' });
  expect(refusalOf({ ...SECRETS, OPERATOR_KEY: '' })).toContain('OPERATOR_KEY: is not set');
});

test('reports all invalid settings at once, each by its name', () => {
  const message = refusalOf({
    PORT: '70000',
    OPERATOR_KEY: 'short',
    SESSION_TOKEN_KEYS: `${SECRETS.SESSION_TOKEN_KEYS},short`,
    ACCESS_TOKEN_PRIVATE_KEY: 'short',
    ACCESS_TOKEN_PUBLIC_KEYS: `${SECRETS.ACCESS_TOKEN_PUBLIC_KEYS},short`,
    OPERATOR_KEY_HASH: OPERATOR_KEY_HASH.toUpperCase(),
    REFRESH_TOKEN_KEYS: 'short',
    SIGN_IN_STATE_KEYS: 'short',
    CONFIRMATION_KEYS: 'short',
    PUBLIC_URL: 'https://seats.example.com/path',
    SIGN_IN_CLIENTS: 'web=https://console.example.com/,web=http://console.example.com/',
    SIGN_IN_ISSUER: 'http://login.example.com',
    OPERATOR_EMAILS: 'ada@example.com,ada',
    OPERATOR_DOMAIN: 'Example',
    FORWARDED_HOPS: '0',
    RETENTION_DAYS: '30',
    SHARDS: '0',
    UPSTASH_REDIS_REST_URL: 'ftp://somewhere',
    REDIS_URL: 'http://somewhere',
    FIRESTORE_EMULATOR_HOST: 'no-port',
    EVENTS_TOPIC: '0',
    PUBSUB_EMULATOR_HOST: 'no-port',
    SCHEDULER_ACCOUNT: 'no-address',
  });
  const named = [...message.matchAll(/^ {2}- (\w+): \S/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(
    [
      'ACCESS_TOKEN_PRIVATE_KEY',
      'ACCESS_TOKEN_PUBLIC_KEYS',
      'OPERATOR_KEY_HASH',
      'REFRESH_TOKEN_KEYS',
      'SIGN_IN_STATE_KEYS',
      'CONFIRMATION_KEYS',
      'EVENTS_TOPIC',
      'FORWARDED_HOPS',
      'OPERATOR_DOMAIN',
      'OPERATOR_EMAILS',
      'PUBLIC_URL',
      'RETENTION_DAYS',
      'SIGN_IN_CLIENTS',
      'SIGN_IN_ISSUER',
      'FIRESTORE_EMULATOR_HOST',
      'GOOGLE_CLOUD_PROJECT',
      'OPERATOR_KEY',
      'PSEUDONYM_KEY',
      'PORT',
      'PUBSUB_EMULATOR_HOST',
      'PUSH_ACCOUNT',
      'REDIS_URL',
      'SCHEDULER_ACCOUNT',
      'SERVICE_AUDIENCE',
      'SESSION_TOKEN_KEYS',
      'SHARDS',
      'UPSTASH_REDIS_REST_URL',
    ].toSorted(),
  );
});

test('puts no values into the message, because some are secrets', () => {
  const values = {
    PORT: 'hunter1',
    OPERATOR_KEY: 'hunter2',
    SESSION_TOKEN_KEYS: 'hunter3,hunter4',
    PSEUDONYM_KEY: 'hunter5',
    SHARDS: 'hunter6',
    UPSTASH_REDIS_REST_URL: 'hunter7',
    REDIS_URL: 'hunter8',
    FIRESTORE_EMULATOR_HOST: 'hunter9',
    EVENTS_TOPIC: '/hunter10',
    PUBSUB_EMULATOR_HOST: 'hunter11',
    SCHEDULER_ACCOUNT: 'hunter12',
    PUSH_ACCOUNT: 'hunter13',
  };
  const message = refusalOf(values);
  for (const name of Object.keys(values)) expect(message).toContain(`- ${name}: `);
  expect(message).not.toContain('hunter');
});

test('embeds no dependency when deployed', () => {
  expect(readConfig(DEPLOYED)).toMatchObject({
    seats: {
      kind: 'upstash',
      url: DEPLOYED.UPSTASH_REDIS_REST_URL,
      token: DEPLOYED.UPSTASH_REDIS_REST_TOKEN,
    },
    records: { kind: 'firestore', projectId: 'project', databaseId: '(default)' },
    events: { kind: 'pubsub', projectId: 'project', topic: 'seatlease-events' },
    services: {
      kind: 'google',
      audience: SERVICES.SERVICE_AUDIENCE,
      accounts: { scheduler: SERVICES.SCHEDULER_ACCOUNT, pubsub: SERVICES.PUSH_ACCOUNT },
      tokens: 'signed',
    },
  });
  expect(refusalOf({ ...SECRETS, K_SERVICE: 'acquire' })).toBe(
    [
      'The settings are not valid:',
      '  - UPSTASH_REDIS_REST_URL: is not set, and neither is REDIS_URL',
      '  - GOOGLE_CLOUD_PROJECT: is not set',
      '  - EVENTS_TOPIC: is not set',
      '  - SIGNING_KEY_VERSION: is not set',
      '  - SERVICE_AUDIENCE: is not set',
      '  - SCHEDULER_ACCOUNT: is not set',
      '  - PUSH_ACCOUNT: is not set',
      '  - PUBLIC_URL: is not set',
    ].join('\n'),
  );
});

/** The operator key can be switched off. */
const OPTIONAL = ['K_SERVICE', 'OPERATOR_KEY_HASH'];
test.each(Object.keys(DEPLOYED).filter((name) => !OPTIONAL.includes(name)))(
  'requires %s when deployed',
  (name) => {
    const orOther = name === 'UPSTASH_REDIS_REST_URL' ? ', and neither is REDIS_URL' : '';
    expect(refusalOf({ ...DEPLOYED, [name]: undefined })).toBe(
      `The settings are not valid:\n  - ${name}: is not set${orOther}`,
    );
  },
);

describe('the Redis', () => {
  const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, ...others } = DEPLOYED;
  const REDIS_CA_CERTIFICATE =
    '-----BEGIN CERTIFICATE-----\\nMIIB+/=\\n-----END CERTIFICATE-----\\n-----BEGIN CERTIFICATE-----\\nMIIC\\n-----END CERTIFICATE-----\\n';

  test('can be one that speaks the Redis protocol, also when deployed', () => {
    const url = 'rediss://user:pass@10.0.0.1:6379/2';
    const single = { kind: 'redis', url, isCluster: false, caCertificate: undefined };
    expect(readConfig({ ...others, REDIS_URL: url }).seats).toEqual(single);
    const cluster = { REDIS_URL: 'rediss://10.0.0.1', REDIS_CLUSTER: 'true', REDIS_CA_CERTIFICATE };
    expect(readConfig({ ...others, ...cluster }).seats).toEqual({
      kind: 'redis',
      url: 'rediss://10.0.0.1',
      isCluster: true,
      caCertificate: REDIS_CA_CERTIFICATE.replaceAll('\\n', '\n'),
    });
  });

  test('cannot be both that and Upstash', () => {
    expect(refusalOf({ ...DEPLOYED, REDIS_URL: 'redis://10.0.0.1' })).toBe(
      [
        'The settings are not valid:',
        '  - UPSTASH_REDIS_REST_URL: cannot be set together with REDIS_URL',
        '  - UPSTASH_REDIS_REST_TOKEN: cannot be set together with REDIS_URL',
      ].join('\n'),
    );
  });

  test.each([
    ['REDIS_URL', { REDIS_URL: 'redis://h/name' }],
    ['REDIS_URL', { REDIS_CA_CERTIFICATE }],
    ['REDIS_URL', { REDIS_URL: 'redis://h/1', REDIS_CLUSTER: 'true' }],
    ['REDIS_CLUSTER', { REDIS_URL: 'redis://h', REDIS_CLUSTER: 'yes' }],
    ['REDIS_CA_CERTIFICATE', { REDIS_URL: 'rediss://h', REDIS_CA_CERTIFICATE: 'ca.pem' }],
    ['REDIS_CA_CERTIFICATE', { REDIS_URL: 'redis://h', REDIS_CA_CERTIFICATE }],
  ])('has no setting %s that contradicts the others: %j', (name, settings) => {
    expect(refusalOf({ ...SECRETS, ...settings })).toContain(`- ${name}: `);
  });
});

test.each([
  ['UPSTASH_REDIS_REST_URL', 'https://x.upstash.io', 'UPSTASH_REDIS_REST_TOKEN'],
  ['UPSTASH_REDIS_REST_TOKEN', 'token', 'UPSTASH_REDIS_REST_URL'],
  ['FIRESTORE_EMULATOR_HOST', '127.0.0.1:8085', 'GOOGLE_CLOUD_PROJECT'],
  ['EVENTS_TOPIC', 'seatlease-events', 'GOOGLE_CLOUD_PROJECT'],
  ['PUBSUB_EMULATOR_HOST', '127.0.0.1:8086', 'EVENTS_TOPIC'],
  ['SERVICE_AUDIENCE', 'us', 'SCHEDULER_ACCOUNT'],
  ['SERVICE_AUDIENCE', 'us', 'PUSH_ACCOUNT'],
  ['SCHEDULER_ACCOUNT', 'a@b.example', 'SERVICE_AUDIENCE'],
  ['SCHEDULER_ACCOUNT', 'a@b.example', 'PUSH_ACCOUNT'],
  ['PUSH_ACCOUNT', 'a@b.example', 'SERVICE_AUDIENCE'],
  ['PUSH_ACCOUNT', 'a@b.example', 'SCHEDULER_ACCOUNT'],
])('refuses %s=%s without %s', (name, value, missing) => {
  expect(refusalOf({ ...SECRETS, [name]: value })).toContain(`- ${missing}: is not set`);
});

test('accepts a Redis and a Firestore emulator', () => {
  const config = readConfig({
    ...SECRETS,
    REDIS_URL: 'redis://user:pass@127.0.0.1:6380/2',
    GOOGLE_CLOUD_PROJECT: 'demo',
    FIRESTORE_DATABASE: 'other',
    FIRESTORE_EMULATOR_HOST: '127.0.0.1:8085',
  });
  expect(config.seats).toMatchObject({ kind: 'redis', url: 'redis://user:pass@127.0.0.1:6380/2' });
  expect(config.records).toEqual({
    kind: 'firestore',
    projectId: 'demo',
    databaseId: 'other',
    emulatorHost: '127.0.0.1:8085',
  });
  expect(config.projectId).toBe('demo');
});

test('publishes events to Pub/Sub or its emulator when a topic is set', () => {
  const environment = { ...SECRETS, GOOGLE_CLOUD_PROJECT: 'demo', EVENTS_TOPIC: 'seatlease-events' };
  const events = { kind: 'pubsub', projectId: 'demo', topic: 'seatlease-events' };
  expect(readConfig(environment)).toMatchObject({ events, services: { kind: 'embedded' } });
  expect(readConfig({ ...environment, PUBSUB_EMULATOR_HOST: '127.0.0.1:8086' }).events).toEqual({
    ...events,
    emulatorHost: '127.0.0.1:8086',
  });
  expect(readConfig({ ...environment, EVENTS_TOPIC: undefined }).events).toEqual({ kind: 'embedded' });
});

test('accepts calls from Cloud Scheduler and Pub/Sub outside Cloud Run, with one account or two', () => {
  const { services } = readConfig({
    ...SECRETS,
    ...SERVICES,
    PUSH_ACCOUNT: SERVICES.SCHEDULER_ACCOUNT,
    SERVICE_TOKENS: 'checked-by-cloud-run',
  });
  expect(services).toEqual({
    kind: 'google',
    audience: SERVICES.SERVICE_AUDIENCE,
    accounts: { scheduler: SERVICES.SCHEDULER_ACCOUNT, pubsub: SERVICES.SCHEDULER_ACCOUNT },
    tokens: 'checked-by-cloud-run',
  });
});

test.each([
  ['EVENTS_TOPIC', 'e12'],
  ['EVENTS_TOPIC', 'Seat.lease_events~1+2%3-x'],
  ['EVENTS_TOPIC', 'e'.repeat(255)],
  ['PUBSUB_EMULATOR_HOST', 'localhost:8086'],
  ['SERVICE_AUDIENCE', 'anything at all'],
  ['SCHEDULER_ACCOUNT', '1234-compute@developer.gserviceaccount.com'],
  ['PUSH_ACCOUNT', 'service-1234@gcp-sa-pubsub.iam.gserviceaccount.com'],
])('accepts %s=%j', (name, value) => {
  expect(() => readConfig({ ...DEPLOYED, [name]: value })).not.toThrow();
});

test.each([
  ['EVENTS_TOPIC', 'e1', 'needs the id of a topic'],
  ['EVENTS_TOPIC', '1-events', 'needs the id of a topic'],
  ['EVENTS_TOPIC', 'seatlease events', 'needs the id of a topic'],
  ['EVENTS_TOPIC', 'projects/project/topics/events', 'needs the id of a topic'],
  ['EVENTS_TOPIC', 'e'.repeat(256), 'needs the id of a topic'],
  ['PUBSUB_EMULATOR_HOST', 'localhost', 'needs the form host:port'],
  ['PUBSUB_EMULATOR_HOST', 'http://localhost:8086', 'needs the form host:port'],
  ['SCHEDULER_ACCOUNT', 'scheduler', 'needs an e-mail address'],
  ['PUSH_ACCOUNT', 'serviceAccount:push@project.iam.gserviceaccount.com', 'needs an e-mail address'],
  ['PUSH_ACCOUNT', 'a@b.example,c@d.example', 'needs an e-mail address'],
  ['PUBLIC_URL', 'http://seats.example.com', 'needs an https URL (http only for this machine)'],
  ['UPSTASH_REDIS_REST_URL', 'http://redis.example.com', 'needs an https URL (http only for this machine)'],
  ['BILLING_RETURN_URL', 'http://seats.example.com/', 'needs an https URL (http only for this machine)'],
  ['SIGN_IN_CLIENTS', 'web=http://seats.example.com/', 'needs <client_id>='],
])('refuses %s=%j', (name, value, message) => {
  expect(refusalOf({ ...DEPLOYED, [name]: value })).toContain(`- ${name}: ${message}`);
});

test('reads a list of session token keys in order', () => {
  const keys = [SECRETS.SESSION_TOKEN_KEYS, SECRETS.PSEUDONYM_KEY];
  expect(readConfig({ ...SECRETS, SESSION_TOKEN_KEYS: keys.join(',') }).sessionTokenKeys).toEqual(keys);
});

test('the table explains exactly the variables that are read', () => {
  const everything = Object.fromEntries(SETTING_NAMES.map((name) => [name, '\n']));
  const message = refusalOf({ ...everything, PORT: 'x', SHARDS: 'x' });
  const reported = new Set([...message.matchAll(/^ {2}- (\w+):/gm)].map(([, name]) => name));
  const takesAnyText = [
    'SEATLEASE_DATA',
    'GOOGLE_CLOUD_PROJECT',
    'FIRESTORE_DATABASE',
    'SERVICE_AUDIENCE',
    'SIGN_IN_CLIENT_ID',
    'SIGN_IN_CLIENT_SECRET',
  ];
  expect([...reported, ...takesAnyText].toSorted()).toEqual(SETTING_NAMES.toSorted());
  for (const { meaning, default: fallback, unset = fallback } of Object.values(SETTINGS)) {
    expect(meaning.length).toBeGreaterThan(10);
    expect(unset).toBeTruthy();
  }
});

test('reads and requires only the settings of the dependencies that are opened, and those of the program', () => {
  const others = { STRIPE_SECRET_KEY: 'not a key of Stripe', EVENTS_TOPIC: 'seatlease-events' };
  const own = { K_SERVICE: 'probe', PUBLIC_URL: 'https://seats.example.com', PORT: '0' };
  const { publicUrl, port, ...unread } = readConfig({ ...own, ...others }, new Set(['publicUrl', 'trials']));
  expect([publicUrl, port, unread.trials.days]).toEqual([own.PUBLIC_URL, 0, 14]);
  expect(unread).toMatchObject({ billing: { kind: 'embedded' }, events: { kind: 'embedded' } });
  expect(() => readConfig({ ...own, PUBLIC_URL: undefined }, new Set(['publicUrl']))).toThrow(
    /:\n {2}- PUBLIC_URL: is not set$/,
  );
});

test('combines settings that name the same field', () => {
  const fields = SETTING_NAMES.map((name) => SETTINGS[name].field);
  const config: Readonly<Record<string, unknown>> = readConfig(SECRETS);
  const shared = fields.filter((field, index) => fields.indexOf(field) !== index);
  expect(new Set(shared)).toContain('seats');
  for (const field of shared) expect(config[field]).toHaveProperty('kind');
});
