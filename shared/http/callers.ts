import type { Grant } from '../domain/authorization.ts';
import type { ServiceCaller } from '../ports/deps.ts';
import type { EndpointContract, FunctionContract } from './contract.ts';

const SERVICES: readonly ServiceCaller[] = ['scheduler', 'pubsub'];

/** The services of our own cloud among the accepted callers: they call with tokens of Google's. */
export function servicesIn(auth: readonly Grant[]): readonly ServiceCaller[] {
  return SERVICES.filter((service) => auth.includes(service));
}

/** Whether a service of our own cloud calls the endpoint. */
export function isForService({ auth }: EndpointContract): boolean {
  return servicesIn(auth).length > 0;
}

/**
 * Who may reach a function from outside: either anyone (functions check credentials themselves), or only one service of
 * our own cloud, whatever other callers its endpoints accept. Throws when the endpoints of one function need both,
 * because Cloud Run has one such rule per function.
 */
export function callerOf({ name, endpoints }: FunctionContract): ServiceCaller | 'anyone' {
  const doors = Object.values(endpoints).map(({ auth }: EndpointContract) => servicesIn(auth)[0] ?? 'anyone');
  const [caller = 'anyone', ...others] = new Set(doors);
  if (others.length > 0)
    throw new Error(`${name}: ${[caller, ...others].join(' and ')} need separate functions`);
  return caller;
}

/** Whether only a service of our own cloud may reach the function. */
export function isInternal(contract: FunctionContract): boolean {
  return callerOf(contract) !== 'anyone';
}

/** The one endpoint that a service calls, and its function. Throws unless there is exactly one. */
export function endpointFor(service: ServiceCaller, manifest: readonly FunctionContract[]) {
  const found = manifest.flatMap((contract) =>
    Object.values(contract.endpoints)
      .filter(({ auth }: EndpointContract) => auth.includes(service))
      .map((endpoint: EndpointContract) => ({ contract, endpoint })),
  );
  const [only, ...others] = found;
  if (!only || others.length > 0)
    throw new Error(`${service}: calls ${found.length} endpoints instead of one`);
  return only;
}
