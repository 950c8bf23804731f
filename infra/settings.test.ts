import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { MANIFEST } from '../functions/manifest.ts';
import { SETTING_NAMES } from '../shared/settings.ts';
import { environmentOf, secretsOf } from './environment.ts';
import { readSettings } from './read-settings.ts';
import { CHOSEN, type StackSettings } from './settings.ts';
import { configuredIn } from './stack-file.ts';
import { describeInfra } from './testing/describe-infra.ts';

describeInfra('the settings of a stack', () => {
  let prod: Record<string, unknown>;
  beforeAll(async () => {
    prod = configuredIn('prod');
  });

  /** The problems of the production stack with `changes`. */
  const problemsWith = (changes: Record<string, unknown>): string[] => {
    try {
      readSettings({ ...prod, ...changes }, MANIFEST);
      return [];
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return error.message.split('\n  - ').slice(1);
    }
  };

  test('are complete in the example', () => {
    expect(problemsWith({})).toEqual([]);
  });

  // With credentials of a user, the APIs of Firebase rules and budgets refuse calls that name no project
  // (https://github.com/hashicorp/terraform-provider-google/issues/13120). That of the credentials is not used (#24500).
  test.each(['dev', 'prod'])('charge calls of APIs to the project of the example %s', (stack) => {
    const { config } = parse(readFileSync(`infra/Pulumi.${stack}.yaml`, 'utf8'));
    expect(config).toMatchObject({
      'gcp:userProjectOverride': 'true',
      'gcp:billingProject': config['gcp:project'],
    });
  });

  test('are refused with every problem named', () => {
    const problems = problemsWith({
      projectNumber: 7,
      publicUrl: 'http://x',
      alerts: { emails: ['no-address'], webhooks: ['http://x'], channels: ['slack'] },
      minInstance: 1,
      environment: { OPERATOR_KEY: 'x' },
    });
    for (const name of [
      'projectNumber',
      'publicUrl',
      'alerts.emails.0',
      'alerts.webhooks.0',
      'alerts.channels.0',
      'minInstance',
      'OPERATOR_KEY',
    ])
      expect(problems.join('\n')).toContain(name);
  });

  test('are refused if a secret has no version, or if no function needs it', () => {
    const { OPERATOR_KEY_HASH: _, ...secretVersions } = prod.secretVersions as Record<string, number>;
    expect(problemsWith({ secretVersions: { ...secretVersions, OLD_KEY: 1 } })).toEqual([
      'secretVersions.OPERATOR_KEY_HASH: is not set',
      'secretVersions.OLD_KEY: no function of this stack needs it',
    ]);
  });

  test('are refused with secrets of features that are switched off', () => {
    expect(problemsWith({ billing: undefined })).toEqual(
      ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRETS'].map(
        (name) => `secretVersions.${name}: no function of this stack needs it`,
      ),
    );
  });

  test('with the operator key switched off give its hash to no function, whether its secret stays or not', () => {
    const { OPERATOR_KEY_HASH: _, ...secretVersions } = prod.secretVersions as Record<string, number>;
    expect(problemsWith({ operatorKey: false })).toEqual([]);
    expect(problemsWith({ operatorKey: false, secretVersions })).toEqual([]);
    const off = readSettings({ ...prod, operatorKey: false }, MANIFEST);
    const given = (settings: StackSettings) => MANIFEST.flatMap((contract) => secretsOf(contract, settings));
    expect(given(off)).not.toContain('OPERATOR_KEY_HASH');
    expect(given({ ...off, operatorKey: true })).toContain('OPERATOR_KEY_HASH');
  });

  test('accept only numbers as versions, not latest', () => {
    const secretVersions = { ...(prod.secretVersions as object), OPERATOR_KEY_HASH: 'latest' };
    expect(problemsWith({ secretVersions })).toEqual([
      expect.stringMatching(/^secretVersions\.OPERATOR_KEY_HASH: /),
    ]);
  });

  test('are refused if a database is named twice, or its name is none that Firestore accepts', () => {
    expect(problemsWith({ database: 'records-2', otherDatabases: ['(default)', 'records-2'] })).toEqual([
      'otherDatabases: records-2 is named twice',
    ]);
    for (const database of ['default?', 'abc', '2-records', 'Records-2', 'records-'])
      expect(problemsWith({ database }), database).toEqual([expect.stringMatching(/^database: needs /)]);
  });

  test('keep backups for 7 to 98 days', () => {
    const keptFor = (retentionDays: number) => problemsWith({ backups: { retentionDays } });
    expect([7, 98].flatMap(keptFor)).toEqual([]);
    for (const days of [6, 99, 7.5])
      expect(keptFor(days), String(days)).toEqual([expect.stringMatching(/^backups\.retentionDays: /)]);
  });

  test('keep all log lines of calls for seats, some of them, or none', () => {
    const kept = (own: number) => problemsWith({ requestLogs: { own } });
    expect([0, 0.01, 1].flatMap(kept)).toEqual([]);
    for (const share of [-0.1, 1.1, 100])
      expect(kept(share), String(share)).toEqual([expect.stringMatching(/^requestLogs\.own: /)]);
  });

  test('are refused before a deploy if a function would not start with them', () => {
    const chosen = prod.environment as Record<string, string>;
    expect(problemsWith({ environment: { ...chosen, ACCESS_TOKEN_PUBLIC_KEYS: 'MIIB' } })).toEqual([
      expect.stringMatching(/^environment\.ACCESS_TOKEN_PUBLIC_KEYS: needs RSA public keys/),
    ]);
    expect(
      problemsWith({ environment: { ...chosen, TRIAL_DAYS: '400', USAGE_METERS: 'Not A Meter' } }),
    ).toEqual([
      expect.stringMatching(/^environment\.USAGE_METERS: /),
      expect.stringMatching(/^environment\.TRIAL_DAYS: /),
    ]);
  });

  test('are refused if the functions that seats need do not fit the quota of the region', () => {
    const fits = { vcpuQuota: 20, hot: 5, others: 2 };
    expect(problemsWith({ instances: fits })).toEqual([]);
    expect(problemsWith({ instances: { ...fits, hot: 6 } })).toEqual([
      'instances: acquire, heartbeat, record-event, release, sweep need 21 vCPU together, but vcpuQuota is 20',
    ]);
    expect(problemsWith({ instances: { ...fits, hot: 100, others: 20 } })).toEqual([
      expect.stringContaining('need 321 vCPU'),
      'instances: no function can have more instances than vcpuQuota, 20',
    ]);
  });

  test('are refused if more instances are kept warm than there can be', () => {
    expect(problemsWith({ minInstances: 6 })).toEqual(['minInstances: is more than instances.hot, 5']);
  });

  describe('name one Redis', () => {
    const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, ...others } = configuredIn('prod')
      .secretVersions as Record<string, number>;
    const upstash = { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN };
    const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

    test.each([
      ['Upstash without a word', undefined, { ...others, ...upstash }],
      ['Upstash', { kind: 'upstash' }, { ...others, ...upstash }],
      ['Memorystore', { kind: 'memorystore' }, others],
      ['a cluster of Memorystore', { kind: 'memorystore', shards: 3, nodeType: 'HIGHMEM_MEDIUM' }, others],
      ['another', { kind: 'url' }, { ...others, REDIS_URL: 1 }],
      [
        'another cluster',
        { kind: 'url', cluster: true, caCertificate: certificate },
        { ...others, REDIS_URL: 1 },
      ],
    ])('%s', (_, redis, secretVersions) => {
      expect(problemsWith({ redis, secretVersions })).toEqual([]);
    });

    test.each([
      [
        'the secrets of another',
        { kind: 'memorystore' },
        { ...others, REDIS_URL: 1 },
        /REDIS_URL: no function/,
      ],
      ['no address', { kind: 'url' }, others, /^secretVersions\.REDIS_URL: is not set$/],
      ['an unknown kind', { kind: 'redis' }, others, /^redis/],
      ['an unknown node type', { kind: 'memorystore', nodeType: 'SMALL' }, others, /^redis\.nodeType: /],
      ['no shard', { kind: 'memorystore', shards: 0 }, others, /^redis\.shards: /],
      ['six replicas', { kind: 'memorystore', replicas: 6 }, others, /^redis\.replicas: /],
      [
        'a file name as the certificate',
        { kind: 'url', caCertificate: 'ca.pem' },
        { ...others, REDIS_URL: 1 },
        /^environment\.REDIS_CA_CERTIFICATE: needs certificates in PEM$/,
      ],
    ])('and are refused with %s', (_, redis, secretVersions, problem) => {
      expect(problemsWith({ redis, secretVersions })).toEqual([expect.stringMatching(problem)]);
    });
  });

  test('are passed only to functions that need them', () => {
    const settings = readSettings(prod, MANIFEST);
    const having = (variable: string): string[] =>
      MANIFEST.filter((contract) => variable in environmentOf(contract, settings)).map(({ name }) => name);
    expect(having('SIGN_IN_CLIENT_ID')).toEqual(['authorize', 'callback', 'device']);
    expect(having('BILLING_RETURN_URL')).toEqual(['checkout']);
    expect(having('EVENTS_TOPIC')).toEqual(['cancel', 'health', 'stripe-webhook', 'subscriptions', 'sweep']);
    expect(having('OPERATOR_DOMAIN')).not.toContain('heartbeat');
    expect(having('GOOGLE_CLOUD_PROJECT')).toHaveLength(MANIFEST.length);
  });
});

describe('every variable that functions read', () => {
  const LOCAL = [
    'OPERATOR_KEY',
    'PORT',
    'SEATLEASE_DATA',
    'SWEEP_SECONDS',
    'FIRESTORE_EMULATOR_HOST',
    'PUBSUB_EMULATOR_HOST',
  ];

  test('is computed by the stack, chosen in its settings, or for the local server only', () => {
    const stacks = [ALL, { ...ALL, redis: OTHER_REDIS }];
    const names = stacks.flatMap((stack) =>
      MANIFEST.flatMap((contract): string[] => [
        ...secretsOf(contract, stack),
        ...Object.keys(environmentOf(contract, stack)),
      ]),
    );
    const known = new Set<string>([...LOCAL, ...CHOSEN, ...names]);
    expect(SETTING_NAMES.filter((name) => !known.has(name))).toEqual([]);
  });
});

/** A stack with every feature switched on. */
const ALL: StackSettings = {
  project: 'p',
  region: 'r',
  projectNumber: '1',
  firestoreLocation: 'r',
  database: '(default)',
  otherDatabases: [],
  backups: { retentionDays: 7 },
  redis: { kind: 'upstash' },
  publicUrl: 'https://p.example',
  protect: true,
  minInstances: 0,
  publicAccess: 'allUsers',
  instances: { vcpuQuota: 20, hot: 5, others: 2 },
  signingKey: { protectionLevel: 'SOFTWARE', version: 1 },
  secretVersions: {},
  signIn: { clientId: 'c', issuer: 'https://login.example.com' },
  billing: { returnUrl: 'https://p.example' },
  operatorKey: true,
  environment: {},
  alerts: { emails: ['a@p.example'], webhooks: [], channels: [] },
  requestLogs: { cloudRun: 1, own: 1 },
  bundles: '',
};
const OTHER_REDIS = { kind: 'url', cluster: true, caCertificate: 'certificate' } as const;
