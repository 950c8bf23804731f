import { expect, test } from 'vitest';
import type { Deps } from '../ports/deps.ts';
import type { Dependency } from '../settings.ts';
import { defineFunction, type EndpointContract } from './contract.ts';
import { dependenciesOf, guardDeps, secretsOf, settingsOf } from './dependencies.ts';

function contractOf(uses: readonly Dependency[], ...endpoints: Partial<EndpointContract>[]) {
  const common = {
    method: 'GET',
    path: '/',
    summary: '',
    auth: ['anyone'],
    answers: {},
    problems: [],
  } as const;
  return defineFunction({
    name: 'probe',
    summary: '',
    memoryMiB: 256,
    concurrency: 1,
    maxInstances: 1,
    timeoutSeconds: 1,
    roles: [],
    uses,
    endpoints: Object.fromEntries(endpoints.map((own, i) => [`e${i}`, { ...common, ...own }])),
  });
}

const limit = { by: 'caller', requests: 1, windowSeconds: 1, uncounted: 'serve' } as const;

test.each<[string, Partial<EndpointContract>, Dependency[]]>([
  ['nothing for anyone', { auth: ['anyone'] }, []],
  ['nothing for license keys, which the seat scripts verify', { auth: ['license'] }, []],
  ['tokens and records for users', { auth: ['member'] }, ['accessTokens', 'records']],
  [
    'tokens alone for users whose standing is in the token',
    { auth: ['member'], standing: 'token' },
    ['accessTokens'],
  ],
  [
    'the key, the tokens and the rule of operators too, where they may call',
    { auth: ['operator'] },
    [
      ...(['isOperatorKey', 'limits', 'pseudonymOf', 'forwardedHops'] as const),
      ...(['accessTokens', 'records', 'operators'] as const),
    ],
  ],
  [
    'no access tokens where Google Cloud calls',
    { auth: ['scheduler', 'operator'] },
    [
      ...(['isOperatorKey', 'limits', 'pseudonymOf', 'forwardedHops'] as const),
      ...(['records', 'identity', 'serviceAccounts'] as const),
    ],
  ],
  ['the webhook secrets for Stripe', { auth: ['stripe'] }, ['billingEvents']],
  ['limits by caller', { auth: ['license'], limit }, ['limits', 'pseudonymOf']],
  [
    'limits by address',
    { auth: ['license'], limit: { ...limit, by: 'address' } },
    ['limits', 'pseudonymOf', 'forwardedHops'],
  ],
  [
    'limits of callers without credentials',
    { auth: ['anyone'], limit },
    ['limits', 'pseudonymOf', 'forwardedHops'],
  ],
])('an endpoint needs %s', (_, endpoint, expected) => {
  expect([...dependenciesOf(contractOf([], endpoint))].toSorted()).toEqual(
    ['projectId', ...expected].toSorted(),
  );
});

test('a function needs what its handlers use and what each of its endpoints needs', () => {
  const contract = contractOf(['signer'], { auth: ['stripe'] }, { auth: ['license'], limit });
  expect([...dependenciesOf(contract)]).toEqual([
    'projectId',
    'signer',
    'billingEvents',
    'limits',
    'pseudonymOf',
  ]);
});

test('the settings of a function are those of its dependencies, each once', () => {
  const used = new Set<Dependency>(['limits', 'seatMaintenance', 'shards']);
  expect(settingsOf(used)).toEqual([
    'SHARDS',
    'UPSTASH_REDIS_REST_URL',
    'UPSTASH_REDIS_REST_TOKEN',
    'REDIS_URL',
    'REDIS_CLUSTER',
    'REDIS_CA_CERTIFICATE',
  ]);
  expect(secretsOf(used)).toEqual(['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN', 'REDIS_URL']);
});

test('reading a dependency that the contract does not name throws, and names both', () => {
  const deps = { shards: 4, retentionDays: 365, clock: { nowMs: () => 1 } } as Deps;
  const guarded = guardDeps(contractOf(['shards']), deps);
  expect([guarded.shards, guarded.clock.nowMs()]).toEqual([4, 1]);
  expect(() => guarded.retentionDays).toThrow(
    'probe: its contract does not name the dependency "retentionDays"',
  );
  // Not even one that the process did not open reads as absent.
  expect(() => guarded.billing).toThrow('probe: its contract does not name the dependency "billing"');
  expect(() => Object.create(guarded, { shards: { value: 5 } }).retentionDays).toThrow('"retentionDays"');
});
