import { randomUUID } from 'node:crypto';
import type { Action } from '../../shared/domain/authorization.ts';
import {
  newLicenseId,
  newPersonalId,
  newSessionId,
  newSignatureId,
  newTenantId,
} from '../../shared/domain/ids.ts';
import type { EndpointContract, FunctionContract } from '../../shared/http/contract.ts';
import type { AnyRequest, World } from '../example.ts';
import { type FunctionName, MANIFEST } from '../manifest.ts';
import { EXAMPLES } from './examples.ts';
import type { CallOptions, Reply, TestSuite } from './suite.ts';
import { LOOPBACK_REDIRECT } from './users.ts';

/** An endpoint with its sample request. */
export interface Sample {
  readonly action: Action;
  readonly functionName: FunctionName;
  readonly endpoint: EndpointContract;
  requestIn(world: World): AnyRequest;
}

const FUNCTIONS: readonly (FunctionContract & { readonly name: FunctionName })[] = MANIFEST;

/** Every endpoint of the suite. */
export const SAMPLES: readonly Sample[] = FUNCTIONS.flatMap(({ name, endpoints }) =>
  Object.entries(endpoints).map(([key, endpoint]) => {
    const requestIn = EXAMPLES[name][key];
    if (!requestIn) throw new Error(`${name} has no example for ${key}`);
    return { action: `${name}.${key}` as Action, functionName: name, endpoint, requestIn };
  }),
);

/** A world of well-formed ids and tokens that do not exist. */
export function nowhere(): World {
  const tenantId = newTenantId(16);
  const licenseId = newLicenseId(tenantId);
  return {
    tenantId,
    licenseId,
    boughtId: newLicenseId(tenantId),
    disputedId: newLicenseId(tenantId),
    disputeId: 'du_0123456789abcdef',
    sessionId: newSessionId(licenseId),
    sessionToken: 'no-session-token',
    usageId: 'no-usage',
    userId: newPersonalId('usr'),
    email: 'nobody@example.com',
    invitationId: newPersonalId('inv'),
    revokedId: newSignatureId(),
    stripeEventId: `evt_${randomUUID().replaceAll('-', '')}`,
    operatorTokenId: newPersonalId('opt'),
    confirmationToken: 'no-confirmation-token',
    refreshToken: 'no-refresh-token',
    signInCode: 'no-sign-in-code',
    codeVerifier: 'no-verifier-0123456789-0123456789-0123456789',
    redirectUri: LOOPBACK_REDIRECT,
    providerCode: 'no-provider-code',
    providerState: 'no-provider-state',
    signInCookie: '__session=no-cookie',
    userCode: 'BBBB-BBBB',
    ticket: 'no-ticket',
    fresh: (word) => `${word}-${randomUUID()}`,
    stripeSignature: () => 't=1,v1=00',
  };
}

/** The parts of a world that the sample request uses. */
export function partsOf({ requestIn }: Pick<Sample, 'requestIn'>): ReadonlySet<keyof World> {
  const read = new Set<PropertyKey>();
  const watched = new Proxy(nowhere(), {
    get(world, part) {
      read.add(part);
      return Reflect.get(world, part);
    },
  });
  requestIn(watched);
  return read as ReadonlySet<keyof World>;
}

/** Path and query of a request. */
export function targetOf(path: string, { params = {}, query = {} }: AnyRequest): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? 'none'));
  const search = new URLSearchParams(query);
  return search.size > 0 ? `${filled}?${search}` : filled;
}

function bodyOf(body: unknown, bodyType: EndpointContract['bodyType']): unknown {
  return bodyType === 'form' && typeof body !== 'string'
    ? new URLSearchParams(body as Record<string, string>)
    : body;
}

/** Sends a request to an endpoint, with the headers of the request and of the options. */
export function sendTo(
  suite: Pick<TestSuite, 'call'>,
  {
    method,
    path,
    bodyType,
  }: Pick<EndpointContract, 'method' | 'path'> & { readonly bodyType?: EndpointContract['bodyType'] },
  request: AnyRequest,
  { headers, ...options }: CallOptions = {},
): Promise<Reply> {
  return suite.call(method, targetOf(path, request), {
    ...options,
    ...(request.body !== undefined && { body: bodyOf(request.body, bodyType) }),
    headers: { ...headers, ...request.headers },
  });
}
