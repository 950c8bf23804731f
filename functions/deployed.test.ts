import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { type Config, ConfigError, readConfig } from '../shared/config.ts';
import { publicTextOf } from '../shared/domain/rsa-key.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import { dependenciesOf, settingsOf } from '../shared/http/dependencies.ts';
import { DEPENDENCIES, SETTINGS, type SettingName } from '../shared/settings.ts';
import { ACCESS_TOKEN_KEY, TEST_SECRETS } from '../shared/testing/secrets.ts';
import { assembleDeps, DEPLOYED } from '../shared/wiring.ts';
import { deployed } from './deployed.ts';
import { readFunctionConfig } from './function-config.ts';
import contract from './health/contract.ts';
import { MANIFEST } from './manifest.ts';
import { deployedEnvironment } from './testing/deployed-environment.ts';
import token from './token/contract.ts';

/** Each differs from the default. */
const OPTIONAL_SETTINGS = {
  SHARDS: '4',
  FIRESTORE_DATABASE: 'restored',
  SIGN_IN_ISSUER: 'https://login.example.com',
  SIGN_IN_CLIENT_ID: 'client',
  SIGN_IN_CLIENT_SECRET: 'secret',
  SIGN_IN_CLIENTS: 'web=https://console.example/signed-in',
  OPERATOR_EMAILS: 'olga@vendor.example',
  OPERATOR_DOMAIN: 'vendor.example',
  STRIPE_SECRET_KEY: 'rk_live_1',
  STRIPE_WEBHOOK_SECRETS: 'whsec_1',
  BILLING_RETURN_URL: 'https://vendor.example/thanks',
  CHECKOUT_TRIAL_DAYS: '7',
  CHECKOUT_TAX: 'automatic',
  CHECKOUT_PROMOTION_CODES: 'on',
  TRIAL_DAYS: '7',
  TRIALS_PER_DOMAIN: '2',
  TRIAL_REFUSED_DOMAINS: 'rival.example',
  USAGE_METERS: 'exports',
  USAGE_FLOORS: '2',
  BILLING_DISPUTES: 'keep',
  BILLING_PAUSED_COLLECTION: 'hold',
  FORWARDED_HOPS: '2',
  RETENTION_DAYS: '100',
  SERVICE_TOKENS: 'checked-by-cloud-run',
};

const OTHER_HASH = 'b'.repeat(64);
const OTHER_KEY = publicTextOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('a deployed function reports an invalid environment only in the log, and serves once it is corrected', async () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const health = deployed(contract, () => import('./health/handler.ts'));
  const server = createServer((request, response) => void health(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ask = () => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/health`);
  try {
    vi.stubEnv('K_SERVICE', 'health');
    vi.stubEnv('OPERATOR_KEY_HASH', 'too short');
    const refused = await ask();
    expect(refused.status).toBe(500);
    expect(await refused.text()).not.toMatch(/OPERATOR_KEY_HASH|GOOGLE_CLOUD_PROJECT/);
    const line = write.mock.calls.map(([text]) => String(text)).find((text) => text.includes('health 500'));
    expect(line).toContain('OPERATOR_KEY_HASH: needs 64 hexadecimal digits');
    expect(line).toContain('GOOGLE_CLOUD_PROJECT: is not set');

    for (const [name, value] of Object.entries(deployedEnvironment())) vi.stubEnv(name, value);
    expect((await ask()).status).toBe(200);
    vi.unstubAllEnvs();
    expect((await ask()).status).toBe(200);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('a function that anyone can call neither trusts checks of Cloud Run nor starts if it would', () => {
  const environment = deployedEnvironment({ SERVICE_TOKENS: 'checked-by-cloud-run' });
  const trusts = (of: FunctionContract): boolean =>
    readFunctionConfig(of, environment).services.tokens === 'checked-by-cloud-run';
  expect(MANIFEST.filter(trusts).map(({ name }) => name)).toEqual(['record-event', 'sweep']);
  const wrong = { ...contract, uses: [...contract.uses, 'identity'] } as const;
  expect(() => trusts(wrong)).toThrow(ConfigError);
  expect(() => trusts(wrong)).toThrow('SERVICE_TOKENS: must be signed');
});

test.each([undefined, ''])(
  'a function without the hash of an operator key (%j) starts, and no key works',
  async (hash) => {
    const environment = { ...deployedEnvironment(), OPERATOR_KEY_HASH: hash };
    const isOperatorKeyIn = async (given: Record<string, string | undefined>) => {
      const uses = new Set(['isOperatorKey'] as const);
      const deps = await assembleDeps(readConfig(given, uses), DEPLOYED, uses);
      return deps.isOperatorKey;
    };
    expect(() => readFunctionConfig(contract, environment)).not.toThrow();
    expect(await isOperatorKeyIn(environment)).toBeUndefined();
    expect((await isOperatorKeyIn(deployedEnvironment()))?.(TEST_SECRETS.OPERATOR_KEY)).toBe(true);
  },
);

describe.each([...DEPENDENCIES])('a deployed function that uses only %s', (dependency) => {
  /** The configuration that the function reads from `environment`. */
  const configFrom = (environment: Record<string, string | undefined>): Config =>
    readConfig(environment, new Set([dependency]));

  /** The fields that are read to open the dependency. */
  async function fieldsReadOf(config: Config): Promise<(keyof Config)[]> {
    const fields = new Set<keyof Config>();
    const watched = new Proxy(config, {
      get(target, field) {
        fields.add(field as keyof Config);
        return Reflect.get(target, field);
      },
    });
    const deps = await assembleDeps(watched, DEPLOYED, new Set([dependency]));
    await deps.close();
    return [...fields];
  }

  const everything = deployedEnvironment(OPTIONAL_SETTINGS);
  const onRedisProtocol = {
    ...everything,
    UPSTASH_REDIS_REST_URL: undefined,
    UPSTASH_REDIS_REST_TOKEN: undefined,
    REDIS_URL: 'rediss://redis.invalid',
    REDIS_CLUSTER: 'false',
    REDIS_CA_CERTIFICATE: '-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n',
  };

  test('opens it with every setting that it reads', async () => {
    const config = readConfig(everything);
    const own = configFrom(everything);
    const fields = await fieldsReadOf(config);
    expect(fields).not.toHaveLength(0);
    expect(fields.map((field) => own[field])).toEqual(fields.map((field) => config[field]));
  });

  test.each(settingsOf(new Set([dependency])).filter((name) => SETTINGS[name].source !== 'local'))(
    'needs %s for it',
    async (name) => {
      const environment: Record<string, string | undefined> = name.startsWith('REDIS_')
        ? onRedisProtocol
        : everything;
      const fields = await fieldsReadOf(configFrom(environment));
      const value = environment[name] ?? '';
      const { schema } = SETTINGS[name];
      const other = [
        `${OTHER_KEY},${value}`,
        `${value}1`,
        `1${value}`,
        value + value,
        '3',
        'off',
        'keep',
        'hold',
        'true',
        OTHER_HASH,
      ].find((text) => text !== value && z.safeParse(schema, text).success);
      const opened = (settings: Record<string, string | undefined>): unknown[] => {
        const config = configFrom(settings);
        return fields.map((field) => config[field]);
      };
      expect(opened({ ...environment, [name]: other })).not.toEqual(opened(environment));
    },
  );
});

describe('the function that issues access tokens', () => {
  const start = (changes: Record<string, string>): Promise<unknown> => {
    const environment = deployedEnvironment(changes);
    return assembleDeps(readFunctionConfig(token, environment), DEPLOYED, dependenciesOf(token));
  };
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

  test('starts if the public half of its key is in the list, with others before it', async () => {
    const { ACCESS_TOKEN_PUBLIC_KEYS: own } = TEST_SECRETS;
    await start({ ACCESS_TOKEN_PUBLIC_KEYS: `${publicTextOf(other)},${own}` });
  });

  test('starts with a key in PEM whose line breaks became the two characters \\n', async () => {
    const pem = ACCESS_TOKEN_KEY.export({ type: 'pkcs8', format: 'pem' }).toString();
    await start({ ACCESS_TOKEN_PRIVATE_KEY: pem.replaceAll('\n', '\\n') });
  });

  test('does not start if other functions would refuse its tokens', async () => {
    await expect(start({ ACCESS_TOKEN_PUBLIC_KEYS: publicTextOf(other) })).rejects.toThrow(
      'ACCESS_TOKEN_PUBLIC_KEYS: lacks the public half of ACCESS_TOKEN_PRIVATE_KEY',
    );
  });

  test('does not start with a key that cannot sign, and does not show it', async () => {
    const wrong = `MII${'A'.repeat(64)}`;
    const refused = start({ ACCESS_TOKEN_PRIVATE_KEY: wrong });
    await expect(refused).rejects.toThrow('ACCESS_TOKEN_PRIVATE_KEY: needs an RSA private key');
    await expect(refused).rejects.not.toThrow(wrong);
  });

  test('is the only one that gets the private key, and it cannot open what other functions seal', () => {
    const readers = (name: SettingName): string[] =>
      MANIFEST.filter((of) => settingsOf(dependenciesOf(of)).includes(name)).map((of) => of.name);
    expect(readers('ACCESS_TOKEN_PRIVATE_KEY')).toEqual(['token']);
    expect(readers('REFRESH_TOKEN_KEYS')).toEqual(['token']);
    expect(readers('SIGN_IN_STATE_KEYS')).toEqual(['authorize', 'callback', 'device']);
    expect(readers('CONFIRMATION_KEYS')).toEqual(['gdpr-delete']);
    expect(readers('ACCESS_TOKEN_PUBLIC_KEYS')).not.toContain('callback');
  });
});
