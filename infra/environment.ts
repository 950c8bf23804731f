import { isInternal } from '../shared/http/callers.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import { type ChosenName, SETTINGS, type SecretName, type StackName } from '../shared/settings.ts';
import {
  accountEmail,
  EVENTS_TOPIC,
  keyVersionName,
  PUSH_ACCOUNT,
  SCHEDULER_ACCOUNT,
  urlOf,
} from './names.ts';
import type { StackSettings } from './settings.ts';

/** Features that a stack can leave out, by their field in `Config`. */
const OPTIONAL = ['signIn', 'billing'] as const satisfies (keyof StackSettings)[];

/** The secrets that the function's contract names, without those of features that this stack leaves out. */
export function secretsOf({ secrets }: FunctionContract, settings: StackSettings): SecretName[] {
  const unused: string[] = OPTIONAL.filter((field) => settings[field] === undefined);
  return secrets.filter((secret) => !unused.includes(SETTINGS[secret].field));
}

/** The plain variables of a function. */
export function environmentOf(
  contract: FunctionContract,
  settings: StackSettings,
): Partial<Record<'NODE_ENV' | StackName | ChosenName, string>> {
  const { project, database, signIn, billing } = settings;
  const fields = secretsOf(contract, settings).map((secret) => SETTINGS[secret].field);
  return {
    // With any other value, the framework sends the text of exceptions to callers.
    NODE_ENV: 'production',
    GOOGLE_CLOUD_PROJECT: project,
    FIRESTORE_DATABASE: database,
    EVENTS_TOPIC,
    SERVICE_AUDIENCE: urlOf(contract.name, settings),
    SCHEDULER_ACCOUNT: accountEmail(SCHEDULER_ACCOUNT, settings),
    PUSH_ACCOUNT: accountEmail(PUSH_ACCOUNT, settings),
    // Cloud Run checks the callers of internal functions, and removes the signature of their tokens.
    SERVICE_TOKENS: isInternal(contract) ? 'checked-by-cloud-run' : 'signed',
    SIGNING_KEY_VERSION: keyVersionName(settings),
    PUBLIC_URL: settings.publicUrl,
    ...(signIn && fields.includes('signIn') ? { GOOGLE_CLIENT_ID: signIn.clientId } : {}),
    ...(billing && fields.includes('billing') ? { BILLING_RETURN_URL: billing.returnUrl } : {}),
    ...settings.environment,
  };
}

/** Valid sample values to check an environment with. Only the functions see the real ones. */
export function samplesFor(secrets: readonly SecretName[]): Record<string, string> {
  return Object.fromEntries(secrets.map((secret) => [secret, SETTINGS[secret].sample ?? 'x'.repeat(32)]));
}
