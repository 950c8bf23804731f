import type { EndpointContract, FunctionContract } from '../../../shared/http/contract.ts';
import { dependenciesOf, secretsOf } from '../../../shared/http/dependencies.ts';
import type { StackSettings } from '../../settings.ts';
import type { Graph, Resource } from '../graph.ts';

/** The input of a check: the resources, and the manifest and settings that they must match. */
export interface Stack {
  readonly graph: Graph;
  readonly manifest: readonly FunctionContract[];
  readonly settings: StackSettings;
}

/** Returns one text for each fault, or none. */
export type Check = (stack: Stack) => string[];

export const FUNCTION = 'gcp:cloudfunctionsv2/function:Function';
export const ACCOUNT = 'gcp:serviceaccount/account:Account';
export const TOPIC = 'gcp:pubsub/topic:Topic';
export const SUBSCRIPTION = 'gcp:pubsub/subscription:Subscription';
export const KEY = 'gcp:kms/cryptoKey:CryptoKey';
export const PROJECT_ROLE = 'gcp:projects/iAMMember:IAMMember';
export const INVOKER = 'gcp:cloudrunv2/serviceIamMember:ServiceIamMember';
export const JOB = 'gcp:cloudscheduler/job:Job';

export function of({ resources }: Graph, type: string): Resource[] {
  return resources.filter((each) => each.type === type);
}

/** The resource's id in the fake cloud. */
export function idOf({ type, name }: Resource): string {
  return `${type}/${name}`;
}

export function functionOf({ name }: FunctionContract, graph: Graph): Resource | undefined {
  return of(graph, FUNCTION).find(({ inputs }) => inputs.name === `seatlease-${name}`);
}

/** The faults of each deployed function. */
export function eachFunction(
  { graph, manifest }: Stack,
  check: (contract: FunctionContract, deployed: Resource) => string[],
): string[] {
  return manifest.flatMap((contract) => {
    const deployed = functionOf(contract, graph);
    return deployed ? check(contract, deployed) : [];
  });
}

export function expected(thing: string, facts: readonly (readonly [string, unknown, unknown])[]): string[] {
  return facts
    .filter(([, actual, wanted]) => JSON.stringify(actual) !== JSON.stringify(wanted))
    .map(
      ([fact, actual, wanted]) =>
        `${thing}: ${fact} is ${JSON.stringify(actual)}, not ${JSON.stringify(wanted)}`,
    );
}

export function differences(kind: string, actual: readonly string[], wanted: readonly string[]): string[] {
  return [
    ...wanted.filter((each) => !actual.includes(each)).map((each) => `${kind} ${each} is missing`),
    ...actual
      .filter((each, i) => !wanted.includes(each) || actual.indexOf(each) !== i)
      .map((each) => `${kind} ${each} is unexpected`),
  ];
}

export function emailOf(account: string, { settings: { project } }: Pick<Stack, 'settings'>): string {
  return `${account}@${project}.iam.gserviceaccount.com`;
}

function grantsTo({ endpoints }: FunctionContract): string[] {
  return Object.values(endpoints).flatMap(({ auth }: EndpointContract) => [...auth]);
}

/** The cloud service that calls the function. */
export function serviceOf(contract: FunctionContract): 'scheduler' | 'pubsub' | undefined {
  return (['scheduler', 'pubsub'] as const).find((service) => grantsTo(contract).includes(service));
}

export function pushes(graph: Graph): Resource[] {
  return of(graph, SUBSCRIPTION).filter(({ inputs }) => inputs.pushConfig);
}

/** The secrets that the function reads, without those of Google, Stripe and Redis that the stack does not use. */
export function secretsIn(contract: FunctionContract, { settings }: Pick<Stack, 'settings'>): string[] {
  return secretsOf(dependenciesOf(contract)).filter(
    (name) =>
      (settings.signIn || name !== 'SIGN_IN_CLIENT_SECRET') &&
      (settings.billing || !name.startsWith('STRIPE_')) &&
      (settings.redis.kind === 'upstash' || !name.startsWith('UPSTASH_')) &&
      (settings.redis.kind === 'url' || name !== 'REDIS_URL'),
  );
}

export function nameOfSecret(setting: string): string {
  return `seatlease-${setting.toLowerCase().split('_').join('-')}`;
}
