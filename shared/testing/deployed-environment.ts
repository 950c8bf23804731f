/** What a deployed function finds in its environment, in a project that does not exist. */
export function deployedEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
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
    OPERATOR_KEY: 'operator-key-for-tests-0123456789abcdef',
    SESSION_TOKEN_KEYS: 'session-token-key-for-tests-0123456789',
    ACCESS_TOKEN_KEYS: 'access-token-key-for-tests-0123456789ab',
    PSEUDONYM_KEY: 'pseudonym-key-for-tests-0123456789abcd',
    METADATA_SERVER_DETECTION: 'none',
    ...more,
  };
}
