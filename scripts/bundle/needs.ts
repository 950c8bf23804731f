import type { FunctionContract } from '../../shared/http/contract.ts';
import { dependenciesOf } from '../../shared/http/dependencies.ts';
import type { Dependency } from '../../shared/settings.ts';

type Need = (contract: FunctionContract) => boolean;

const oneOf = (...dependencies: readonly Dependency[]): Need => {
  return (contract) => dependencies.some((dependency) => dependenciesOf(contract).has(dependency));
};

interface LoadedLater {
  /** The names that our code imports. They are listed because importers cannot see the names of a CommonJS package. */
  readonly names: readonly string[];
  readonly isNeededBy: Need;
}

/**
 * Packages that are loaded at first use, and the functions that can need them: only those have them in their folder.
 * This follows from the contract: without a dependency on a service, a function never uses its package.
 */
export const LOADED_WHEN_NEEDED: Readonly<Record<string, LoadedLater>> = {
  '@google-cloud/firestore': { names: ['Firestore'], isNeededBy: oneOf('records', 'seats') },
  '@google-cloud/pubsub': { names: ['PubSub', 'v1'], isNeededBy: oneOf('events') },
  '@google-cloud/kms': { names: ['KeyManagementServiceClient'], isNeededBy: oneOf('signer') },
  stripe: { names: ['Stripe'], isNeededBy: oneOf('billing', 'billingEvents') },
  'google-auth-library': {
    names: ['CodeChallengeMethod', 'OAuth2Client', 'PassThroughClient'],
    isNeededBy: oneOf('signIn', 'signInPage', 'events'),
  },
  '@upstash/ratelimit': { names: ['Ratelimit'], isNeededBy: oneOf('limits') },
  // Small, and most functions accept access tokens or ID tokens.
  jose: {
    names: ['compactVerify', 'decodeProtectedHeader', 'errors', 'jwtVerify', 'SignJWT', 'UnsecuredJWT'],
    isNeededBy: () => true,
  },
};
