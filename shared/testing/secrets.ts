/** The secrets of every function that tests run, in their own process or another. */
export const TEST_SECRETS = {
  OPERATOR_KEY: 'operator-key-for-tests-0123456789abcdef',
  SESSION_TOKEN_KEYS: 'session-token-key-for-tests-0123456789',
  ACCESS_TOKEN_KEYS: 'access-token-key-for-tests-0123456789ab',
  PSEUDONYM_KEY: 'pseudonym-key-for-tests-0123456789abcd',
};
