import type { ServiceCaller } from '../ports/deps.ts';
import type { EndpointContract, FunctionContract } from './contract.ts';

const SERVICES: readonly ServiceCaller[] = ['scheduler', 'pubsub'];

/**
 * Who reaches a function from outside: everybody, as functions check credentials themselves, or a service of our own
 * cloud alone, whoever else its endpoints would take. Throws where one function has doors for both, as Cloud Run has but
 * one for each.
 */
export function callerOf({ name, endpoints }: FunctionContract): ServiceCaller | 'anyone' {
  const doors = Object.values(endpoints).map(
    ({ auth }: EndpointContract) => SERVICES.find((service) => auth.includes(service)) ?? 'anyone',
  );
  const [caller = 'anyone', ...others] = new Set(doors);
  if (others.length > 0)
    throw new Error(`${name}: ${[caller, ...others].join(' and ')} need functions of their own`);
  return caller;
}

/** Whether it is there for the cloud around the functions, so that no stranger may reach it. */
export function isInternal(contract: FunctionContract): boolean {
  return callerOf(contract) !== 'anyone';
}

/** The one endpoint that a service calls, and its function. Throws where there is none, or more than one. */
export function endpointFor(service: ServiceCaller, manifest: readonly FunctionContract[]) {
  const found = manifest.flatMap((contract) =>
    Object.values(contract.endpoints)
      .filter(({ auth }: EndpointContract) => auth.includes(service))
      .map((endpoint: EndpointContract) => ({ contract, endpoint })),
  );
  const [only, ...others] = found;
  if (!only || others.length > 0) throw new Error(`${service}: calls ${found.length} endpoints, not one`);
  return only;
}
