import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { secretId } from '../../infra/names.ts';
import { startEmbeddedRedis } from '../../shared/local/redis/embedded-redis.ts';
import { startUpstashServer, type UpstashServer } from '../../shared/local/redis/upstash-server.ts';
import type { SecretName } from '../../shared/settings.ts';
import { freePort } from '../../shared/testing/servers/free-port.ts';
import { type Answers, httpAnswers, NoAnswer } from './answers.ts';
import { DEPLOYED } from './areas/deployed.ts';
import { DOMAIN } from './areas/domain.ts';
import { PROJECT } from './areas/project.ts';
import { REDIS } from './areas/redis.ts';
import { readSecret, SECRETS } from './areas/secrets.ts';
import { STRIPE } from './areas/stripe.ts';
import { type Area, runArea, type SecretValue, type Stack } from './check.ts';
import { type Finding, unknown } from './finding.ts';
import { AREAS } from './run.ts';
import type { Case, Recorded } from './testing/case.ts';
import { answersOf, casesOf, GIVEN, replay, stackOf } from './testing/recorded.ts';
import { loadedScripts } from './testing/scripts.ts';

function run(area: Area, stack: Stack, answers: Answers, deadlineMs = 5_000): Promise<Finding[]> {
  return runArea(area, stack, { answers, accessToken: 'the-access-token', deadlineMs });
}

function badOnes(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ level }) => level !== 'ok');
}

/** What is found with the recorded answers. Scripts load, unless the answers say otherwise. */
function findingsOf(area: Area, { stack, answers }: Pick<Case, 'stack' | 'answers'>): Promise<Finding[]> {
  const recorded = answersOf(area.name, answers);
  const isRecorded = recorded.some(({ request }) => request.endsWith(' SCRIPT'));
  return run(area, stackOf(stack), isRecorded ? replay(recorded) : loadedScripts(replay(recorded)));
}

describe.each(AREAS.map((area) => [area.name, area] as const))('%s', (name, area) => {
  test('finds nothing wrong with a healthy stack', async () => {
    const findings = await findingsOf(area, { answers: [] });
    expect(badOnes(findings)).toEqual([]);
    expect(findings.length).toBeGreaterThan(0);
  });

  test.each(casesOf(name).map((each) => [each.name, each] as const))('reports that %s', async (_, each) => {
    const { finding, stack = {}, answers } = each;
    const { found, cure = '', ...rest } = finding;
    expect(badOnes(await findingsOf(area, { stack, answers }))).toEqual([
      { area: name, ...rest, found: expect.stringContaining(found), cure: expect.stringContaining(cure) },
    ]);
  });

  test('cites a page for each recorded answer', () => {
    const recorded: readonly Recorded[] = [
      ...answersOf(name),
      ...casesOf(name).flatMap(({ answers }) => answers.filter((each) => 'request' in each)),
    ];
    for (const { source } of recorded) expect(source).toMatch(/^https:\/\/|^Observed, |^infra\/README\.md$/);
  });
});

describe('the value of a secret', () => {
  const GOOD = 'x'.repeat(32);
  const healthy = replay(answersOf('secrets'));

  /** The finding on a secret whose value is `value`. */
  async function findingOn(name: SecretName, value: SecretValue): Promise<Finding | undefined> {
    const findings = await run(SECRETS, { ...stackOf(), readable: new Map([[name, value]]) }, healthy);
    return findings.find(({ check }) => check === name);
  }

  test.each([
    ['PSEUDONYM_KEY', GOOD],
    ['SESSION_TOKEN_KEYS', `${GOOD},${GOOD}`],
    ['UPSTASH_REDIS_REST_URL', 'https://eu2-sample.upstash.io'],
    ['STRIPE_WEBHOOK_SECRETS', 'whsec_new,whsec_old'],
  ] as const)('of %s can be used', async (name, value) => {
    expect(await findingOn(name, value)).toMatchObject({
      level: 'ok',
      found: 'Version 1 is enabled, and its value can be used.',
    });
  });

  test.each([
    ['ends with a line break', 'PSEUDONYM_KEY', `${GOOD}\n`, 'ends with a line break'],
    ['ends with a line break of Windows', 'PSEUDONYM_KEY', `${GOOD}\r\n`, 'ends with a line break'],
    ['contains a space', 'SESSION_TOKEN_KEYS', `${GOOD}, ${GOOD}`, 'contains spaces'],
    ['is too short', 'PSEUDONYM_KEY', 'short', 'needs at least 32 characters'],
    ['is not a URL', 'UPSTASH_REDIS_REST_URL', 'eu2-sample.upstash.io', 'needs an https URL'],
    [
      'is the publishable key',
      'STRIPE_SECRET_KEY',
      'pk_live_sample',
      'needs a secret or restricted key of Stripe',
    ],
  ] as const)('%s', async (_, name, value, found) => {
    const finding = await findingOn(name, value);
    expect(finding).toMatchObject({
      level: 'error',
      found: expect.stringContaining(found),
      cure: expect.stringContaining(`gcloud secrets versions add ${secretId(name)} `),
    });
    expect(JSON.stringify(finding)).not.toContain(value.trim());
  });

  test('cannot be read', async () => {
    const denied = new NoAnswer(unknown('You may not read this.', 'Let an owner grant you a role.'));
    expect(await findingOn('PSEUDONYM_KEY', denied)).toMatchObject({
      level: 'unknown',
      found: 'You may not read this.',
    });
  });

  test.each([
    [200, { payload: { data: 'c2VjcmV0', dataCrc32c: '1' } }, 'secret'],
    [404, {}, undefined],
    [400, {}, undefined],
  ])('with status %i is read as %j', async (status, body, value) => {
    const { settings } = stackOf();
    expect(await readSecret('PSEUDONYM_KEY', settings, async () => ({ status, body }))).toBe(value);
  });
});

describe('before the first deploy', () => {
  const stack = stackOf({ isDeployed: false });

  test.each([
    ['functions', DEPLOYED, 'Nothing is deployed yet'],
    ['public address', DOMAIN, 'nothing is deployed there yet'],
    ['APIs', PROJECT, 'the deploy enables the others'],
    ['database', PROJECT, 'The deploy creates the database (default) in eur3.'],
  ] as const)('%s is fine without resources', async (check, area, found) => {
    const isOff = { service: 'pubsub', change: { state: 'DISABLED' } };
    const answers = replay(answersOf(area.name, [isOff]));
    const findings = await run(area, stack, async (question, signal) => {
      if (/\/health$|\/databases\//.test(question.url)) return { status: 404, body: undefined };
      return answers(question, signal);
    });
    expect(findings.find((each) => each.check === check)).toMatchObject({
      level: 'ok',
      found: expect.stringContaining(found),
    });
  });

  test('says why it does not know whether anything is deployed', async () => {
    const whyUnknown = new NoAnswer(unknown('You may not read this.', 'Let an owner grant you a role.'));
    expect(await run(DEPLOYED, { ...stack, whyUnknown }, replay([]))).toMatchObject([
      { check: 'functions', level: 'unknown', found: 'You may not read this.' },
    ]);
  });
});

describe('an address that does not answer', () => {
  test.each([
    ['ENOTFOUND', 'error', 'licenses.example.com does not resolve.', true],
    ['ENOTFOUND', 'warning', 'licenses.example.com does not resolve.', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'error', 'The certificate of licenses.example.com is not valid', true],
    ['CERT_HAS_EXPIRED', 'error', '(CERT_HAS_EXPIRED)', true],
    ['ECONNREFUSED', 'unknown', 'cannot be reached', true],
  ])('with %s is reported as %s: %s', async (code, level, found, isDeployed) => {
    const healthy = replay(answersOf('domain'));
    const findings = await run(DOMAIN, stackOf({ isDeployed }), async (question, signal) => {
      if (!question.url.endsWith('/health')) return healthy(question, signal);
      throw new NoAnswer(unknown('It cannot be reached.', 'Check the network.'), code);
    });
    expect(badOnes(findings)).toEqual([
      expect.objectContaining({ check: 'public address', level, found: expect.stringContaining(found) }),
    ]);
  });

  test('is recognised by the code of the system', async () => {
    const refused = httpAnswers()(
      { url: `http://127.0.0.1:${await freePort()}/` },
      AbortSignal.timeout(5_000),
    );
    await expect(refused).rejects.toMatchObject({ reason: 'ECONNREFUSED' });
  });
});

test('a check that has no answer in time does not stop the others', async () => {
  const healthy = replay(answersOf('project'));
  const findings = await run(
    PROJECT,
    stackOf(),
    (question, signal) =>
      question.url.includes('cloudbilling')
        ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        : healthy(question, signal),
    20,
  );
  expect(badOnes(findings)).toMatchObject([
    { check: 'billing', level: 'unknown', found: 'There was no answer within 0.02 s.' },
  ]);
});

describe('what was not given', () => {
  test.each([
    [REDIS, 'database', '--read-secrets'],
    [STRIPE, 'account', '--read-secrets'],
  ])('is not checked', async (area, check, cure) => {
    expect(await run(area, stackOf({ given: {} }), replay([]))).toMatchObject([
      { check, level: 'unknown', cure: expect.stringContaining(cure) },
    ]);
  });

  test('leaves eviction to the operator', async () => {
    const { UPSTASH_API_KEY: _, ...given } = GIVEN;
    const findings = await run(REDIS, stackOf({ given }), loadedScripts(replay(answersOf('Redis'))));
    expect(badOnes(findings)).toMatchObject([
      { check: 'database', level: 'unknown', cure: expect.stringContaining('eviction must be off') },
    ]);
  });

  test('a text that is not a URL is no address of a database', async () => {
    const given = { ...GIVEN, UPSTASH_REDIS_REST_URL: 'eu2-sample' };
    expect(await run(REDIS, stackOf({ given }), replay([]))).toMatchObject([
      { check: 'database', level: 'error', found: 'UPSTASH_REDIS_REST_URL is not a URL.' },
    ]);
  });
});

describe('a stack whose seats are in another Redis than Upstash', () => {
  const healthy = stackOf({ given: {} });
  const withRedis = (redis: object, isDeployed = true): Stack => ({
    ...healthy,
    isDeployed,
    settings: {
      ...healthy.settings,
      redis: { ...healthy.settings.redis, ...redis } as Stack['settings']['redis'],
    },
  });
  const memorystore = { kind: 'memorystore', nodeType: 'STANDARD_SMALL', shards: 1, replicas: 1 };
  // https://docs.cloud.google.com/memorystore/docs/valkey/reference/rest/v1/projects.locations.instances
  const instance = {
    state: 'ACTIVE',
    engineConfigs: { 'maxmemory-policy': 'noeviction' },
    persistenceConfig: { mode: 'AOF', aofConfig: { appendFsync: 'EVERY_SEC' } },
    replicaCount: 1,
  };
  const request =
    'GET https://memorystore.googleapis.com/v1/projects/my-project/locations/europe-west1/instances/seatlease';

  test.each([
    ['is healthy', instance, 'ok', 'keeps them on disk and on replicas'],
    ['is being created', { ...instance, state: 'CREATING' }, 'warning', 'is CREATING'],
    [
      'deletes keys',
      { ...instance, engineConfigs: {} },
      'error',
      'is volatile-lru: a full database deletes keys',
    ],
    [
      'keeps nothing on disk',
      { ...instance, persistenceConfig: {} },
      'warning',
      'DISABLED: a restart loses seats',
    ],
    ['has no replica', { ...instance, replicaCount: undefined }, 'warning', 'has no replica'],
  ])('says that the Memorystore instance %s', async (_, body, level, found) => {
    const answers = replay([{ source: 'https://docs.cloud.google.com', request, status: 200, body }]);
    expect(await run(REDIS, withRedis(memorystore), answers)).toEqual([
      expect.objectContaining({ check: 'instance', level, found: expect.stringContaining(found) }),
    ]);
  });

  test.each([
    [404, {}, false, 'ok', 'The deploy creates the Memorystore instance.'],
    [404, {}, true, 'error', 'The Memorystore instance does not exist.'],
    [
      403,
      { error: { details: [{ reason: 'SERVICE_DISABLED' }] } },
      false,
      'ok',
      'The deploy creates the Memorystore instance.',
    ],
  ])('with answer %i %j, deployed %s, reports %s', async (status, body, isDeployed, level, found) => {
    const answers = replay([{ source: 'https://docs.cloud.google.com', request, status, body }]);
    expect(await run(REDIS, withRedis(memorystore, isDeployed), answers)).toMatchObject([
      { check: 'instance', level, found },
    ]);
  });

  test('says that it did not check a Redis of another provider', async () => {
    expect(await run(REDIS, withRedis({ kind: 'url', cluster: false }), replay([]))).toMatchObject([
      { check: 'database', level: 'unknown', cure: expect.stringContaining('noeviction') },
    ]);
  });

  test('also needs the APIs of Memorystore', async () => {
    const findings = await run(PROJECT, withRedis(memorystore), replay(answersOf('project')));
    expect(badOnes(findings)).toMatchObject([
      {
        check: 'APIs',
        level: 'error',
        found:
          'These APIs are not enabled: compute.googleapis.com, memorystore.googleapis.com, networkconnectivity.googleapis.com, serviceconsumermanagement.googleapis.com.',
      },
    ]);
  });
});

describe('a real Redis behind the REST protocol of Upstash', () => {
  let redis: Awaited<ReturnType<typeof startEmbeddedRedis>>;
  let server: UpstashServer;
  beforeAll(async () => {
    redis = await startEmbeddedRedis();
    server = await startUpstashServer({ backend: redis, token: 'the-token-of-the-database' });
  });
  afterAll(async () => {
    await server.close();
    await redis.close();
  });

  test('accepts the token, knows the flag and loads the scripts', async () => {
    const given = { UPSTASH_REDIS_REST_URL: server.url, UPSTASH_REDIS_REST_TOKEN: server.token };
    const findings = await run(REDIS, stackOf({ given }), httpAnswers());
    expect(findings.map(({ check, level }) => [check, level])).toEqual([
      ['token', 'ok'],
      ['key locking', 'ok'],
      ['scripts', 'ok'],
      ['database', 'unknown'],
    ]);
  });

  test('refuses another token', async () => {
    const given = { UPSTASH_REDIS_REST_URL: server.url, UPSTASH_REDIS_REST_TOKEN: 'another-token' };
    const findings = await run(REDIS, stackOf({ given }), httpAnswers());
    expect(findings.find(({ check }) => check === 'token')).toMatchObject({
      level: 'error',
      found: 'The database refuses the token (WRONGPASS).',
    });
  });
});
