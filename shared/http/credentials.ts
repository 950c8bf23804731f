import type { IncomingMessage } from 'node:http';
import type { Access } from '../domain/access-token.ts';
import { acceptsUsers, type Grant } from '../domain/authorization.ts';
import { hashSecret, idOfOperatorToken, licenseOfKey } from '../domain/ids.ts';
import type { ProblemCode } from '../errors.ts';
import type { Deps, ServiceCaller } from '../ports/deps.ts';
import { servicesIn } from './callers.ts';
import type { Caller, EndpointContract, Person, Refusal } from './contract.ts';
import type { CheckOperatorKey } from './operator-key.ts';

/** Longer than any credential that we issue. Longer headers are rejected before they are hashed. */
const LONGEST_HEADER_CHARACTERS = 4096;

/**
 * If it is present, Cloud Run checks this header alone, and passes `Authorization` on unread
 * (https://cloud.google.com/run/docs/authenticating/service-to-service#acquire-token). Where no service calls,
 * the header is ignored.
 */
const SERVERLESS_HEADER = 'x-serverless-authorization';

type CredentialRefusal = Refusal<
  'AUTHENTICATION_REQUIRED' | 'CREDENTIALS_INVALID' | 'FORBIDDEN' | 'RATE_LIMITED'
>;

/**
 * The value of the request's one header with credentials: none where the endpoint reads none. A request with two values
 * of a header is refused, because Cloud Run may have checked the other.
 */
export function credentialsIn(
  { headersDistinct }: IncomingMessage,
  auth: readonly Grant[],
): { readonly header: string | undefined } | CredentialRefusal {
  const names = headersFor(auth);
  // `headers` keeps the first `authorization`, and joins the values of other headers.
  const repeated = names.find((name) => (headersDistinct[name]?.length ?? 0) > 1);
  if (repeated) return { problem: 'CREDENTIALS_INVALID', because: `two values of ${repeated}` };
  return { header: names.map((name) => headersDistinct[name]?.[0]).find((value) => value !== undefined) };
}

/** The headers that can have credentials, the one that counts first. */
function headersFor(auth: readonly Grant[]): readonly string[] {
  if (auth.every((grant) => grant === 'anyone')) return [];
  return servicesIn(auth).length > 0 ? [SERVERLESS_HEADER, 'authorization'] : ['authorization'];
}

/**
 * The caller that an `Authorization` header names (RFC 9110 section 11.6.2), or a refusal. A license key is only parsed
 * here: the seat scripts verify it in the same step as the work. All other credentials are verified here.
 */
export async function authenticate(
  header: string | undefined,
  auth: readonly Grant[],
  deps: Deps,
  checkOperatorKey: CheckOperatorKey,
  standing: EndpointContract['standing'] = 'record',
): Promise<Caller | CredentialRefusal> {
  if (auth.includes('anyone') && header === undefined) return { kind: 'anyone' };
  const caller = await readCaller(header, auth, standing, deps, checkOperatorKey);
  if ('problem' in caller) return caller;
  const isAccepted = caller.kind === 'person' ? acceptsUsers(auth) : auth.includes(caller.kind);
  return isAccepted ? caller : refuseScheme(auth);
}

function refuseScheme(auth: readonly Grant[]): CredentialRefusal {
  return { problem: 'FORBIDDEN', detail: `This endpoint accepts ${describeSchemes(auth)}.` };
}

async function readCaller(
  header: string | undefined,
  auth: readonly Grant[],
  standing: EndpointContract['standing'],
  deps: Deps,
  checkOperatorKey: CheckOperatorKey,
): Promise<Caller | CredentialRefusal> {
  if (header === undefined || header.length > LONGEST_HEADER_CHARACTERS)
    return { problem: 'AUTHENTICATION_REQUIRED' };
  const [, scheme = '', secret = ''] = /^(\S+) +(\S+)$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'license': {
      const licenseId = licenseOfKey(secret);
      if (!licenseId) return { problem: 'CREDENTIALS_INVALID', because: 'malformed license key' };
      return { kind: 'license', licenseId, proof: { kind: 'license-key', keyHash: hashSecret(secret) } };
    }
    case 'operator':
      // Not verified: only functions that accept operators have the key's hash and the records.
      if (!auth.includes('operator')) return refuseScheme(auth);
      if (idOfOperatorToken(secret) !== undefined) return readOperatorToken(secret, deps);
      return (await checkOperatorKey(secret)) ?? { kind: 'operator', proof: { kind: 'trusted' } };
    case 'bearer': {
      const services = servicesIn(auth);
      if (services.length > 0) return readService(secret, services, deps);
      return acceptsUsers(auth) || auth.includes('operator')
        ? readSignedIn(secret, auth, standing, deps)
        : { problem: 'AUTHENTICATION_REQUIRED' };
    }
    default:
      return { problem: 'AUTHENTICATION_REQUIRED' };
  }
}

/** Unknown, expired and revoked tokens are answered alike. */
async function readOperatorToken(
  presented: string,
  { records, clock }: Deps,
): Promise<Caller | CredentialRefusal> {
  // Imported here, like `readPerson` below.
  const { findOperatorToken } = await import('../use-cases/operator-tokens.ts');
  const token = await findOperatorToken(records, presented, clock.nowMs());
  return 'because' in token
    ? { problem: 'CREDENTIALS_INVALID', because: token.because }
    : { kind: 'operator', proof: { kind: 'trusted' }, token };
}

/** One account may be used for several services. An account that is none of `services` is refused as `FORBIDDEN`. */
async function readService(
  token: string,
  services: readonly ServiceCaller[],
  { identity, serviceAccounts }: Deps,
): Promise<Caller | CredentialRefusal> {
  const verdict = await identity.verifyServiceToken(token);
  if (verdict.verdict === 'REFUSED') return { problem: 'CREDENTIALS_INVALID', because: verdict.because };
  const kind = services.find((service) => serviceAccounts[service] === verdict.email);
  return kind
    ? { kind }
    : { problem: 'FORBIDDEN', because: 'the service account is not allowed to call this' };
}

/**
 * The signed-in user: an operator if the endpoint is for operators and the user is one, else a user with tenants.
 * Unless `standing` is `token`, the token of a user who signed out or was erased is refused.
 */
async function readSignedIn(
  token: string,
  auth: readonly Grant[],
  standing: EndpointContract['standing'],
  deps: Deps,
): Promise<Caller | CredentialRefusal> {
  const nowMs = deps.clock.nowMs();
  const access = await deps.accessTokens.open(token, nowMs);
  if ('because' in access) return { problem: 'CREDENTIALS_INVALID', because: access.because };
  if (standing === 'token') return personOf(access);
  // Imported here: it loads the schemas of all records, and requests of client apps never get this far.
  const { readPerson } = await import('../use-cases/members.ts');
  const found = await readPerson(deps.records, access);
  if (!found) return { problem: 'CREDENTIALS_INVALID', because: 'signed out, or erased' };
  const { userId } = access;
  const { user, signIn, tenants } = found;
  const { isOperator } = await import('../domain/users.ts');
  return auth.includes('operator') && isOperator(user, signIn.createdAtMs, deps.operators, nowMs)
    ? { kind: 'operator', proof: { kind: 'trusted' }, userId }
    : personOf({ ...access, tenants });
}

function personOf({ userId, signInId, tenants }: Access): Person {
  const proof = { kind: 'user', userId, tenantIds: Object.keys(tenants) } as const;
  return { kind: 'person', userId, signInId, tenants, proof };
}

const SCHEMES = {
  anyone: [],
  license: ['License'],
  operator: ['Operator', 'Bearer'],
  person: ['Bearer'],
  member: ['Bearer'],
  admin: ['Bearer'],
  owner: ['Bearer'],
  scheduler: ['Bearer'],
  pubsub: ['Bearer'],
  // Stripe signs its requests and sends no `Authorization` header.
  stripe: [],
} as const satisfies Record<Grant, readonly string[]>;
const SECRETS = { License: 'key', Operator: 'token', Bearer: 'token' } as const;

/** Why credentials were not enough (RFC 6750 section 3.1); used for all schemes alike. */
const ERRORS: Readonly<Partial<Record<ProblemCode, string>>> = {
  CREDENTIALS_INVALID: 'invalid_token',
  FORBIDDEN: 'insufficient_scope',
  INSUFFICIENT_SCOPE: 'insufficient_scope',
};

/**
 * The `WWW-Authenticate` value of a refusal (RFC 9110 section 11.6.1). The scheme of the credentials that were sent says
 * what is wrong with them; without credentials there is no `error` (RFC 6750 section 3).
 */
export function challenge(
  accepted: readonly Grant[],
  { headers }: Pick<IncomingMessage, 'headers'>,
  problem: ProblemCode,
): string {
  const [header = ''] = headersFor(accepted).flatMap((name) => headers[name] ?? []);
  const error = ERRORS[problem];
  return schemesOf(accepted)
    .map((scheme) => {
      const isSent = header.toLowerCase().startsWith(`${scheme.toLowerCase()} `);
      return `${scheme} realm="seatlease"${error && isSent ? `, error="${error}"` : ''}`;
    })
    .join(', ');
}

function describeSchemes(accepted: readonly Grant[]): string {
  return schemesOf(accepted)
    .map((scheme) => `"${scheme} <${SECRETS[scheme]}>"`)
    .join(' or ');
}

function schemesOf(accepted: readonly Grant[]): (keyof typeof SECRETS)[] {
  return [...new Set(accepted.flatMap((grant) => SCHEMES[grant]))];
}
