import { beforeAll, describe, expect, test } from 'vitest';
import { MANIFEST } from '../functions/manifest.ts';
import { SETTING_NAMES } from '../shared/settings.ts';
import { environmentOf } from './environment.ts';
import { readSettings } from './read-settings.ts';
import { CHOSEN } from './settings.ts';
import { describeInfra } from './testing/describe-infra.ts';
import { configuredIn } from './testing/stacks.ts';

describeInfra('the settings of a stack', () => {
  let prod: Record<string, unknown>;
  beforeAll(async () => {
    prod = await configuredIn('prod');
  });

  /** What is wrong with the production stack once `changes` are made to it. */
  const problemsWith = (changes: Record<string, unknown>): string[] => {
    try {
      readSettings({ ...prod, ...changes }, MANIFEST);
      return [];
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return error.message.split('\n  - ').slice(1);
    }
  };

  test('of the example are complete', () => {
    expect(problemsWith({})).toEqual([]);
  });

  test('that are wrong are all named at once', () => {
    const problems = problemsWith({
      projectNumber: 7,
      publicUrl: 'http://x',
      alertEmail: 'nobody',
      minInstance: 1,
      environment: { OPERATOR_KEY: 'x' },
    });
    for (const name of ['projectNumber', 'publicUrl', 'alertEmail', 'minInstance', 'OPERATOR_KEY'])
      expect(problems.join('\n')).toContain(name);
  });

  test('that lack the version of a secret, or name one of no use, are refused', () => {
    const { OPERATOR_KEY: _, ...secretVersions } = prod.secretVersions as Record<string, number>;
    expect(problemsWith({ secretVersions: { ...secretVersions, OLD_KEY: 1 } })).toEqual([
      'secretVersions.OPERATOR_KEY: is not set',
      'secretVersions.OLD_KEY: no function of this stack needs it',
    ]);
  });

  test('have no use for the secrets of what is switched off', () => {
    expect(problemsWith({ billing: undefined })).toEqual(
      ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRETS'].map(
        (name) => `secretVersions.${name}: no function of this stack needs it`,
      ),
    );
  });

  test('take no version but a number: what is latest today is something else tomorrow', () => {
    const secretVersions = { ...(prod.secretVersions as object), OPERATOR_KEY: 'latest' };
    expect(problemsWith({ secretVersions })).toEqual([
      expect.stringMatching(/^secretVersions\.OPERATOR_KEY: /),
    ]);
  });

  test('that a function would not start with are refused before anything is deployed', () => {
    expect(problemsWith({ environment: { TRIAL_DAYS: '400', USAGE_METERS: 'Not A Meter' } })).toEqual([
      expect.stringMatching(/^environment\.TRIAL_DAYS: /),
      expect.stringMatching(/^environment\.USAGE_METERS: /),
    ]);
  });

  test('reach a function only where it has a use for them', () => {
    const settings = readSettings(prod, MANIFEST);
    const having = (variable: string): string[] =>
      MANIFEST.filter((contract) => variable in environmentOf(contract, settings)).map(({ name }) => name);
    expect(having('GOOGLE_CLIENT_ID')).toEqual(['callback', 'login']);
    expect(having('BILLING_RETURN_URL')).toEqual([
      'cancel',
      'checkout',
      'gdpr-delete',
      'stripe-webhook',
      'sweep',
    ]);
    expect(having('PUBLIC_URL')).toHaveLength(MANIFEST.length);
  });
});

describe('every variable that functions read', () => {
  const LOCAL = ['PORT', 'SEATLEASE_DATA', 'REDIS_URL', 'FIRESTORE_EMULATOR_HOST', 'PUBSUB_EMULATOR_HOST'];

  test('is made by the stack, chosen for it, or for the local server alone', () => {
    const secrets = MANIFEST.flatMap((contract): readonly string[] => contract.secrets);
    const made = MANIFEST.flatMap((contract) => Object.keys(environmentOf(contract, ALL)));
    const known = new Set<string>([...LOCAL, ...CHOSEN, ...secrets, ...made]);
    expect(SETTING_NAMES.filter((name) => !known.has(name))).toEqual([]);
  });
});

/** A stack with everything switched on. */
const ALL = {
  project: 'p',
  region: 'r',
  projectNumber: '1',
  firestoreLocation: 'r',
  publicUrl: 'https://p.example',
  forwardedHops: 2,
  protect: true,
  minInstances: 0,
  signingKey: { protectionLevel: 'SOFTWARE', version: 1 },
  secretVersions: {},
  signIn: { clientId: 'c' },
  billing: { returnUrl: 'https://p.example' },
  environment: {},
  alertEmail: 'a@p.example',
  bundles: '',
} as const;
