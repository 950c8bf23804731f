import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MANIFEST } from '../functions/manifest.ts';
import { readBundle } from './bundle.ts';
import { linesOf, orderOf } from './order.ts';
import { FUNCTION, of, type Stack } from './testing/checks/stack.ts';
import { CHECKS } from './testing/checks.ts';
import { describeInfra } from './testing/describe-infra.ts';
import { type Graph, recordStack } from './testing/graph.ts';
import { makeBundles, settingsOf, withRedis } from './testing/stacks.ts';

const bundles = makeBundles();
afterAll(() => bundles.remove());

const STACKS = [
  ['the stack dev', 'dev', {}],
  ['the stack prod', 'prod', {}],
  [
    'a large stack of an organization that refuses allUsers',
    'prod',
    { publicAccess: 'invoker-check-off', instances: { vcpuQuota: 400, hot: 90, others: 15 } },
  ],
  ['a stack with Memorystore', 'prod', withRedis('prod', { kind: 'memorystore' })],
  [
    'a small stack with a cluster of Memorystore',
    'dev',
    withRedis('dev', { kind: 'memorystore', nodeType: 'SHARED_CORE_NANO', shards: 3, replicas: 0 }),
  ],
  ['a stack with a Redis of another provider', 'prod', withRedis('prod', { kind: 'url' })],
] as const;

for (const [title, name, changes] of STACKS) {
  describeInfra(`in ${title}`, () => {
    let stack: Stack;
    beforeAll(async () => {
      const settings = await settingsOf(name, bundles.path, changes);
      stack = { graph: await recordStack(settings), manifest: MANIFEST, settings };
      // Without resources, every check would pass.
      expect(stack.graph.resources.length).toBeGreaterThan(300);
    });

    test.each(Object.keys(CHECKS) as (keyof typeof CHECKS)[])('%s', (name) => {
      expect(CHECKS[name](stack)).toEqual([]);
    });

    test('every alert has a row in the runbook, and every row an alert', () => {
      const runbook = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
      const [, section = ''] = /^## Alerts\n(.*?)^## /ms.exec(runbook) ?? [];
      const [table = ''] = section.split('\n\n').filter((block) => block.includes('| Alert |'));
      const rows = [...table.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell.trim());
      const alerts = stack.graph.resources
        .filter(({ type }) => type.endsWith(':AlertPolicy'))
        .map(({ inputs }) => inputs.displayName.replace(/ \((fast|slow)\)$/, ''));
      expect(alerts.filter((alert) => !rows.includes(alert))).toEqual([]);
      if (name === 'prod')
        expect(rows.filter((row) => !alerts.includes(row))).toEqual(['Alert', '---', 'The budget']);
    });

    test('the order of a deploy is APIs, grants and indexes, record-event and sweep, other functions, their callers', () => {
      const waves = orderOf(stack.graph);
      const numbersOf = (kind: string, name = ''): number[] =>
        waves.flatMap((wave) =>
          wave.kind === kind && wave.names.some((each) => each.includes(name)) ? [wave.number] : [],
        );
      expect(waves.filter(({ number }) => number === 1).map(({ kind }) => kind)).toEqual(['Service']);
      const functions = waves.filter(({ kind }) => kind === 'Function');
      const [first = 0, rest = 0, ...later] = functions.map(({ number }) => number);
      expect(later).toEqual([]);
      expect(functions[0]?.names.toSorted()).toEqual(['seatlease-record-event', 'seatlease-sweep']);
      for (const kind of ['IAMMember', 'SecretIamMember', 'CryptoKeyIAMMember', 'Index', 'BucketObject'])
        expect(Math.max(...numbersOf(kind)), kind).toBeLessThan(first);
      expect(numbersOf('Job', 'sweep').concat(numbersOf('Subscription', 'record-event'))).toEqual([
        expect.toSatisfy((number) => number > rest),
        expect.toSatisfy((number) => number > rest),
      ]);
      expect(linesOf(waves)).toContain(
        `${first}. Function: seatlease-record-event, seatlease-sweep, when IAM has applied new grants`,
      );
    });

    test('the outputs name the URLs of functions, the signing key version, the topic and the database', () => {
      const { project, region, projectNumber } = stack.settings;
      const { urls, ...others } = stack.graph.outputs;
      expect(Object.keys(urls).toSorted()).toEqual(MANIFEST.map((contract) => contract.name).toSorted());
      expect(urls['record-event']).toBe(`https://seatlease-record-event-${projectNumber}.${region}.run.app`);
      expect(others).toEqual({
        signingKeyVersion: `projects/${project}/locations/${region}/keyRings/seatlease/cryptoKeys/licenses/cryptoKeyVersions/1`,
        topic: 'gcp:pubsub/topic:Topic/seatlease-events',
        database: 'gcp:firestore/database:Database/(default)',
      });
    });
  });
}

describeInfra('a new version of a secret', () => {
  /** Of 27 functions. Each is built again. */
  const FUNCTIONS_BUILT_AGAIN = {
    UPSTASH_REDIS_REST_URL: 26,
    UPSTASH_REDIS_REST_TOKEN: 26,
    SESSION_TOKEN_KEYS: 4,
    ACCESS_TOKEN_PRIVATE_KEY: 1,
    REFRESH_TOKEN_KEYS: 1,
    SIGN_IN_STATE_KEYS: 3,
    CONFIRMATION_KEYS: 1,
    PSEUDONYM_KEY: 24,
    OPERATOR_KEY_HASH: 16,
    SIGN_IN_CLIENT_SECRET: 1,
    STRIPE_SECRET_KEY: 7,
    STRIPE_WEBHOOK_SECRETS: 1,
  };

  test('changes only the functions that read it', async () => {
    const settings = await settingsOf('prod', bundles.path);
    const { secretVersions } = settings;
    const before = functionsIn(await recordStack(settings));
    const rotated = { ...settings, secretVersions: { ...secretVersions, SESSION_TOKEN_KEYS: 2 } };
    const after = functionsIn(await recordStack(rotated));
    const changed = [...after].filter(([name, inputs]) => inputs !== before.get(name)).map(([name]) => name);
    expect(changed.toSorted()).toEqual([
      'seatlease-acquire',
      'seatlease-heartbeat',
      'seatlease-release',
      'seatlease-usage',
    ]);

    const readers = (secret: string): number =>
      [...before.values()].filter((inputs) => inputs.includes(JSON.stringify(secret))).length;
    const counts = Object.keys(secretVersions).map((secret) => [secret, readers(secret)]);
    expect(Object.fromEntries(counts)).toEqual(FUNCTIONS_BUILT_AGAIN);
  });

  /** The inputs of each function, as text. */
  function functionsIn(graph: Graph): ReadonlyMap<string, string> {
    return new Map(of(graph, FUNCTION).map(({ name, inputs }) => [name, JSON.stringify(inputs)]));
  }
});

describe('a deploy', () => {
  test('changes only the functions whose bundles changed', () => {
    const hashes = () => MANIFEST.map(({ name }) => [name, readBundle(bundles.path, name).hash].join());
    const before = hashes();
    bundles.change('sign');
    const after = hashes();
    expect(after.filter((hash) => !before.includes(hash))).toEqual([expect.stringMatching(/^sign,/)]);
  });

  test('stops without bundles and names the command that builds them', () => {
    expect(() => readBundle('no-such-folder', 'sign')).toThrow('run "npm run bundle" first');
  });
});
