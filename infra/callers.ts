import type { EndpointContract, FunctionContract } from '../shared/http/contract.ts';
import type { ServiceCaller } from '../shared/ports/deps.ts';

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
