import type { EndpointContract, FunctionContract } from '../../shared/http/contract.ts';
import type { SecretName } from '../../shared/settings.ts';

type Need = (contract: FunctionContract) => boolean;

const holds = (role: string): Need => {
  return (contract) => contract.roles.some((held) => held.startsWith(role));
};
const knows = (secret: SecretName): Need => {
  return (contract) => contract.secrets.includes(secret);
};
const someEndpoint = (fits: (endpoint: EndpointContract) => boolean): Need => {
  return ({ endpoints }) => Object.values(endpoints).some(fits);
};

interface LoadedLater {
  /** The names that our code imports. They are listed because importers cannot see the names of a CommonJS package. */
  readonly names: readonly string[];
  readonly isNeededBy: Need;
}

/**
 * Packages that are loaded at first use, and the functions that can need them: only those have them in their folder.
 * This follows from the contract: without the role or secret for a service, a function never uses its package.
 */
export const LOADED_WHEN_NEEDED: Readonly<Record<string, LoadedLater>> = {
  '@google-cloud/firestore': { names: ['Firestore'], isNeededBy: holds('roles/datastore.') },
  '@google-cloud/pubsub': { names: ['PubSub', 'v1'], isNeededBy: holds('roles/pubsub.') },
  '@google-cloud/kms': { names: ['KeyManagementServiceClient'], isNeededBy: holds('roles/cloudkms.') },
  stripe: { names: ['Stripe'], isNeededBy: knows('STRIPE_SECRET_KEY') },
  'google-auth-library': {
    names: ['CodeChallengeMethod', 'OAuth2Client', 'PassThroughClient'],
    isNeededBy: (contract) => knows('GOOGLE_CLIENT_SECRET')(contract) || holds('roles/pubsub.')(contract),
  },
  '@upstash/ratelimit': {
    names: ['Ratelimit'],
    isNeededBy: someEndpoint(({ limit }) => limit !== undefined),
  },
  // Small, and most functions accept access tokens or ID tokens.
  jose: { names: ['errors', 'jwtVerify', 'SignJWT'], isNeededBy: () => true },
};
