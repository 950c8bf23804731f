import { OPERATOR_KEY_HASH, TEST_SECRETS } from '../../shared/testing/secrets.ts';

/** The environment of a deployed function, in a project that does not exist. */
export function deployedEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { OPERATOR_KEY: _, ...secrets } = TEST_SECRETS;
  return {
    K_SERVICE: 'seatlease',
    NODE_ENV: 'production',
    GOOGLE_CLOUD_PROJECT: 'no-such-project',
    EVENTS_TOPIC: 'no-such-topic',
    SERVICE_AUDIENCE: 'https://no-such.example',
    SCHEDULER_ACCOUNT: 'scheduler@no-such.example',
    PUSH_ACCOUNT: 'pubsub@no-such.example',
    SIGNING_KEY_VERSION: 'projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1',
    PUBLIC_URL: 'https://no-such.example',
    UPSTASH_REDIS_REST_URL: 'https://nothing.invalid',
    UPSTASH_REDIS_REST_TOKEN: 'token',
    ...secrets,
    OPERATOR_KEY_HASH,
    METADATA_SERVER_DETECTION: 'none',
    ...more,
  };
}
