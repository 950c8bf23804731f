import type { EndpointContract, FunctionContract } from '../../shared/http/contract.ts';

type Need = (contract: FunctionContract) => boolean;

const holds = (...roles: string[]): Need => {
  return (contract) => contract.roles.some((held) => roles.some((role) => held.startsWith(role)));
};
const knows = (secret: string): Need => {
  return (contract) => contract.secrets.includes(secret);
};
const someEndpoint = (fits: (endpoint: EndpointContract) => boolean): Need => {
  return ({ endpoints }) => Object.values(endpoints).some(fits);
};

const isCalledByGoogle = someEndpoint(({ auth }) => auth.includes('scheduler') || auth.includes('pubsub'));

/**
 * Packages that are loaded when they are first needed, and which functions that may be: only those have them in their
 * folder. It follows from the contract, as what a function has no right to reach it has no use for.
 */
export const LOADED_WHEN_NEEDED: Readonly<Record<string, Need>> = {
  '@google-cloud/firestore': holds('roles/datastore.'),
  '@google-cloud/pubsub': holds('roles/pubsub.'),
  '@google-cloud/kms': holds('roles/cloudkms.'),
  stripe: knows('STRIPE_SECRET_KEY'),
  'google-auth-library': (contract) =>
    isCalledByGoogle(contract) || knows('GOOGLE_CLIENT_SECRET')(contract) || holds('roles/pubsub.')(contract),
  '@upstash/ratelimit': someEndpoint(({ limit }) => limit !== undefined),
  // Small, and most functions take access tokens.
  jose: () => true,
};
