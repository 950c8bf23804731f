import { OWN_SECRETS, type OwnSecretName } from '../settings.ts';

/** The secrets of every function that tests run, in their own process or another. */
export const TEST_SECRETS = Object.fromEntries(
  OWN_SECRETS.map((name) => [name, `${name.toLowerCase().replaceAll('_', '-')}-for-tests-0123456789abcdef`]),
) as Record<OwnSecretName, string>;
