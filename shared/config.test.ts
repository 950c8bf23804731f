import { expect, test } from 'vitest';
import { ConfigError, readConfig, SETTING_MEANINGS } from './config.ts';

const SECRETS = {
  OPERATOR_KEY: 'operator-key-0123456789abcdef0123456789',
  SESSION_TOKEN_KEYS: 'session-key-0123456789abcdef0123456789',
  PSEUDONYM_KEY: 'pseudonym-key-0123456789abcdef01234567',
};
const DEPLOYED = {
  ...SECRETS,
  K_SERVICE: 'acquire',
  UPSTASH_REDIS_REST_URL: 'https://example.upstash.io',
  UPSTASH_REDIS_REST_TOKEN: 'upstash-token',
  GOOGLE_CLOUD_PROJECT: 'project',
};

function refusalOf(environment: Record<string, string | undefined>): string {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('The environment was taken.');
}

test('with three secrets and nothing else, everything is embedded', () => {
  expect(readConfig(SECRETS)).toEqual({
    port: 8080,
    dataFolder: '.seatlease',
    operatorKey: SECRETS.OPERATOR_KEY,
    sessionTokenKeys: [SECRETS.SESSION_TOKEN_KEYS],
    pseudonymKey: SECRETS.PSEUDONYM_KEY,
    shards: 16,
    projectId: undefined,
    seats: { kind: 'embedded' },
    records: { kind: 'embedded' },
  });
});

test('an empty variable counts as unset', () => {
  const empty = Object.fromEntries(Object.keys(SETTING_MEANINGS).map((name) => [name, '']));
  expect(readConfig({ ...empty, ...SECRETS })).toEqual(readConfig(SECRETS));
  expect(readConfig({ ...SECRETS, K_SERVICE: '' }).seats).toEqual({ kind: 'embedded' });
  expect(refusalOf({ ...SECRETS, OPERATOR_KEY: '' })).toContain('OPERATOR_KEY: is not set');
});

test('an environment with many mistakes is told all of them at once, each by its name', () => {
  const message = refusalOf({
    PORT: '70000',
    OPERATOR_KEY: 'short',
    SESSION_TOKEN_KEYS: `${SECRETS.SESSION_TOKEN_KEYS},short`,
    SHARDS: '0',
    UPSTASH_REDIS_REST_URL: 'ftp://somewhere',
    REDIS_URL: 'http://somewhere',
    FIRESTORE_EMULATOR_HOST: 'no-port',
  });
  const named = [...message.matchAll(/^ {2}- (\w+): \S/gm)].map(([, name]) => name);
  expect(named.toSorted()).toEqual(
    [
      'FIRESTORE_EMULATOR_HOST',
      'GOOGLE_CLOUD_PROJECT',
      'OPERATOR_KEY',
      'PSEUDONYM_KEY',
      'PORT',
      'REDIS_URL',
      'SESSION_TOKEN_KEYS',
      'SHARDS',
      'UPSTASH_REDIS_REST_TOKEN',
      'UPSTASH_REDIS_REST_URL',
    ].toSorted(),
  );
});

test('no value stands in the message: some are secrets', () => {
  const values = {
    PORT: 'hunter1',
    OPERATOR_KEY: 'hunter2',
    SESSION_TOKEN_KEYS: 'hunter3,hunter4',
    PSEUDONYM_KEY: 'hunter5',
    SHARDS: 'hunter6',
    UPSTASH_REDIS_REST_URL: 'hunter7',
    REDIS_URL: 'hunter8',
    FIRESTORE_EMULATOR_HOST: 'hunter9',
  };
  const message = refusalOf(values);
  for (const name of Object.keys(values)) expect(message).toContain(`- ${name}: `);
  expect(message).not.toContain('hunter');
});

test('deployed, nothing is embedded', () => {
  expect(readConfig(DEPLOYED)).toMatchObject({
    seats: {
      kind: 'upstash',
      url: DEPLOYED.UPSTASH_REDIS_REST_URL,
      token: DEPLOYED.UPSTASH_REDIS_REST_TOKEN,
    },
    records: { kind: 'firestore', projectId: 'project', databaseId: '(default)' },
  });
  const message = refusalOf({ ...SECRETS, K_SERVICE: 'acquire', REDIS_URL: 'redis://127.0.0.1' });
  for (const name of ['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN', 'GOOGLE_CLOUD_PROJECT']) {
    expect(message).toContain(`- ${name}: is not set`);
  }
});

test.each([
  ['UPSTASH_REDIS_REST_URL', 'https://x.upstash.io', 'UPSTASH_REDIS_REST_TOKEN'],
  ['UPSTASH_REDIS_REST_TOKEN', 'token', 'UPSTASH_REDIS_REST_URL'],
  ['FIRESTORE_EMULATOR_HOST', '127.0.0.1:8085', 'GOOGLE_CLOUD_PROJECT'],
])('%s is of no use without its other half', (name, value, missing) => {
  expect(refusalOf({ ...SECRETS, [name]: value })).toContain(`- ${missing}: is not set`);
});

test('a Redis and a Firestore emulator of your own can be named', () => {
  const config = readConfig({
    ...SECRETS,
    REDIS_URL: 'redis://user:pass@127.0.0.1:6380/2',
    GOOGLE_CLOUD_PROJECT: 'demo',
    FIRESTORE_DATABASE: 'other',
    FIRESTORE_EMULATOR_HOST: '127.0.0.1:8085',
  });
  expect(config.seats).toEqual({ kind: 'redis', url: 'redis://user:pass@127.0.0.1:6380/2' });
  expect(config.records).toEqual({
    kind: 'firestore',
    projectId: 'demo',
    databaseId: 'other',
    emulatorHost: '127.0.0.1:8085',
  });
  expect(config.projectId).toBe('demo');
});

test('session token keys come in a row: the first seals, all open', () => {
  const keys = [SECRETS.SESSION_TOKEN_KEYS, SECRETS.PSEUDONYM_KEY];
  expect(readConfig({ ...SECRETS, SESSION_TOKEN_KEYS: keys.join(',') }).sessionTokenKeys).toEqual(keys);
});

test('every variable that is read is explained, and none beside', () => {
  const everything = Object.fromEntries(Object.keys(SETTING_MEANINGS).map((name) => [name, '\n']));
  const message = refusalOf({ ...everything, PORT: 'x', SHARDS: 'x' });
  const complained = new Set([...message.matchAll(/^ {2}- (\w+):/gm)].map(([, name]) => name));
  const takesAnyText = [
    'SEATLEASE_DATA',
    'UPSTASH_REDIS_REST_TOKEN',
    'GOOGLE_CLOUD_PROJECT',
    'FIRESTORE_DATABASE',
  ];
  expect([...complained, ...takesAnyText].toSorted()).toEqual(Object.keys(SETTING_MEANINGS).toSorted());
  for (const { meaning, unset } of Object.values(SETTING_MEANINGS)) {
    expect(meaning.length).toBeGreaterThan(10);
    expect(unset).not.toBe('');
  }
});
