import { BILLING_SECRETS, type FunctionContract } from '../shared/http/contract.ts';
import {
  accountEmail,
  DATABASE,
  EVENTS_TOPIC,
  keyVersionName,
  PUSH_ACCOUNT,
  SCHEDULER_ACCOUNT,
  urlOf,
} from './names.ts';
import type { StackSettings } from './settings.ts';

const SIGN_IN_SECRET = 'GOOGLE_CLIENT_SECRET';

/** The secrets of a function that this stack has a use for: those that its contract names, and no others. */
export function secretsOf({ secrets }: FunctionContract, { signIn, billing }: StackSettings): string[] {
  const unused = [...(signIn ? [] : [SIGN_IN_SECRET]), ...(billing ? [] : BILLING_SECRETS)];
  return secrets.filter((secret) => !unused.includes(secret));
}

/** The plain variables of a function: nothing in here may be secret. */
export function environmentOf(contract: FunctionContract, settings: StackSettings): Record<string, string> {
  const { project, signIn, billing } = settings;
  const secrets = secretsOf(contract, settings);
  return {
    // Anything else has the framework tell callers what an exception says.
    NODE_ENV: 'production',
    GOOGLE_CLOUD_PROJECT: project,
    FIRESTORE_DATABASE: DATABASE,
    EVENTS_TOPIC,
    SERVICE_AUDIENCE: urlOf(contract.name, settings),
    SCHEDULER_ACCOUNT: accountEmail(SCHEDULER_ACCOUNT, settings),
    PUSH_ACCOUNT: accountEmail(PUSH_ACCOUNT, settings),
    SIGNING_KEY_VERSION: keyVersionName(settings),
    PUBLIC_URL: settings.publicUrl,
    FORWARDED_HOPS: String(settings.forwardedHops),
    ...(signIn && secrets.includes(SIGN_IN_SECRET) ? { GOOGLE_CLIENT_ID: signIn.clientId } : {}),
    ...(billing && BILLING_SECRETS.some((secret) => secrets.includes(secret))
      ? { BILLING_RETURN_URL: billing.returnUrl }
      : {}),
    ...settings.environment,
  };
}

/** Values of the form that secrets have, to try an environment with: the real ones are seen by the functions alone. */
export function standInsFor(secrets: readonly string[]): Record<string, string> {
  return Object.fromEntries(secrets.map((secret) => [secret, FORMS[secret] ?? 'x'.repeat(32)]));
}

const FORMS: Readonly<Record<string, string>> = {
  UPSTASH_REDIS_REST_URL: 'https://stand-in.example',
  STRIPE_SECRET_KEY: 'rk_test_standin',
  STRIPE_WEBHOOK_SECRETS: 'whsec_standin',
};
