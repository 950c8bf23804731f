import { acceptsUsers } from '../domain/authorization.ts';
import type { Deps } from '../ports/deps.ts';
import {
  DEPENDENCIES,
  type Dependency,
  SETTING_NAMES,
  SETTINGS,
  type SecretName,
  type SettingName,
} from '../settings.ts';
import { isForService } from './callers.ts';
import type { EndpointContract, FunctionContract } from './contract.ts';

/** Every request needs it: for the links from log lines to traces. */
const ALWAYS: readonly Dependency[] = ['projectId'];

/** The dependencies of a function: those that its handlers read, and those that the server needs for its endpoints. */
export function dependenciesOf({ uses, endpoints }: FunctionContract): ReadonlySet<Dependency> {
  return new Set([...ALWAYS, ...uses, ...Object.values(endpoints).flatMap(neededToServe)]);
}

/** What verifies the credentials of an endpoint and counts its calls. */
function neededToServe(endpoint: EndpointContract): Dependency[] {
  const { auth, standing = 'record', limit, idempotencyKey } = endpoint;
  const acceptsOperators = auth.includes('operator');
  const acceptsSignedIn = !isForService(endpoint) && (acceptsUsers(auth) || acceptsOperators);
  const readsRecord = acceptsSignedIn && standing === 'record';
  const needs: readonly (readonly [boolean, ...Dependency[]])[] = [
    // Tokens of operators are records, and wrong operator keys are counted by address.
    [acceptsOperators, 'isOperatorKey', 'records', 'limits', 'pseudonymOf', 'forwardedHops'],
    [isForService(endpoint), 'identity', 'serviceAccounts'],
    [acceptsSignedIn, 'accessTokens'],
    [readsRecord, 'records'],
    [readsRecord && acceptsOperators, 'operators'],
    [auth.includes('stripe'), 'billingEvents'],
    [limit !== undefined, 'limits', 'pseudonymOf'],
    [idempotencyKey === 'once', 'records', 'pseudonymOf'],
    // Callers without credentials count by address.
    [limit?.by === 'address' || (limit !== undefined && auth.includes('anyone')), 'forwardedHops'],
  ];
  return needs.flatMap(([isNeeded, ...names]) => (isNeeded ? names : []));
}

/** The settings that the dependencies are opened with, in the order of the table. */
export function settingsOf(dependencies: ReadonlySet<Dependency>): SettingName[] {
  return SETTING_NAMES.filter((name) => SETTINGS[name].readBy.some((reader) => dependencies.has(reader)));
}

/** The settings among them that come from Secret Manager. */
export function secretsOf(dependencies: ReadonlySet<Dependency>): SecretName[] {
  return settingsOf(dependencies).filter((name): name is SecretName => SETTINGS[name].source === 'secret');
}

/**
 * `deps` with only the dependencies of the function. Reading another one throws, so that a function whose contract lacks
 * one fails in its tests, and not only when deployed.
 */
export function guardDeps(contract: FunctionContract, deps: Deps): Deps {
  const own = dependenciesOf(contract);
  const guarded = {};
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(deps))) {
    if (!isDependency(name) || own.has(name)) Object.defineProperty(guarded, name, property);
  }
  for (const name of DEPENDENCIES)
    if (!own.has(name)) Object.defineProperty(guarded, name, throwing(contract, name));
  return guarded as Deps;
}

function isDependency(name: string): name is Dependency {
  return (DEPENDENCIES as ReadonlySet<string>).has(name);
}

function throwing({ name: functionName }: FunctionContract, name: Dependency): PropertyDescriptor {
  return {
    get() {
      throw new Error(`${functionName}: its contract does not name the dependency "${name}"`);
    },
  };
}
