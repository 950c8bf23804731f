import { hashLicenseKey, licenseOfKey } from '../domain/ids.ts';
import type { Deps, ServiceCaller } from '../ports/deps.ts';
import type { Caller, Refusal } from './contract.ts';

/** Longer than any credential that we give out; more is not worth hashing. */
const LONGEST_HEADER_CHARACTERS = 4096;

const SERVICE_CALLERS = ['scheduler', 'pubsub'] as const satisfies readonly ServiceCaller[];

type CredentialRefusal = Refusal<'AUTHENTICATION_REQUIRED' | 'CREDENTIALS_INVALID' | 'FORBIDDEN'>;

/**
 * The caller that an `Authorization` header names (RFC 9110 section 11.6.2), or why it is refused. A license key is
 * only taken apart here: the seat scripts prove it in the same step as the work. Every other credential is proven now.
 */
export async function authenticate(
  header: string | undefined,
  accepted: readonly Caller['kind'][],
  deps: Deps,
): Promise<Caller | CredentialRefusal> {
  const optional = accepted.includes('anyone');
  if (optional && (header === undefined || accepted.length === 1)) return { kind: 'anyone' };
  const caller = await readCaller(header, accepted, deps);
  if ('problem' in caller) return caller;
  if (!accepted.some((kind) => kind === caller.kind)) {
    return { problem: 'FORBIDDEN', detail: `This endpoint takes ${describeSchemes(accepted)}.` };
  }
  return caller;
}

async function readCaller(
  header: string | undefined,
  accepted: readonly Caller['kind'][],
  deps: Deps,
): Promise<Caller | CredentialRefusal> {
  if (header === undefined || header.length > LONGEST_HEADER_CHARACTERS)
    return { problem: 'AUTHENTICATION_REQUIRED' };
  const [, scheme = '', secret = ''] = /^(\S+) +(\S+)$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'license': {
      const licenseId = licenseOfKey(secret);
      if (!licenseId) return { problem: 'CREDENTIALS_INVALID', because: 'not of the form of a license key' };
      return { kind: 'license', licenseId, proof: { kind: 'license-key', keyHash: hashLicenseKey(secret) } };
    }
    case 'operator':
      if (!deps.isOperatorKey(secret))
        return { problem: 'CREDENTIALS_INVALID', because: 'wrong operator key' };
      return { kind: 'operator', proof: { kind: 'trusted' } };
    case 'bearer': {
      const services = SERVICE_CALLERS.filter((kind) => accepted.includes(kind));
      return services.length > 0
        ? readService(secret, services, deps)
        : { problem: 'AUTHENTICATION_REQUIRED' };
    }
    default:
      return { problem: 'AUTHENTICATION_REQUIRED' };
  }
}

/** One account may call as several services; who is none of those accepted here is known, and not let in. */
async function readService(
  token: string,
  services: readonly ServiceCaller[],
  { identity, serviceAccounts }: Deps,
): Promise<Caller | CredentialRefusal> {
  const verdict = await identity.verifyServiceToken(token);
  if (verdict.verdict === 'REFUSED') return { problem: 'CREDENTIALS_INVALID', because: verdict.because };
  const kind = services.find((service) => serviceAccounts[service] === verdict.email);
  return kind ? { kind } : { problem: 'FORBIDDEN', because: 'a token of an account that may not call this' };
}

const SCHEMES = {
  license: 'License',
  operator: 'Operator',
  scheduler: 'Bearer',
  pubsub: 'Bearer',
} as const;
const SECRETS = { License: 'key', Operator: 'key', Bearer: 'token' } as const;

/** The `WWW-Authenticate` value of a 401 (RFC 9110 section 11.6.1). */
export function challenge(accepted: readonly Caller['kind'][]): string {
  return schemesOf(accepted)
    .map((scheme) => `${scheme} realm="seatlease"`)
    .join(', ');
}

function describeSchemes(accepted: readonly Caller['kind'][]): string {
  return schemesOf(accepted)
    .map((scheme) => `"${scheme} <${SECRETS[scheme]}>"`)
    .join(' or ');
}

function schemesOf(accepted: readonly Caller['kind'][]): (keyof typeof SECRETS)[] {
  const schemes = accepted.flatMap((kind) => (kind === 'anyone' ? [] : [SCHEMES[kind]]));
  return [...new Set(schemes)];
}
